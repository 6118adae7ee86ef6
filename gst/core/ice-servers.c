/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/ice-servers.h"

#include <string.h>

#include "core/error.h"
#include "core/json.h"

#define MAX_SERVERS 8
#define MAX_URL 1024
#define MAX_CREDENTIAL 512
/* Asked again after half of it; more often makes no sense, nor does longer. */
#define MIN_TTL 60
#define MAX_TTL (30 * 24 * 3600)

/* What may stand in HOST[:PORT], IPv6 in brackets. */
static gboolean
is_place (const char *text, gsize length)
{
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isalnum (text[i]) && !strchr (".-_:[]", text[i]))
      return FALSE;
  return length > 0;
}

/* "SCHEME:HOST[:PORT][?transport=…]" (RFC 7064, RFC 7065), without the scheme.
 * Returns: (nullable): HOST[:PORT], with @query behind it */
static const char *
split_url (const char *url, const char *scheme, const char **query)
{
  gsize length = strlen (scheme);

  if (g_ascii_strncasecmp (url, scheme, length) != 0 || url[length] != ':')
    return NULL;
  url += length + 1;
  *query = url + strcspn (url, "?");
  if (!is_place (url, *query - url) || (**query
          && !g_str_equal (*query, "?transport=udp")
          && !g_str_equal (*query, "?transport=tcp")))
    return NULL;
  return url;
}

/* Some other kind of server is passed over, as a page does. */
static void
take_server (MeshIceServers *self, GStrvBuilder *turn, JsonObject *object)
{
  static const char *const relays[] = { "turn", "turns" };
  const char *url = NULL, *user = NULL, *password = NULL, *query, *place;

  if (!mesh_json_get_string (object, "urls", MAX_URL, &url, NULL)
      || !mesh_json_get_string (object, "username", MAX_CREDENTIAL, &user,
          NULL)
      || !mesh_json_get_string (object, "credential", MAX_CREDENTIAL,
          &password, NULL) || !url)
    return;
  place = split_url (url, "stun", &query);
  if (place && !*query && !self->stun_server)
    self->stun_server = g_strconcat ("stun://", place, NULL);
  for (guint i = 0; user && password && i < G_N_ELEMENTS (relays); i++) {
    g_autofree char *safe_user = g_uri_escape_string (user, NULL, FALSE);
    g_autofree char *safe_password =
        g_uri_escape_string (password, NULL, FALSE);

    place = split_url (url, relays[i], &query);
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
