/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a Pusher client says and hears; signatures are in pusher-auth.c. */

#include "pusher/client.h"

#include <string.h>

#include "core/error.h"

static MeshPusherEvent *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  MeshPusherEvent *event
      = mesh_pusher_event_parse (text, strlen (text), &error);

  g_assert_true (!event == !!error);
  return event;
}

/* Servers differ in which data is JSON, and which is text with JSON in it. */
static void
events_are_read_in_both_forms (void)
{
  static const struct {
    const char *text;
    MeshPusherEventType type;
    const char *channel;
    const char *data;
    guint code;
  } cases[] = {
    { "{\"event\":\"pusher:connection_established\",\"data\":"
      "\"{\\\"socket_id\\\":\\\"123.456\\\",\\\"activity_timeout\\\":120}\"}",
      MESH_PUSHER_ESTABLISHED, NULL, NULL, 0 },
    { "{\"event\":\"pusher:connection_established\",\"data\":"
      "{\"socket_id\":\"1.2\"}}", MESH_PUSHER_ESTABLISHED, NULL, NULL, 0 },
    { "{\"event\":\"pusher_internal:subscription_succeeded\",\"data\":\"{}\","
      "\"channel\":\"c\"}", MESH_PUSHER_SUBSCRIBED, "c", NULL, 0 },
    { "{\"event\":\"signal\",\"channel\":\"c\","
      "\"data\":\"{\\\"type\\\":\\\"call\\\"}\"}",
      MESH_PUSHER_MESSAGE, "c", "{\"type\":\"call\"}", 0 },
    { "{\"event\":\"signal\",\"channel\":\"c\",\"data\":{\"type\":\"call\"}}",
      MESH_PUSHER_MESSAGE, "c", "{\"type\":\"call\"}", 0 },
    { "{\"event\":\"pusher:ping\",\"data\":{}}", MESH_PUSHER_PING, NULL, NULL,
      0 },
    { "{\"event\":\"pusher:ping\"}", MESH_PUSHER_PING, NULL, NULL, 0 },
    { "{\"event\":\"pusher:pong\",\"data\":\"{}\"}", MESH_PUSHER_PONG, NULL,
      NULL, 0 },
    { "{\"event\":\"pusher:error\",\"data\":{\"message\":\"no\","
      "\"code\":4001}}", MESH_PUSHER_ERROR, NULL, NULL, 4001 },
    { "{\"event\":\"pusher:error\",\"data\":"
      "\"{\\\"message\\\":\\\"no\\\",\\\"code\\\":4001}\"}",
      MESH_PUSHER_ERROR, NULL, NULL, 4001 },
    { "{\"event\":\"pusher:error\",\"data\":{\"message\":\"no\","
      "\"code\":null}}", MESH_PUSHER_ERROR, NULL, NULL, 0 },
    { "{\"event\":\"pusher:error\",\"data\":\"words\"}", MESH_PUSHER_ERROR,
      NULL, NULL, 0 },
    { "{\"event\":\"pusher_internal:member_added\",\"channel\":\"c\"}",
      MESH_PUSHER_OTHER, "c", NULL, 0 },
    { "{\"event\":\"client-x\",\"data\":3}", MESH_PUSHER_OTHER, NULL, NULL,
      0 },
    { "{}", MESH_PUSHER_OTHER, NULL, NULL, 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (MeshPusherEvent) event = parse (cases[i].text);

    g_test_message ("%s", cases[i].text);
    g_assert_nonnull (event);
    g_assert_cmpint (event->type, ==, cases[i].type);
    g_assert_cmpstr (event->channel, ==, cases[i].channel);
    g_assert_cmpstr (event->data, ==, cases[i].data);
    g_assert_cmpuint (event->code, ==, cases[i].code);
  }
}

static void
a_connection_has_an_id_and_a_time (void)
{
  g_autoptr (MeshPusherEvent) event = parse (
      "{\"event\":\"pusher:connection_established\",\"data\":"
      "\"{\\\"socket_id\\\":\\\"123.456\\\",\\\"activity_timeout\\\":30}\"}");

  g_assert_cmpstr (event->socket_id, ==, "123.456");
  g_assert_cmpuint (event->activity_timeout, ==, 30);
}

static void
what_makes_no_sense_is_refused (void)
{
  static const char *const cases[] = {
    "", "[]", "{", "{\"event\":7}", "{\"event\":\"x\",\"channel\":7}",
    "{\"event\":\"pusher:connection_established\"}",
    "{\"event\":\"pusher:connection_established\",\"data\":{}}",
    "{\"event\":\"pusher:connection_established\",\"data\":"
    "{\"socket_id\":\"1.2\\\"\"}}",
    "{\"event\":\"pusher:connection_established\",\"data\":"
    "{\"socket_id\":\"1.2\",\"activity_timeout\":-1}}",
    "{\"event\":\"signal\",\"data\":{}}",
    "{\"event\":\"signal\",\"channel\":\"c\"}",
    "{\"event\":\"signal\",\"channel\":\"c\",\"data\":\"{\"}",
    "{\"event\":\"signal\",\"channel\":\"c\",\"data\":\"[]\"}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_test_message ("%s", cases[i]);
    g_assert_null (parse (cases[i]));
  }
}

static void
codes_tell_what_to_do (void)
{
  static const struct {
    guint code;
    MeshPusherVerdict verdict;
  } cases[] = {
    { 0, MESH_PUSHER_AGAIN }, { 1000, MESH_PUSHER_AGAIN },
    { 1002, MESH_PUSHER_LATER }, { 1006, MESH_PUSHER_AGAIN },
    { 4000, MESH_PUSHER_USE_TLS }, { 4001, MESH_PUSHER_STOP },
    { 4009, MESH_PUSHER_STOP }, { 4099, MESH_PUSHER_STOP },
    { 4100, MESH_PUSHER_LATER }, { 4199, MESH_PUSHER_LATER },
    { 4200, MESH_PUSHER_AGAIN }, { 4299, MESH_PUSHER_AGAIN },
    { 4301, MESH_PUSHER_GO_ON }, { 4999, MESH_PUSHER_STOP },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_cmpint (mesh_pusher_judge (cases[i].code), ==, cases[i].verdict);
}

static void
what_we_say_is_what_pusher_says (void)
{
  static const char body[] = "{\"name\":\"signal\",\"data\":"
      "\"{\\\"type\\\":\\\"joinroom\\\"}\",\"channels\":[\"c\"],"
      "\"socket_id\":\"1.2\"}";
  g_autofree char *public = mesh_pusher_subscribe ("c", NULL, NULL);
  g_autofree char *presence = mesh_pusher_subscribe ("presence-c", "K:S",
      "{\"user_id\":1}");
  g_autofree char *trigger = mesh_pusher_trigger_body ("c",
      "{\"type\":\"joinroom\"}", "1.2");
  g_autofree char *auth = mesh_pusher_authorise ("278d425bdf160c739803",
      "7ad3773142a6692b25b8", "1234.1234", "private-foobar", NULL);
  /* as in Pusher's documentation */
  g_autofree char *path = mesh_pusher_trigger_path ("3",
      "278d425bdf160c739803", "7ad3773142a6692b25b8",
      "{\"name\":\"foo\",\"channels\":[\"project-3\"],"
      "\"data\":\"{\\\"some\\\":\\\"data\\\"}\"}", 1353088179);

  g_assert_cmpstr (public, ==,
      "{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"c\"}}");
  g_assert_cmpstr (presence, ==, "{\"event\":\"pusher:subscribe\",\"data\":"
      "{\"channel\":\"presence-c\",\"auth\":\"K:S\","
      "\"channel_data\":\"{\\\"user_id\\\":1}\"}}");
  g_assert_cmpstr (trigger, ==, body);
  g_assert_cmpstr (auth, ==, "278d425bdf160c739803:"
      "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4");
  g_assert_cmpstr (path, ==, "/apps/3/events?auth_key=278d425bdf160c739803"
      "&auth_timestamp=1353088179&auth_version=1.0"
      "&body_md5=ec365a775a4cd0599faeb73354201b6f&auth_signature="
      "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pusher-client/events-are-read-in-both-forms",
      events_are_read_in_both_forms);
  g_test_add_func ("/pusher-client/a-connection-has-an-id-and-a-time",
      a_connection_has_an_id_and_a_time);
  g_test_add_func ("/pusher-client/what-makes-no-sense-is-refused",
      what_makes_no_sense_is_refused);
  g_test_add_func ("/pusher-client/codes-tell-what-to-do",
      codes_tell_what_to_do);
  g_test_add_func ("/pusher-client/what-we-say-is-what-pusher-says",
      what_we_say_is_what_pusher_says);
  return g_test_run ();
}
