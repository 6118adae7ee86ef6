/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the server does with requests of long polling, right ones and wrong. */

#include <string.h>

#include "core/envelope.h"
#include "server/longpoll.h"
#include "serving.h"

#define RS "\x1e"
#define HELLO(id) RS "{\"type\":\"hello\",\"v\":1,\"room\":\"" ROOM_ID \
  "\",\"id\":\"" id "\",\"token\":\"" TOKEN_A "\"}\n"
#define SOON (100 * G_TIME_SPAN_MILLISECOND)

static char *
post_with (Serving *f, const char *path, const char *headers,
    const char *body)
{
  return raw_request (f, "POST /v1/poll/%s HTTP/1.1\r\nHost: h:1\r\n"
      "Connection: close\r\nContent-Length: %zu\r\n%s\r\n%s", path,
      strlen (body), headers, body);
}

static char *
post (Serving *f, const char *path, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

static char *
post (Serving *f, const char *path, const char *format, ...)
{
  g_autofree char *body = NULL;
  va_list args;

  va_start (args, format);
  body = g_strdup_vprintf (format, args);
  va_end (args);
  return post_with (f, path, "", body);
}

static void
assert_status (const char *answer, guint status)
{
  g_autofree char *start = g_strdup_printf ("HTTP/1.1 %u ", status);

  if (!g_str_has_prefix (answer, start))
    g_error ("%u expected: %s", status, answer);
}

static void
assert_body (const char *answer, const char *body)
{
  assert_status (answer, 200);
  g_assert_cmpstr (strstr (answer, "\r\n\r\n") + 4, ==, body);
}

static char *
open_session (Serving *f)
{
  g_autofree char *answer = post (f, "open", RS "{\"v\":1}\n");
  const char *session = strstr (answer, RS "{\"session\":\"");

  assert_status (answer, 200);
  g_assert_nonnull (session);
  return g_strndup (session + strlen (RS "{\"session\":\""),
      MESH_TOKEN_LENGTH);
}

static void
send_it (Serving *f, const char *session, guint first, const char *frames,
    guint taken)
{
  g_autofree char *answer = post (f, "send",
      RS "{\"session\":\"%s\",\"first\":%u}\n%s", session, first, frames);
  g_autofree char *body = g_strdup_printf (RS "{\"taken\":%u}\n", taken);

  assert_body (answer, body);
}

static char *
receive (Serving *f, const char *session, guint after)
{
  char *answer = post (f, "receive", RS "{\"session\":\"%s\",\"after\":%u}\n",
      session, after);

  assert_status (answer, 200);
  return answer;
}

/* Begins a request for frames whose answer is not read yet. */
static GIOStream *
start_receive (Serving *f, const char *session, guint after)
{
  GIOStream *raw = raw_connect (f);
  g_autofree char *body = g_strdup_printf (
      RS "{\"session\":\"%s\",\"after\":%u}\n", session, after);
  g_autofree char *request = g_strdup_printf ("POST /v1/poll/receive HTTP/1.0"
      "\r\nContent-Length: %zu\r\n\r\n%s", strlen (body), body);

  raw_send (raw, request, -1);
  return raw;
}

static void
what_comes_twice_counts_once (Serving *f, gconstpointer data)
{
  g_autofree char *a = NULL, *b = NULL, *once = NULL, *again = NULL;
  g_autofree char *pongs = NULL, *late = NULL;

  serving_start (f);
  a = open_session (f);
  send_it (f, a, 1, HELLO (ID_A), 1);
  send_it (f, a, 1, HELLO (ID_A), 1);
  send_it (f, a, 1, HELLO (ID_A) RS "{\"type\":\"ping\"}\n"
      RS "{\"type\":\"ping\"}\n", 3);
  send_it (f, a, 2, RS "{\"type\":\"ping\"}\n", 3);
  once = receive (f, a, 0);
  again = receive (f, a, 0);
  g_assert_cmpstr (strstr (once, RS), ==, strstr (again, RS));
  g_assert_true (g_str_has_prefix (strstr (once, RS),
          RS "{\"first\":1,\"count\":3}\n" RS "{\"type\":\"welcome\""));
  pongs = receive (f, a, 1);
  assert_body (pongs, RS "{\"first\":2,\"count\":2}\n"
      RS "{\"type\":\"pong\"}\n" RS "{\"type\":\"pong\"}\n");
  late = receive (f, a, 0);     /* held up somewhere */
  assert_body (late, strstr (pongs, RS));
}

static void
one_who_waits_is_answered (Serving *f, gconstpointer data)
{
  g_autofree char *a = NULL, *welcome = NULL, *nothing = NULL, *older = NULL;
  g_autofree char *newer = NULL;
  g_autoptr (GIOStream) first = NULL, second = NULL;

  f->limits.ping = SOON;
  serving_start (f);
  a = open_session (f);
  send_it (f, a, 1, HELLO (ID_A), 1);
  welcome = receive (f, a, 0);
  nothing = receive (f, a, 1);
  assert_body (nothing, RS "{\"first\":2,\"count\":0}\n");

  first = start_receive (f, a, 1);
  second = start_receive (f, a, 1);
  older = raw_read_all (first);
  assert_body (older, RS "{\"first\":2,\"count\":0}\n");
  newer = raw_read_all (second);
  assert_body (newer, RS "{\"first\":2,\"count\":0}\n");
}

static void
wrong_requests_are_refused (Serving *f, gconstpointer data)
{
  static const struct {
    const char *path;
    const char *body;           /* %s: the session */
    guint status;
  } cases[] = {
    { "send", "", 400 },
    { "send", "{\"session\":\"%s\",\"first\":1}\n", 400 },
    { "send", RS "{\"session\":\"%s\",\"first\":1}", 400 },
    { "send", RS "{\"session\":\"%s\",\"first\":0}\n", 400 },
    { "send", RS "{\"session\":\"%s\",\"first\":-1}\n", 400 },
    { "send", RS "{\"session\":\"%s\"}\n", 400 },
    { "send", RS "{\"session\":7,\"first\":1}\n", 400 },
    { "send", RS "{\"session\":\"%s\",\"first\":2}\n", 409 },
    { "send", RS "{\"session\":\"x%s\",\"first\":1}\n", 400 },
    { "send", RS "{\"session\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"first\":1}\n",
        410 },
    { "receive", RS "{\"session\":\"%s\"}\n", 400 },
    { "receive", RS "{\"session\":\"%s\",\"after\":1}\n", 409 },
    { "receive", RS "{\"session\":\"\",\"after\":0}\n", 410 },
    { "close", RS "{\"session\":\"%s\"}\n", 405 },
  };
  g_autofree char *a = NULL, *get = NULL, *nothing = NULL;

  serving_start (f);
  a = open_session (f);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (GStrv) parts = g_strsplit (cases[i].body, "%s", -1);
    g_autofree char *body = g_strjoinv (a, parts);
    g_autofree char *answer = post_with (f, cases[i].path, "", body);

    g_test_message ("case %u", i);
    assert_status (answer, cases[i].status);
  }
  get = raw_request (f, "GET /v1/poll/open HTTP/1.1\r\nHost: x\r\n"
      "Connection: close\r\n\r\n");
  assert_status (get, 405);
  g_assert_nonnull (strstr (get, "\r\nAllow: POST\r\n"));
}

static void
bodies_have_a_length_and_a_limit (Serving *f, gconstpointer data)
{
  static const struct {
    const char *header;
    guint status;
  } cases[] = {
    { "Transfer-Encoding: chunked", 411 },
    { "Content-Length: 131073", 413 },
    { "Content-Length: 99999999999999999999", 400 },
    { "Content-Length: -1", 400 }, { "Content-Length: +1", 400 },
    { "Content-Length: 1, 1", 400 }, { "Content-Length: 0x1", 400 },
    { "Content-Length:", 400 },
  };
  g_autofree char *largest = g_strnfill (MESH_POLL_MAX_BODY, 'x');
  g_autofree char *answer = NULL, *two = NULL;

  serving_start (f);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *refusal = raw_request (f, "POST /v1/poll/open HTTP/1.1\r\n"
        "Host: x\r\n%s\r\n\r\n", cases[i].header);

    g_test_message ("case %u", i);
    assert_status (refusal, cases[i].status);
  }
  answer = post_with (f, "send", "", largest);
  assert_status (answer, 400);
  two = raw_request (f, "POST /v1/poll/open HTTP/1.1\r\nHost: x\r\n"
      "Content-Length: 3\r\n\r\nabcPOST /v1/poll/open HTTP/1.1\r\nHost: x\r\n"
      "Connection: close\r\n\r\n");
  assert_status (two, 200);
  g_assert_nonnull (strstr (two + 1, "HTTP/1.1 200 OK"));
}

static void
polling_is_for_known_origins (Serving *f, gconstpointer data)
{
  static const struct {
    const char *headers;
    guint status;
  } cases[] = {
    { "", 200 }, { "Origin: http://h:1\r\n", 200 },
    { "Origin: https://good.example\r\n", 200 },
    { "Origin: http://evil.example\r\n", 403 }, { "Origin: null\r\n", 403 },
    { "Origin: http://h:2\r\n", 403 },
  };

  f->origins = g_strsplit ("https://good.example", ",", -1);
  serving_start (f);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *answer = post_with (f, "open", cases[i].headers, "");
    gboolean named = strstr (answer, "\r\nAccess-Control-Allow-Origin: ")
        != NULL;

    g_test_message ("case %u", i);
    assert_status (answer, cases[i].status);
    g_assert_cmpint (named, ==, cases[i].status == 200 && *cases[i].headers);
    if (cases[i].status == 200)
      g_assert_nonnull (strstr (answer, "\r\nCache-Control: no-store"));
  }
}

/* Sessions that are only opened end to make room for others; members stay. */
static void
idle_sessions_make_way (Serving *f, gconstpointer data)
{
  g_autofree char *member = NULL, *idle = NULL, *welcome = NULL, *gone = NULL;

  f->limits.half_open = 5;
  serving_start (f);
  member = open_session (f);
  send_it (f, member, 1, HELLO (ID_A), 1);
  idle = open_session (f);
  for (guint i = 0; i < 10; i++)
    g_free (open_session (f));
  gone = post (f, "receive", RS "{\"session\":\"%s\",\"after\":0}\n", idle);
  assert_status (gone, 410);
  welcome = receive (f, member, 0);
  g_assert_nonnull (strstr (welcome, "\"welcome\""));
}

/* The last word can still be fetched, and then there is nothing any more. */
static void
who_falls_silent_leaves (Serving *f, gconstpointer data)
{
  g_autofree char *a = NULL, *last = NULL;
  g_autoptr (GIOStream) b = NULL;

  f->limits.hub.lease = 20 * SOON;
  f->limits.ping = SOON;
  serving_start (f);
  a = open_session (f);
  send_it (f, a, 1, HELLO (ID_A), 1);
  b = raw_websocket (f);
  raw_hello (b, ID_B);
  for (;;) {
    g_autofree char *text = NULL;

    raw_send_frame (b, 0x81, "{\"type\":\"ping\"}");
    text = raw_read_text (b);
    g_assert_nonnull (text);
    if (strstr (text, "\"left\""))
      break;
    g_usleep (SOON / 2);        /* between two pings; nothing waits for it */
  }
  last = receive (f, a, 0);
  g_assert_nonnull (strstr (last, ",\"closed\":4410}\n"));
  g_assert_nonnull (strstr (last, "\"code\":\"slow\""));
}

static void
each_session_ends_with_the_server (Serving *f, gconstpointer data)
{
  g_autofree char *a = NULL, *welcome = NULL, *answer = NULL;
  g_autoptr (GIOStream) raw = NULL;

  serving_start (f);
  a = open_session (f);
  send_it (f, a, 1, HELLO (ID_A), 1);
  welcome = receive (f, a, 0);
  raw = start_receive (f, a, 1);
  /* answered after the request before, which came later: it is being held */
  g_free (raw_request (f, "GET /healthz HTTP/1.0\r\n\r\n"));
  serving_stop (f);
  answer = raw_read_all (raw);
  assert_body (answer, RS "{\"first\":2,\"count\":1,\"closed\":1001}\n"
      RS "{\"type\":\"error\",\"code\":\"going-away\","
      "\"message\":\"the server ends\"}\n");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add ("/server-longpoll/" #name, Serving, NULL, \
    serving_set_up, name, serving_tear_down)
  ADD (what_comes_twice_counts_once);
  ADD (one_who_waits_is_answered);
  ADD (wrong_requests_are_refused);
  ADD (bodies_have_a_length_and_a_limit);
  ADD (polling_is_for_known_origins);
  ADD (idle_sessions_make_way);
  ADD (who_falls_silent_leaves);
  ADD (each_session_ends_with_the_server);
  return g_test_run ();
}
