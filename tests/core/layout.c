/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The layout of a call's picture: the golden vectors that other languages read
 * as well, and what must hold for any number of any pictures. */

#include <math.h>
#include <string.h>

#include <json-glib/json-glib.h>

#include "core/layout.h"

static const char *mode_names[] = { "grid", "speaker", "solo" };

static MeshLayoutMode
mode_from_name (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (mode_names); i++) {
    if (g_str_equal (name, mode_names[i]))
      return i;
  }
  g_error ("unknown mode %s", name);
}

static void
check_vector (JsonObject *vector)
{
  MeshLayout layout = {
    .mode = mode_from_name (json_object_get_string_member (vector, "mode")),
    .width = json_object_get_int_member (vector, "width"),
    .height = json_object_get_int_member (vector, "height"),
    .gap = json_object_get_int_member (vector, "gap"),
    .focus = json_object_get_int_member (vector, "focus"),
  };
  JsonArray *aspects = json_object_get_array_member (vector, "aspects");
  JsonArray *expected = json_object_get_array_member (vector, "rects");
  guint n = json_array_get_length (aspects);
  g_autofree double *a = g_new (double, n);
  g_autofree MeshRect *rects = g_new (MeshRect, n);

  g_test_message ("%s", json_object_get_string_member (vector, "name"));
  for (guint i = 0; i < n; i++)
    a[i] = json_array_get_double_element (aspects, i);
  mesh_layout_arrange (&layout, a, n, rects);

  g_assert_cmpuint (json_array_get_length (expected), ==, n);
  for (guint i = 0; i < n; i++) {
    JsonArray *rect = json_array_get_array_element (expected, i);

    g_assert_cmpint (rects[i].x, ==, json_array_get_int_element (rect, 0));
    g_assert_cmpint (rects[i].y, ==, json_array_get_int_element (rect, 1));
    g_assert_cmpint (rects[i].width, ==, json_array_get_int_element (rect, 2));
    g_assert_cmpint (rects[i].height, ==, json_array_get_int_element (rect, 3));
  }
}

static void
follows_the_vectors (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("MESH_VECTORS"),
      "layout.json", NULL);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  JsonArray *vectors;

  json_parser_load_from_file (parser, path, &error);
  g_assert_no_error (error);
  vectors = json_node_get_array (json_parser_get_root (parser));
  for (guint i = 0; i < json_array_get_length (vectors); i++)
    check_vector (json_array_get_object_element (vectors, i));
}

static gboolean
overlap (const MeshRect *a, const MeshRect *b)
{
  return a->x < b->x + b->width && b->x < a->x + a->width
      && a->y < b->y + b->height && b->y < a->y + a->height;
}

static void
check_sane (const MeshLayout *layout, const double *aspects, guint n)
{
  g_autofree MeshRect *rects = g_new (MeshRect, n);

  mesh_layout_arrange (layout, aspects, n, rects);
  for (guint i = 0; i < n; i++) {
    const MeshRect *r = &rects[i];

    g_assert_cmpint (r->width, >=, 2);
    g_assert_cmpint (r->height, >=, 2);
    g_assert_cmpint ((r->x | r->y | r->width | r->height) & 1, ==, 0);
    g_assert_cmpint (r->x, >=, 0);
    g_assert_cmpint (r->y, >=, 0);
    g_assert_cmpint (r->x + r->width, <=, layout->width);
    g_assert_cmpint (r->y + r->height, <=, layout->height);
    /* as wide as it should be for its height, give or take the rounding */
    g_assert_cmpfloat (fabs (r->width - r->height * aspects[i]), <=,
        2 + 2 * aspects[i]);
    for (guint j = 0; j < i; j++)
      g_assert_false (overlap (r, &rects[j]));
  }
}

static void
any_number_fits (void)
{
  static const double kinds[] = { 16.0 / 9, 4.0 / 3, 9.0 / 16, 1.0 };
  static const int sizes[][2] = { { 1280, 720 }, { 640, 360 }, { 720, 1280 },
    { 1919, 1079 } };

  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
    for (guint n = 1; n <= 32; n++) {
      for (guint mix = 0; mix < 5; mix++) {
        double aspects[32];
        MeshLayout layout = { MESH_LAYOUT_GRID, sizes[s][0], sizes[s][1], 8,
          (int) (n / 2) };

        for (guint i = 0; i < n; i++)
          aspects[i] = kinds[mix < 4 ? mix : i % 4];
        check_sane (&layout, aspects, n);
        layout.mode = MESH_LAYOUT_SPEAKER;
        check_sane (&layout, aspects, n);
      }
    }
  }
}

/* As many rows and columns as the pictures are then really put in. */
static void
the_grid_is_as_told (void)
{
  double aspects[32];

  for (guint i = 0; i < 32; i++)
    aspects[i] = 16.0 / 9;
  for (guint n = 1; n <= 32; n++) {
    MeshLayout layout = { MESH_LAYOUT_GRID, 1280, 720, 8, -1 };
    MeshRect rects[32];
    guint columns, rows, in_first_row = 0;

    mesh_layout_get_grid (&layout, aspects, n, &columns, &rows);
    mesh_layout_arrange (&layout, aspects, n, rects);
    for (guint i = 0; i < n; i++)
      in_first_row += rects[i].y == rects[0].y;
    g_assert_cmpuint (in_first_row, ==, columns);
    g_assert_cmpuint (rows, ==, (n + columns - 1) / columns);
  }
}

/* The worst case of equal cells is a canvas one third empty or so. */
static void
grid_uses_the_canvas (void)
{
  double aspects[32];

  for (guint i = 0; i < 32; i++)
    aspects[i] = 16.0 / 9;
  for (guint n = 1; n <= 32; n++) {
    MeshLayout layout = { MESH_LAYOUT_GRID, 1280, 720, 8, -1 };
    MeshRect rects[32];
    double area = 0;

    mesh_layout_arrange (&layout, aspects, n, rects);
    for (guint i = 0; i < n; i++)
      area += (double) rects[i].width * rects[i].height;
    g_assert_cmpfloat (area / (1280 * 720), >=, 0.49);
  }
}

static void
hopeless_sizes_are_survived (void)
{
  static const int sizes[] = { -5, 0, 1, 2, 7, 16 };
  double aspects[32] = { 0, NAN, INFINITY, -1, 1e9, 1e-9 };

  for (guint w = 0; w < G_N_ELEMENTS (sizes); w++) {
    for (guint h = 0; h < G_N_ELEMENTS (sizes); h++) {
      for (guint mode = 0; mode < 3; mode++) {
        MeshLayout layout = { mode, sizes[w], sizes[h], 8, 31 };
        MeshRect rects[32];

        mesh_layout_arrange (&layout, aspects, 32, rects);
        for (guint i = 0; i < 32; i++) {
          g_assert_cmpint (rects[i].width, >=, 0);
          g_assert_cmpint (rects[i].height, >=, 0);
        }
      }
    }
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/layout/follows-the-vectors", follows_the_vectors);
  g_test_add_func ("/layout/any-number-fits", any_number_fits);
  g_test_add_func ("/layout/grid-uses-the-canvas", grid_uses_the_canvas);
  g_test_add_func ("/layout/the-grid-is-as-told", the_grid_is_as_told);
  g_test_add_func ("/layout/hopeless-sizes-are-survived",
      hopeless_sizes_are_survived);
  return g_test_run ();
}
