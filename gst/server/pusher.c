/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "server/pusher.h"

#include <string.h>

#include "server/handshake.h"

#define SOCKET "/app/"
#define API "/apps/"
#define MESSAGES "/api/messages/"

gboolean
mesh_server_pusher_is_path (const char *path)
{
  return g_str_has_prefix (path, SOCKET) || g_str_has_prefix (path, API)
      || g_str_has_prefix (path, MESSAGES);
}

static MeshPusherHubRequest
to_hub_request (const MeshHttpRequest *request)
{
  return (MeshPusherHubRequest) {
    .method = request->method,
    .path = request->path,
    .query = request->query,
    .body = request->body,
    .length = request->body ? request->body_length : 0,
    .now = g_get_monotonic_time (),
    .unix_now = g_get_real_time () / G_USEC_PER_SEC,
  };
}

/*
 * mesh_server_pusher_body_limit:
 *
 * What is not signed is not read, but for the little that a page may say.
 */
gsize
mesh_server_pusher_body_limit (MeshPusherHub *hub,
    const MeshHttpRequest *request)
{
  MeshPusherHubRequest asked = to_hub_request (request);

  if (g_str_has_prefix (request->path, MESSAGES))
    return MESH_PUSHER_HUB_MAX_POST;
  return g_str_has_prefix (request->path, API)
      && mesh_pusher_hub_is_signed (hub, &asked)
      ? MESH_PUSHER_HUB_MAX_BODY : 0;
}

static void
answer_api (MeshPusherHub *hub, const MeshHttpRequest *request,
    MeshHttpResponse *response)
{
  MeshPusherHubRequest asked = to_hub_request (request);
  GString *text = g_string_new (NULL);

  response->status = mesh_pusher_hub_request (hub, &asked, text);
  if (response->status == 200)
    response->type = "application/json";
  response->body = g_string_free_to_bytes (text);
}

static void
set_json (MeshHttpResponse *response, guint status, const char *text)
{
  response->status = status;
  response->type = "application/json";
  response->body = g_bytes_new_static (text, strlen (text));
}

static void
answer_post (MeshPusherHub *hub, const MeshHttpRequest *request,
    MeshHttpResponse *response, gint64 now)
{
  const char *channel = request->path + strlen (MESSAGES);
  guint status;

  if (!request->body) {
    set_json (response, 400, "{\"error\":\"Missing Body\"}");
    return;
  }
  status = mesh_pusher_hub_post (hub, channel, request->body,
      request->body_length, now);
  if (status == 200)
    set_json (response, 200, "{\"message\":\"ok\"}");
  else if (status == 403)
    set_json (response, 403, "{\"error\":\"Not the id of anybody\"}");
  else if (status == 413)
    set_json (response, 413, "{\"error\":\"Too large\"}");
  else if (status == 429)
    set_json (response, 429, "{\"error\":\"Too many messages\"}");
  else
    set_json (response, status, "{\"error\":\"Not JSON\"}");
}

/* Answers as mooz's own server does, which its pages expect. Pages from other
 * origins must be allowed, and ask with OPTIONS first. */
static void
answer_messages (MeshPusherHub *hub, const MeshHttpRequest *request,
    char **origins, MeshHttpResponse *response, gint64 now)
{
  if (!mesh_origin_admit (request, origins, response))
    return;
  mesh_http_response_add (response, "Cache-Control", "no-store");
  mesh_origin_add_headers (response,
      mesh_http_request_header (request, "Origin"));
  if (g_str_equal (request->method, "POST")) {
    answer_post (hub, request, response, now);
  } else if (g_str_equal (request->method, "OPTIONS")) {
    mesh_http_response_add (response, "Access-Control-Allow-Methods", "POST");
    mesh_http_response_add (response, "Access-Control-Allow-Headers",
        "content-type");
    set_json (response, 200, "{}");
  } else {
    mesh_http_response_add (response, "Allow", "POST, OPTIONS");
    set_json (response, 405, "{\"error\":\"Unacceptable Method\"}");
  }
}

/*
 * mesh_server_pusher_answer:
 * @request: to one of the paths of mesh_server_pusher_is_path()
 * @origins: whose pages may post messages
 * @response: is filled in
 */
void
mesh_server_pusher_answer (MeshPusherHub *hub,
    const MeshHttpRequest *request, char **origins,
    MeshHttpResponse *response, gint64 now)
{
  /* Whoever has the key is let in, from any origin. */
  static char *anywhere[] = { "*", NULL };

  if (g_str_has_prefix (request->path, SOCKET))
    mesh_handshake_answer (request, anywhere, response);
  else if (g_str_has_prefix (request->path, API))
    answer_api (hub, request, response);
  else
    answer_messages (hub, request, origins, response, now);
}

/* @request: the one whose answer was 101 */
void
mesh_server_pusher_connected (MeshPusherHub *hub, guint64 client,
    const MeshHttpRequest *request, gint64 now)
{
  mesh_pusher_hub_connected (hub, client, request->path + strlen (SOCKET),
      request->query, now);
}
