/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the server answers to plain requests. */

#include <string.h>

#include "serving.h"

static char *
get (Serving *f, const char *path)
{
  return raw_request (f, "GET %s HTTP/1.1\r\nHost: x\r\n"
      "Connection: close\r\n\r\n", path);
}

static void
the_page_stands_at_rooms_too (Serving *f, gconstpointer data)
{
  static const char *const paths[] = { "/", "/?muted=1", "/room/" ROOM_ID,
    "/room/" ROOM_ID "?solo=x&hidden=1" };
  static const char *const headers[] = {
    "HTTP/1.1 200 OK\r\n", "\r\nContent-Type: text/html; charset=utf-8\r\n",
    "\r\nReferrer-Policy: no-referrer\r\n",
    "\r\nX-Content-Type-Options: nosniff\r\n",
    "\r\nCache-Control: no-cache\r\n",
    "\r\nContent-Security-Policy: default-src 'self'; "
        "connect-src 'self' ws: wss:; img-src 'self' data: blob:; "
        "media-src 'self' blob:;",
    "\r\nPermissions-Policy: camera=(self), microphone=(self)",
    "<!doctype html>",
  };

  serving_start (f);
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autofree char *answer = get (f, paths[i]);

    for (guint j = 0; j < G_N_ELEMENTS (headers); j++)
      g_assert_nonnull (strstr (answer, headers[j]));
  }
}

static void
files_have_their_types (Serving *f, gconstpointer data)
{
  static const char *const cases[][2] = {
    { "/app.js", "\r\nContent-Type: text/javascript; charset=utf-8\r\n" },
    { "/style.css", "\r\nContent-Type: text/css; charset=utf-8\r\n" },
  };

  serving_start (f);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *answer = get (f, cases[i][0]);

    g_assert_true (g_str_has_prefix (answer, "HTTP/1.1 200 OK\r\n"));
    g_assert_nonnull (strstr (answer, cases[i][1]));
  }
}

#define ROOM_KEY "AAECAwQFBgcICQoLDA0ODw"

static void
nothing_else_is_there (Serving *f, gconstpointer data)
{
  static const char *const paths[] = {
    "/nope", "/room", "/room/", "/room/x",
    "/room/" ROOM_ID "x", "/room/../index.html", "/../../../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc%2fpasswd", "//etc/passwd",
    "/app.js/..", "/./app.js", "/app.js%00.css", "/\\..\\x", "/index.html/",
    "/web.gresource.xml", "/meshroom/web/index.html", "/v1", "/metrics/",
  };

  serving_start (f);
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autofree char *answer = get (f, paths[i]);

    g_test_message ("%s", paths[i]);
    g_assert_true (g_str_has_prefix (answer, "HTTP/1.1 404 Not Found\r\n"));
    g_assert_nonnull (strstr (answer, "\r\n\r\nNot Found"));
  }
}

/* Links as chats hand them on. What stands in the fragment never comes here;
 * an encoded "#" does, and what follows goes back into the fragment. */
static void
a_room_spelled_otherwise_is_found (Serving *f, gconstpointer data)
{
  static const char *const cases[][2] = {
    { "/room/" ROOM_ID "/", "/room/" ROOM_ID },
    { "//room/" ROOM_ID, "/room/" ROOM_ID },
    { "/room/" ROOM_ID ".", "/room/" ROOM_ID },
    { "/room/" ROOM_ID ")", "/room/" ROOM_ID },
    { "/room/" ROOM_ID "%E2%80%8B", "/room/" ROOM_ID },
    { "/room/" ROOM_ID "%20", "/room/" ROOM_ID },
    { "/room%2F" ROOM_ID, "/room/" ROOM_ID },
    { "/ROOM/" ROOM_ID, "/room/" ROOM_ID },
    { "/room/" ROOM_ID "/?muted=1&hidden=1",
      "/room/" ROOM_ID "?muted=1&hidden=1" },
    { "/room/" ROOM_ID "%23" ROOM_KEY, "/room/" ROOM_ID "#" ROOM_KEY },
    { "/room/" ROOM_ID "/%23" ROOM_KEY ".", "/room/" ROOM_ID "#" ROOM_KEY },
    { "/room/" ROOM_ID "%2523" ROOM_KEY, "/room/" ROOM_ID "#" ROOM_KEY },
    { "/room/" ROOM_ID "?muted=1%23" ROOM_KEY,
      "/room/" ROOM_ID "?muted=1#" ROOM_KEY },
    { "/room/" ROOM_ID "%23" ROOM_KEY "?muted=1",
      "/room/" ROOM_ID "?muted=1#" ROOM_KEY },
    { "/room/" ROOM_ID "%3Fmuted=1&hidden=1",
      "/room/" ROOM_ID "?muted=1&hidden=1" },
    { "/room/" ROOM_ID "%3Fmuted%3D1%26hidden%3D1%23" ROOM_KEY,
      "/room/" ROOM_ID "?muted=1&hidden=1#" ROOM_KEY },
    { "/room/" ROOM_ID ".?muted=1&hidden=1",
      "/room/" ROOM_ID "?muted=1&hidden=1" },
    { "/room/" ROOM_ID ")?muted=1", "/room/" ROOM_ID "?muted=1" },
    { "/room/" ROOM_ID "%22?muted=1&x", "/room/" ROOM_ID "?muted=1&x" },
    { "/room/" ROOM_ID "%3E?muted=1", "/room/" ROOM_ID "?muted=1" },
    { "/room/" ROOM_ID ";muted=1", "/room/" ROOM_ID "?muted=1" },
    { "/room/" ROOM_ID ".?x", "/room/" ROOM_ID "?x" },
    { "/room/" ROOM_ID "%23" ROOM_KEY "%3Fmuted=1%0D%0AX:y",
      "/room/" ROOM_ID "?muted=1%0D%0AX:y#" ROOM_KEY },
  };

  serving_start (f);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *answer = get (f, cases[i][0]);
    g_autofree char *location = g_strdup_printf ("\r\nLocation: %s\r\n",
        cases[i][1]);

    g_test_message ("%s", cases[i][0]);
    g_assert_true (g_str_has_prefix (answer, "HTTP/1.1 302 Found\r\n"));
    g_assert_nonnull (strstr (answer, location));
    g_assert_nonnull (strstr (answer, "\r\nCache-Control: no-store\r\n"));
  }
}

/* Nobody is sent elsewhere, and a damaged key is for the page to explain. */
static void
no_other_way_is_shown (Serving *f, gconstpointer data)
{
  static const char *const cases[] = {
    "//evil.example/room/" ROOM_ID, "/(http://evil.example/room/" ROOM_ID,
    "/x?u=http://evil.example/room/" ROOM_ID, "/@evil.example/room/" ROOM_ID,
    "/room/" ROOM_ID "%23short", "/(http://[/room/" ROOM_ID,
    "/http%3A%", "/(https%3A%2F%2F[%5D",
  };

  serving_start (f);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *answer = get (f, cases[i]);

    g_test_message ("%s", cases[i]);
    g_assert_true (g_str_has_prefix (answer, "HTTP/1.1 404 "));
  }
}

static void
a_person_who_is_lost_is_told_what_to_do (Serving *f, gconstpointer data)
{
  g_autofree char *answer = NULL;

  serving_start (f);
  answer = raw_request (f, "GET /rooms/<b>x HTTP/1.1\r\nHost: x\r\n"
      "Accept: text/html,*/*;q=0.8\r\nConnection: close\r\n\r\n");
  g_assert_true (g_str_has_prefix (answer, "HTTP/1.1 404 Not Found\r\n"));
  g_assert_nonnull (strstr (answer, "\r\nContent-Type: text/html"));
  g_assert_nonnull (strstr (answer, "\r\nContent-Security-Policy: "));
  g_assert_nonnull (strstr (answer, "https://HOST/room/ROOM-ID#KEY"));
  g_assert_nonnull (strstr (answer, "href=\"/\""));
  g_assert_null (strstr (answer, "<b>x"));
}

static void
only_get_and_head (Serving *f, gconstpointer data)
{
  static const char *const methods[] = { "POST", "PUT", "DELETE", "OPTIONS",
    "CONNECT", "TRACE", "get", "X" };
  g_autofree char *head = NULL;

  serving_start (f);
  for (guint i = 0; i < G_N_ELEMENTS (methods); i++) {
    g_autofree char *answer = raw_request (f, "%s / HTTP/1.1\r\nHost: x\r\n"
        "Content-Length: 3\r\n\r\nabc", methods[i]);

    g_assert_true (g_str_has_prefix (answer, "HTTP/1.1 405 "));
    g_assert_nonnull (strstr (answer, "\r\nAllow: GET, HEAD\r\n"));
  }
  head = raw_request (f, "HEAD / HTTP/1.1\r\nHost: x\r\n"
      "Connection: close\r\n\r\n");
  g_assert_true (g_str_has_prefix (head, "HTTP/1.1 200 OK\r\n"));
  g_assert_true (g_str_has_suffix (head, "\r\n\r\n"));
  g_assert_null (strstr (head, "Content-Length: 0"));
}

static void
health_and_metrics (Serving *f, gconstpointer data)
{
  g_autoptr (GIOStream) raw = NULL;
  g_autofree char *health = NULL, *metrics = NULL;

  serving_start (f);
  raw = raw_websocket (f);
  raw_hello (raw, ID_A);
  health = get (f, "/healthz");
  g_assert_true (g_str_has_suffix (health, "\r\n\r\nok\n"));
  metrics = get (f, "/metrics");
  g_assert_nonnull (strstr (metrics, "\nmeshroom_connections 2\n"));
  g_assert_nonnull (strstr (metrics, "\nmeshroom_rooms 1\n"));
  g_assert_nonnull (strstr (metrics, "\nmeshroom_members 1\n"));
  g_assert_nonnull (strstr (metrics, "\nmeshroom_messages_relayed_total 0\n"));
  g_assert_nonnull (strstr (metrics,
          "\nmeshroom_rejected_total{code=\"too-big\"} 0\n"));
}

static char *
write_figures (MeshServer *server, gpointer user_data)
{
  Serving *f = user_data;

  g_assert_true (server == f->server);
  g_assert_true (g_main_context_is_owner (f->context));
  return g_strdup ("cups_total 3\n");
}

static void
a_program_adds_its_figures (Serving *f, gconstpointer data)
{
  g_autofree char *metrics = NULL;

  f->metrics = write_figures;
  serving_start (f);
  metrics = get (f, "/metrics");
  g_assert_nonnull (strstr (metrics, "\nmeshroom_rooms 0\n"));
  g_assert_true (g_str_has_suffix (metrics, "\ncups_total 3\n"));
}

static void
count (gpointer counter)
{
  ++*(guint *) counter;
}

static void
the_figures_are_let_go_of (Serving *f, gconstpointer data)
{
  guint gone = 0;
  MeshServer *server = mesh_server_new ();

  mesh_server_set_metrics_func (server, write_figures, &gone, count);
  mesh_server_set_metrics_func (server, write_figures, &gone, count);
  g_assert_cmpuint (gone, ==, 1);
  g_assert_finalize_object (server);
  g_assert_cmpuint (gone, ==, 2);
}

static void
requests_in_a_row_are_answered_in_order (Serving *f, gconstpointer data)
{
  g_autofree char *answers = NULL;
  const char *second;

  serving_start (f);
  answers = raw_request (f, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /nope HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /app.js HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
      "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  g_assert_true (g_str_has_prefix (answers, "HTTP/1.1 200 OK\r\n"));
  second = strstr (answers, "ok\nHTTP/1.1 404 ");
  g_assert_nonnull (second);
  second = strstr (second, "Not FoundHTTP/1.1 200 ");
  g_assert_nonnull (second);
  g_assert_null (strstr (second + 20, "HTTP/1.1 "));
}

static void
bad_requests_are_refused (Serving *f, gconstpointer data)
{
  static const char *const cases[][2] = {
    { "x\r\n\r\n", "HTTP/1.1 400 " },
    { "GET / HTTP/3\r\n\r\n", "HTTP/1.1 505 " },
    { "\x16\x03\x01\x02\r\n\r\n", "HTTP/1.1 400 " },
  };
  g_autofree char *long_name = g_strnfill (MESH_HTTP_MAX_HEAD, 'x');
  g_autofree char *answer = NULL;

  serving_start (f);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = raw_request (f, "%s", cases[i][0]);

    g_assert_true (g_str_has_prefix (text, cases[i][1]));
  }
  answer = raw_request (f, "GET /%s HTTP/1.1\r\n\r\n", long_name);
  g_assert_true (g_str_has_prefix (answer, "HTTP/1.1 431 "));
}

static void
websockets_are_for_known_origins (Serving *f, gconstpointer data)
{
  static const struct {
    const char *headers;
    const char *answer;
  } cases[] = {
    { "Host: h:1\r\n", "HTTP/1.1 101 " },
    { "Host: h:1\r\nOrigin: http://h:1\r\n", "HTTP/1.1 101 " },
    { "Host: h:1\r\nOrigin: https://good.example\r\n", "HTTP/1.1 101 " },
    { "Host: h:1\r\nOrigin: http://h\r\n", "HTTP/1.1 403 " },
    { "Host: h:1\r\nOrigin: http://evil.example\r\n", "HTTP/1.1 403 " },
    { "Host: h:1\r\nOrigin: null\r\n", "HTTP/1.1 403 " },
    { "Host: h:1\r\nOrigin:\r\n", "HTTP/1.1 403 " },
  };

  f->origins = g_strsplit ("https://good.example", " ", 0);
  serving_start (f);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GIOStream) raw = raw_connect (f);
    g_autofree char *request = g_strconcat ("GET /v1/socket HTTP/1.1\r\n",
        cases[i].headers, "Upgrade: WebSocket\r\nConnection: keep-alive, "
        "Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: "
        "permessage-deflate\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "\r\n", NULL);
    g_autofree char *head = NULL;

    raw_send (raw, request, -1);
    head = raw_read_head (raw);
    g_assert_true (g_str_has_prefix (head, cases[i].answer));
    g_assert_null (strstr (head, "Extensions"));
  }
}

static void
half_a_handshake_is_none (Serving *f, gconstpointer data)
{
#define SOCKET "GET /v1/socket HTTP/1.1\r\nHost: x\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECTION "Connection: close, upgrade\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
  static const char *const cases[][2] = {
    { SOCKET "Connection: close\r\n", "HTTP/1.1 426 " },
    { SOCKET UPGRADE CONNECTION KEY "Sec-WebSocket-Version: 8\r\n",
        "HTTP/1.1 426 " },
    { SOCKET UPGRADE CONNECTION VERSION, "HTTP/1.1 400 " },
    { SOCKET UPGRADE CONNECTION VERSION "Sec-WebSocket-Key: c2hvcnQ=\r\n",
        "HTTP/1.1 400 " },
    { SOCKET UPGRADE "Connection: close\r\n" VERSION KEY, "HTTP/1.1 400 " },
    { "HEAD /v1/socket HTTP/1.1\r\nHost: x\r\n" UPGRADE CONNECTION VERSION KEY,
        "HTTP/1.1 400 " },
  };

  serving_start (f);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *answer = raw_request (f, "%s\r\n", cases[i][0]);

    g_assert_true (g_str_has_prefix (answer, cases[i][1]));
  }
}

/* A frame may come along with the request, before the answer to it. */
static void
an_early_hello_is_heard (Serving *f, gconstpointer data)
{
  g_autoptr (GIOStream) raw = NULL;
  g_autofree char *head = NULL, *text = NULL;

  serving_start (f);
  raw = raw_connect (f);
  raw_send (raw, SOCKET UPGRADE CONNECTION VERSION KEY "\r\n"
      "\x81\x84\0\0\0\0junk", sizeof (SOCKET UPGRADE CONNECTION VERSION KEY
          "\r\n\x81\x84\0\0\0\0junk") - 1);
  head = raw_read_head (raw);
  g_assert_true (g_str_has_prefix (head, "HTTP/1.1 101 "));
  text = raw_read_text (raw);
  g_assert_nonnull (strstr (text, "\"code\":\"bad-message\""));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add ("/server-page/" #name, Serving, NULL, \
    serving_set_up, name, serving_tear_down)
  ADD (the_page_stands_at_rooms_too);
  ADD (files_have_their_types);
  ADD (nothing_else_is_there);
  ADD (a_room_spelled_otherwise_is_found);
  ADD (no_other_way_is_shown);
  ADD (a_person_who_is_lost_is_told_what_to_do);
  ADD (only_get_and_head);
  ADD (health_and_metrics);
  ADD (a_program_adds_its_figures);
  ADD (the_figures_are_let_go_of);
  ADD (requests_in_a_row_are_answered_in_order);
  ADD (bad_requests_are_refused);
  ADD (websockets_are_for_known_origins);
  ADD (half_a_handshake_is_none);
  ADD (an_early_hello_is_heard);
  return g_test_run ();
}
