/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The page: the files of web/, built into the library. */

#include "server/page.h"

#include <gio/gio.h>

#include "core/json.h"
#include "web-resources.h"

#define PREFIX "/meshroom/web"

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

/* The page may load what comes from here and nothing else, talk to any
 * WebSocket (a room's link can name another server), and use the camera. */
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

/*
 * mesh_page_answer:
 * @path: as requested
 *
 * Answers with one of the page's files, or 404.
 */
void
mesh_page_answer (const char *path, MeshHttpResponse *response)
{
  const char *file =
      g_str_equal (path, "/") || is_room (path) ? "/index.html" : path;
  g_autofree char *name = g_strconcat (PREFIX, file, NULL);

  response->status = 404;
  /* GResource finds files under "name/" as well. */
  if (g_str_has_suffix (name, "/"))
    return;
  response->body = g_resource_lookup_data (mesh_web_get_resource (), name,
      G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  if (!response->body)
    return;
  response->status = 200;
  response->type = find_type (file);
  add_policy (response);
}
