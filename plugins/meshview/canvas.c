/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "canvas.h"

#include <string.h>

#include <pango/pangocairo.h>

#include "drawn.h"
#include "ticker.h"
#include "tile.h"

/* The pixels left out at each picture's edges, so that neighbours do not touch.
 * A gap in the layout would look the same, but then four pictures of a quarter
 * of the canvas, as they come, would each have to be scaled by a little. */
#define EDGE 2

static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw, format=I420, width=[16, 8192], "
        "height=[16, 8192], framerate=[1/60, 240/1], "
        "pixel-aspect-ratio=1/1, interlace-mode=progressive, "
        "colorimetry=" MESH_FRAME_COLORIMETRY));

struct _MeshCanvas {
  GstPushSrc parent_instance;

  MeshScene *scene;             /* set once */
  MeshTicker ticker;

  /* streaming thread only, once started */
  GstVideoInfo info;
  PangoFontMap *fonts;
};

G_DEFINE_FINAL_TYPE (MeshCanvas, mesh_canvas, GST_TYPE_PUSH_SRC)

/* To be called when the wanted size or frame rate has changed. */
void
mesh_canvas_renegotiate (MeshCanvas *self)
{
  gst_pad_mark_reconfigure (GST_BASE_SRC_PAD (self));
}

static GstCaps *
mesh_canvas_fixate (GstBaseSrc *src, GstCaps *caps)
{
  MeshCanvas *self = MESH_CANVAS (src);
  GstStructure *s;
  int width, height, fps_n, fps_d;

  g_mutex_lock (&self->scene->lock);
  width = self->scene->width;
  height = self->scene->height;
  fps_n = self->scene->fps_n;
  fps_d = self->scene->fps_d;
  g_mutex_unlock (&self->scene->lock);

  caps = gst_caps_truncate (gst_caps_make_writable (caps));
  s = gst_caps_get_structure (caps, 0);
  gst_structure_fixate_field_nearest_int (s, "width", width);
  gst_structure_fixate_field_nearest_int (s, "height", height);
  gst_structure_fixate_field_nearest_fraction (s, "framerate", fps_n, fps_d);
  return gst_caps_fixate (caps);
}

static gboolean
mesh_canvas_set_caps (GstBaseSrc *src, GstCaps *caps)
{
  MeshCanvas *self = MESH_CANVAS (src);

  if (!gst_video_info_from_caps (&self->info, caps))
    return FALSE;
  mesh_ticker_set_rate (&self->ticker, self->info.fps_n, self->info.fps_d);
  gst_base_src_set_blocksize (src, self->info.size);
  g_mutex_lock (&self->scene->lock);
  self->scene->canvas_width = self->info.width;
  self->scene->canvas_height = self->info.height;
  self->scene->canvas_fps
      = (self->info.fps_n + self->info.fps_d - 1) / self->info.fps_d;
  mesh_scene_arrange_locked (self->scene);
  g_mutex_unlock (&self->scene->lock);
  return TRUE;
}

/* A pool of our own: one from downstream could be smaller than the number of
 * frames that wait between here and there. */
static gboolean
mesh_canvas_decide_allocation (GstBaseSrc *src, GstQuery *query)
{
  MeshCanvas *self = MESH_CANVAS (src);
  g_autoptr (GstBufferPool) pool = gst_video_buffer_pool_new ();
  GstStructure *config = gst_buffer_pool_get_config (pool);
  GstCaps *caps;

  gst_query_parse_allocation (query, &caps, NULL);
  while (gst_query_get_n_allocation_pools (query) > 0)
    gst_query_remove_nth_allocation_pool (query, 0);
  gst_buffer_pool_config_set_params (config, caps, self->info.size, 2, 0);
  if (!gst_buffer_pool_set_config (pool, config))
    return FALSE;
  gst_query_add_allocation_pool (query, pool, self->info.size, 2, 0);
  return TRUE;
}

static guint8
clamp_byte (double value)
{
  return CLAMP (value + 0.5, 0, 255);
}

/* Converts ARGB to BT.601, in which the canvas paints. The alpha has no effect,
 * since there is nothing behind the background. */
static void
paint_background (GstVideoFrame *frame, guint32 argb)
{
  double r = (argb >> 16) & 0xff, g = (argb >> 8) & 0xff, b = argb & 0xff;
  double luma = 0.299 * r + 0.587 * g + 0.114 * b;
  guint8 values[3] = {
    clamp_byte (16 + luma * 219 / 255),
    clamp_byte (128 + (b - luma) / 1.772 * 224 / 255),
    clamp_byte (128 + (r - luma) / 1.402 * 224 / 255),
  };

  for (guint plane = 0; plane < 3; plane++)
    memset (GST_VIDEO_FRAME_PLANE_DATA (frame, plane), values[plane],
        (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane)
        * GST_VIDEO_FRAME_COMP_HEIGHT (frame, plane));
}

static void
paint_picture (GstVideoFrame *frame, GstVideoFrame *picture,
    const MeshRect *rect, int edge)
{
  for (guint plane = 0; plane < 3; plane++) {
    int shift = plane == 0 ? 0 : 1;
    int from_stride = GST_VIDEO_FRAME_PLANE_STRIDE (picture, plane);
    int to_stride = GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane);
    int width = rect->width - 2 * edge, height = rect->height - 2 * edge;
    const guint8 *from = (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (picture, plane)
        + (edge >> shift) * from_stride + (edge >> shift);
    guint8 *to = (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (frame, plane)
        + ((rect->y + edge) >> shift) * to_stride + ((rect->x + edge) >> shift);

    for (int y = 0; y < height >> shift; y++) {
      memcpy (to, from, width >> shift);
      from += from_stride;
      to += to_stride;
    }
  }
}

/* Paints the name in the lower left corner. Tiles that are too small for
 * letters get none. */
static void
paint_label (MeshCanvas *self, GstVideoFrame *frame, MeshShot *shot)
{
  const MeshRect *rect = &shot->rect;
  int side = MIN (rect->height, rect->width * 3 / 4);
  int size = CLAMP (side / 20, 12, 24);
  int margin = MIN (side / 45 + 2, 12) & ~1;
  int max_width = (rect->width - 2 * margin) & ~1;

  if (rect->height < 4 * size || max_width < 4 * size)
    return;
  if (!shot->label || !mesh_label_is (shot->label, shot->name, shot->muted,
          size, max_width)) {
    g_clear_pointer (&shot->label, mesh_label_unref);
    shot->label = mesh_label_new (self->fonts, shot->name, shot->muted, size,
        max_width);
    mesh_tile_keep_label (shot->tile, shot->label);
  }
  if (shot->label->height > rect->height)
    return;
  mesh_label_draw (shot->label, frame, rect->x + margin,
      rect->y + rect->height - margin - shot->label->height);
}

static void
paint_shot (MeshCanvas *self, GstVideoFrame *frame, MeshShot *shot, int edge)
{
  GstVideoFrame picture;

  /* the frame came before the tile got its size; the next ones will fit */
  if (!mesh_frame_fits (shot->frame, shot->rect.width, shot->rect.height)) {
    MeshScaler scaler = { NULL, };
    MeshFrame *fitting = mesh_scaler_scale (&scaler, shot->frame,
        shot->rect.width, shot->rect.height);

    mesh_scaler_clear (&scaler);
    if (!fitting)
      return;
    mesh_tile_keep (shot->tile, shot->frame, fitting);
    mesh_frame_unref (shot->frame);
    shot->frame = fitting;
  }
  if (!gst_video_frame_map (&picture, &shot->frame->info, shot->frame->buffer,
          GST_MAP_READ))
    return;
  if (shot->rect.width > 2 * edge && shot->rect.height > 2 * edge)
    paint_picture (frame, &picture, &shot->rect, edge);
  gst_video_frame_unmap (&picture);
  if (shot->name)
    paint_label (self, frame, shot);
}

/* Returns everything to draw, as it is at one moment. */
static GArray *
take_shots (MeshCanvas *self, GstBuffer *buffer, guint32 *background)
{
  MeshScene *scene = self->scene;
  GArray *shots = g_array_new (FALSE, TRUE, sizeof (MeshShot));
  GQueue trash = G_QUEUE_INIT;

  g_array_set_clear_func (shots, (GDestroyNotify) mesh_shot_clear);
  g_mutex_lock (&scene->lock);
  *background = scene->background;
  if (scene->unsettled)
    mesh_scene_arrange_locked (scene);
  scene->unsettled = FALSE;
  for (guint i = 0; i < scene->tiles->len; i++) {
    MeshShot shot = { NULL, };

    if (mesh_tile_shoot_locked (g_ptr_array_index (scene->tiles, i),
            GST_BUFFER_PTS (buffer), GST_BUFFER_DURATION (buffer),
            scene->labels, &shot, &trash))
      g_array_append_val (shots, shot);
  }
  g_mutex_unlock (&scene->lock);
  g_queue_clear_full (&trash, (GDestroyNotify) mesh_frame_unref);
  return shots;
}

static GstFlowReturn
mesh_canvas_fill (GstPushSrc *src, GstBuffer *buffer)
{
  MeshCanvas *self = MESH_CANVAS (src);
  g_autoptr (GArray) shots = NULL;
  GstVideoFrame frame;
  guint32 background;

  if (!mesh_ticker_next (&self->ticker, GST_ELEMENT (src),
          mesh_scene_get_latency (self->scene), 1, buffer))
    return GST_FLOW_FLUSHING;
  shots = take_shots (self, buffer, &background);
  mesh_drawn_tell (self->scene, GST_ELEMENT (src));
  if (!gst_video_frame_map (&frame, &self->info, buffer, GST_MAP_WRITE))
    return GST_FLOW_ERROR;
  paint_background (&frame, background);
  for (guint i = 0; i < shots->len; i++)
    paint_shot (self, &frame, &g_array_index (shots, MeshShot, i),
        shots->len > 1 ? EDGE : 0);
  gst_video_frame_unmap (&frame);
  return GST_FLOW_OK;
}

/* The fonts are looked up once here, since the first time takes tens of
 * milliseconds, and not when the first name comes. */
static gboolean
mesh_canvas_start (GstBaseSrc *src)
{
  MeshCanvas *self = MESH_CANVAS (src);

  mesh_ticker_reset (&self->ticker);
  if (!self->fonts) {
    self->fonts = pango_cairo_font_map_new ();
    mesh_label_unref (mesh_label_new (self->fonts, "Ag", FALSE, 16, 100));
  }
  return TRUE;
}

static gboolean
mesh_canvas_stop (GstBaseSrc *src)
{
  g_clear_object (&MESH_CANVAS (src)->fonts);
  return TRUE;
}

static gboolean
mesh_canvas_unlock (GstBaseSrc *src)
{
  mesh_ticker_set_flushing (&MESH_CANVAS (src)->ticker, TRUE);
  return TRUE;
}

static gboolean
mesh_canvas_unlock_stop (GstBaseSrc *src)
{
  mesh_ticker_set_flushing (&MESH_CANVAS (src)->ticker, FALSE);
  return TRUE;
}

static gboolean
mesh_canvas_query (GstBaseSrc *src, GstQuery *query)
{
  GstClockTime latency;

  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return GST_BASE_SRC_CLASS (mesh_canvas_parent_class)->query (src, query);
  mesh_input_ask_all (MESH_CANVAS (src)->scene);
  latency = mesh_scene_get_latency (MESH_CANVAS (src)->scene);
  gst_query_set_latency (query, TRUE, latency, latency);
  return TRUE;
}

static void
mesh_canvas_finalize (GObject *object)
{
  MeshCanvas *self = MESH_CANVAS (object);

  mesh_ticker_clear (&self->ticker);
  g_clear_object (&self->fonts);
  g_clear_pointer (&self->scene, mesh_scene_unref);
  G_OBJECT_CLASS (mesh_canvas_parent_class)->finalize (object);
}

static void
mesh_canvas_class_init (MeshCanvasClass *klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = mesh_canvas_finalize;
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Call canvas",
      "Source/Video", "Paints the picture of a call",
      "The meshroom developers");
  base_class->fixate = mesh_canvas_fixate;
  base_class->set_caps = mesh_canvas_set_caps;
  base_class->decide_allocation = mesh_canvas_decide_allocation;
  base_class->start = mesh_canvas_start;
  base_class->stop = mesh_canvas_stop;
  base_class->unlock = mesh_canvas_unlock;
  base_class->unlock_stop = mesh_canvas_unlock_stop;
  base_class->query = mesh_canvas_query;
  GST_PUSH_SRC_CLASS (klass)->fill = mesh_canvas_fill;
}

static void
mesh_canvas_init (MeshCanvas *self)
{
  mesh_ticker_init (&self->ticker);
  gst_base_src_set_live (GST_BASE_SRC (self), TRUE);
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
}

GstElement *
mesh_canvas_new (MeshScene *scene)
{
  MeshCanvas *self = g_object_new (MESH_TYPE_CANVAS, "name", "canvas", NULL);

  self->scene = mesh_scene_ref (scene);
  return GST_ELEMENT (self);
}
