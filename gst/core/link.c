/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Links of rooms. The key stands in the fragment, which browsers keep to
 * themselves; nothing here puts it into an error text. */

#include "core/link.h"

#include <string.h>

#include "core/error.h"
#include "core/json.h"

#define MAX_LINK_BYTES 2048
#define KEY_CHARS 22            /* 128 bits in base64url without padding */

static gboolean
fail (GError **error, const char *what)
{
  g_set_error (error, MESH_ERROR, MESH_ERROR_BAD_LINK, "link %s", what);
  return FALSE;
}

static char *
key_to_text (const guint8 key[16])
{
  char *text = g_base64_encode (key, 16);

  g_strdelimit (text, "+", '-');
  g_strdelimit (text, "/", '_');
  text[KEY_CHARS] = '\0';       /* the padding */
  return text;
}

static gboolean
key_from_text (const char *text, guint8 key[16])
{
  g_autofree char *padded = NULL;
  g_autofree char *again = NULL;
  g_autofree guint8 *bytes = NULL;
  gsize length;

  if (strlen (text) != KEY_CHARS)
    return FALSE;
  padded = g_strconcat (text, "==", NULL);
  g_strdelimit (padded, "-", '+');
  g_strdelimit (padded, "_", '/');
  bytes = g_base64_decode (padded, &length);
  if (length != 16)
    return FALSE;
  memcpy (key, bytes, 16);
  /* g_base64_decode() skips what it does not know, and a last character can
   * carry bits that mean nothing: one key has one text */
  again = key_to_text (key);
  return g_str_equal (again, text);
}

static guint16
default_port (const char *scheme)
{
  return g_str_equal (scheme, "https") ? 443 : 80;
}

static gboolean
read_server (MeshLink *self, GUri *uri, GError **error)
{
  const char *scheme = g_uri_get_scheme (uri);
  const char *host = g_uri_get_host (uri);
  int port = g_uri_get_port (uri);

  if (!g_str_equal (scheme, "http") && !g_str_equal (scheme, "https"))
    return fail (error, "is of a scheme other than http and https");
  if (!host || *host == '\0')
    return fail (error, "names no host");
  if (g_uri_get_userinfo (uri))
    return fail (error, "names a user");
  if (port == 0)
    return fail (error, "has port 0");
  self->scheme = g_strdup (scheme);
  self->host = g_strdup (host);
  self->port = port > 0 ? port : default_port (scheme);
  return TRUE;
}

static gboolean
read_room (MeshLink *self, GUri *uri, GError **error)
{
  const char *path = g_uri_get_path (uri);
  const char *fragment = g_uri_get_fragment (uri);

  if (!g_str_has_prefix (path, "/room/")
      || !mesh_is_uuid (path + strlen ("/room/")))
    return fail (error, "does not name a room: /room/UUID expected");
  self->room = g_strdup (path + strlen ("/room/"));
  if (fragment && *fragment) {
    if (!key_from_text (fragment, self->key))
      return fail (error, "has a key that is not one: 22 characters expected");
    self->has_key = TRUE;
  }
  return TRUE;
}

/**
 * mesh_link_parse:
 * @text: a link
 * @error: return location for a #MESH_ERROR
 *
 * Takes a link apart. A query is allowed, since the page uses one, and means
 * nothing here.
 *
 * Returns: (transfer full) (nullable): the link, or %NULL with @error set
 *
 * Since: 0.1
 */
MeshLink *
mesh_link_parse (const char *text, GError **error)
{
  g_autoptr (MeshLink) self = NULL;
  g_autoptr (GUri) uri = NULL;

  if (!text || *text == '\0') {
    fail (error, "is empty");
    return NULL;
  }
  if (strlen (text) > MAX_LINK_BYTES) {
    fail (error, "is too long");
    return NULL;
  }
  uri = g_uri_parse (text, G_URI_FLAGS_NONE, NULL);
  if (!uri) {
    fail (error, "is not a URL");
    return NULL;
  }
  self = g_new0 (MeshLink, 1);
  if (!read_server (self, uri, error) || !read_room (self, uri, error))
    return NULL;
  return g_steal_pointer (&self);
}

static char *
to_string (const MeshLink *link, const char *key)
{
  g_autofree char *path = g_strconcat ("/room/", link->room, NULL);
  int port = link->port == default_port (link->scheme) ? -1 : link->port;

  return g_uri_join (G_URI_FLAGS_NONE, link->scheme, NULL, link->host, port,
      path, NULL, key);
}

/**
 * mesh_link_to_string:
 * @link: a link
 *
 * Returns: (transfer full): @link for those who are to join: with its key
 *
 * Since: 0.1
 */
char *
mesh_link_to_string (const MeshLink *link)
{
  g_autofree char *key = link->has_key ? key_to_text (link->key) : NULL;

  return to_string (link, key);
}

/**
 * mesh_link_to_public_string:
 * @link: a link
 *
 * Returns: (transfer full): @link without its key, as it may be logged
 *
 * Since: 0.1
 */
char *
mesh_link_to_public_string (const MeshLink *link)
{
  return to_string (link, NULL);
}

/**
 * mesh_link_free:
 * @link: (nullable) (transfer full): a link
 *
 * Since: 0.1
 */
void
mesh_link_free (MeshLink *link)
{
  if (!link)
    return;
  g_free (link->scheme);
  g_free (link->host);
  g_free (link->room);
  g_free (link);
}
