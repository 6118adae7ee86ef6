/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/ice-servers.h"

#include <string.h>

#include "core/error.h"
#include "core/json.h"

#define MAX_SERVERS 8
#define MAX_URL 1024
#define MAX_CREDENTIAL 512
/* RFC 1035, section 2.3.4 */
#define MAX_HOST 253
/* Asked again after half of it; more often makes no sense, nor does longer. */
#define MIN_TTL 60
#define MAX_TTL (30 * 24 * 3600)

static gboolean
is_host (const char *host)
{
  gsize length = strlen (host);

  if (length == 0 || length > MAX_HOST)
    return FALSE;
  if (host[0] == '[' && host[length - 1] == ']') {
    g_autofree char *address = g_strndup (host + 1, length - 2);

    return strchr (address, ':') && !strchr (address, '%')
        && g_hostname_is_ip_address (address);
  }
  for (const char *p = host; *p; p++)
    if (!g_ascii_isalnum (*p) && !strchr (".-_", *p))
      return FALSE;
  return TRUE;
}

/**
 * mesh_ice_is_place:
 * @place: what follows the scheme of a `stun:` or `turn:` URL, without user and
 *   password (RFC 7064, RFC 7065)
 * @relay: whether it is a TURN server
 *
 * Returns: whether it is `HOST[:PORT]`, an IPv6 address in brackets; for a
 *   relay `?transport=udp` or `?transport=tcp` may follow
 *
 * Since: 0.1
 */
gboolean
mesh_ice_is_place (const char *place, gboolean relay)
{
  gsize length = strcspn (place, "?");
  const char *query = place + length;
  g_autofree char *host = g_strndup (place, length);
  char *colon = strrchr (host, ':');

  if (*query && !(relay && (g_str_equal (query, "?transport=udp")
              || g_str_equal (query, "?transport=tcp"))))
    return FALSE;
  /* Those within an IPv6 address are none. */
  if (colon && !strchr (colon, ']')) {
    *colon = 0;
    if (!g_ascii_isdigit (colon[1]) || !g_ascii_string_to_unsigned (colon + 1,
            10, 1, G_MAXUINT16, NULL, NULL))
      return FALSE;
  }
  return is_host (host);
}

/* Returns: (nullable): what follows the scheme, if it is a place */
static const char *
skip_scheme (const char *url, const char *scheme)
{
  gsize length = strlen (scheme);

  if (g_ascii_strncasecmp (url, scheme, length) != 0 || url[length] != ':')
    return NULL;
  url += length + 1;
  return mesh_ice_is_place (url, scheme[0] == 't') ? url : NULL;
}

/* Some other kind of server is passed over, as a page does. */
static void
take_server (MeshIceServers *self, GStrvBuilder *turn, JsonObject *object)
{
  static const char *const relays[] = { "turn", "turns" };
  const char *url = NULL, *user = NULL, *password = NULL, *place;

  if (!mesh_json_get_string (object, "urls", MAX_URL, &url, NULL)
      || !mesh_json_get_string (object, "username", MAX_CREDENTIAL, &user,
          NULL)
      || !mesh_json_get_string (object, "credential", MAX_CREDENTIAL,
          &password, NULL) || !url)
    return;
  place = skip_scheme (url, "stun");
  if (place && !self->stun_server)
    self->stun_server = g_strconcat ("stun://", place, NULL);
  for (guint i = 0; user && password && i < G_N_ELEMENTS (relays); i++) {
    g_autofree char *safe_user = g_uri_escape_string (user, NULL, FALSE);
    g_autofree char *safe_password =
        g_uri_escape_string (password, NULL, FALSE);

    place = skip_scheme (url, relays[i]);
    if (!place)
      continue;
    g_autofree char *uri = g_strconcat (relays[i], "://", safe_user, ":",
        safe_password, "@", place, NULL);
    g_strv_builder_add (turn, uri);
  }
}

/**
 * mesh_ice_servers_parse:
 * @text: what `/v1/ice` answered
 * @length: its length
 * @error: return location for a #MESH_ERROR
 *
 * Servers of a kind that is not known are passed over, and so are those beyond
 * the first eight.
 *
 * Returns: (transfer full) (nullable): which servers there are
 *
 * Since: 0.1
 */
MeshIceServers *
mesh_ice_servers_parse (const char *text, gsize length, GError **error)
{
  g_autoptr (JsonObject) object = NULL;
  g_autoptr (MeshIceServers) self = g_new0 (MeshIceServers, 1);
  g_autoptr (GStrvBuilder) turn = g_strv_builder_new ();
  JsonNode *node;
  JsonArray *list;

  object = mesh_json_parse (text, length, error);
  if (!object || !mesh_json_get_int (object, "ttl", MIN_TTL, MAX_TTL,
          &self->ttl, error))
    return NULL;
  node = json_object_get_member (object, "iceServers");
  if (!node || !JSON_NODE_HOLDS_ARRAY (node)) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_FAILED,
        "\"iceServers\" is no list");
    return NULL;
  }
  list = json_node_get_array (node);
  for (guint i = 0; i < MIN (json_array_get_length (list), MAX_SERVERS); i++) {
    JsonNode *one = json_array_get_element (list, i);

    if (JSON_NODE_HOLDS_OBJECT (one))
      take_server (self, turn, json_node_get_object (one));
  }
  self->turn_servers = g_strv_builder_end (turn);
  return g_steal_pointer (&self);
}

void
mesh_ice_servers_free (MeshIceServers *servers)
{
  if (!servers)
    return;
  g_free (servers->stun_server);
  g_strfreev (servers->turn_servers);
  g_free (servers);
}
