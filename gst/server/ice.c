/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GET /v1/ice: the STUN and TURN servers for members that do not know any by
 * themselves, as an RTCPeerConnection takes them for its iceServers. */

#include "server/ice.h"

#include <gio/gio.h>
#include <string.h>

#include "core/error.h"
#include "core/ice-url.h"
#include "core/json.h"
#include "server/handshake.h"

/* Credentials that are made of the secret are good for so long. A relay asks
 * for them again at each new allocation, so a page fetches others in time. */
#define TTL (12 * 60 * 60)

struct _MeshIce {
  GPtrArray *servers;           /* of MeshIceUrl */
  char *secret;                 /* NULL: none */
};

MeshIce *
mesh_ice_new (void)
{
  MeshIce *self = g_new0 (MeshIce, 1);

  self->servers =
      g_ptr_array_new_with_free_func ((GDestroyNotify) mesh_ice_url_free);
  return self;
}

void
mesh_ice_free (MeshIce *ice)
{
  if (!ice)
    return;
  g_ptr_array_unref (ice->servers);
  g_free (ice->secret);
  g_free (ice);
}

/*
 * mesh_ice_set_secret:
 * @secret: what the relays share with us
 *
 * TURN servers that are added without user and password have credentials made
 * for them, for some hours each ("use-auth-secret" of coturn).
 */
gboolean
mesh_ice_set_secret (MeshIce *ice, const char *secret, GError **error)
{
  if (!mesh_ice_url_is_credential (secret)) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_FAILED,
        "a relay's secret is one line of text");
    return FALSE;
  }
  g_free (ice->secret);
  ice->secret = g_strdup (secret);
  return TRUE;
}

/*
 * mesh_ice_add:
 * @uri: as mesh_ice_url_parse() takes it. With a secret, relays may come without
 *   USER:PASSWORD
 */
gboolean
mesh_ice_add (MeshIce *ice, const char *uri, GError **error)
{
  g_autoptr (MeshIceUrl) url = mesh_ice_url_parse (uri, error);
  const char *why = NULL;

  if (!url)
    return FALSE;
  if (ice->servers->len >= MESH_ICE_MAX_SERVERS)
    why = "there are too many";
  else if (url->relay && !url->user && !ice->secret)
    why = "a relay needs USER:PASSWORD, or a turn secret to make them of "
        "(--turn-secret)";
  if (why) {
    g_autofree char *shown = mesh_ice_url_redact (uri);

    g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED,
        "STUN or TURN server \"%s\": %s", shown, why);
    return FALSE;
  }
  g_ptr_array_add (ice->servers, g_steal_pointer (&url));
  return TRUE;
}

/* draft-uberti-behave-turn-rest-00, section 2.2: the user is the time at which
 * the credentials end, and the password a MAC of it with the shared secret. */
static void
add_credentials (MeshIce *self, JsonObject *object, const MeshIceUrl *server,
    gint64 unix_now)
{
  g_autofree char *user = NULL;
  g_autofree char *password = NULL;
  g_autoptr (GHmac) hmac = NULL;
  guint8 digest[20];
  gsize length = sizeof digest;

  if (server->user) {
    json_object_set_string_member (object, "username", server->user);
    json_object_set_string_member (object, "credential", server->password);
    return;
  }
  user = g_strdup_printf ("%" G_GINT64_FORMAT ":meshroom", unix_now + TTL);
  hmac = g_hmac_new (G_CHECKSUM_SHA1, (const guchar *) self->secret,
      strlen (self->secret));
  g_hmac_update (hmac, (const guchar *) user, -1);
  g_hmac_get_digest (hmac, digest, &length);
  password = g_base64_encode (digest, length);
  json_object_set_string_member (object, "username", user);
  json_object_set_string_member (object, "credential", password);
}

static char *
to_json (MeshIce *self, gint64 unix_now)
{
  g_autoptr (JsonObject) object = json_object_new ();
  JsonArray *list = json_array_new ();

  for (guint i = 0; i < self->servers->len; i++) {
    const MeshIceUrl *server = g_ptr_array_index (self->servers, i);
    g_autofree char *url = mesh_ice_url_to_web (server);
    JsonObject *one = json_object_new ();

    json_object_set_string_member (one, "urls", url);
    if (server->relay)
      add_credentials (self, one, server, unix_now);
    json_array_add_object_element (list, one);
  }
  json_object_set_array_member (object, "iceServers", list);
  if (self->secret)
    json_object_set_int_member (object, "ttl", TTL);
  return mesh_json_to_string (object);
}

/*
 * mesh_ice_answer:
 * @origins: whose pages may ask, beside our own
 * @response: is filled in
 */
void
mesh_ice_answer (MeshIce *ice, const MeshHttpRequest *request, char **origins,
    MeshHttpResponse *response, gint64 unix_now)
{
  char *text;

  if (!mesh_origin_admit (request, origins, response))
    return;
  text = to_json (ice, unix_now);
  response->status = 200;
  response->type = "application/json";
  response->body = g_bytes_new_take (text, strlen (text));
  mesh_http_response_add (response, "Cache-Control", "no-store");
  mesh_origin_add_headers (response,
      mesh_http_request_header (request, "Origin"));
}
