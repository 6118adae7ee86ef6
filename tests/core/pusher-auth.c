/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "core/json-scan.h"
#include "pusher/auth.h"

#define SECRET "7ad3773142a6692b25b8"

static void
channels_are_told_apart_by_name (void)
{
  static const struct {
    const char *name;
    MeshPusherKind kind;
  } cases[] = {
    { "room", MESH_PUSHER_PUBLIC }, { "a_-=@,.;Z9", MESH_PUSHER_PUBLIC },
    { "private", MESH_PUSHER_PUBLIC }, { "private-a", MESH_PUSHER_PRIVATE },
    { "presence-a", MESH_PUSHER_PRESENCE },
    { "private-encrypted-a", MESH_PUSHER_ENCRYPTED },
    { "", MESH_PUSHER_INVALID }, { "a b", MESH_PUSHER_INVALID },
    { "a/b", MESH_PUSHER_INVALID }, { "\xc3\xa4", MESH_PUSHER_INVALID },
    { "#server-to-user-1", MESH_PUSHER_USER },
    { "#server-to-user-", MESH_PUSHER_INVALID }, { "#a", MESH_PUSHER_INVALID },
  };
  g_autofree char *longest = g_strnfill (200, 'x');
  g_autofree char *longer = g_strnfill (201, 'x');

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_cmpint (mesh_pusher_channel_kind (cases[i].name), ==,
        cases[i].kind);
  g_assert_cmpint (mesh_pusher_channel_kind (longest), ==, MESH_PUSHER_PUBLIC);
  g_assert_cmpint (mesh_pusher_channel_kind (longer), ==, MESH_PUSHER_INVALID);
  g_assert_true (mesh_pusher_is_event_name (longest));
  g_assert_false (mesh_pusher_is_event_name (longer));
  g_assert_true (mesh_pusher_is_event_name ("client-x"));
  g_assert_false (mesh_pusher_is_event_name (""));
  g_assert_false (mesh_pusher_is_event_name ("pusher:error"));
  g_assert_false (mesh_pusher_is_event_name ("pusher_internal:member_added"));
}

static void
socket_ids_are_two_numbers (void)
{
  g_assert_true (mesh_pusher_is_socket_id ("123.456"));
  g_assert_false (mesh_pusher_is_socket_id ("123"));
  g_assert_false (mesh_pusher_is_socket_id ("123."));
  g_assert_false (mesh_pusher_is_socket_id (".1"));
  g_assert_false (mesh_pusher_is_socket_id ("1.2.3"));
  g_assert_false (mesh_pusher_is_socket_id ("1.2:private-x"));
}

/* The examples of Pusher's documentation. */
static void
signatures_are_those_of_pusher (void)
{
  g_autofree char *private = mesh_pusher_sign_channel (SECRET, "1234.1234",
      "private-foobar", NULL);
  g_autofree char *presence = mesh_pusher_sign_channel (SECRET, "1234.1234",
      "presence-foobar",
      "{\"user_id\":10,\"user_info\":{\"name\":\"Mr. Channels\"}}");
  g_autofree char *request = mesh_pusher_sign_request (SECRET, "POST",
      "/apps/3/events", "auth_key=278d425bdf160c739803"
      "&auth_timestamp=1353088179&auth_version=1.0"
      "&body_md5=ec365a775a4cd0599faeb73354201b6f");

  g_assert_cmpstr (private, ==,
      "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4");
  g_assert_cmpstr (presence, ==,
      "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80");
  g_assert_cmpstr (request, ==,
      "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c");
  g_assert_true (mesh_pusher_is_signature (private, private));
  g_assert_false (mesh_pusher_is_signature (presence, private));
  g_assert_false (mesh_pusher_is_signature ("", private));
}

static void
strings_are_decoded (void)
{
  static const char text[] =
      "{\"a\":[\"x\\\"\\\\\\/\\b\\f\\n\\r\\t\", \"\\u00e4\\ud83d\\ude00\\u0000"
      "!\" ,1,{\"b\":[]},\"\"],\"e\":[ ]}";
  static const char *const names[] = { "a", "e", NULL };
  static const struct {
    const char *text;
    gsize length;
  } expected[] = {
    { "x\"\\/\b\f\n\r\t", 9 }, { "\xc3\xa4\xf0\x9f\x98\x80\0!", 8 },
    { NULL }, { NULL }, { "", 0 },
  };
  MeshJsonSpan spans[2], item;
  guint i = 0;

  g_assert_true (mesh_json_scan (text, strlen (text), 8, names, spans));
  for (; mesh_json_span_next (&spans[0], &item); i++) {
    g_autoptr (GString) value = g_string_new (NULL);

    g_assert_cmpuint (i, <, G_N_ELEMENTS (expected));
    g_assert_true (mesh_json_span_decode (&item, value)
        == (expected[i].text != NULL));
    if (expected[i].text)
      g_assert_cmpmem (value->str, value->len, expected[i].text,
          expected[i].length);
  }
  g_assert_cmpuint (i, ==, G_N_ELEMENTS (expected));
  g_assert_false (mesh_json_span_next (&spans[1], &item));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pusher-auth/channels", channels_are_told_apart_by_name);
  g_test_add_func ("/pusher-auth/socket-ids", socket_ids_are_two_numbers);
  g_test_add_func ("/pusher-auth/signatures", signatures_are_those_of_pusher);
  g_test_add_func ("/pusher-auth/strings", strings_are_decoded);
  return g_test_run ();
}
