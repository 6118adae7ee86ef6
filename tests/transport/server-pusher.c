/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The hub for Pusher's libraries as clients meet it that mean it harm, or do
 * not know better. */

#include <string.h>

#include "pusher/auth.h"
#include "serving.h"

#define APP "app:key:secret"
#define SOON (G_USEC_PER_SEC / 3)

static void
start (Serving *f)
{
  g_autoptr (GError) error = NULL;

  mesh_server_add_pusher_app (f->server, APP, &error);
  g_assert_no_error (error);
  serving_start (f);
}

static GIOStream *
upgrade (Serving *f)
{
  GIOStream *raw = raw_connect (f);
  g_autofree char *head = NULL;

  raw_send (raw, "GET /app/key?protocol=7&client=js HTTP/1.1\r\nHost: x\r\n"
      "Origin: https://elsewhere.example\r\n"
      "Upgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", -1);
  head = raw_read_head (raw);
  g_assert_true (g_str_has_prefix (head, "HTTP/1.1 101 "));
  return raw;
}

static void
assert_next (GIOStream *raw, const char *words)
{
  g_autofree char *text = raw_read_text (raw);

  g_assert_nonnull (text);
  g_assert_nonnull (strstr (text, words));
}

static GIOStream *
open_client (Serving *f)
{
  GIOStream *raw = upgrade (f);

  assert_next (raw, "{\"event\":\"pusher:connection_established\",\"data\":"
      "\"{\\\"socket_id\\\":\\\"");
  return raw;
}

static void
subscribe (GIOStream *raw, const char *channel)
{
  g_autofree char *text = g_strdup_printf ("{\"event\":\"pusher:subscribe\","
      "\"data\":{\"auth\":\"\",\"channel\":\"%s\"}}", channel);

  raw_send_frame (raw, 0x81, text);
  assert_next (raw, "pusher_internal:subscription_succeeded");
}

/* A request that the application's server could have made. */
static char *
trigger (Serving *f, const char *data)
{
  g_autofree char *body = g_strdup_printf ("{\"name\":\"e\",\"channels\":"
      "[\"news\"],\"data\":\"%s\"}", data);
  g_autofree char *md5 = g_compute_checksum_for_string (G_CHECKSUM_MD5, body,
      -1);
  g_autofree char *query = g_strdup_printf ("auth_key=key&auth_timestamp=%"
      G_GINT64_FORMAT "&auth_version=1.0&body_md5=%s",
      g_get_real_time () / G_USEC_PER_SEC, md5);
  g_autofree char *signature = mesh_pusher_sign_request ("secret", "POST",
      "/apps/app/events", query);

  return raw_request (f, "POST /apps/app/events?%s&auth_signature=%s "
      "HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %"
      G_GSIZE_FORMAT "\r\n\r\n%s", query, signature, strlen (body), body);
}

static void
assert_status (const char *answer, const char *status)
{
  g_autofree char *start_line = g_strdup_printf ("HTTP/1.1 %s ", status);

  g_assert_true (g_str_has_prefix (answer, start_line));
}

static void
without_an_application_it_is_not_there (Serving *f, gconstpointer data)
{
  static const char *const requests[] = {
    "GET /app/key?protocol=7", "GET /apps/app/channels",
    "GET /api/messages/" ID_A };

  serving_start (f);
  for (guint i = 0; i < G_N_ELEMENTS (requests); i++) {
    g_autofree char *answer = raw_request (f, "%s HTTP/1.1\r\nHost: x\r\n"
        "Connection: close\r\n\r\n", requests[i]);

    assert_status (answer, "404");
  }
}

static void
an_event_reaches_who_listens (Serving *f, gconstpointer data)
{
  g_autoptr (GIOStream) raw = NULL;
  g_autofree char *answer = NULL, *metrics = NULL;

  start (f);
  raw = open_client (f);
  subscribe (raw, "news");
  answer = trigger (f, "{\\\"a\\\":1}");
  assert_status (answer, "200");
  g_assert_true (g_str_has_suffix (answer, "\r\n\r\n{}"));
  assert_next (raw, "{\"event\":\"e\",\"channel\":\"news\","
      "\"data\":\"{\\\"a\\\":1}\"}");
  metrics = raw_request (f, "GET /metrics HTTP/1.0\r\n\r\n");
  g_assert_nonnull (strstr (metrics, "\nmeshroom_pusher_delivered_total 1\n"));
  g_assert_nonnull (strstr (metrics, "\nmeshroom_pusher_connections 1\n"));
}

/* Its body is never asked for, however long it is said to be. */
static void
a_body_without_a_signature_is_not_read (Serving *f, gconstpointer data)
{
  g_autofree char *unsigned_body = NULL, *huge = NULL, *post = NULL;

  start (f);
  unsigned_body = raw_request (f, "POST /apps/app/events HTTP/1.1\r\n"
      "Host: x\r\nContent-Length: 200000\r\n\r\n");
  assert_status (unsigned_body, "401");
  huge = raw_request (f, "POST /apps/app/events?auth_key=key HTTP/1.1\r\n"
      "Host: x\r\nContent-Length: 2000000000\r\n\r\n");
  assert_status (huge, "401");
  post = raw_request (f, "POST /api/messages/" ID_A " HTTP/1.1\r\n"
      "Host: x\r\nContent-Length: 30000\r\n\r\n");
  assert_status (post, "413");
}

static void
pages_from_elsewhere_may_post_when_they_are_known (Serving *f,
    gconstpointer data)
{
  const char *request = "OPTIONS /api/messages/" ID_A " HTTP/1.1\r\nHost: x\r\n"
      "Origin: %s\r\nAccess-Control-Request-Method: POST\r\n"
      "Connection: close\r\n\r\n";
  g_autofree char *known = NULL, *stranger = NULL;

  f->origins = g_strsplit ("https://known.example", ",", 0);
  start (f);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  known = raw_request (f, request, "https://known.example");
  stranger = raw_request (f, request, "https://stranger.example");
#pragma GCC diagnostic pop
  assert_status (known, "200");
  g_assert_nonnull (strstr (known,
          "Access-Control-Allow-Origin: https://known.example\r\n"));
  assert_status (stranger, "403");
}

static void
what_is_no_websocket_ends_it (Serving *f, gconstpointer data)
{
  static const struct {
    const char *bytes;
    gsize size;
    guint code;
  } cases[] = {
    { "\x82\x84\0\0\0\0junk", 10, 1002 }, { "\x81\x04junk", 6, 1002 },
    { "\xff\xff\xff\xff\xff\xff\xff\xff", 8, 1002 },
    { "\x81\xff\0\0\0\0\0\1\0\1\0\0\0\0", 14, 1009 },
  };
  g_autoptr (GIOStream) other = NULL;
  g_autofree char *answer = NULL;

  start (f);
  other = open_client (f);
  subscribe (other, "news");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GIOStream) raw = open_client (f);

    subscribe (raw, "news");
    raw_send (raw, cases[i].bytes, cases[i].size);
    g_assert_cmpuint (raw_read_close (raw), ==, cases[i].code);
  }
  answer = trigger (f, "still here");
  assert_next (other, "still here");
}

/* One who only connects makes way; one who listens stays. */
static void
half_open_connections_make_way (Serving *f, gconstpointer data)
{
  GIOStream *held[10];
  g_autoptr (GIOStream) listener = NULL;
  g_autofree char *answer = NULL;

  f->limits.half_open = 4;
  start (f);
  listener = open_client (f);
  subscribe (listener, "news");
  for (guint i = 0; i < G_N_ELEMENTS (held); i++)
    held[i] = open_client (f);
  g_assert_null (raw_read_text (held[0]));
  answer = trigger (f, "for those who listen");
  assert_next (listener, "for those who listen");
  for (guint i = 0; i < G_N_ELEMENTS (held); i++)
    g_object_unref (held[i]);
}

/* A client that does not read is sent away when 2 MiB wait for it, and the
 * others get all. */
static void
a_client_that_does_not_read (Serving *f, gconstpointer data)
{
  g_autoptr (GIOStream) deaf = NULL, other = NULL;
  g_autofree char *filling = g_strnfill (10000, 'x');
  g_autofree char *metrics = NULL;

  start (f);
  deaf = open_client (f);
  subscribe (deaf, "news");
  other = open_client (f);
  subscribe (other, "news");
  for (guint i = 0; !metrics || strstr (metrics, "pusher_connections 2\n");
      i++) {
    g_assert_cmpuint (i, <, 3000);
    g_free (trigger (f, filling));
    assert_next (other, filling);
    if (i % 50 == 0) {
      g_free (metrics);
      metrics = raw_request (f, "GET /metrics HTTP/1.0\r\n\r\n");
    }
  }
  g_assert_nonnull (strstr (metrics, "pusher_connections 1\n"));
}

static void
who_goes_without_a_word_is_gone (Serving *f, gconstpointer data)
{
  f->limits.pusher.activity = SOON;
  f->limits.pusher.pong = SOON;
  f->limits.ping = 100 * G_USEC_PER_SEC;
  start (f);
  {
    g_autoptr (GIOStream) raw = open_client (f);

    subscribe (raw, "news");
    assert_next (raw, "pusher:ping");
    assert_next (raw, "\"code\":4201");
    g_assert_cmpuint (raw_read_close (raw), ==, 4201);
  }
}

static void
the_server_says_when_it_goes (Serving *f, gconstpointer data)
{
  g_autoptr (GIOStream) raw = NULL;

  start (f);
  raw = open_client (f);
  subscribe (raw, "news");
  serving_stop (f);
  assert_next (raw, "\"code\":4200");
  g_assert_cmpuint (raw_read_close (raw), ==, 4200);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add ("/server-pusher/" #name, Serving, NULL, \
    serving_set_up, name, serving_tear_down)
  ADD (without_an_application_it_is_not_there);
  ADD (an_event_reaches_who_listens);
  ADD (a_body_without_a_signature_is_not_read);
  ADD (pages_from_elsewhere_may_post_when_they_are_known);
  ADD (what_is_no_websocket_ends_it);
  ADD (half_open_connections_make_way);
  ADD (a_client_that_does_not_read);
  ADD (who_goes_without_a_word_is_gone);
  ADD (the_server_says_when_it_goes);
  return g_test_run ();
}
