/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Small text files that the command line names. A running server must not wait
 * for the writer of a pipe, nor read a device that never ends. */

#include "server/pem-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"

#define MAX_BYTES (1024 * 1024)
#define KEY_LABEL "PRIVATE KEY-----"

static gboolean
fail (const char *path, const char *why, GError **error)
{
  g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED, "%s: %s", path, why);
  return FALSE;
}

static gboolean
check_kind (int fd, const char *path, GError **error)
{
  struct stat info;

  if (fstat (fd, &info) < 0)
    return fail (path, g_strerror (errno), error);
  if (!S_ISREG (info.st_mode))
    return fail (path, "this is not a regular file", error);
  return TRUE;
}

static gboolean
read_text (int fd, GString *text, const char *path, GError **error)
{
  char buffer[4096];
  gssize n;

  while ((n = read (fd, buffer, sizeof buffer)) != 0) {
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail (path, g_strerror (errno), error);
    g_string_append_len (text, buffer, n);
    if (text->len > MAX_BYTES)
      return fail (path, "the file is larger than 1 MiB", error);
  }
  if (memchr (text->str, 0, text->len))
    return fail (path, "the file is not text", error);
  return TRUE;
}

/*
 * mesh_pem_file_read:
 * @path: a file's name
 * @regular: whether only a regular file is read, symbolic links being followed,
 *   so that this function never waits. Otherwise, a pipe is read to its end
 *
 * Returns: (transfer full) (nullable): the text of the file, of 1 MiB at most
 */
char *
mesh_pem_file_read (const char *path, gboolean regular, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  int fd = g_open (path, O_RDONLY | O_CLOEXEC | (regular ? O_NONBLOCK : 0), 0);
  gboolean done;

  if (fd < 0) {
    fail (path, g_strerror (errno), error);
    return NULL;
  }
  done = (!regular || check_kind (fd, path, error))
      && read_text (fd, text, path, error);
  close (fd);
  return done ? g_string_free (g_steal_pointer (&text), FALSE) : NULL;
}

/* Returns: (transfer full) (nullable): the first private key in @text, without
 * what else there is, since the file may hold certificates, too */
static char *
find_key (const char *text, const char *path, GError **error)
{
  const char *label = strstr (text, KEY_LABEL);
  const char *begin = label ? g_strrstr_len (text, label - text,
      "-----BEGIN ") : NULL;
  const char *end = label ? strstr (label + 1, KEY_LABEL) : NULL;

  if (!begin || !end) {
    fail (path, "the file has no private key (PEM)", error);
    return NULL;
  }
  return g_strndup (begin, end + strlen (KEY_LABEL) - begin);
}

/*
 * mesh_pem_file_load_certificate:
 * @certificate: name of a file with a certificate and its issuers
 * @key: name of the file with the private key; may be the same one
 * @regular: as for mesh_pem_file_read()
 *
 * Returns: (transfer full) (nullable): the certificate, with its key
 */
GTlsCertificate *
mesh_pem_file_load_certificate (const char *certificate, const char *key,
    gboolean regular, GError **error)
{
  g_autofree char *chain = mesh_pem_file_read (certificate, regular, error);
  g_autofree char *key_text = chain
      ? mesh_pem_file_read (key, regular, error) : NULL;
  g_autofree char *key_only = key_text
      ? find_key (key_text, key, error) : NULL;
  /* GLib takes the first key that there is */
  g_autofree char *both = key_only
      ? g_strconcat (key_only, "\n", chain, NULL) : NULL;
  GTlsCertificate *loaded = NULL;

  if (both) {
    loaded = g_tls_certificate_new_from_pem (both, -1, error);
    if (!loaded)
      g_prefix_error (error, "%s, %s: ", certificate, key);
    explicit_bzero (both, strlen (both));
    explicit_bzero (key_only, strlen (key_only));
  }
  if (key_text)
    explicit_bzero (key_text, strlen (key_text));
  return loaded;
}
