/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/stun.h"

#include <string.h>

static const guint8 id[MESH_STUN_ID_BYTES] = { 0x78, 0xad, 0x34, 0x33, 0xc6,
  0xad, 0x72, 0xc0, 0x29, 0xda, 0x41, 0x2e };

/* RFC 5769, section 2.4 */
static const guint8 with_login[] = {
  0x00, 0x01, 0x00, 0x60, 0x21, 0x12, 0xa4, 0x42, 0x78, 0xad, 0x34, 0x33,
  0xc6, 0xad, 0x72, 0xc0, 0x29, 0xda, 0x41, 0x2e,
  0x00, 0x06, 0x00, 0x12, 0xe3, 0x83, 0x9e, 0xe3, 0x83, 0x88, 0xe3, 0x83,
  0xaa, 0xe3, 0x83, 0x83, 0xe3, 0x82, 0xaf, 0xe3, 0x82, 0xb9, 0x00, 0x00,
  0x00, 0x15, 0x00, 0x1c, 0x66, 0x2f, 0x2f, 0x34, 0x39, 0x39, 0x6b, 0x39,
  0x35, 0x34, 0x64, 0x36, 0x4f, 0x4c, 0x33, 0x34, 0x6f, 0x4c, 0x39, 0x46,
  0x53, 0x54, 0x76, 0x79, 0x36, 0x34, 0x73, 0x41,
  0x00, 0x14, 0x00, 0x0b, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x2e,
  0x6f, 0x72, 0x67, 0x00,
  0x00, 0x08, 0x00, 0x14, 0xf6, 0x70, 0x24, 0x65, 0x6d, 0xd6, 0x4a, 0x3e,
  0x02, 0xb8, 0xe0, 0x71, 0x2e, 0x85, 0xc9, 0xa2, 0x8c, 0xa8, 0x96, 0x66,
};

static void
a_login_is_signed_as_the_rfc_has_it (void)
{
  MeshStunLogin login = { "マトリックス", "TheMatrIX", "example.org",
    "f//499k954d6OL34oL9FSTvy64sA" };
  g_autoptr (GBytes) request
      = mesh_stun_request (MESH_STUN_BINDING, id, &login);

  g_assert_cmpmem (g_bytes_get_data (request, NULL),
      g_bytes_get_size (request), with_login, sizeof with_login);
}

static void
requests_say_what_they_want (void)
{
  static const guint8 binding[] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };
  static const guint8 allocate[] = { 0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42 };
  static const guint8 refresh[] = { 0, 4, 0, 8, 0x21, 0x12, 0xa4, 0x42 };
  static const guint8 udp[] = { 0, 0x19, 0, 4, 17, 0, 0, 0 };
  static const guint8 ends[] = { 0, 0x0d, 0, 4, 0, 0, 0, 0 };
  static const struct {
    MeshStunMethod method;
    const guint8 *head;
    const guint8 *attribute;
  } cases[] = {
    { MESH_STUN_BINDING, binding, NULL },
    { MESH_STUN_ALLOCATE, allocate, udp },
    { MESH_STUN_REFRESH, refresh, ends },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GBytes) request
        = mesh_stun_request (cases[i].method, id, NULL);
    gsize size;
    const guint8 *data = g_bytes_get_data (request, &size);

    g_assert_cmpuint (size, ==, MESH_STUN_HEAD_BYTES
        + (cases[i].attribute ? 8 : 0));
    g_assert_cmpmem (data, 8, cases[i].head, 8);
    g_assert_cmpmem (data + 8, MESH_STUN_ID_BYTES, id, sizeof id);
    if (cases[i].attribute)
      g_assert_cmpmem (data + 20, 8, cases[i].attribute, 8);
  }
}

/* An answer with attributes that are given as text. */
static GByteArray *
make_answer (guint type, const char *attributes, gsize size)
{
  GByteArray *out = g_byte_array_new ();
  guint8 head[] = { type >> 8, type, size >> 8, size, 0x21, 0x12, 0xa4, 0x42 };

  g_byte_array_append (out, head, sizeof head);
  g_byte_array_append (out, id, sizeof id);
  g_byte_array_append (out, (const guint8 *) attributes, size);
  return out;
}

#define REFUSAL "\0\x09\0\x04\0\0\x04\x01" "\0\x14\0\x01r\0\0\0" \
    "\0\x15\0\x02no\0\0"

static void
an_answer_says_what_is_missing (void)
{
  g_autoptr (GByteArray) data
      = make_answer (0x113, REFUSAL, sizeof REFUSAL - 1);
  g_auto (MeshStunAnswer) answer = { 0 };

  g_assert_true (mesh_stun_parse (data->data, data->len, id, &answer));
  g_assert_cmpint (answer.method, ==, MESH_STUN_ALLOCATE);
  g_assert_cmpuint (answer.code, ==, 401);
  g_assert_cmpstr (answer.realm, ==, "r");
  g_assert_cmpstr (answer.nonce, ==, "no");
}

static void
success_is_told (void)
{
  g_autoptr (GByteArray) data = make_answer (0x101, "", 0);
  g_auto (MeshStunAnswer) answer = { 0 };

  g_assert_true (mesh_stun_parse (data->data, data->len, id, &answer));
  g_assert_cmpint (answer.method, ==, MESH_STUN_BINDING);
  g_assert_cmpuint (answer.code, ==, 0);
}

static void
others_are_no_answer (void)
{
  static const guint8 other_id[MESH_STUN_ID_BYTES];
  g_autoptr (GByteArray) answer = make_answer (0x101, "", 0);
  g_autoptr (GByteArray) request = make_answer (0x001, "", 0);
  g_autoptr (GByteArray) indication = make_answer (0x011, "", 0);
  g_autoptr (GByteArray) longer = make_answer (0x113, "\0\x14\0\x08r\0\0\0", 8);
  MeshStunAnswer read;

  g_assert_false (mesh_stun_parse (answer->data, answer->len, other_id, &read));
  g_assert_false (mesh_stun_parse (request->data, request->len, id, &read));
  g_assert_false (mesh_stun_parse (indication->data, indication->len, id,
          &read));
  g_assert_false (mesh_stun_parse (longer->data, longer->len, id, &read));
  answer->data[4] = 0;
  g_assert_false (mesh_stun_parse (answer->data, answer->len, id, &read));
  g_assert_cmpint (mesh_stun_length (answer->data, answer->len), ==, -1);
}

/* Every beginning of an answer, and every answer with one byte changed. */
static void
pieces_do_no_harm (void)
{
  g_autoptr (GByteArray) data
      = make_answer (0x113, REFUSAL, sizeof REFUSAL - 1);

  for (guint size = 0; size < data->len; size++) {
    g_autofree guint8 *piece = g_memdup2 (data->data, size);
    MeshStunAnswer answer;

    g_assert_false (mesh_stun_parse (piece, size, id, &answer));
    g_assert_cmpint (mesh_stun_length (piece, size), ==,
        size < MESH_STUN_HEAD_BYTES ? 0 : data->len);
  }
  for (guint i = 0; i < data->len * 256; i++) {
    g_autofree guint8 *changed = g_memdup2 (data->data, data->len);
    g_auto (MeshStunAnswer) answer = { 0 };

    changed[i / 256] = i % 256;
    if (mesh_stun_parse (changed, data->len, id, &answer)
        && answer.code != 0)
      g_assert_cmpuint (answer.code, >=, 300);
  }
}

/* A realm that is no text, or has no end, is none. */
static void
texts_are_bounded (void)
{
  static const char bad[] = "\0\x09\0\x04\0\0\x04\x01\0\x14\0\x02\xff\xff\0\0"
      "\0\x15\0\x02n\0\0\0";
  g_autoptr (GByteArray) data = make_answer (0x113, bad, sizeof bad - 1);
  g_autoptr (GByteArray) endless = g_byte_array_new ();
  g_auto (MeshStunAnswer) answer = { 0 };

  g_assert_true (mesh_stun_parse (data->data, data->len, id, &answer));
  g_assert_cmpuint (answer.code, ==, 401);
  g_assert_null (answer.realm);
  g_assert_null (answer.nonce);
  g_byte_array_set_size (endless, 2000);
  memcpy (endless->data, data->data, 20);
  endless->data[2] = 1980 >> 8;
  endless->data[3] = 1980 & 0xff;
  g_assert_cmpint (mesh_stun_length (endless->data, 2000), ==, -1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add_func ("/stun/" #name, name)
  ADD (a_login_is_signed_as_the_rfc_has_it);
  ADD (requests_say_what_they_want);
  ADD (an_answer_says_what_is_missing);
  ADD (success_is_told);
  ADD (others_are_no_answer);
  ADD (pieces_do_no_harm);
  ADD (texts_are_bounded);
  return g_test_run ();
}
