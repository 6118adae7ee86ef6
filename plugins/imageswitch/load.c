/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Opens picture files: only such as can be read without waiting for anybody,
 * and by whoever knows their kind.
 */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "picture.h"

/* Animated GIF and WebP are read into memory, if they are no larger. */
#define MAX_ANIMATION_BYTES (64 * 1024 * 1024)

void
frame_clear (Frame *frame)
{
  gst_clear_buffer (&frame->buffer);
}

/* What is on other machines is not fetched: whoever runs them would learn when
 * somebody hides, and from where. */
static gchar *
to_path (const gchar *location, GError **error)
{
  g_autofree gchar *scheme = g_uri_parse_scheme (location);

  if (scheme && g_ascii_strcasecmp (scheme, "file") == 0)
    return g_filename_from_uri (location, NULL, error);
  if (scheme && strstr (location, "://")
      && !g_file_test (location, G_FILE_TEST_EXISTS)) {
    g_set_error_literal (error, GST_RESOURCE_ERROR,
        GST_RESOURCE_ERROR_NOT_FOUND,
        "it is no local file, and nothing is fetched from elsewhere");
    return NULL;
  }
  return g_strdup (location);
}

/* Opening a pipe or a device could block, or never end; the files of /proc
 * say that they are empty, and may block as well. */
static gboolean
check_file (int fd, guint64 *size, GError **error)
{
  const gchar *problem = NULL;
  struct stat info;

  if (fstat (fd, &info) != 0)
    problem = g_strerror (errno);
  else if (!S_ISREG (info.st_mode))
    problem = "it is not a file";
  else if (info.st_size == 0)
    problem = "it is empty";
  else if (!file_is_whole (fd, info.st_size))
    problem = "it has been cut off";
  if (problem) {
    g_set_error_literal (error, GST_RESOURCE_ERROR,
        GST_RESOURCE_ERROR_OPEN_READ, problem);
    return FALSE;
  }
  *size = info.st_size;
  return TRUE;
}

static GBytes *
read_all (int fd, guint64 size, GError **error)
{
  g_autofree guint8 *data = NULL;
  guint64 done = 0;
  gssize n;

  if (size > MAX_ANIMATION_BYTES) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT,
        "an animation of %" G_GUINT64_FORMAT " bytes is too large", size);
    return NULL;
  }
  data = g_malloc (size);
  while (done < size) {
    n = pread (fd, data + done, size - done, done);
    if (n <= 0) {
      g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ, "%s",
          n < 0 ? g_strerror (errno) : "it has been cut off");
      return NULL;
    }
    done += n;
  }
  return g_bytes_new_take (g_steal_pointer (&data), size);
}

static Reader *
open_as (int fd, const gchar *path, GError **error)
{
  g_autoptr (GBytes) file = NULL;
  guint8 head[32] = { 0 };
  guint64 size;
  gboolean gif;

  if (!check_file (fd, &size, error))
    return NULL;
  if (pread (fd, head, sizeof head, 0) < 0) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ, "%s",
        g_strerror (errno));
    return NULL;
  }
  gif = memcmp (head, "GIF8", 4) == 0;
  if (!gif && !animation_is_webp (head, sizeof head))
    return decode_open (path, error);
  file = read_all (fd, size, error);
  if (!file)
    return NULL;
  return gif ? animation_open_gif (file, error)
      : animation_open_webp (file, error);
}

/**
 * reader_open:
 * @location: a file name, or a `file:` URI
 * @error: return location for a #GError
 *
 * Returns: (transfer full) (nullable): a reader at the file's first frame
 */
Reader *
reader_open (const gchar *location, GError **error)
{
  g_autofree gchar *path = to_path (location, error);
  Reader *reader;
  int fd;

  if (!path)
    return NULL;
  fd = g_open (path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
  if (fd < 0) {
    g_set_error (error, GST_RESOURCE_ERROR, errno == ENOENT
        ? GST_RESOURCE_ERROR_NOT_FOUND : GST_RESOURCE_ERROR_OPEN_READ,
        "%s", g_strerror (errno));
    return NULL;
  }
  reader = open_as (fd, path, error);
  close (fd);
  return reader;
}

/* Blocks for a few seconds at most. The caller clears @frame. */
gboolean
reader_next (Reader *reader, Frame *frame, GCancellable *cancellable,
    GError **error)
{
  memset (frame, 0, sizeof *frame);
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  return reader->next (reader, frame, cancellable, error);
}

void
reader_close (Reader *reader)
{
  if (reader)
    reader->close (reader);
}

static Picture *
picture_of (const Frame *frame, GError **error)
{
  Picture *picture = NULL;
  GstVideoFrame mapped;
  GstVideoInfo info = frame->info;

  if (gst_video_frame_map (&mapped, &info, frame->buffer, GST_MAP_READ)) {
    picture = picture_new_from_frame (&mapped, error);
    gst_video_frame_unmap (&mapped);
  } else {
    g_set_error_literal (error, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE,
        "its first picture cannot be read");
  }
  return picture;
}

/* Whether there is more than one picture; FALSE with an error as well. */
static gboolean
is_moving (Reader *reader, GCancellable *cancellable, GError **error)
{
  Frame second;
  gboolean moving = reader_next (reader, &second, cancellable, error);

  if (moving && (gint64) second.info.width * second.info.height
      > READER_MAX_MOVING_PIXELS) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "%dx%d pixels are too many for moving pictures", second.info.width,
        second.info.height);
    moving = FALSE;
  }
  frame_clear (&second);
  return moving;
}

/**
 * picture_new_from_file:
 * @location: a file name, or a `file:` URI
 * @clip: (out) (nullable): what moves, where there is more than one picture
 * @cancellable: (nullable): gives up at once when cancelled
 * @error: return location for a #GError
 *
 * Decodes the first picture of a file. Blocks while it does, for a few seconds
 * at most.
 *
 * Returns: (transfer full) (nullable): the picture
 */
Picture *
picture_new_from_file (const gchar *location, Clip **clip,
    GCancellable *cancellable, GError **error)
{
  g_autoptr (Reader) reader = reader_open (location, error);
  g_autoptr (Picture) picture = NULL;
  g_autoptr (GError) problem = NULL;
  Frame first;

  *clip = NULL;
  if (!reader)
    return NULL;
  if (reader_next (reader, &first, cancellable, &problem))
    picture = picture_of (&first, &problem);
  else if (!problem)
    g_set_error_literal (&problem, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE,
        "it ends before the first picture");
  frame_clear (&first);
  if (picture && is_moving (reader, cancellable, &problem))
    *clip = clip_new (location);
  if (!problem)
    return g_steal_pointer (&picture);
  g_propagate_error (error, g_steal_pointer (&problem));
  return NULL;
}
