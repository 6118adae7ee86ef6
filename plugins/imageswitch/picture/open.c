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

/* Animated GIF and WebP are read into memory, if they are no larger. */
#define MAX_ANIMATION_BYTES (64 * 1024 * 1024)

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
    picture_error (
        error, "it is no local file, and nothing is fetched from elsewhere");
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
  else if (!imageswitch_file_is_whole (fd, info.st_size))
    problem = "it has been cut off";
  if (problem) {
    picture_error (error, "%s", problem);
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
    picture_error (error,
        "an animation of %" G_GUINT64_FORMAT " bytes is too large", size);
    return NULL;
  }
  data = g_malloc (size);
  while (done < size) {
    n = pread (fd, data + done, size - done, done);
    if (n <= 0) {
      picture_error (error, "%s",
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
    picture_error (error, "%s",
        g_strerror (errno));
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

/**
 * imageswitch_reader_open:
 * @location: a file name, or a `file:` URI
 * @error: return location for a #GError
 *
 * Returns: (transfer full) (nullable): a reader at the file's first frame
 */
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
