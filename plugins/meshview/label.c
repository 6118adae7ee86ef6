/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "label.h"

#include <math.h>

#include <pango/pangocairo.h>

/* The longest name that is drawn; what does not fit the width is cut off with
 * an ellipsis. */
#define MAX_CHARS 64
#define PLATE_OPACITY 0.6

MeshLabel *
mesh_label_ref (MeshLabel *label)
{
  return g_atomic_rc_box_acquire (label);
}

static void
label_clear (gpointer data)
{
  MeshLabel *label = data;

  g_free (label->text);
  g_free (label->luma);
  g_free (label->keep);
}

void
mesh_label_unref (MeshLabel *label)
{
  if (label)
    g_atomic_rc_box_release_full (label, label_clear);
}

gboolean
mesh_label_is (const MeshLabel *label, const char *text, gboolean muted,
    int size, int max_width)
{
  return label->muted == muted && label->size == size
      && label->max_width == max_width && g_str_equal (label->text, text);
}

/* Lays the name out as one line of plain text, without markup: it comes from a
 * peer, and may hold anything. */
static PangoLayout *
make_layout (PangoContext *context, const MeshLabel *label, int max_width)
{
  PangoLayout *layout = pango_layout_new (context);
  g_autoptr (PangoFontDescription) font =
      pango_font_description_from_string ("Sans");
  g_autofree char *valid = g_utf8_make_valid (label->text, -1);
  g_autofree char *text = g_utf8_substring (valid, 0,
      MIN (g_utf8_strlen (valid, -1), MAX_CHARS));

  pango_font_description_set_absolute_size (font, label->size * PANGO_SCALE);
  pango_layout_set_font_description (layout, font);
  pango_layout_set_single_paragraph_mode (layout, TRUE);
  pango_layout_set_width (layout, max_width * PANGO_SCALE);
  pango_layout_set_height (layout, -1);
  pango_layout_set_ellipsize (layout, PANGO_ELLIPSIZE_END);
  pango_layout_set_text (layout, text, -1);
  return layout;
}

static void
draw_plate (cairo_t *cr, double width, double height)
{
  double r = height / 4;

  cairo_new_sub_path (cr);
  cairo_arc (cr, width - r, r, r, -G_PI_2, 0);
  cairo_arc (cr, width - r, height - r, r, 0, G_PI_2);
  cairo_arc (cr, r, height - r, r, G_PI_2, G_PI);
  cairo_arc (cr, r, r, r, G_PI, 3 * G_PI_2);
  cairo_close_path (cr);
  cairo_set_source_rgba (cr, 0, 0, 0, PLATE_OPACITY);
  cairo_fill (cr);
}

/* Draws a crossed-out microphone into a square. */
static void
draw_muted (cairo_t *cr, double x, double y, double side)
{
  double u = side / 16;

  cairo_save (cr);
  cairo_translate (cr, x, y);
  cairo_scale (cr, u, u);
  cairo_set_source_rgba (cr, 1, 1, 1, 1);
  cairo_set_line_width (cr, 1.5);
  cairo_set_line_cap (cr, CAIRO_LINE_CAP_ROUND);
  cairo_new_sub_path (cr);
  cairo_arc (cr, 8, 4, 2.5, G_PI, 0);
  cairo_arc (cr, 8, 7.5, 2.5, 0, G_PI);
  cairo_close_path (cr);
  cairo_fill (cr);
  cairo_arc (cr, 8, 7.5, 4.75, 0, G_PI);
  cairo_move_to (cr, 8, 12.25);
  cairo_line_to (cr, 8, 15);
  cairo_move_to (cr, 5, 15);
  cairo_line_to (cr, 11, 15);
  cairo_move_to (cr, 2.5, 1.5);
  cairo_line_to (cr, 13.5, 14);
  cairo_stroke (cr);
  cairo_restore (cr);
}

/* Converts the drawing to luma in video range. The drawing is grey, so one
 * colour channel is enough. */
static void
take_pixels (MeshLabel *label, cairo_surface_t *surface)
{
  const guint8 *data = cairo_image_surface_get_data (surface);
  int stride = cairo_image_surface_get_stride (surface);

  label->luma = g_malloc (label->width * label->height);
  label->keep = g_malloc (label->width * label->height);
  for (int y = 0; y < label->height; y++) {
    const guint32 *row = (const guint32 *) (data + y * stride);

    for (int x = 0; x < label->width; x++) {
      guint alpha = row[x] >> 24, white = row[x] & 0xff;
      int i = y * label->width + x;

      label->luma[i] = (16 * alpha + 219 * white) / 255;
      label->keep[i] = 255 - alpha;
    }
  }
}

/**
 * mesh_label_new:
 * @text: the name as the peer has sent it; not to be trusted
 * @size: height of the letters in pixels
 * @max_width: of the whole label
 *
 * Returns: (transfer full): the label
 */
MeshLabel *
mesh_label_new (PangoFontMap *fonts, const char *text, gboolean muted,
    int size, int max_width)
{
  MeshLabel *label = g_atomic_rc_box_new0 (MeshLabel);
  PangoContext *context = pango_font_map_create_context (fonts);
  PangoLayout *layout;
  cairo_surface_t *surface;
  cairo_t *cr;
  int pad = size / 2, icon = muted ? size + size / 3 : 0;
  int text_width, text_height;

  label->text = g_strdup (text);
  label->muted = muted;
  label->size = size;
  label->max_width = max_width;
  layout = make_layout (context, label, MAX (max_width - 2 * pad - icon, 1));
  pango_layout_get_pixel_size (layout, &text_width, &text_height);
  label->width = MAX (MIN (text_width + 2 * pad + icon, max_width), 2) & ~1;
  label->height = MAX (text_height + size / 3 + 1, 2) & ~1;

  surface = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, label->width,
      label->height);
  cr = cairo_create (surface);
  draw_plate (cr, label->width, label->height);
  if (muted)
    draw_muted (cr, pad, (label->height - size) / 2.0, size);
  cairo_set_source_rgba (cr, 1, 1, 1, 1);
  cairo_move_to (cr, pad + icon, (label->height - text_height) / 2.0);
  pango_cairo_show_layout (cr, layout);
  cairo_destroy (cr);
  cairo_surface_flush (surface);
  take_pixels (label, surface);
  cairo_surface_destroy (surface);
  g_object_unref (layout);
  g_object_unref (context);
  return label;
}

static void
draw_luma (const MeshLabel *label, GstVideoFrame *frame, int x, int y)
{
  int stride = GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0);

  for (int j = 0; j < label->height; j++) {
    guint8 *row = (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (frame, 0)
        + (y + j) * stride + x;
    const guint8 *luma = label->luma + j * label->width;
    const guint8 *keep = label->keep + j * label->width;

    for (int i = 0; i < label->width; i++)
      row[i] = luma[i] + row[i] * keep[i] / 255;
  }
}

/* Blends the label's chroma in. The label is grey, so the picture loses its
 * colour where the label covers it. */
static void
draw_chroma (const MeshLabel *label, GstVideoFrame *frame, guint plane, int x,
    int y)
{
  int stride = GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane);

  for (int j = 0; j < label->height / 2; j++) {
    guint8 *row = (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (frame, plane)
        + (y / 2 + j) * stride + x / 2;
    const guint8 *keep = label->keep + 2 * j * label->width;

    for (int i = 0; i < label->width / 2; i++) {
      guint k = keep[2 * i] + keep[2 * i + 1] + keep[label->width + 2 * i]
          + keep[label->width + 2 * i + 1];

      row[i] = 128 + ((int) row[i] - 128) * (int) k / (4 * 255);
    }
  }
}

/* Draws the label into an I420 frame. It must lie within the frame, at even
 * coordinates. */
void
mesh_label_draw (const MeshLabel *label, GstVideoFrame *frame, int x, int y)
{
  draw_luma (label, frame, x, y);
  draw_chroma (label, frame, 1, x, y);
  draw_chroma (label, frame, 2, x, y);
}
