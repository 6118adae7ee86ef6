/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Animated GIF and WebP. GStreamer 1.22 decodes neither: its WebP decoder
 * refuses animations, and libav's GIF demuxer never comes to an end there.
 * gdk-pixbuf and libwebp keep the compressed file and one canvas, so that many
 * frames cost no more than a few.
 */
#include "reader.h"

#include <gdk-pixbuf/gdk-pixbuf.h>
#include <string.h>
#include <webp/demux.h>

/* A frame that claims to last no time at all, or hardly any, lasts this long:
 * what browsers do as well. */
#define SHORTEST_MS 20
#define DEFAULT_MS 100

G_GNUC_BEGIN_IGNORE_DEPRECATIONS        /* GTimeVal is gdk-pixbuf's */

typedef struct {
  Reader reader;
  GstClockTime time;            /* of the next frame */
  GBytes *file;
  WebPAnimDecoder *webp;
  int webp_end;                 /* of the last frame, in ms */
  GdkPixbufAnimation *gif;
  GdkPixbufAnimationIter *iter;
  GTimeVal gif_time;
  guint gif_left;               /* frames to come */
} Animation;

static GstClockTime
to_duration (gint64 ms)
{
  return (ms < SHORTEST_MS ? DEFAULT_MS : ms) * GST_MSECOND;
}

static void
animation_close (Reader *reader)
{
  Animation *self = (Animation *) reader;

  if (self->webp)
    WebPAnimDecoderDelete (self->webp);
  g_clear_object (&self->iter);
  g_clear_object (&self->gif);
  g_bytes_unref (self->file);
  g_free (self);
}

static Animation *
animation_new (GBytes *file)
{
  Animation *self = g_new0 (Animation, 1);

  self->reader.close = animation_close;
  self->file = g_bytes_ref (file);
  return self;
}

static gboolean
check_size (guint width, guint height, GError **error)
{
  if (width > 0 && height > 0
      && (guint64) width * height <= READER_MAX_MOVING_PIXELS)
    return TRUE;
  picture_error (error, "%ux%u pixels are not the size of a moving picture",
      width, height);
  return FALSE;
}

static void
fill (Animation *self, Frame *frame, GstVideoFormat format, guint width,
    guint height, const guint8 *pixels, gsize stride, GstClockTime duration)
{
  gsize row = (gsize) width * (format == GST_VIDEO_FORMAT_RGB ? 3 : 4), y;
  GstMapInfo map;

  gst_video_info_set_format (&frame->info, format, width, height);
  frame->buffer = gst_buffer_new_allocate (NULL, frame->info.size, NULL);
  gst_buffer_map (frame->buffer, &map, GST_MAP_WRITE);
  for (y = 0; y < height; y++)
    memcpy (map.data + y * GST_VIDEO_INFO_PLANE_STRIDE (&frame->info, 0),
        pixels + y * stride, row);
  gst_buffer_unmap (frame->buffer, &map);
  frame->start = self->time;
  frame->duration = duration;
  self->time += duration;
}

static gboolean
set_broken (GError **error)
{
  picture_error (error, "it is broken");
  return FALSE;
}

/* RIFF, VP8X with the animation flag (WebP Container Specification) */
gboolean
imageswitch_animation_is_webp (gconstpointer head, gsize size)
{
  const guint8 *data = head;

  return size > 20 && memcmp (data, "RIFF", 4) == 0
      && memcmp (data + 8, "WEBPVP8X", 8) == 0 && (data[20] & 0x02);
}

static gboolean
webp_next (Reader *reader, Frame *frame, GCancellable *cancellable,
    GError **error)
{
  Animation *self = (Animation *) reader;
  WebPAnimInfo info;
  guint8 *pixels;
  int end;

  if (!WebPAnimDecoderHasMoreFrames (self->webp))
    return FALSE;
  if (!WebPAnimDecoderGetInfo (self->webp, &info)
      || !WebPAnimDecoderGetNext (self->webp, &pixels, &end))
    return set_broken (error);
  fill (self, frame, GST_VIDEO_FORMAT_BGRA, info.canvas_width,
      info.canvas_height, pixels, (gsize) info.canvas_width * 4,
      to_duration ((gint64) end - self->webp_end));
  self->webp_end = end;
  return TRUE;
}

Reader *
imageswitch_animation_open_webp (GBytes *file, GError **error)
{
  g_autoptr (Reader) reader = NULL;
  WebPAnimDecoderOptions options;
  Animation *self = animation_new (file);
  WebPData data;

  reader = &self->reader;
  reader->next = webp_next;
  data.bytes = g_bytes_get_data (file, &data.size);
  /* VP8X: 24 bits each of width and height, less one */
  if (data.size >= 30) {
    if (!check_size (GST_READ_UINT24_LE (data.bytes + 24) + 1,
            GST_READ_UINT24_LE (data.bytes + 27) + 1, error))
      return NULL;
    WebPAnimDecoderOptionsInit (&options);
    options.color_mode = MODE_BGRA;
    self->webp = WebPAnimDecoderNew (&data, &options);
  }
  if (!self->webp) {
    set_broken (error);
    return NULL;
  }
  return g_steal_pointer (&reader);
}

static gboolean
gif_next (Reader *reader, Frame *frame, GCancellable *cancellable,
    GError **error)
{
  Animation *self = (Animation *) reader;
  GdkPixbuf *pixbuf;
  gint delay;

  if (self->gif_left == 0)
    return FALSE;
  self->gif_left--;
  pixbuf = self->iter ? gdk_pixbuf_animation_iter_get_pixbuf (self->iter)
      : gdk_pixbuf_animation_get_static_image (self->gif);
  if (!pixbuf || gdk_pixbuf_get_bits_per_sample (pixbuf) != 8)
    return set_broken (error);
  delay = self->iter ? gdk_pixbuf_animation_iter_get_delay_time (self->iter)
      : -1;
  fill (self, frame, gdk_pixbuf_get_has_alpha (pixbuf) ? GST_VIDEO_FORMAT_RGBA
      : GST_VIDEO_FORMAT_RGB, gdk_pixbuf_get_width (pixbuf),
      gdk_pixbuf_get_height (pixbuf), gdk_pixbuf_read_pixels (pixbuf),
      gdk_pixbuf_get_rowstride (pixbuf), to_duration (delay));
  if (delay < 0)                /* it stays for good */
    self->gif_left = 0;
  if (self->gif_left > 0) {
    g_time_val_add (&self->gif_time, (glong) delay * 1000);
    gdk_pixbuf_animation_iter_advance (self->iter, &self->gif_time);
  }
  return TRUE;
}

static gsize
skip_blocks (const guint8 *data, gsize size, gsize at)
{
  while (at < size && data[at] != 0)
    at += data[at] + 1;
  return at + 1;
}

static gsize
colours (guint8 flags)
{
  return flags & 0x80 ? (gsize) 3 << ((flags & 7) + 1) : 0;
}

/* How many frames (GIF89a, 17 to 27); 0: it does not go on to its trailer.
 * gdk-pixbuf starts over at the end without saying so, and takes a file that
 * was cut off for a whole one. */
static guint
count_gif_frames (const guint8 *data, gsize size)
{
  gsize at = size < 13 ? size : 13 + colours (data[10]);
  guint n = 0;

  while (at < size) {
    switch (data[at]) {
      case 0x21:
        at = skip_blocks (data, size, at + 2);
        break;
      case 0x2c:
        if (size - at < 11)
          return 0;
        at = skip_blocks (data, size, at + 11 + colours (data[at + 9]));
        n++;
        break;
      default:
        return data[at] == 0x3b ? n : 0;
    }
  }
  return 0;
}

Reader *
imageswitch_animation_open_gif (GBytes *file, GError **error)
{
  Animation *self = animation_new (file);
  g_autoptr (Reader) reader = &self->reader;
  g_autoptr (GInputStream) stream = NULL;
  const guint8 *data;
  gsize size;

  reader->next = gif_next;
  data = g_bytes_get_data (file, &size);
  self->gif_left = count_gif_frames (data, size);
  if (self->gif_left == 0) {
    set_broken (error);
    return NULL;
  }
  if (!check_size (data[6] | data[7] << 8, data[8] | data[9] << 8, error))
    return NULL;
  stream = g_memory_input_stream_new_from_bytes (file);
  self->gif = gdk_pixbuf_animation_new_from_stream (stream, NULL, error);
  if (!self->gif)
    return NULL;
  if (!gdk_pixbuf_animation_is_static_image (self->gif))
    self->iter = gdk_pixbuf_animation_get_iter (self->gif, &self->gif_time);
  else
    self->gif_left = 1;
  return g_steal_pointer (&reader);
}

G_GNUC_END_IGNORE_DEPRECATIONS
