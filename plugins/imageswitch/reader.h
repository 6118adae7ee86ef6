/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gst/video/video.h>

/* No side of a picture file may be longer, and no more pixels in all: what a
 * file can make us allocate while it is decoded. Decoders of moving pictures
 * keep many frames, so these may be no larger than 4K. */
#define READER_MAX_SIDE 8192
#define READER_MAX_PIXELS (32 * 1024 * 1024)
#define READER_MAX_MOVING_PIXELS (4096 * 2304)

/* A decoded frame. */
typedef struct {
  GstVideoInfo info;
  GstBuffer *buffer;
  GstClockTime start;           /* since the file's first frame */
  GstClockTime duration;        /* NONE: not known */
} Frame;

/* Reads a file's frames, one after the other, in one thread. */
typedef struct _Reader Reader;
struct _Reader {
  /* FALSE without an error: there are no more */
  gboolean (*next) (Reader *reader, Frame *frame, GCancellable *cancellable,
      GError **error);
  void (*close) (Reader *reader);
};

/* load.c: what kind of file it is */
Reader *reader_open (const gchar *location, GError **error);
gboolean reader_next (Reader *reader, Frame *frame, GCancellable *cancellable,
    GError **error);
void reader_close (Reader *reader);
void frame_clear (Frame *frame);

/* decode.c: by whatever decoders GStreamer has */
Reader *decode_open (const gchar *path, GError **error);

/* animation.c: what none of them can */
Reader *animation_open_gif (GBytes *file, GError **error);
Reader *animation_open_webp (GBytes *file, GError **error);
gboolean animation_is_webp (gconstpointer head, gsize size);

/* whole.c */
gboolean file_is_whole (int fd, guint64 size);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Reader, reader_close)
