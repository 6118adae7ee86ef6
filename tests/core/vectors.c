/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reading tests/vectors/, whose README.md says what is in the files. */

#include "vectors.h"

JsonNode *
vectors_load (const char *name)
{
  g_autofree char *path
      = g_build_filename (g_getenv ("MESH_VECTORS"), name, NULL);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;

  json_parser_load_from_file (parser, path, &error);
  g_assert_no_error (error);
  return json_parser_steal_root (parser);
}

static void
repeat_text (GString *string, const char *text, gint64 count)
{
  for (gint64 i = 0; i < count; i++)
    g_string_append (string, text);
}

/* {"path":[…],"text":T,"count":N[,"list":true]}: the field at the path is T
 * N times over, or a list of N times T */
static void
carry_out_repeat (JsonObject *message, JsonObject *repeat)
{
  JsonArray *path = json_object_get_array_member (repeat, "path");
  const char *text = json_object_get_string_member (repeat, "text");
  gint64 count = json_object_get_int_member (repeat, "count");
  guint last = json_array_get_length (path) - 1;
  const char *field = json_array_get_string_element (path, last);

  for (guint i = 0; i < last; i++)
    message = json_object_get_object_member (message,
        json_array_get_string_element (path, i));
  if (json_object_get_boolean_member_with_default (repeat, "list", FALSE)) {
    JsonArray *list = json_array_new ();

    for (gint64 i = 0; i < count; i++)
      json_array_add_string_element (list, text);
    json_object_set_array_member (message, field, list);
  } else {
    g_autoptr (GString) string = g_string_new (NULL);

    repeat_text (string, text, count);
    json_object_set_string_member (message, field, string->str);
  }
}

/* {"before":B,"middle":M,"after":A,"count":N}: N times B, M, N times A */
static char *
carry_out_around (JsonObject *around)
{
  GString *string = g_string_new (NULL);
  gint64 count = json_object_get_int_member (around, "count");

  repeat_text (string, json_object_get_string_member (around, "before"),
      count);
  g_string_append (string, json_object_get_string_member (around, "middle"));
  repeat_text (string, json_object_get_string_member (around, "after"), count);
  return g_string_free (string, FALSE);
}

char *
vectors_get_text (JsonObject *entry)
{
  if (json_object_has_member (entry, "around"))
    return carry_out_around (json_object_get_object_member (entry, "around"));
  if (json_object_has_member (entry, "text"))
    return g_strdup (json_object_get_string_member (entry, "text"));
  if (json_object_has_member (entry, "repeat"))
    carry_out_repeat (json_object_get_object_member (entry, "message"),
        json_object_get_object_member (entry, "repeat"));
  return json_to_string (json_object_get_member (entry, "message"), FALSE);
}

void
vectors_assert_equal (const char *name, JsonNode *expected, JsonNode *actual)
{
  if (!json_node_equal (expected, actual)) {
    g_autofree char *want = json_to_string (expected, TRUE);
    g_autofree char *got = json_to_string (actual, TRUE);

    g_printerr ("# %s: expected %s\n# got %s\n", name, want, got);
    g_test_fail ();
  }
}
