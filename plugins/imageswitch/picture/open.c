/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Opens picture files, but only those that can be read without waiting, each
 * with the reader for its kind.
 */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Animated GIF and WebP are read into memory, if they are no larger. */
#define MAX_ANIMATION_BYTES (64 * 1024 * 1024)

/* Files on other machines are not fetched: whoever runs those machines would
 * learn when the camera is hidden, and from where. */
static gchar *
to_path (const gchar *location, GError **error)
{
  g_autofree gchar *scheme = g_uri_parse_scheme (location);

  if (scheme && g_ascii_strcasecmp (scheme, "file") == 0)
    return g_filename_from_uri (location, NULL, error);
  if (scheme && strstr (location, "://")
      && !g_file_test (location, G_FILE_TEST_EXISTS)) {
    picture_error (error, "it is no local file, and nothing is fetched from "
        "elsewhere");
    return NULL;
  }
  return g_strdup (location);
}

/* Opening a pipe or a device could block, or never end; the files of /proc
 * say that they are empty, and may block as well. */
static const gchar *
find_problem (int fd, guint64 *size)
{
  struct stat info;

  if (fstat (fd, &info) != 0)
    return g_strerror (errno);
  *size = info.st_size;
  if (!S_ISREG (info.st_mode))
    return "it is not a file";
  if (info.st_size == 0)
    return "it is empty";
  return imageswitch_file_is_whole (fd, info.st_size) ? NULL
      : "it has been cut off";
}

static GBytes *
read_all (int fd, guint64 size, GError **error)
{
  g_autoptr (GIOChannel) file = g_io_channel_unix_new (fd);
  gchar *data;
  gsize length;

  if (size > MAX_ANIMATION_BYTES) {
    picture_error (error, "an animation of %" G_GUINT64_FORMAT " bytes is too "
        "large", size);
    return NULL;
  }
  g_io_channel_set_encoding (file, NULL, NULL);
  if (g_io_channel_read_to_end (file, &data, &length, error)
      != G_IO_STATUS_NORMAL)
    return NULL;
  return g_bytes_new_take (data, length);
}

static Reader *
open_as (int fd, const gchar *path, GError **error)
{
  g_autoptr (GBytes) file = NULL;
  guint8 head[32] = { 0 };
  guint64 size = 0;
  const gchar *problem = find_problem (fd, &size);
  gboolean gif;

  if (!problem && pread (fd, head, sizeof head, 0) < 0)
    problem = g_strerror (errno);
  if (problem) {
    picture_error (error, "%s", problem);
    return NULL;
  }
  gif = memcmp (head, "GIF8", 4) == 0;
  if (!gif && !imageswitch_animation_is_webp (head, sizeof head))
    return imageswitch_decode_open (path, error);
  file = read_all (fd, size, error);
  if (!file)
    return NULL;
  return gif ? imageswitch_animation_open_gif (file, error)
      : imageswitch_animation_open_webp (file, error);
}

/* @location: a file name, or a `file:` URI */
Reader *
imageswitch_reader_open (const gchar *location, GError **error)
{
  g_autofree gchar *path = to_path (location, error);
  Reader *reader;
  int fd;

  if (!path)
    return NULL;
  fd = g_open (path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
  if (fd < 0) {
    picture_error (error, "%s", g_strerror (errno));
    return NULL;
  }
  reader = open_as (fd, path, error);
  close (fd);
  return reader;
}
