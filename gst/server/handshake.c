/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which pages may talk to the server, and the server's half of the WebSocket
 * handshake (RFC 6455, section 4.2). No extension is ever accepted: with
 * permessage-deflate a small frame can unpack to any size. */

#include "server/handshake.h"

#include <string.h>

#include "core/error.h"
#include "core/ws-frame.h"

/* Returns whether @a and @b name the same host and port, where :80 or :443 may
 * be left out. */
static gboolean
same_host (const char *a, const char *b, const char *default_port)
{
  gsize a_length = strlen (a), b_length = strlen (b);

  if (g_str_has_suffix (a, default_port))
    a_length -= strlen (default_port);
  if (g_str_has_suffix (b, default_port))
    b_length -= strlen (default_port);
  return a_length > 0 && a_length == b_length
      && g_ascii_strncasecmp (a, b, a_length) == 0;
}

/*
 * mesh_origin_is_allowed:
 * @origin: (nullable): what the browser says where the page came from; %NULL =
 *   no browser
 * @host: (nullable): what the client calls us
 * @allowed: (array zero-terminated=1): further origins; "*" = all
 *
 * Any page that a browser shows can open a WebSocket to anywhere: only pages
 * that came from us, or that we know, may.
 */
gboolean
mesh_origin_is_allowed (const char *origin, const char *host, char **allowed)
{
  if (!origin)
    return TRUE;
  for (; allowed && *allowed; allowed++)
    if (g_str_equal (*allowed, "*")
        || g_ascii_strcasecmp (origin, *allowed) == 0)
      return TRUE;
  if (!host)
    return FALSE;
  if (g_ascii_strncasecmp (origin, "http://", 7) == 0)
    return same_host (origin + 7, host, ":80");
  if (g_ascii_strncasecmp (origin, "https://", 8) == 0)
    return same_host (origin + 8, host, ":443");
  return FALSE;
}

/*
 * mesh_origin_admit:
 *
 * Returns: as mesh_origin_is_allowed() for the page that asks; %FALSE with
 *   status 403
 */
gboolean
mesh_origin_admit (const MeshHttpRequest *request, char **allowed,
    MeshHttpResponse *response)
{
  if (mesh_origin_is_allowed (mesh_http_request_header (request, "Origin"),
          mesh_http_request_header (request, "Host"), allowed))
    return TRUE;
  response->status = 403;
  return FALSE;
}

/* Lets a page of another origin read the answer; @origin NULL: no browser. */
void
mesh_origin_add_headers (MeshHttpResponse *response, const char *origin)
{
  if (!origin)
    return;
  mesh_http_response_add (response, "Access-Control-Allow-Origin", origin);
  mesh_http_response_add (response, "Vary", "Origin");
}

/*
 * mesh_origin_check:
 * @text: what somebody wants to allow
 *
 * Returns: %FALSE with @error set when no browser would send that as an origin,
 *   so that no page would ever be let in
 */
gboolean
mesh_origin_check (const char *text, GError **error)
{
  g_autoptr (GUri) uri = NULL;
  gboolean usual;

  if (g_str_equal (text, "*") || g_str_equal (text, "null"))
    return TRUE;
  uri = g_str_is_ascii (text) && !strpbrk (text, "*@?#")
      ? g_uri_parse (text, G_URI_FLAGS_NONE, NULL) : NULL;
  if (!uri || !g_uri_get_host (uri) || !*g_uri_get_host (uri)
      || *g_uri_get_path (uri)) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED, "\"%s\" is not an "
        "origin: https://HOST[:PORT] is expected, without a path, or * for all",
        text);
    return FALSE;
  }
  usual = g_uri_get_port (uri) == (g_str_equal (g_uri_get_scheme (uri), "https")
      ? 443 : g_str_equal (g_uri_get_scheme (uri), "http") ? 80 : 0);
  if (usual)
    g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED, "\"%s\": browsers leave "
        "the usual port of a scheme out, so leave it out here, too", text);
  return !usual;
}

/* Answers a request for a WebSocket, with status 101 when it becomes one. */
void
mesh_handshake_answer (const MeshHttpRequest *request, char **allowed,
    MeshHttpResponse *response)
{
  const char *key = mesh_http_request_header (request, "Sec-WebSocket-Key");
  const char *version =
      mesh_http_request_header (request, "Sec-WebSocket-Version");
  g_autofree char *accept = NULL;

  if (!mesh_http_request_has_token (request, "Upgrade", "websocket")
      || g_strcmp0 (version, "13") != 0) {
    response->status = 426;
    mesh_http_response_add (response, "Upgrade", "websocket");
    mesh_http_response_add (response, "Sec-WebSocket-Version", "13");
    return;
  }
  if (!mesh_origin_admit (request, allowed, response))
    return;
  accept = key ? mesh_ws_accept_key (key) : NULL;
  if (!accept || !g_str_equal (request->method, "GET")
      || !mesh_http_request_has_token (request, "Connection", "upgrade")) {
    response->status = 400;
    return;
  }
  response->status = 101;
  mesh_http_response_add (response, "Upgrade", "websocket");
  mesh_http_response_add (response, "Connection", "Upgrade");
  mesh_http_response_add (response, "Sec-WebSocket-Accept", accept);
}
