/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Clients that wait for a word before they send a body: curl, and much that is
 * made with it. One that is not answered waits a second, each time. */

#include <string.h>

#include "pusher/auth.h"
#include "server/http.h"
#include "server/longpoll.h"
#include "serving.h"

#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

static void
start (Serving *f)
{
  f->pusher_app = "app:key:secret";
  serving_start (f);
}

/* Sends a head, and the body only when it is asked for. Returns all that
 * follows upon it. */
static char *
post_after_continue (Serving *f, const char *path, const char *body)
{
  g_autoptr (GIOStream) raw = raw_connect (f);
  g_autofree char *head = g_strdup_printf ("POST %s HTTP/1.1\r\nHost: x\r\n"
      "Connection: close\r\nEXPECT: 100-Continue\r\n"
      "Content-Length: %" G_GSIZE_FORMAT "\r\n\r\n", path, strlen (body));
  g_autofree char *first = NULL;

  raw_send (raw, head, -1);
  first = raw_read_head (raw);
  g_assert_cmpstr (first, ==, CONTINUE);
  raw_send (raw, body, -1);
  return raw_read_all (raw);
}

static void
a_body_is_asked_for (Serving *f, gconstpointer data)
{
  const char *body = "{\"name\":\"e\",\"channels\":[\"news\"],\"data\":\"x\"}";
  g_autofree char *md5 = g_compute_checksum_for_string (G_CHECKSUM_MD5, body,
      -1);
  g_autofree char *query = g_strdup_printf ("auth_key=key&auth_timestamp=%"
      G_GINT64_FORMAT "&auth_version=1.0&body_md5=%s",
      g_get_real_time () / G_USEC_PER_SEC, md5);
  g_autofree char *signature = mesh_pusher_sign_request ("secret", "POST",
      "/apps/app/events", query);
  g_autofree char *events = g_strdup_printf ("/apps/app/events?%s&"
      "auth_signature=%s", query, signature);
  g_autofree char *open = NULL, *send = NULL, *event = NULL, *message = NULL;

  start (f);
  open = post_after_continue (f, "/v1/poll/open", "x");
  g_assert_true (g_str_has_prefix (open, "HTTP/1.1 200 "));
  send = post_after_continue (f, "/v1/poll/send", "nonsense");
  g_assert_true (g_str_has_prefix (send, "HTTP/1.1 400 "));
  event = post_after_continue (f, events, body);
  g_assert_true (g_str_has_prefix (event, "HTTP/1.1 200 "));
  message = post_after_continue (f, "/api/messages/" ID_A,
      "{\"type\":\"joinroom\",\"from\":\"" ID_B "\"}");
  g_assert_true (g_str_has_prefix (message, "HTTP/1.1 200 "));
}

static void
a_body_that_is_here_is_not_asked_for (Serving *f, gconstpointer data)
{
  g_autofree char *answer = NULL;

  start (f);
  answer = raw_request (f, "POST /v1/poll/open HTTP/1.1\r\nHost: x\r\n"
      "Connection: close\r\nExpect: 100-continue\r\n"
      "Content-Length: 1\r\n\r\nx");
  g_assert_true (g_str_has_prefix (answer, "HTTP/1.1 200 "));
}

/* RFC 9110, section 10.1.1: it would take the word for the answer. */
static void
http_1_0_gets_no_word_between (Serving *f, gconstpointer data)
{
  g_autoptr (GIOStream) raw = NULL;
  g_autofree char *answer = NULL, *odd = NULL;

  start (f);
  raw = raw_connect (f);
  raw_send (raw, "POST /v1/poll/open HTTP/1.0\r\nExpect: 100-continue\r\n"
      "Content-Length: 1\r\n\r\n", -1);
  raw_send (raw, "x", -1);
  answer = raw_read_all (raw);
  g_assert_true (g_str_has_prefix (answer, "HTTP/1.1 200 "));
  odd = raw_request (f, "GET /healthz HTTP/1.0\r\nExpect: miracles\r\n\r\n");
  g_assert_true (g_str_has_prefix (odd, "HTTP/1.1 200 "));
}

/* The last word comes at once where the body would not be read. */
static void
a_body_that_is_not_wanted_is_refused_at_once (Serving *f, gconstpointer data)
{
  static const struct {
    const char *request;
    const char *headers;
    guint status;
  } cases[] = {
    { "POST /healthz", "Content-Length: 9", 405 },
    { "PUT /room/" ROOM_ID, "Content-Length: 9", 405 },
    { "POST /nothing/here", "Content-Length: 9", 405 },
    { "POST /v1/poll/open", "Content-Length: 131073", 413 },
    { "POST /v1/poll/open", "Transfer-Encoding: chunked", 411 },
    { "POST /v1/poll/open", "Content-Length: x", 400 },
    { "POST /apps/app/events", "Content-Length: 9", 401 },
    { "POST /api/messages/" ID_A, "Content-Length: 300000", 413 },
    { "GET /healthz", "Content-Length: 0", 200 },
    { "GET /healthz", "X-Nothing: at all", 200 },
  };

  start (f);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *answer = raw_request (f, "%s HTTP/1.1\r\nHost: x\r\n"
        "Connection: close\r\nExpect: 100-continue\r\n%s\r\n\r\n",
        cases[i].request, cases[i].headers);
    g_autofree char *expected = g_strdup_printf ("HTTP/1.1 %u ",
        cases[i].status);

    g_test_message ("%s, %s", cases[i].request, cases[i].headers);
    g_assert_true (g_str_has_prefix (answer, expected));
  }
}

static void
nobody_knows_another_expectation (Serving *f, gconstpointer data)
{
  static const char *const requests[] = { "POST /v1/poll/open",
    "POST /v1/poll/send", "POST /apps/app/events", "POST /api/messages/" ID_A,
    "GET /healthz", "GET /",
  };
  static const char *const expectations[] = { "miracles", "200-ok",
    "100-continue, miracles", "100-continue\r\nExpect: miracles",
  };

  start (f);
  for (guint i = 0; i < G_N_ELEMENTS (requests); i++) {
    for (guint k = 0; k < G_N_ELEMENTS (expectations); k++) {
      g_autofree char *answer = raw_request (f, "%s HTTP/1.1\r\nHost: x\r\n"
          "Expect: %s\r\nContent-Length: 3\r\n\r\nabc", requests[i],
          expectations[k]);

      g_assert_true (g_str_has_prefix (answer,
              "HTTP/1.1 417 Expectation Failed\r\n"));
    }
  }
}

/* One connection, several bodies. */
static void
the_connection_goes_on (Serving *f, gconstpointer data)
{
  static const char head[] = "POST /v1/poll/open HTTP/1.1\r\nHost: x\r\n"
      "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n";
  g_autoptr (GIOStream) raw = NULL;

  start (f);
  raw = raw_connect (f);
  for (guint i = 0; i < 3; i++) {
    g_autofree char *first = NULL, *second = NULL;

    raw_send (raw, head, -1);
    first = raw_read_head (raw);
    g_assert_cmpstr (first, ==, CONTINUE);
    raw_send (raw, "x", -1);
    second = raw_read_head (raw);
    g_assert_true (g_str_has_prefix (second, "HTTP/1.1 200 "));
    g_assert_nonnull (strstr (second, "keep-alive"));
    /* the answer's body is one line */
    for (char c = 0; c != '\n';)
      g_assert_cmpint (g_input_stream_read (g_io_stream_get_input_stream (raw),
              &c, 1, NULL, NULL), ==, 1);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add ("/server-expect/" #name, Serving, NULL, \
    serving_set_up, name, serving_tear_down)
  ADD (a_body_is_asked_for);
  ADD (a_body_that_is_here_is_not_asked_for);
  ADD (http_1_0_gets_no_word_between);
  ADD (a_body_that_is_not_wanted_is_refused_at_once);
  ADD (nobody_knows_another_expectation);
  ADD (the_connection_goes_on);
  return g_test_run ();
}
