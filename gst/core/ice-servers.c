/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/ice-servers.h"

#include "core/error.h"
#include "core/ice-url.h"
#include "core/json.h"

#define MAX_SERVERS 8
/* The bounds of a lifetime. The server is asked again after half of it. */
#define MIN_TTL 60
#define MAX_TTL (30 * 24 * 3600)

/* A URL of another kind is skipped, as the page does. */
static void
take_server (MeshIceServers *self, GStrvBuilder *turn, JsonObject *object)
{
  const char *text = NULL, *user = NULL, *password = NULL;
  g_autoptr (MeshIceUrl) url = NULL;

  if (!mesh_json_get_string (object, "urls", MESH_ICE_URL_MAX_BYTES, &text,
          NULL)
      || !mesh_json_get_string (object, "username",
          MESH_ICE_CREDENTIAL_MAX_BYTES, &user, NULL)
      || !mesh_json_get_string (object, "credential",
          MESH_ICE_CREDENTIAL_MAX_BYTES, &password, NULL) || !text)
    return;
  url = mesh_ice_url_parse (text, NULL);
  if (!url || url->user)
    return;
  if (!url->relay && !url->tls && !self->stun_server)
    self->stun_server = mesh_ice_url_to_gst (url);
  if (url->relay && mesh_ice_url_set_user (url, user, password)) {
    g_autofree char *uri = mesh_ice_url_to_gst (url);

    g_strv_builder_add (turn, uri);
  }
}

/**
 * mesh_ice_servers_parse:
 * @text: the answer of `/v1/ice`
 * @length: its length
 * @error: return location for a #MESH_ERROR
 *
 * Servers of a kind that is not known are passed over, and so are those beyond
 * the first eight.
 *
 * Returns: (transfer full) (nullable): the servers
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
