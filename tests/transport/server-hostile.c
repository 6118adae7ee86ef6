/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the server does about clients that mean it harm, or do not know better:
 * none of them may take more than its share, or cost the others anything. */

#include <string.h>

#include "server/certificate.h"
#include "serving.h"

#define SOON (G_USEC_PER_SEC / 3)

static void
assert_sent_away (GIOStream *raw, const char *code, guint close_code)
{
  g_autofree char *text = raw_read_text (raw);
  g_autofree char *expected =
      g_strdup_printf ("{\"type\":\"error\",\"code\":\"%s\",", code);

  g_assert_nonnull (text);
  g_assert_true (g_str_has_prefix (text, expected));
  g_assert_cmpuint (raw_read_close (raw), ==, close_code);
}

/* The server still serves. */
static void
assert_alive (Serving *f)
{
  g_autofree char *answer = raw_request (f, "GET /healthz HTTP/1.1\r\n"
      "Host: x\r\nConnection: close\r\n\r\n");

  g_assert_true (g_str_has_suffix (answer, "\r\n\r\nok\n"));
}

static void
a_frame_over_the_limit (Serving *f, gconstpointer data)
{
  g_autoptr (GIOStream) raw = NULL;

  serving_start (f);
  raw = raw_websocket (f);
  raw_hello (raw, ID_A);
  /* 64 KiB and a byte are announced: no need to see them */
  raw_send (raw, "\x81\xff\0\0\0\0\0\1\0\1\0\0\0\0", 14);
  assert_sent_away (raw, "too-big", 1009);
}

static void
fragments_without_end (Serving *f, gconstpointer data)
{
  g_autoptr (GIOStream) raw = NULL;
  g_autofree char *kilobyte = g_strnfill (1024, 'x');
  guint fragments = 0;

  serving_start (f);
  raw = raw_websocket (f);
  raw_hello (raw, ID_A);
  raw_send_frame (raw, 0x01, kilobyte);
  for (; fragments < 63; fragments++)
    raw_send_frame (raw, 0x00, kilobyte);
  raw_send_frame (raw, 0x00, "x");
  assert_sent_away (raw, "too-big", 1009);
}

static void
empty_fragments_are_no_sign_of_life (Serving *f, gconstpointer data)
{
  g_autoptr (GIOStream) raw = NULL;

  f->limits.hub.lease = SOON;
  serving_start (f);
  raw = raw_websocket (f);
  raw_hello (raw, ID_A);
  raw_send (raw, "\x01\x80\0\0\0\0", 6);
  while (raw_try_send (raw, "\x00\x80\0\0\0\0", 6))
    continue;
  assert_alive (f);
}

static void
a_whole_message_of_64_kib_is_read (Serving *f, gconstpointer data)
{
  g_autoptr (GIOStream) a = NULL, b = NULL;
  g_autofree char *filling = g_strnfill (32000, 'x');
  g_autofree char *start = g_strconcat ("{\"mid\":1,\"to\":\"" ID_A
      "\",\"payload\":{\"x\":\"", filling, NULL);
  g_autofree char *end = g_strconcat (filling, "\"}}", NULL);
  g_autofree char *text = NULL;

  serving_start (f);
  a = raw_websocket (f);
  raw_hello (a, ID_A);
  b = raw_websocket (f);
  raw_hello (b, ID_B);
  raw_send_frame (b, 0x01, start);
  raw_send_frame (b, 0x89, "between");
  raw_send_frame (b, 0x80, end);
  g_free (raw_read_text (a));   /* joined */
  text = raw_read_text (a);
  g_assert_cmpuint (strlen (text), >, 64000);
}

static void
junk_is_final (Serving *f, gconstpointer data)
{
  static const struct {
    const char *bytes;
    gsize size;
  } cases[] = {
#define FRAME(text) { text, sizeof text - 1 }
    FRAME ("\x81\x84\0\0\0\0junk"), FRAME ("\x82\x84\0\0\0\0junk"),
    FRAME ("\x81\x04junk"), FRAME ("\xff\xff\xff\xff\xff\xff\xff\xff"),
    FRAME ("GET / HTTP/1.1\r\n\r\n"), FRAME ("\xc1\x84\0\0\0\0junk"),
    FRAME ("\x81\x82\0\0\0\0\xff\xff"), FRAME ("\x80\x80\0\0\0\0"),
  };

  serving_start (f);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GIOStream) raw = raw_websocket (f);

    raw_hello (raw, ID_A);
    raw_send (raw, cases[i].bytes, cases[i].size);
    assert_sent_away (raw, "bad-message", 4400);
  }
  assert_alive (f);
}

static void
no_hello (Serving *f, gconstpointer data)
{
  g_autoptr (GIOStream) raw = NULL;

  f->limits.hub.hello = SOON;
  serving_start (f);
  raw = raw_websocket (f);
  assert_sent_away (raw, "hello-timeout", 4408);
}

static void
requests_that_never_end (Serving *f, gconstpointer data)
{
  static const char *const starts[] = { "", "G", "GET / HTTP/1.1\r\nHost: x",
    "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" };

  f->limits.times.request = SOON;
  serving_start (f);
  for (guint i = 0; i < G_N_ELEMENTS (starts); i++) {
    g_autoptr (GIOStream) raw = raw_connect (f);

    raw_send (raw, starts[i], -1);
    g_free (raw_read_all (raw));        /* returns, since the server closes */
  }
}

static void
a_request_in_drops_gets_no_more_time (Serving *f, gconstpointer data)
{
  g_autoptr (GIOStream) raw = NULL;

  f->limits.times.request = SOON;
  serving_start (f);
  raw = raw_connect (f);
  raw_send (raw, "GET / HTTP/1.1\r\n", -1);
  while (raw_try_send (raw, "X", 1))
    g_usleep (1000);            /* how drops fall; nothing waits for it */
}

/* Connections that are only held open are closed to make room for others. */
static void
half_open_connections_make_way (Serving *f, gconstpointer data)
{
  GIOStream *held[20];
  g_autoptr (GIOStream) member = NULL;
  g_autofree char *end = NULL;

  f->limits.half_open = 5;
  serving_start (f);
  member = raw_websocket (f);
  raw_hello (member, ID_A);
  for (guint i = 0; i < G_N_ELEMENTS (held); i++)
    held[i] = raw_connect (f);
  end = raw_read_all (held[0]);
  g_assert_cmpstr (end, ==, "");
  assert_alive (f);
  raw_send_frame (member, 0x81, "{\"type\":\"ping\"}");
  g_assert_cmpstr ((end = (g_free (end), raw_read_text (member))), ==,
      "{\"type\":\"pong\"}");
  for (guint i = 0; i < G_N_ELEMENTS (held); i++)
    g_object_unref (held[i]);
}

static void
so_many_connections (Serving *f, gconstpointer data)
{
  g_autoptr (GIOStream) a = NULL, b = NULL, c = NULL;
  g_autofree char *end = NULL, *pong = NULL;

  f->limits.connections = 2;
  serving_start (f);
  a = raw_websocket (f);
  raw_hello (a, ID_A);
  b = raw_websocket (f);
  raw_hello (b, ID_B);
  c = raw_connect (f);
  end = raw_read_all (c);       /* members stay */
  g_assert_cmpstr (end, ==, "");
  raw_send_frame (b, 0x81, "{\"type\":\"ping\"}");
  pong = raw_read_text (b);
  g_assert_cmpstr (pong, ==, "{\"type\":\"pong\"}");
}

static gboolean
accept_any (SoupMessage *message, GTlsCertificate *certificate,
    GTlsCertificateFlags errors, gpointer user_data)
{
  return TRUE;
}

/* Handshakes that hang hold up nobody, however many there are. */
static void
tls_handshakes_that_hang (Serving *f, gconstpointer data)
{
  GIOStream *held[60];
  g_autoptr (SoupSession) session = NULL;
  g_autoptr (SoupMessage) message = NULL;
  g_autoptr (GBytes) body = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *url = NULL;

  f->certificate = mesh_certificate_new_self_signed (
      (const char *[]) { "127.0.0.1", NULL }, &error);
  g_assert_no_error (error);
  serving_start (f);
  for (guint i = 0; i < G_N_ELEMENTS (held); i++) {
    held[i] = raw_connect (f);
    raw_send (held[i], "\x16\x03\x01\x02\x00\x01", i % 7);
  }
  url = g_strconcat (f->url, "/healthz", NULL);
  message = soup_message_new ("GET", url);
  g_signal_connect (message, "accept-certificate",
      G_CALLBACK (accept_any), NULL);
  session = soup_session_new ();
  body = soup_session_send_and_read (session, message, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (body, NULL), g_bytes_get_size (body),
      "ok\n", 3);
  for (guint i = 0; i < G_N_ELEMENTS (held); i++)
    g_object_unref (held[i]);
}

static void
plain_words_to_a_tls_server (Serving *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *answer = NULL;

  f->certificate = mesh_certificate_new_self_signed (
      (const char *[]) { "127.0.0.1", NULL }, &error);
  serving_start (f);
  answer = raw_request (f, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  g_assert_null (strstr (answer, "HTTP"));
}

static void
send_message (GIOStream *raw, guint mid, const char *filling)
{
  g_autofree char *text = g_strdup_printf ("{\"mid\":%u,\"to\":\"" ID_A
      "\",\"payload\":{\"x\":\"%s\"}}", mid, filling);

  raw_send_frame (raw, 0x81, text);
}

/* A never reads nor acknowledges: it is sent away, B is told and goes on. */
static void
a_member_that_does_not_read (Serving *f, gconstpointer data)
{
  g_autoptr (GIOStream) a = NULL, b = NULL;
  g_autofree char *filling = g_strnfill (60000, 'x');
  gboolean full = FALSE;

  serving_start (f);
  a = raw_websocket (f);
  raw_hello (a, ID_A);
  b = raw_websocket (f);
  raw_hello (b, ID_B);
  for (guint mid = 1; !full; mid++) {
    g_autofree char *text = NULL;

    g_assert_cmpuint (mid, <, 30);      /* 1 MiB holds so many */
    send_message (b, mid, filling);
    text = raw_read_text (b);
    full = strstr (text, "\"undeliverable\"") && strstr (text, "\"full\"");
  }
  assert_alive (f);
}

/* Slow is not hostile: what did not fit into the socket waits, and comes. */
static void
read_late (Serving *f)
{
  g_autoptr (GIOStream) a = NULL, b = NULL;
  g_autofree char *filling = g_strnfill (60000, 'x');
  const guint total = 16;       /* just under 1 MiB */

  serving_start (f);
  a = raw_connect_narrow (f);
  raw_upgrade (a);
  raw_hello (a, ID_A);
  b = raw_websocket (f);
  raw_hello (b, ID_B);
  for (guint mid = 1; mid <= total; mid++) {
    g_autofree char *taken = NULL;

    send_message (b, mid, filling);
    taken = raw_read_text (b);
    g_assert_true (g_str_has_prefix (taken, "{\"mid\":"));
  }
  g_free (raw_read_text (a));   /* joined */
  for (guint mid = 1; mid <= total; mid++) {
    g_autofree char *text = raw_read_text (a);
    g_autofree char *expected = g_strdup_printf ("{\"seq\":%u,\"from\":\""
        ID_B "\",\"payload\":{\"x\":\"%s\"}}", mid + 1, filling);

    g_assert_cmpstr (text, ==, expected);
  }
}

static void
a_slow_reader_gets_it_all (Serving *f, gconstpointer data)
{
  read_late (f);
}

static void
a_slow_reader_gets_it_all_by_tls (Serving *f, gconstpointer data)
{
  f->certificate = mesh_certificate_new_self_signed (
      (const char *[]) { "127.0.0.1", NULL }, NULL);
  read_late (f);
}

/* Asks for more and more, and reads none of it. */
static void
answers_nobody_reads (Serving *f, gconstpointer data)
{
  g_autoptr (GIOStream) raw = NULL;
  g_autoptr (GString) requests = g_string_new (NULL);

  f->limits.times.response = SOON;
  serving_start (f);
  raw = raw_connect (f);
  for (guint i = 0; i < 1000; i++)
    g_string_append (requests, "GET /app.js HTTP/1.1\r\nHost: x\r\n\r\n");
  while (raw_try_send (raw, requests->str, requests->len))
    continue;                   /* until the server has had enough */
  assert_alive (f);
}

static void
too_many_frames (Serving *f, gconstpointer data)
{
  g_autoptr (GIOStream) raw = NULL;

  f->limits.hub.burst = 50;
  serving_start (f);
  raw = raw_websocket (f);
  raw_hello (raw, ID_A);
  for (guint i = 0; i < 100; i++)
    /* pongs that nobody asked for */
    if (!raw_try_send (raw, "\x8a\x80\0\0\0\0", 6))
      break;
  assert_sent_away (raw, "too-fast", 4429);
}

static void
pings_are_answered_with_what_they_say (Serving *f, gconstpointer data)
{
  g_autoptr (GIOStream) raw = NULL;
  g_autofree char *text = NULL;
  guint8 opcode;

  serving_start (f);
  raw = raw_websocket (f);
  raw_send_frame (raw, 0x89, "hear me");
  text = raw_read_frame (raw, &opcode);
  g_assert_cmpint (opcode, ==, 10);
  g_assert_cmpstr (text, ==, "hear me");
}

static void
a_close_is_answered (Serving *f, gconstpointer data)
{
  g_autoptr (GIOStream) raw = NULL;

  serving_start (f);
  raw = raw_websocket (f);
  raw_hello (raw, ID_A);
  raw_send_frame (raw, 0x88, "\x03\xe9");
  g_assert_cmpuint (raw_read_close (raw), ==, 1000);
}

/* Connections that end wherever they like leave nothing behind: the fixture
 * counts what is open at the end. */
static void
ends_of_every_kind (Serving *f, gconstpointer data)
{
  static const char bytes[] = "GET /v1/socket HTTP/1.1\r\nHost: x\r\n"
      "Upgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
      "\x81\xfe\x00\xff\0\0\0\0{\"type\":\"hello\"";

  serving_start (f);
  for (gsize n = 0; n < sizeof bytes; n += 3) {
    g_autoptr (GIOStream) raw = raw_connect (f);

    raw_send (raw, bytes, n);
  }
  assert_alive (f);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add ("/server-hostile/" #name, Serving, NULL, \
    serving_set_up, name, serving_tear_down)
  ADD (a_frame_over_the_limit);
  ADD (fragments_without_end);
  ADD (empty_fragments_are_no_sign_of_life);
  ADD (a_whole_message_of_64_kib_is_read);
  ADD (junk_is_final);
  ADD (no_hello);
  ADD (requests_that_never_end);
  ADD (a_request_in_drops_gets_no_more_time);
  ADD (half_open_connections_make_way);
  ADD (so_many_connections);
  ADD (tls_handshakes_that_hang);
  ADD (plain_words_to_a_tls_server);
  ADD (a_member_that_does_not_read);
  ADD (a_slow_reader_gets_it_all);
  ADD (a_slow_reader_gets_it_all_by_tls);
  ADD (answers_nobody_reads);
  ADD (too_many_frames);
  ADD (pings_are_answered_with_what_they_say);
  ADD (a_close_is_answered);
  ADD (ends_of_every_kind);
  return g_test_run ();
}
