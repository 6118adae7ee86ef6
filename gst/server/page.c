/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Answers with the page, which is the files of web/ built into the library. */

#include "server/page.h"

#include <gio/gio.h>
#include <string.h>

#include "core/json.h"
#include "core/link.h"
#include "web-resources.h"

#define PREFIX "/meshroom/web"
#define MAX_ROOM_URL 2048

static const struct {
  const char *suffix;
  const char *type;
} types[] = {
  { ".html", "text/html; charset=utf-8" },
  { ".js", "text/javascript; charset=utf-8" },
  { ".css", "text/css; charset=utf-8" },
  { ".svg", "image/svg+xml" },
};

static const char *
find_type (const char *path)
{
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (g_str_has_suffix (path, types[i].suffix))
      return types[i].type;
  return "application/octet-stream";
}

/* The page may load only what comes from this server, talk to any WebSocket (a
 * room's link can name another server), and use the camera. */
static void
add_policy (MeshHttpResponse *response)
{
  mesh_http_response_add (response, "Content-Security-Policy",
      "default-src 'self'; connect-src 'self' ws: wss:; "
      "img-src 'self' data: blob:; media-src 'self' blob:; "
      "object-src 'none'; base-uri 'none'; form-action 'none'; "
      "frame-ancestors 'none'");
  mesh_http_response_add (response, "Permissions-Policy",
      "camera=(self), microphone=(self), display-capture=(self), "
      "geolocation=()");
  mesh_http_response_add (response, "Cache-Control", "no-cache");
}

static gboolean
is_room (const char *path)
{
  return g_str_has_prefix (path, "/room/")
      && mesh_is_uuid (path + strlen ("/room/"));
}

/* Any thread. GLib registers the resource when it is first looked for, and
 * gives the second of two threads that call mesh_web_get_resource() for the
 * first time at once NULL. So its result is not used: the call keeps the
 * resource in a statically linked program, and the file is looked up in all
 * resources of the process, which waits for the thread that registers them. */
static GBytes *
look_up (const char *name)
{
  mesh_web_get_resource ();
  return g_resources_lookup_data (name, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
}

/* Where a browser should have gone that asked for a room in a way that chats
 * and people spell links. The "#" can be among what was encoded: then the
 * browser has sent us the key, which goes back into the fragment, and nowhere
 * else.
 *
 * Returns: (nullable): a path of ours, with query and fragment */
static char *
find_room (const MeshHttpRequest *request)
{
  g_autofree char *text = g_strconcat ("http://localhost", request->path,
      request->query ? "?" : NULL, request->query, NULL);
  g_autoptr (MeshLink) link = NULL;
  g_autofree char *canonical = NULL, *query = NULL;
  const char *key;

  /* a longer text is no link, and parsing it would keep everybody waiting */
  if (!g_str_is_ascii (text) || strlen (text) > MAX_ROOM_URL)
    return NULL;
  link = mesh_link_parse (text, NULL);
  if (!link || !g_str_equal (link->host, "localhost") || link->app_key)
    return NULL;
  canonical = mesh_link_to_string (link);
  key = strchr (canonical, '#');
  if (is_room (request->path) && !key)
    return NULL;
  /* a query without a name that the grammar knows stays as the browser sent
   * it; what has been decoded must not end the header */
  query = g_uri_escape_string (link->query ? link->query
      : request->query && !key ? request->query : "",
      "!$&'()*+,;=:/?@[]%", FALSE);
  return g_strconcat ("/room/", link->room, *query ? "?" : "", query, key,
      NULL);
}

/* A browser gets a page for people, a program just the status in words. */
static void
answer_lost (const MeshHttpRequest *request, MeshHttpResponse *response)
{
  const char *accept = mesh_http_request_header (request, "Accept");

  response->status = 404;
  if (!accept || !strstr (accept, "text/html"))
    return;
  response->body = look_up (PREFIX "/lost.html");
  response->type = find_type (".html");
  add_policy (response);
}

/*
 * mesh_page_answer:
 * @request: a GET or HEAD
 *
 * Answers with one of the page's files, with the way to the room that was
 * meant, or with 404. Any thread.
 */
void
mesh_page_answer (const MeshHttpRequest *request, MeshHttpResponse *response)
{
  const char *path = request->path;
  const char *file =
      g_str_equal (path, "/") || is_room (path) ? "/index.html" : path;
  g_autofree char *name = g_strconcat (PREFIX, file, NULL);
  g_autofree char *room = find_room (request);

  if (room) {
    response->status = 302;
    mesh_http_response_add (response, "Location", room);
    mesh_http_response_add (response, "Cache-Control", "no-store");
    return;
  }
  /* GResource finds files under "name/" as well. */
  if (!g_str_has_suffix (name, "/"))
    response->body = look_up (name);
  if (!response->body) {
    answer_lost (request, response);
    return;
  }
  response->status = 200;
  response->type = find_type (file);
  add_policy (response);
}
