/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Parsers, from the bytes that they get. */

#include <string.h>

#include "core/ws-frame.h"
#include "server/http.h"
#include "server/handshake.h"

#define LIMIT 100

/* What the parser makes of @data, given in pieces of up to @piece bytes. */
static char *
run (const guint8 *data, gsize size, gsize piece)
{
  g_autoptr (MeshWsParser) parser = mesh_ws_parser_new (TRUE, LIMIT);
  GString *out = g_string_new (NULL);
  static const char names[] = "-tpocBG";

  while (size) {
    gsize n = MIN (size, piece);
    g_autofree guint8 *copy = g_memdup2 (data, n);
    const guint8 *p = copy;
    gsize left = n;
    MeshWsEvent event;

    do {
      const char *text = NULL;
      gsize length = 0;

      event = mesh_ws_parser_next (parser, &p, &left, &text, &length);
      if (event == MESH_WS_MORE)
        break;
      g_string_append_printf (out, "%c(%.*s)", names[event], (int) length,
          text ? text : "");
    } while (event != MESH_WS_BAD && event != MESH_WS_TOO_BIG);
    if (event == MESH_WS_BAD || event == MESH_WS_TOO_BIG)
      break;
    data += n;
    size -= n;
  }
  return g_string_free (out, FALSE);
}

static void
append (GByteArray *out, guint8 first, const char *text)
{
  gsize size = strlen (text);
  guint8 header[6] = { first, 0x80 | size, 1, 2, 3, 4 };

  g_assert_cmpuint (size, <, 126);
  g_byte_array_append (out, header, sizeof header);
  for (gsize i = 0; i < size; i++) {
    guint8 byte = text[i] ^ header[2 + i % 4];

    g_byte_array_append (out, &byte, 1);
  }
}

static void
assert_parses (GByteArray *data, const char *expected)
{
  for (gsize piece = 1; piece <= data->len; piece++) {
    g_autofree char *got = run (data->data, data->len, piece);

    g_assert_cmpstr (got, ==, expected);
  }
}

static void
frames_however_they_are_cut (void)
{
  g_autoptr (GByteArray) data = g_byte_array_new ();

  append (data, 0x81, "one");
  append (data, 0x01, "t");
  append (data, 0x89, "ping");
  append (data, 0x00, "");
  append (data, 0x8a, "");
  append (data, 0x80, "wo");
  append (data, 0x81, "");
  append (data, 0x88, "\x03\xe8");
  assert_parses (data, "t(one)p(ping)o()t(two)t()c(\x03\xe8)");
}

static void
frames_that_must_not_be (void)
{
  static const struct {
    const char *bytes;
    gsize size;
  } cases[] = {
#define BYTES(text) { text, sizeof text - 1 }
    BYTES ("\x81\x01x"),                /* not masked */
    BYTES ("\xc1\x81\1\2\3\4x"),        /* RSV1: compressed */
    BYTES ("\xa1\x81\1\2\3\4x"), BYTES ("\x91\x81\1\2\3\4x"),
    BYTES ("\x82\x81\1\2\3\4x"),        /* binary */
    BYTES ("\x83\x80\1\2\3\4"), BYTES ("\x8b\x80\1\2\3\4"),
    BYTES ("\x8f\x80\1\2\3\4"),
    BYTES ("\x80\x80\1\2\3\4"),         /* goes on with nothing */
    BYTES ("\x09\x80\1\2\3\4"),         /* a ping in parts */
    BYTES ("\x89\xfe\x00\x7e\1\2\3\4"), /* a long ping */
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *got =
        run ((const guint8 *) cases[i].bytes, cases[i].size, 1);

    g_test_message ("case %u", i);
    g_assert_cmpstr (got, ==, "B()");
  }
}

static void
a_message_within_a_message_is_bad (void)
{
  g_autoptr (GByteArray) data = g_byte_array_new ();

  append (data, 0x01, "a");
  append (data, 0x81, "b");
  assert_parses (data, "B()");
}

static void
too_big_in_one_or_many_fragments (void)
{
  g_autoptr (GByteArray) one = g_byte_array_new ();
  g_autoptr (GByteArray) many = g_byte_array_new ();
  g_autofree char *fits = g_strnfill (LIMIT, 'x');
  g_autofree char *big = g_strnfill (LIMIT + 1, 'x');
  g_autofree char *expected = g_strdup_printf ("t(%s)G()", fits);
  static const char huge[] = "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff";
  g_autofree char *got = NULL;

  append (one, 0x81, fits);
  append (one, 0x81, big);
  assert_parses (one, expected);

  append (many, 0x01, "");
  for (guint i = 0; i < LIMIT; i++)
    append (many, 0x00, "x");
  append (many, 0x89, "");
  append (many, 0x00, "x");
  assert_parses (many, "p()G()");

  /* 2^64 - 1 bytes */
  got = run ((const guint8 *) huge, 10, 10);
  g_assert_cmpstr (got, ==, "");
  got = (g_free (got), run ((const guint8 *) "\x81\xff\xff\xff\xff\xff\xff\xff"
          "\xff\xff\1\2\3\4", 14, 1));
  g_assert_cmpstr (got, ==, "G()");
}

static void
random_bytes_are_survived (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  for (guint i = 0; i < 20000; i++) {
    guint8 data[64];
    g_autofree char *whole = NULL, *cut = NULL;

    for (guint j = 0; j < sizeof data; j++)
      data[j] = g_rand_int (rand);
    if (i % 2) {                /* something that gets further */
      data[0] = 0x01 | (data[0] & 0x88);
      data[1] = 0x80 | (data[1] & 0x0f);
    }
    whole = run (data, sizeof data, sizeof data);
    cut = run (data, sizeof data, 1 + i % 7);
    g_assert_cmpstr (whole, ==, cut);
  }
}

static void
written_frames_have_the_shortest_length (void)
{
  static const struct {
    gsize size;
    guint8 header[10];
    guint header_size;
  } cases[] = {
    { 0, { 0x81, 0 }, 2 }, { 125, { 0x81, 125 }, 2 },
    { 126, { 0x81, 126, 0, 126 }, 4 }, { 65535, { 0x81, 126, 255, 255 }, 4 },
    { 65536, { 0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0 }, 10 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GByteArray) out = g_byte_array_new ();
    g_autofree char *text = g_strnfill (cases[i].size, 'x');

    mesh_ws_append_frame (out, MESH_WS_OPCODE_TEXT, text, cases[i].size,
        NULL);
    g_assert_cmpmem (out->data, cases[i].header_size, cases[i].header,
        cases[i].header_size);
    g_assert_cmpuint (out->len, ==, cases[i].header_size + cases[i].size);
  }
}

/* Whose frames are masked, and whose must not be (RFC 6455, section 5.1). */
static void
each_side_reads_the_other (void)
{
  static const guint8 mask[4] = { 1, 0x80, 255, 7 };
  static const gsize sizes[] = { 0, 1, 5, 125, 126, 65535, 65536 };

  for (guint i = 0; i < 4 * G_N_ELEMENTS (sizes); i++) {
    gboolean masked = i & 1, from_client = (i & 2) != 0;
    gsize size = sizes[i / 4], got_size = 0;
    g_autoptr (MeshWsParser) parser = mesh_ws_parser_new (from_client, 65536);
    g_autoptr (GByteArray) out = g_byte_array_new ();
    g_autofree char *text = g_strnfill (size, 'x');
    const guint8 *data;
    const char *got = NULL;
    gsize left;
    MeshWsEvent event;

    mesh_ws_append_frame (out, MESH_WS_OPCODE_TEXT, text, size,
        masked ? mask : NULL);
    if (masked && size >= 4)
      g_assert_cmpint (memcmp (out->data + out->len - size, text, size), !=, 0);
    data = out->data;
    left = out->len;
    event = mesh_ws_parser_next (parser, &data, &left, &got, &got_size);
    g_assert_cmpint (event, ==,
        masked == from_client ? MESH_WS_TEXT : MESH_WS_BAD);
    if (event == MESH_WS_TEXT)
      g_assert_cmpmem (got, got_size, text, size);
  }
}

static MeshHttpRequest *
parse (const char *text, guint *status)
{
  gsize length =
      mesh_http_head_length ((const guint8 *) text, strlen (text));

  g_assert_cmpuint (length, !=, 0);
  return mesh_http_request_parse ((const guint8 *) text, length, status);
}

static void
requests (void)
{
  guint status;
  g_autoptr (MeshHttpRequest) request = parse ("GET /a%2F..?b=/c HTTP/1.1\r\n"
      "hOST:  x:80 \r\nConnection: a, Upgrade\r\nConnection: b\r\n"
      "X-Empty:\r\n\r\nrest", &status);

  g_assert_nonnull (request);
  g_assert_cmpstr (request->method, ==, "GET");
  g_assert_cmpstr (request->path, ==, "/a%2F..");
  g_assert_true (request->keep_alive);
  g_assert_cmpstr (mesh_http_request_header (request, "Host"), ==, "x:80");
  g_assert_cmpstr (mesh_http_request_header (request, "x-empty"), ==, "");
  g_assert_null (mesh_http_request_header (request, "X-None"));
  g_assert_true (mesh_http_request_has_token (request, "connection",
          "UPGRADE"));
  g_assert_true (mesh_http_request_has_token (request, "connection", "b"));
  g_assert_false (mesh_http_request_has_token (request, "connection", "up"));
}

static void
requests_that_close (void)
{
  static const char *const cases[] = {
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    guint status;
    g_autoptr (MeshHttpRequest) request = parse (cases[i], &status);

    g_assert_nonnull (request);
    g_assert_false (request->keep_alive);
  }
}

static void
requests_that_are_refused (void)
{
  static const struct {
    const char *text;
    guint status;
  } cases[] = {
    { "\r\n\r\n", 400 }, { "GET\r\n\r\n", 400 }, { "GET /\r\n\r\n", 400 },
    { "GET / HTTP/1.1 x\r\nHost: x\r\n\r\n", 400 },
    { "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
    { "GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
    { "G\"T / HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
    { "GET /\x7f HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
    { "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505 },
    { "GET / HTTP/1.1\r\n\r\n", 400 },  /* no Host */
    { "GET / HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: x\r\nOrigin: a\r\nOrigin: b\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: x\ry\r\n\r\n", 400 },
    { "GET / HTTP/1.1\nHost: x\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
          "Content-Length: 5\r\n\r\n", 400 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    guint status;
    g_autoptr (MeshHttpRequest) request = parse (cases[i].text, &status);

    g_test_message ("case %u", i);
    g_assert_null (request);
    g_assert_cmpuint (status, ==, cases[i].status);
  }
}

static void
too_many_headers_are_refused (void)
{
  GString *text = g_string_new ("GET / HTTP/1.1\r\nHost: x\r\n");
  guint status;

  for (guint i = 0; i < 200; i++)
    g_string_append (text, "X: y\r\n");
  g_string_append (text, "\r\n");
  g_assert_null (parse (text->str, &status));
  g_string_free (text, TRUE);
}

static void
origins (void)
{
  static const struct {
    const char *origin;
    const char *host;
    gboolean expected;
  } cases[] = {
    { NULL, "x:8080", TRUE },
    { "http://x:8080", "x:8080", TRUE },
    { "http://X:8080", "x:8080", TRUE },
    { "https://x", "x", TRUE },
    { "https://x", "x:443", TRUE },
    { "https://x:443", "x", TRUE },
    { "http://x", "x:80", TRUE },
    { "http://[::1]:8080", "[::1]:8080", TRUE },
    { "https://good.example", "x", TRUE },
    { "https://good.example:1", "x", FALSE },
    { "https://good.example.evil", "x", FALSE },
    { "http://good.example", "x", FALSE },
    { "http://x:8081", "x:8080", FALSE },
    { "http://x", "x:8080", FALSE },
    { "http://xx", "x", FALSE },
    { "http://x.evil", "x", FALSE },
    { "http://x", NULL, FALSE },
    { "http://", "", FALSE },
    { "http://:80", "", FALSE },
    { "null", "x", FALSE },
    { "null", "null", FALSE },
    { "", "", FALSE },
    { "file://", "x", FALSE },
    { "x", "x", FALSE },
  };
  char *allowed[] = { (char *) "https://good.example", NULL };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_test_message ("case %u", i);
    g_assert_cmpint (mesh_origin_is_allowed (cases[i].origin, cases[i].host,
            allowed), ==, cases[i].expected);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add_func ("/framing/" #name, name)
  ADD (frames_however_they_are_cut);
  ADD (frames_that_must_not_be);
  ADD (a_message_within_a_message_is_bad);
  ADD (too_big_in_one_or_many_fragments);
  ADD (random_bytes_are_survived);
  ADD (written_frames_have_the_shortest_length);
  ADD (requests);
  ADD (requests_that_close);
  ADD (requests_that_are_refused);
  ADD (too_many_headers_are_refused);
  ADD (origins);
  ADD (each_side_reads_the_other);
  return g_test_run ();
}
