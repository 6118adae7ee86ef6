/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Links of rooms. The key stands in the fragment, which browsers keep to
 * themselves; nothing here puts it into an error text. */

#include "core/link.h"

#include <string.h>

#include "core/base64url.h"
#include "core/error.h"
#include "core/host-name.h"
#include "core/json.h"
#include "core/link-text.h"

#define MAX_LINK_BYTES 2048
/* The longest text that is searched for a link, such as an invitation or a
 * mail. */
#define MAX_TEXT_BYTES 16384

static gboolean
fail (GError **error, const char *what)
{
  return mesh_link_fail (error, "%s", what);
}

static gboolean
key_from_text (const char *text, guint8 key[16])
{
  g_autofree char *again = NULL;
  g_autofree guint8 *bytes = NULL;
  gsize length;

  if (strlen (text) != MESH_LINK_KEY_CHARS)
    return FALSE;
  bytes = mesh_base64url_decode (text, &length);
  if (length != 16)
    return FALSE;
  memcpy (key, bytes, 16);
  /* a key has only one spelling */
  again = mesh_base64url_encode (key, 16);
  return g_str_equal (again, text);
}

static guint16
default_port (gboolean tls)
{
  return tls ? 443 : 80;
}

static gboolean
read_server (MeshLink *self, const MeshLinkText *text, GError **error)
{
  const char *bracket = strrchr (text->authority, ']');
  const char *colon = strchr (bracket ? bracket : text->authority, ':');
  g_autofree char *host = g_strndup (text->authority,
      colon ? (gsize) (colon - text->authority) : strlen (text->authority));
  guint64 port = 0;

  if (strchr (text->authority, '@'))
    return fail (error, "names a user: take away what stands before the @");
  if (*host == '\0')
    return fail (error, "names no host");
  if (colon && colon[1] && (!g_ascii_isdigit (colon[1])
          || !g_ascii_string_to_unsigned (colon + 1, 10, 1, G_MAXUINT16, &port,
              NULL)))
    return fail (error, "has a port or host that is none: a port is a number "
        "from 1 to 65535");
  self->host = mesh_host_from_text (host, TRUE);
  if (!self->host)
    return fail (error, "has a host that is none");
  self->scheme = g_strdup (text->scheme);
  self->tls = g_str_equal (self->scheme, "https");
  self->port = port > 0 ? port : default_port (self->tls);
  return TRUE;
}

static gboolean
set_key (MeshLink *self, const char *text, GError **error)
{
  if (!text || *text == '\0')
    return TRUE;
  if (!key_from_text (text, self->key))
    return fail (error, "has a key that is not one: 22 characters expected");
  self->has_key = TRUE;
  return TRUE;
}

/* The characters of Pusher's keys, ids and cluster names. */
static gboolean
is_word (const char *text)
{
  return mesh_is_base64url (text) && strlen (text) <= 128;
}

static gboolean
is_url (const char *text)
{
  g_autoptr (GUri) uri = g_uri_parse (text, G_URI_FLAGS_ENCODED, NULL);
  const char *scheme = uri ? g_uri_get_scheme (uri) : "";

  return (g_str_equal (scheme, "http") || g_str_equal (scheme, "https"))
      && g_uri_get_host (uri) && *g_uri_get_host (uri)
      && !g_uri_get_userinfo (uri) && !g_uri_get_query (uri)
      && !g_uri_get_fragment (uri);
}

static gboolean
is_prefix (const char *text)
{
  return g_str_equal (text, "private-") || g_str_equal (text, "presence-");
}

static char *
take_field (GHashTable *fields, const char *name)
{
  return g_strdup (g_hash_table_lookup (fields, name));
}

static gboolean
read_query (MeshLink *self, GUri *uri, GError **error)
{
  g_autoptr (GHashTable) fields = NULL;
  const char *query = g_uri_get_query (uri);
  const char *tls;

  fields = g_uri_parse_params (query ? query : "", -1, "&",
      G_URI_PARAMS_NONE, NULL);
  if (!fields)
    return fail (error, "has a query that cannot be read");
  self->api = take_field (fields, "api");
  self->auth = take_field (fields, "auth");
  self->prefix = take_field (fields, "prefix");
  if (!self->api) {
    self->app = take_field (fields, "app");
    self->secret = take_field (fields, "secret");
  }
  tls = g_hash_table_lookup (fields, "tls");
  self->tls = tls ? !g_str_equal (tls, "0")
      : self->cluster || self->port == 443;
  if (!self->prefix)
    self->prefix = g_strdup ("");
  if (self->api ? !is_url (self->api)
      : !is_word (self->app) || !is_word (self->secret))
    return fail (error, "says neither with api=URL nor with secret=… and app=… "
        "how to send");
  if (*self->prefix && (!is_prefix (self->prefix)
          || (!self->secret && !(self->auth && is_url (self->auth)))))
    return fail (error, "asks for channels that nothing in it lets us into");
  return TRUE;
}

/* Reads the path, which is only the room's id. */
static gboolean
read_pusher_room (MeshLink *self, GUri *uri, GError **error)
{
  const char *path = g_uri_get_path (uri);
  gsize length;

  path += strspn (path, "/");
  length = strlen (path);
  while (length > 0 && path[length - 1] == '/')
    length--;
  self->room = g_ascii_strdown (path, length);
  if (!mesh_is_uuid (self->room))
    return fail (error, "does not name a room: pusher://APPKEY@HOST/UUID "
        "expected");
  return set_key (self, g_uri_get_fragment (uri), error);
}

/* Reads a link over Pusher Channels. A host without dots is one of the
 * service's clusters. */
static gboolean
read_pusher (MeshLink *self, GUri *uri, GError **error)
{
  const char *host = g_uri_get_host (uri);
  int port = g_uri_get_port (uri);

  if (!is_word (g_uri_get_userinfo (uri)))
    return fail (error, "names no app: pusher://APPKEY@… expected");
  if (!host || *host == '\0')
    return fail (error, "names no host");
  if (port == 0)
    return fail (error, "has port 0");
  self->scheme = g_strdup ("pusher");
  self->app_key = g_strdup (g_uri_get_userinfo (uri));
  if (port < 0 && is_word (host) && !g_str_equal (host, "localhost")) {
    self->cluster = g_strdup (host);
    self->host = g_strdup_printf ("ws-%s.pusher.com", host);
  } else {
    self->host = g_strdup (host);
  }
  self->port = MAX (port, 0);
  if (!read_query (self, uri, error))
    return FALSE;
  if (self->port == 0)
    self->port = default_port (self->tls);
  return TRUE;
}

/* Reads the link that @part begins with. Returns %NULL if it is no link. */
static MeshLink *
parse_part (const char *part, GError **error)
{
  g_autoptr (MeshLinkText) text = mesh_link_text_read (part, error);
  g_autoptr (MeshLink) self = g_new0 (MeshLink, 1);
  g_autoptr (GUri) uri = NULL;

  if (!text)
    return NULL;
  if (text->pusher) {
    uri = g_uri_parse (text->pusher, G_URI_FLAGS_ENCODED_QUERY, NULL);
    if (!uri)
      fail (error, "is not a URL");
    return uri && read_pusher (self, uri, error)
        && read_pusher_room (self, uri, error) ? g_steal_pointer (&self) : NULL;
  }
  if (!read_server (self, text, error))
    return NULL;
  if (!text->room) {
    fail (error, "does not name a room: /room/UUID expected");
    return NULL;
  }
  self->room = g_steal_pointer (&text->room);
  self->query = g_steal_pointer (&text->query);
  return set_key (self, text->key, error) ? g_steal_pointer (&self) : NULL;
}

/* Whether two links are one: the same link, of which only one may have the key
 * or the query. */
static gboolean
merge (MeshLink *self, MeshLink *other)
{
  g_autofree char *place = mesh_link_to_public_string (self);
  g_autofree char *other_place = mesh_link_to_public_string (other);

  if (!g_str_equal (place, other_place) || (self->has_key && other->has_key
          && memcmp (self->key, other->key, sizeof self->key) != 0))
    return FALSE;
  if (other->has_key)
    memcpy (self->key, other->key, sizeof self->key);
  self->has_key |= other->has_key;
  if (!self->query)
    self->query = g_steal_pointer (&other->query);
  return TRUE;
}

/**
 * mesh_link_parse:
 * @text: a link, or a text with one link of a room in it
 * @error: return location for a #MESH_ERROR, in words for a person
 *
 * Takes a link apart. What chats and mail do to links is undone: docs/protocol.md,
 * "Links", has the grammar. A query is kept, since the page uses one, and means
 * nothing here, except where Pusher passes the messages.
 *
 * Returns: (transfer full) (nullable): the link, or %NULL with @error set
 */
MeshLink *
mesh_link_parse (const char *text, GError **error)
{
  g_autoptr (MeshLink) self = NULL;
  g_autoptr (GPtrArray) parts = NULL;
  g_autoptr (GError) first = NULL;

  if (!text || *text == '\0') {
    fail (error, "is empty");
    return NULL;
  }
  if (strlen (text) > MAX_TEXT_BYTES || !g_utf8_validate (text, -1, NULL)) {
    fail (error, "is too long, or not text");
    return NULL;
  }
  parts = mesh_link_text_split (text, error);
  for (guint i = 0; parts && i < parts->len; i++) {
    g_autoptr (MeshLink) other = parse_part (parts->pdata[i],
        first ? NULL : &first);

    if (self && other && !merge (self, other)) {
      fail (error, "is two links: give the one to open");
      return NULL;
    }
    if (!self)
      self = g_steal_pointer (&other);
  }
  if (self && strlen (self->query ? self->query : "") > MAX_LINK_BYTES) {
    fail (error, "is too long");
    return NULL;
  }
  if (!self && first)
    g_propagate_error (error, g_steal_pointer (&first));
  return g_steal_pointer (&self);
}

static void
add_field (GString *query, const char *name, const char *value)
{
  if (!value || *value == '\0')
    return;
  if (query->len > 0)
    g_string_append_c (query, '&');
  g_string_append_printf (query, "%s=", name);
  g_string_append_uri_escaped (query, value, ":/", FALSE);
}

static char *
pusher_to_string (const MeshLink *link, const char *key)
{
  g_autofree char *path = g_strconcat ("/", link->room, NULL);
  g_autoptr (GString) query = g_string_new (NULL);
  gboolean is_default = !link->tls && link->port == default_port (FALSE);

  add_field (query, "api", link->api);
  add_field (query, "app", link->app);
  add_field (query, "secret", link->secret);
  add_field (query, "prefix", link->prefix);
  add_field (query, "auth", link->auth);
  if (link->tls != (link->cluster || link->port == 443))
    add_field (query, "tls", link->tls ? "1" : "0");
  return g_uri_join (G_URI_FLAGS_ENCODED_QUERY, link->scheme, link->app_key,
      link->cluster ? link->cluster : link->host,
      link->cluster || is_default ? -1 : link->port, path, query->str, key);
}

static char *
to_string (const MeshLink *link, const char *key)
{
  g_autofree char *path = g_strconcat ("/room/", link->room, NULL);
  int port = link->port == default_port (link->tls) ? -1 : link->port;

  return g_uri_join (G_URI_FLAGS_NONE, link->scheme, NULL, link->host, port,
      path, NULL, key);
}

/**
 * mesh_link_to_string:
 * Returns: (transfer full): @link for those who are to join: with its key
 */
char *
mesh_link_to_string (const MeshLink *link)
{
  g_autofree char *key = link->has_key
      ? mesh_base64url_encode (link->key, 16) : NULL;

  return link->app_key ? pusher_to_string (link, key) : to_string (link, key);
}

/**
 * mesh_link_to_public_string:
 * Returns: (transfer full): @link without its key and what lets us into the
 *   service, as it may be logged
 */
char *
mesh_link_to_public_string (const MeshLink *link)
{
  g_autofree char *path = NULL;

  if (!link->app_key)
    return to_string (link, NULL);
  path = g_strconcat ("/", link->room, NULL);
  return g_uri_join (G_URI_FLAGS_NONE, link->scheme, NULL, link->host,
      link->port, path, NULL, NULL);
}

/**
 * mesh_link_free:
 * @link: (nullable) (transfer full): a link
 */
void
mesh_link_free (MeshLink *link)
{
  if (!link)
    return;
  g_free (link->scheme);
  g_free (link->host);
  g_free (link->room);
  g_free (link->query);
  g_free (link->app_key);
  g_free (link->cluster);
  g_free (link->api);
  g_free (link->app);
  g_free (link->secret);
  g_free (link->prefix);
  g_free (link->auth);
  g_free (link);
}

/**
 * mesh_link_copy:
 * Returns: (transfer full): another one like it
 */
MeshLink *
mesh_link_copy (const MeshLink *link)
{
  MeshLink *self = g_memdup2 (link, sizeof *link);

  self->scheme = g_strdup (link->scheme);
  self->host = g_strdup (link->host);
  self->room = g_strdup (link->room);
  self->query = g_strdup (link->query);
  self->app_key = g_strdup (link->app_key);
  self->cluster = g_strdup (link->cluster);
  self->api = g_strdup (link->api);
  self->app = g_strdup (link->app);
  self->secret = g_strdup (link->secret);
  self->prefix = g_strdup (link->prefix);
  self->auth = g_strdup (link->auth);
  return self;
}
