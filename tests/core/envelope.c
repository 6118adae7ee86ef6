/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/envelope.h"

#include <string.h>

#include "core/error.h"
#include "core/json-scan.h"

#define ROOM "00000000-0000-4000-8000-00000000000f"
#define ID "00000000-0000-4000-8000-00000000000a"
#define TOKEN "AAAAAAAAAAAAAAAAAAAAAA"
#define HELLO "\"type\":\"hello\",\"v\":1,\"room\":\"" ROOM "\",\"id\":\"" \
    ID "\",\"token\":\"" TOKEN "\""
#define SEND "\"mid\":7,\"to\":\"" ID "\",\"payload\":"

static void
reads_hello (void)
{
  MeshEnvelope e;

  g_assert_true (mesh_envelope_parse ("{" HELLO "}", strlen ("{" HELLO "}"),
          &e, NULL));
  g_assert_cmpint (e.type, ==, MESH_ENVELOPE_HELLO);
  g_assert_cmpuint (e.version, ==, 1);
  g_assert_cmpstr (e.room, ==, ROOM);
  g_assert_cmpstr (e.id, ==, ID);
  g_assert_cmpstr (e.token, ==, TOKEN);
  g_assert_false (e.has_cursor);
}

static void
reads_a_cursor (void)
{
  static const char text[] = "{" HELLO ",\"epoch\":\"e1\",\"after\":0}";
  MeshEnvelope e;

  g_assert_true (mesh_envelope_parse (text, strlen (text), &e, NULL));
  g_assert_true (e.has_cursor);
  g_assert_cmpstr (e.epoch, ==, "e1");
  g_assert_cmpuint (e.after, ==, 0);
}

static void
hands_out_the_payload_as_it_is (void)
{
  static const char payload[] =
      "{ \"b\" : [1.50, -0e+1,\t\"\\u00e9\\ud83d\\ude00\\\"}\"], \"a\":{} }";
  g_autofree char *text = g_strconcat ("{ " SEND, payload, " }", NULL);
  MeshEnvelope e;

  g_assert_true (mesh_envelope_parse (text, strlen (text), &e, NULL));
  g_assert_cmpint (e.type, ==, MESH_ENVELOPE_SEND);
  g_assert_cmpuint (e.mid, ==, 7);
  g_assert_cmpstr (e.to, ==, ID);
  g_assert_cmpmem (e.payload, e.payload_length, payload, strlen (payload));
}

static void
order_and_unknown_fields_do_not_matter (void)
{
  static const char text[] = "{\"x\":{\"to\":3},\"payload\":{},\"to\":\"" ID
      "\",\"y\":null,\"mid\":1,\"ack\":5}";
  MeshEnvelope e;

  g_assert_true (mesh_envelope_parse (text, strlen (text), &e, NULL));
  g_assert_cmpint (e.type, ==, MESH_ENVELOPE_SEND);
  g_assert_cmpuint (e.mid, ==, 1);
}

static void
reads_the_small_ones (void)
{
  static const struct {
    const char *text;
    MeshEnvelopeType type;
  } cases[] = {
    { "{\"ack\":0}", MESH_ENVELOPE_ACK },
    { " {\"ack\":9007199254740991}\n", MESH_ENVELOPE_ACK },
    { "{\"type\":\"ping\"}", MESH_ENVELOPE_PING },
    { "{\"type\":\"bye\"}", MESH_ENVELOPE_BYE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    MeshEnvelope e;

    g_assert_true (mesh_envelope_parse (cases[i].text, strlen (cases[i].text),
            &e, NULL));
    g_assert_cmpint (e.type, ==, cases[i].type);
  }
}

static const char *const malformed[] = {
  "", " ", "null", "[]", "\"x\"", "{", "}", "{}", "{}{}", "{\"ack\":1}x",
  "{\"ack\":1}}", "{\"ack\":1,}", "{,\"ack\":1}", "{\"ack\" 1}", "{ack:1}",
  "{'ack':1}", "{\"ack\":1 \"x\":1}", "// {\"ack\":1}", "{\"ack\":1} //",
  /* not whole numbers in range */
  "{\"ack\":-1}", "{\"ack\":1.0}", "{\"ack\":1e2}", "{\"ack\":\"1\"}",
  "{\"ack\":01}", "{\"ack\":9007199254740992}", "{\"ack\":+1}", "{\"ack\":.5}",
  "{\"ack\":18446744073709551617}", "{\"ack\":true}", "{\"ack\":NaN}",
  /* twice the same: which one counts? */
  "{\"ack\":1,\"ack\":2}", "{" SEND "{},\"payload\":{}}",
  "{" SEND "{},\"to\":\"" ROOM "\"}",
  /* types */
  "{\"type\":\"welcome\"}", "{\"type\":\"\"}", "{\"type\":7}",
  "{\"type\":null}", "{\"type\":\"pin\\u0067\"}", "{\"type\":\"hello\"}",
  "{\"type\":\"pingpingping\"}",
  /* hello */
  "{\"type\":\"hello\",\"v\":1,\"room\":\"" ROOM "\",\"id\":\"" ID "\"}",
  "{\"type\":\"hello\",\"room\":\"" ROOM "\",\"id\":\"" ID "\",\"token\":\""
      TOKEN "\"}",
  "{\"type\":\"hello\",\"v\":1,\"room\":\"x\",\"id\":\"" ID "\",\"token\":\""
      TOKEN "\"}",
  "{\"type\":\"hello\",\"v\":1,\"room\":\"" ROOM "\",\"id\":\"" ROOM
      "0\",\"token\":\"" TOKEN "\"}",
  "{\"type\":\"hello\",\"v\":1,\"room\":\"" ROOM "\",\"id\":"
      "\"00000000-0000-4000-8000-00000000000A\",\"token\":\"" TOKEN "\"}",
  "{\"type\":\"hello\",\"v\":1,\"room\":\"" ROOM "\",\"id\":\"" ID
      "\",\"token\":\"short\"}",
  "{\"type\":\"hello\",\"v\":1,\"room\":\"" ROOM "\",\"id\":\"" ID
      "\",\"token\":\"AAAAAAAAAAAAAAAAAAAAA=\"}",
  "{" HELLO ",\"epoch\":\"e\"}", "{" HELLO ",\"after\":1}",
  "{" HELLO ",\"epoch\":1,\"after\":1}", "{" HELLO ",\"epoch\":\"e\","
      "\"after\":-1}",
  /* sends */
  "{" SEND "1}", "{" SEND "[]}", "{" SEND "\"{}\"}", "{" SEND "null}",
  "{\"mid\":0,\"to\":\"" ID "\",\"payload\":{}}",
  "{\"to\":\"" ID "\",\"payload\":{}}", "{\"mid\":1,\"payload\":{}}",
  "{\"mid\":1,\"to\":\"all\",\"payload\":{}}", "{\"mid\":1,\"to\":\"" ID "\"}",
  /* payloads that try to break out */
  "{" SEND "{}},\"from\":\"x\"}", "{" SEND "{\"a\":1}", "{" SEND "{\"a\":]}}",
  "{" SEND "{\"a\":\"}}", "{" SEND "{\"a\":\"\\\"}}",
  "{" SEND "{\"a\":\"\n\"}}",
  "{" SEND "{\"a\":\"\\x\"}}", "{" SEND "{\"a\":\"\\u12g4\"}}",
  "{" SEND "{\"a\":tru}}", "{" SEND "{\"a\":1.}}", "{" SEND "{\"a\":-}}",
  "{" SEND "{\"a\":1e}}", "{" SEND "{\"a\":[1,]}}", "{" SEND "{\"a\"}}",
  /* half of a surrogate pair */
  "{" SEND "{\"a\":\"\\ud800\"}}", "{" SEND "{\"a\":\"\\udc00\"}}",
  "{" SEND "{\"a\":\"\\ud800\\u0041\"}}", "{" SEND "{\"\\ud800x\":1}}",
  /* not UTF-8 */
  "{" SEND "{\"a\":\"\xff\"}}", "{" SEND "{\"a\":\"\xc0\xaf\"}}",
  "{" SEND "{\"a\":\"\xed\xa0\x80\"}}", "\xef\xbb\xbf{\"ack\":1}",
  /* nine deep */
  "{" SEND "{\"a\":[[[[[[[1]]]]]]]}}",
};

static void
refuses_what_is_malformed (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (malformed); i++) {
    g_autoptr (GError) error = NULL;
    MeshEnvelope e;

    g_test_message ("frame %u", i);
    g_assert_false (mesh_envelope_parse (malformed[i], strlen (malformed[i]),
            &e, &error));
    g_assert_error (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE);
    g_assert_null (strchr (error->message, '"'));
  }
}

static void
eight_deep_is_allowed (void)
{
  static const char text[] = "{" SEND "{\"a\":[[[[[[1]]]]]]}}";
  MeshEnvelope e;

  g_assert_true (mesh_envelope_parse (text, strlen (text), &e, NULL));
}

static void
a_cut_frame_is_never_valid (void)
{
  static const char text[] = "{" SEND "{\"a\":[1.5e3,\"\\u00e9\",true,null]}}";

  for (gsize n = 0; n < strlen (text); n++) {
    /* on the heap, so that reading past the end is noticed */
    g_autofree char *cut = g_memdup2 (text, n);
    MeshEnvelope e;

    g_assert_false (mesh_envelope_parse (cut, n, &e, NULL));
  }
}

static void
a_nul_byte_is_refused (void)
{
  static const char text[] = "{\"ack\":1}\0";
  MeshEnvelope e;

  g_assert_false (mesh_envelope_parse (text, sizeof text - 1, &e, NULL));
}

/* A payload of @size bytes. */
static char *
make_send (gsize size)
{
  g_autofree char *filling = g_strnfill (size - 8, 'x');

  return g_strconcat ("{" SEND "{\"a\":\"", filling, "\"}}", NULL);
}

static void
big_payloads_are_too_big (void)
{
  g_autofree char *fits = make_send (MESH_ENVELOPE_MAX_PAYLOAD);
  g_autofree char *big = make_send (MESH_ENVELOPE_MAX_PAYLOAD + 1);
  g_autofree char *huge = make_send (64 * 1024);
  g_autoptr (GError) error = NULL;
  MeshEnvelope e;

  g_assert_true (mesh_envelope_parse (fits, strlen (fits), &e, NULL));
  g_assert_cmpuint (e.payload_length, ==, MESH_ENVELOPE_MAX_PAYLOAD);
  g_assert_false (mesh_envelope_parse (big, strlen (big), &e, &error));
  g_assert_error (error, MESH_ERROR, MESH_ERROR_TOO_BIG);
  g_clear_error (&error);
  g_assert_false (mesh_envelope_parse (huge, strlen (huge), &e, &error));
  g_assert_error (error, MESH_ERROR, MESH_ERROR_TOO_BIG);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add_func ("/envelope/" #name, name)
  ADD (reads_hello);
  ADD (reads_a_cursor);
  ADD (hands_out_the_payload_as_it_is);
  ADD (order_and_unknown_fields_do_not_matter);
  ADD (reads_the_small_ones);
  ADD (refuses_what_is_malformed);
  ADD (eight_deep_is_allowed);
  ADD (a_cut_frame_is_never_valid);
  ADD (a_nul_byte_is_refused);
  ADD (big_payloads_are_too_big);
  return g_test_run ();
}
