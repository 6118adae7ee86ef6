/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures: the built-in one, and any one rendered at the caps of a stream.
 */
#include "picture.h"

#include <gio/gio.h>
#include <png.h>
#include <string.h>

#define BUILTIN "/meshroom/imageswitch/picture.png"

/* The colour of bars and transparent parts: the built-in picture's own
 * background, so that it has no visible edge at any aspect ratio. */
#define BACKGROUND 0xff232b3eu

/* A picture is kept no larger than this, whatever the file's size. */
#define KEPT_WIDTH 3840
#define KEPT_HEIGHT 2160

struct _Picture {
  GstVideoInfo info;            /* BGRx, or BGRA before it is flattened */
  GstBuffer *pixels;
};

static Picture *
picture_new (GstVideoFormat format, guint width, guint height, gint par_n,
    gint par_d)
{
  Picture *self = g_atomic_rc_box_new0 (Picture);

  gst_video_info_set_format (&self->info, format, width, height);
  self->info.par_n = par_n;
  self->info.par_d = par_d;
  self->pixels = gst_buffer_new_allocate (NULL, self->info.size, NULL);
  return self;
}

Picture *
imageswitch_picture_ref (Picture *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
picture_free (gpointer data)
{
  gst_buffer_unref (((Picture *) data)->pixels);
}

void
imageswitch_picture_unref (Picture *self)
{
  if (self)
    g_atomic_rc_box_release_full (self, picture_free);
}

/* Lays the picture over the background and forgets its transparency. Done
 * once, when it is loaded: most formats that are sent have no alpha. */
static void
flatten (Picture *self)
{
  GstVideoInfo opaque;
  GstMapInfo map;
  gsize i;

  if (!gst_buffer_map (self->pixels, &map, GST_MAP_READWRITE))
    return;
  for (i = 0; i + 4 <= map.size; i += 4) {
    guint8 *p = map.data + i;
    guint alpha = p[3], rest = 255 - alpha;

    p[0] = (p[0] * alpha + (BACKGROUND & 0xff) * rest + 127) / 255;
    p[1] = (p[1] * alpha + (BACKGROUND >> 8 & 0xff) * rest + 127) / 255;
    p[2] = (p[2] * alpha + (BACKGROUND >> 16 & 0xff) * rest + 127) / 255;
    p[3] = 255;
  }
  gst_buffer_unmap (self->pixels, &map);
  gst_video_info_set_format (&opaque, GST_VIDEO_FORMAT_BGRx,
      self->info.width, self->info.height);
  opaque.par_n = self->info.par_n;
  opaque.par_d = self->info.par_d;
  self->info = opaque;
}

static GstVideoConverter *
new_converter (const GstVideoInfo *from, const GstVideoInfo *to,
    const GstVideoRectangle *box, GstVideoResamplerMethod method)
{
  GstVideoInfo source = *from;

  /* the converter insists that both sides agree on these */
  source.fps_n = to->fps_n;
  source.fps_d = to->fps_d;
  source.interlace_mode = to->interlace_mode;
  return gst_video_converter_new (&source, to,
      gst_structure_new ("options",
          GST_VIDEO_CONVERTER_OPT_DEST_X, G_TYPE_INT, box->x,
          GST_VIDEO_CONVERTER_OPT_DEST_Y, G_TYPE_INT, box->y,
          GST_VIDEO_CONVERTER_OPT_DEST_WIDTH, G_TYPE_INT, box->w,
          GST_VIDEO_CONVERTER_OPT_DEST_HEIGHT, G_TYPE_INT, box->h,
          GST_VIDEO_CONVERTER_OPT_FILL_BORDER, G_TYPE_BOOLEAN, TRUE,
          GST_VIDEO_CONVERTER_OPT_BORDER_ARGB, G_TYPE_UINT, BACKGROUND,
          GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD,
          GST_TYPE_VIDEO_RESAMPLER_METHOD, method, NULL));
}

/* Never fails: if the drawing cannot be read, the picture is one colour.
 *
 * Any thread may call this. The file is looked up in all resources of the
 * process, since that waits for a thread that is just registering them. The
 * plugin's own imageswitch_get_resource() does not: GLib gives NULL to the
 * second of two threads that call it for the first time at once. */
Picture *
imageswitch_picture_new_builtin (void)
{
  g_autoptr (GBytes) file =
      g_resources_lookup_data (BUILTIN, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  png_image png = { .version = PNG_IMAGE_VERSION };
  gboolean ok = file && png_image_begin_read_from_memory (&png,
      g_bytes_get_data (file, NULL), g_bytes_get_size (file));
  Picture *self = picture_new (GST_VIDEO_FORMAT_BGRA, ok ? png.width : 16,
      ok ? png.height : 9, 1, 1);
  GstMapInfo map;

  png.format = PNG_FORMAT_BGRA;
  gst_buffer_map (self->pixels, &map, GST_MAP_WRITE);
  if (!ok || !png_image_finish_read (&png, NULL, map.data,
          GST_VIDEO_INFO_PLANE_STRIDE (&self->info, 0), NULL))
    memset (map.data, 0, map.size);
  gst_buffer_unmap (self->pixels, &map);
  png_image_free (&png);
  flatten (self);
  return self;
}

/* Takes a copy of a decoded frame, scaled down to what is kept at most. */
Picture *
imageswitch_picture_new_from_frame (GstVideoFrame *frame, GError **error)
{
  GstVideoRectangle all = { 0, 0, frame->info.width, frame->info.height };
  GstVideoRectangle kept = { 0, 0, KEPT_WIDTH, KEPT_HEIGHT }, box = all;
  g_autoptr (Picture) self = NULL;
  GstVideoConverter *converter;
  GstVideoFrame to;

  if (all.w > kept.w || all.h > kept.h)
    gst_video_center_rect (&all, &kept, &box, TRUE);
  box.x = box.y = 0;
  box.w = MAX (box.w, 1);
  box.h = MAX (box.h, 1);
  self = picture_new (GST_VIDEO_FORMAT_BGRA, box.w, box.h,
      frame->info.par_n, frame->info.par_d);
  converter = new_converter (&frame->info, &self->info, &box,
      GST_VIDEO_RESAMPLER_METHOD_CUBIC);
  if (!converter || !gst_video_frame_map (&to, &self->info, self->pixels,
          GST_MAP_WRITE)) {
    picture_error (error, "cannot convert from %s", gst_video_format_to_string
        (GST_VIDEO_INFO_FORMAT (&frame->info)));
    g_clear_pointer (&converter, gst_video_converter_free);
    return NULL;
  }
  gst_video_converter_frame (converter, frame, &to);
  gst_video_frame_unmap (&to);
  gst_video_converter_free (converter);
  flatten (self);
  return g_steal_pointer (&self);
}

/* Computes where the picture goes in a frame whose pixels need not be
 * square. */
static void
fit (const GstVideoInfo *picture, const GstVideoInfo *frame,
    GstVideoRectangle *box)
{
  guint64 n = (guint64) picture->width * picture->par_n * frame->par_d;
  guint64 d = (guint64) picture->height * picture->par_d * frame->par_n;
  guint64 w;

  box->w = frame->width;
  box->h = gst_util_uint64_scale_round (frame->width, d, n);
  if (box->h > frame->height) {
    w = gst_util_uint64_scale_round (frame->height, n, d);
    box->w = MIN (w, (guint64) frame->width);
    box->h = frame->height;
  }
  /* whole chroma samples, or the edge would be mixed with the bars */
  if (box->w > 1 && box->w < frame->width)
    box->w &= ~1;
  if (box->h > 1 && box->h < frame->height)
    box->h &= ~1;
  box->w = MAX (box->w, 1);
  box->h = MAX (box->h, 1);
  box->x = (frame->width - box->w) / 2 & ~1;
  box->y = (frame->height - box->h) / 2 & ~1;
}

/* A still is the same in both fields. With alternating fields each buffer
 * holds one field: a frame of half the height, whose pixels are twice as
 * high. */
static void
as_progressive (const GstVideoInfo *info, GstVideoInfo *out)
{
  *out = *info;
  if (info->interlace_mode == GST_VIDEO_INTERLACE_MODE_ALTERNATE) {
    out->height = GST_VIDEO_INFO_FIELD_HEIGHT (info);
    out->par_d *= 2;
  }
  out->interlace_mode = GST_VIDEO_INTERLACE_MODE_PROGRESSIVE;
  out->par_n = MAX (out->par_n, 1);
  out->par_d = MAX (out->par_d, 1);
}

void
imageswitch_renderer_clear (Renderer *self)
{
  g_clear_pointer (&self->converter, gst_video_converter_free);
  if (self->second)
    imageswitch_renderer_clear (self->second);
  g_clear_pointer (&self->second, g_free);
}

static gboolean
renderer_prepare (Renderer *self, const GstVideoInfo *from,
    const GstVideoInfo *to)
{
  GstVideoRectangle box;

  if (self->converter && gst_video_info_is_equal (&self->from, from)
      && gst_video_info_is_equal (&self->to, to))
    return TRUE;
  imageswitch_renderer_clear (self);
  self->from = *from;
  self->to = *to;
  fit (from, to, &box);
  self->converter = new_converter (from, to, &box, self->fast
      ? GST_VIDEO_RESAMPLER_METHOD_LINEAR : GST_VIDEO_RESAMPLER_METHOD_CUBIC);
  return self->converter != NULL;
}

/* Transparency is laid over the background first. */
static GstBuffer *
render_flat (Renderer *self, GstBuffer *buffer, const GstVideoInfo *from,
    const GstVideoInfo *to, GError **error)
{
  g_autoptr (Picture) picture = NULL;
  GstVideoFrame frame;

  if (gst_video_frame_map (&frame, from, buffer, GST_MAP_READ)) {
    picture = imageswitch_picture_new_from_frame (&frame, error);
    gst_video_frame_unmap (&frame);
  }
  return picture ? imageswitch_renderer_render (self, picture->pixels,
      &picture->info, to, error) : NULL;
}

/* GStreamer fills borders of YUV with more than 8 bits in a colour of its own
 * (seen in 1.22): the bars are then drawn in RGB, and all of it converted. */
static gboolean
has_wrong_bars (const GstVideoInfo *from, const GstVideoInfo *to)
{
  GstVideoRectangle box;

  if (!GST_VIDEO_INFO_IS_YUV (to) || GST_VIDEO_INFO_COMP_DEPTH (to, 0) <= 8)
    return FALSE;
  fit (from, to, &box);
  return box.w != to->width || box.h != to->height;
}

static GstBuffer *
render_in_steps (Renderer *self, GstBuffer *frame, const GstVideoInfo *from,
    const GstVideoInfo *to, GError **error)
{
  g_autoptr (GstBuffer) buffer = NULL;
  GstVideoInfo rgb;

  gst_video_info_set_format (&rgb, GST_VIDEO_FORMAT_BGRx, to->width,
      to->height);
  rgb.par_n = to->par_n;
  rgb.par_d = to->par_d;
  rgb.fps_n = to->fps_n;
  rgb.fps_d = to->fps_d;
  buffer = imageswitch_renderer_render (self, frame, from, &rgb, error);
  if (!buffer)
    return NULL;
  if (!self->second)
    self->second = g_new0 (Renderer, 1);
  return imageswitch_renderer_render (self->second, buffer, &rgb, to, error);
}

/* Scales @frame, which is as @from says, into one for @to, without timestamps:
 * its aspect kept, with bars where that one is wider or higher. @self keeps
 * what the next frame needs as well. */
GstBuffer *
imageswitch_renderer_render (Renderer *self, GstBuffer *frame,
    const GstVideoInfo *from, const GstVideoInfo *to, GError **error)
{
  g_autoptr (GstBuffer) buffer = NULL;
  GstVideoFrame source, target;
  GstVideoInfo out;
  gboolean ok = FALSE;

  if (GST_VIDEO_INFO_HAS_ALPHA (from)
      && (buffer = render_flat (self, frame, from, to, error)))
    return g_steal_pointer (&buffer);
  as_progressive (to, &out);
  if (has_wrong_bars (from, &out))
    return render_in_steps (self, frame, from, &out, error);
  if (renderer_prepare (self, from, &out)
      && gst_video_frame_map (&source, from, frame, GST_MAP_READ)) {
    buffer = gst_buffer_new_allocate (NULL, out.size, NULL);
    if (gst_video_frame_map (&target, &out, buffer, GST_MAP_WRITE)) {
      gst_video_converter_frame (self->converter, &source, &target);
      gst_video_frame_unmap (&target);
      ok = TRUE;
    }
    gst_video_frame_unmap (&source);
  }
  if (!ok) {
    g_clear_error (error);
    picture_error (error, "cannot show a picture as %s %dx%d",
        gst_video_format_to_string (GST_VIDEO_INFO_FORMAT (to)),
        to->width, to->height);
    return NULL;
  }
  return g_steal_pointer (&buffer);
}

GstBuffer *
imageswitch_picture_render (Picture *self, const GstVideoInfo *info,
    GError **error)
{
  Renderer renderer = { 0 };
  GstBuffer *buffer = imageswitch_renderer_render (&renderer, self->pixels,
      &self->info, info, error);

  imageswitch_renderer_clear (&renderer);
  return buffer;
}
