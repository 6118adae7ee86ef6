/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "picture.h"

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
  /* returns FALSE without an error when there are no more */
  gboolean (*next) (Reader *reader, Frame *frame, GCancellable *cancellable,
      GError **error);
  void (*close) (Reader *reader);
};

/* Blocks for a few seconds at most. The caller clears @frame's buffer. */
static inline gboolean
reader_next (Reader *reader, Frame *frame, GCancellable *cancellable,
    GError **error)
{
  *frame = (Frame) { 0 };
  return !g_cancellable_set_error_if_cancelled (cancellable, error)
      && reader->next (reader, frame, cancellable, error);
}

static inline void
reader_close (Reader *reader)
{
  if (reader)
    reader->close (reader);
}

/* open.c: what kind of file it is */
Reader *imageswitch_reader_open (const gchar *location, GError **error);

/* decode.c: by whatever decoders GStreamer has */
Reader *imageswitch_decode_open (const gchar *path, GError **error);

/* animation.c: what none of them can */
Reader *imageswitch_animation_open_gif (GBytes *file, GError **error);
Reader *imageswitch_animation_open_webp (GBytes *file, GError **error);
gboolean imageswitch_animation_is_webp (gconstpointer head, gsize size);

/* whole.c */
gboolean imageswitch_file_is_whole (int fd, guint64 size);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Reader, reader_close)
