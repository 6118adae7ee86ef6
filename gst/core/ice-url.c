/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How STUN and TURN servers are named. RFC 7064 and 7065 have
 * `turn:HOST[:PORT]?transport=…` without a user, GStreamer has
 * `turn://USER:PASSWORD@HOST:PORT?transport=…`, and people mix both. All are
 * read here, and written in the form that the reader of it takes.
 * gst/server/web/ice.js has the same grammar; tests/vectors/ice.json holds both
 * to it. */

#include "core/ice-url.h"

#include <string.h>

#include "core/error.h"
#include "core/host-name.h"

#define FORMS "stun:HOST[:PORT] or turn:USER:PASSWORD@HOST[:PORT]" \
    "[?transport=tcp] expected"

/**
 * mesh_ice_url_redact:
 * @text: what names a server, or does not
 *
 * Returns: (transfer full): @text as it may be shown: without user and
 *   password, not too long, and UTF-8
 */
char *
mesh_ice_url_redact (const char *text)
{
  const char *at = strrchr (text, '@');
  const char *colon = strchr (text, ':');
  const char *shown = at ? at + 1 : text;
  g_autofree char *valid = g_utf8_make_valid (shown, MIN (80, strlen (shown)));
  g_autofree char *scheme = g_strndup (text, colon ? colon - text : 0);

  for (char *p = scheme; *p; p++)
    if (!g_ascii_isalpha (*p))
      return g_strdup (at ? "…" : "a text without a scheme");
  if (at)
    return g_strconcat (scheme, ":…@", valid, NULL);
  /* A password may be in what lacks the @: only HOST:PORT is shown. */
  if (colon && !strchr (text, '[')) {
    const char *place = colon + 1 + strspn (colon + 1, "/");
    const char *second = strchr (place, ':');

    if (second && strspn (second + 1, "0123456789") != strcspn (second + 1,
            "/?"))
      return g_strconcat (scheme, ":…", NULL);
  }
  return g_steal_pointer (&valid);
}

/**
 * mesh_ice_url_is_credential:
 * @text: (nullable): a user, a password, or a secret that passwords are made of
 *
 * Returns: whether @text can be one: UTF-8 without control characters, not
 *   empty, and not too long
 */
gboolean
mesh_ice_url_is_credential (const char *text)
{
  if (!text || !*text || strlen (text) > MESH_ICE_CREDENTIAL_MAX_BYTES
      || !g_utf8_validate (text, -1, NULL))
    return FALSE;
  for (; *text; text++)
    if ((guchar) *text < 0x20 || *text == 0x7f)
      return FALSE;
  return TRUE;
}

/* coturn's REST interface has users of the form TIME:NAME, so there the last
 * colon ends the user; else the first does, as in every URL. */
static const char *
find_end_of_user (const char *info, gsize length)
{
  gsize digits = strspn (info, "0123456789");
  const char *first = memchr (info, ':', length);
  const char *last = first;

  if (!first || digits < 9 || digits > 11 || info + digits != first)
    return first;
  for (const char *p = first; p < info + length; p++)
    if (*p == ':')
      last = p;
  return last;
}

static gboolean
read_user (MeshIceUrl *self, const char *info, gsize length)
{
  const char *colon = find_end_of_user (info, length);

  if (!colon)
    return FALSE;
  self->user = g_uri_unescape_segment (info, colon, NULL);
  self->password = g_uri_unescape_segment (colon + 1, info + length, NULL);
  return mesh_ice_url_is_credential (self->user)
      && mesh_ice_url_is_credential (self->password);
}

/* Returns: what is wrong, or %NULL */
static const char *
read_query (MeshIceUrl *self, const char *query)
{
  if (!*query)
    return NULL;
  if (g_ascii_strcasecmp (query, "?transport=udp") == 0)
    self->transport = self->relay ? "udp" : NULL;
  else if (g_ascii_strcasecmp (query, "?transport=tcp") == 0 && self->relay)
    self->transport = "tcp";
  else
    return self->relay ? "only ?transport=udp or ?transport=tcp may follow the "
        "port" : "nothing may follow the port of a STUN server";
  return NULL;
}

/* @place: "HOST[:PORT][/][?transport=…]". Returns: what is wrong, or %NULL */
static const char *
read_place (MeshIceUrl *self, const char *place)
{
  gsize length = strcspn (place, "?");
  const char *query = place + length;
  g_autofree char *host = g_strndup (place, length);
  char *colon;
  guint64 port = 0;

  if (length > 0 && host[length - 1] == '/')
    host[--length] = '\0';
  colon = strrchr (host, ':');
  /* A colon within an IPv6 address begins no port. */
  if (colon && !strchr (colon, ']')) {
    *colon = '\0';
    if (!g_ascii_isdigit (colon[1]) || !g_ascii_string_to_unsigned (colon + 1,
            10, 1, G_MAXUINT16, &port, NULL))
      return "its port is not a number from 1 to 65535";
  }
  self->port = port;
  self->host = mesh_host_from_text (host, FALSE);
  if (!self->host)
    return "its host is none (an address of IPv6 stands in brackets); " FORMS;
  return read_query (self, query);
}

/* Returns: (nullable): what follows the scheme and its slashes */
static const char *
read_scheme (MeshIceUrl *self, const char *text)
{
  static const char *const schemes[] = { "stun", "stuns", "turn", "turns" };

  for (guint i = 0; i < G_N_ELEMENTS (schemes); i++) {
    gsize length = strlen (schemes[i]);

    if (g_ascii_strncasecmp (text, schemes[i], length) != 0
        || text[length] != ':')
      continue;
    self->relay = i >= 2;
    self->tls = i % 2;
    text += length + 1;
    return g_str_has_prefix (text, "//") ? text + 2 : text;
  }
  return NULL;
}

/**
 * mesh_ice_url_parse:
 * @text: what names a STUN or TURN server: `stun:HOST[:PORT]`,
 *   `turn:[USER:PASSWORD@]HOST[:PORT][?transport=udp|tcp]`, with or without
 *   `//`, `turns:` for TLS. What is no letter or digit in user and password may
 *   be escaped; a user of coturn's REST interface, `TIME:NAME`, need not be
 * @error: return location for a #MESH_ERROR, without user and password
 *
 * Returns: (transfer full) (nullable): the server, or %NULL with @error set
 */
MeshIceUrl *
mesh_ice_url_parse (const char *text, GError **error)
{
  g_autoptr (MeshIceUrl) self = g_new0 (MeshIceUrl, 1);
  g_autofree char *stripped = g_strstrip (g_strdup (text));
  const char *rest = strlen (stripped) <= MESH_ICE_URL_MAX_BYTES
      ? read_scheme (self, stripped) : NULL;
  const char *at = rest ? strrchr (rest, '@') : NULL;
  const char *why = NULL;

  if (!rest)
    why = "it is none: " FORMS;
  else if (at && !self->relay)
    why = "a STUN server takes no user";
  else if (at && !read_user (self, rest, at - rest))
    why = "what stands before the @ is not USER:PASSWORD";
  else
    why = read_place (self, at ? at + 1 : rest);
  if (why) {
    g_autofree char *shown = mesh_ice_url_redact (stripped);

    g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED,
        "STUN or TURN server \"%s\": %s", shown, why);
    return NULL;
  }
  return g_steal_pointer (&self);
}

/**
 * mesh_ice_url_set_user:
 * @url: a TURN server
 * @user: its user
 * @password: its password
 *
 * Returns: %FALSE when @user or @password is none
 */
gboolean
mesh_ice_url_set_user (MeshIceUrl *url, const char *user,
    const char *password)
{
  if (!mesh_ice_url_is_credential (user)
      || !mesh_ice_url_is_credential (password))
    return FALSE;
  g_free (url->user);
  g_free (url->password);
  url->user = g_strdup (user);
  url->password = g_strdup (password);
  return TRUE;
}

/**
 * mesh_ice_url_get_port:
 * Returns: its port, or the one that its scheme has (RFC 8489, section 8.1;
 *   RFC 8656, section 17)
 */
guint16
mesh_ice_url_get_port (const MeshIceUrl *url)
{
  return url->port ? url->port : url->tls ? 5349 : 3478;
}

static const char *
scheme_of (const MeshIceUrl *url)
{
  if (url->relay)
    return url->tls ? "turns" : "turn";
  return url->tls ? "stuns" : "stun";
}

static void
append_place (GString *text, const MeshIceUrl *url, guint16 port)
{
  gboolean is_ipv6 = strchr (url->host, ':') != NULL;

  g_string_append_printf (text, "%s%s%s", is_ipv6 ? "[" : "", url->host,
      is_ipv6 ? "]" : "");
  if (port)
    g_string_append_printf (text, ":%u", port);
  if (url->transport)
    g_string_append_printf (text, "?transport=%s", url->transport);
}

/**
 * mesh_ice_url_to_web:
 * Returns: (transfer full): @url as browsers take it, and as it is shown to
 *   people: without user and password
 */
char *
mesh_ice_url_to_web (const MeshIceUrl *url)
{
  GString *text = g_string_new (scheme_of (url));

  g_string_append_c (text, ':');
  append_place (text, url, url->port);
  return g_string_free (text, FALSE);
}

/**
 * mesh_ice_url_to_gst:
 * @url: a server that pipelines can use: with a user, if it is a relay, and
 *   without TLS if it is not
 *
 * Returns: (transfer full): @url as webrtcbin takes it, which wants the port
 *   spelled out
 */
char *
mesh_ice_url_to_gst (const MeshIceUrl *url)
{
  GString *text = g_string_new (scheme_of (url));

  g_string_append (text, "://");
  if (url->user) {
    g_autofree char *user = g_uri_escape_string (url->user, NULL, FALSE);
    g_autofree char *password =
        g_uri_escape_string (url->password, NULL, FALSE);

    g_string_append_printf (text, "%s:%s@", user, password);
  }
  append_place (text, url, mesh_ice_url_get_port (url));
  return g_string_free (text, FALSE);
}

/**
 * mesh_ice_url_free:
 * @url: (nullable) (transfer full): a server
 */
void
mesh_ice_url_free (MeshIceUrl *url)
{
  if (!url)
    return;
  g_free (url->host);
  g_free (url->user);
  g_free (url->password);
  g_free (url);
}
