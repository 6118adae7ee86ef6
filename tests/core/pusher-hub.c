/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The hub in virtual time: its bounds, and what it does about clients that
 * are silent, loud or senseless. What Pusher's own libraries see of it is in
 * tests/e2e/pusher.test.js. */

#include <string.h>

#include "pusher-fixture.h"

static void
silence_ends_a_connection (Fixture *f, gconstpointer data)
{
  start (f);
  connect_client (f, 1);
  connect_client (f, 2);
  f->now += f->limits.activity;
  mesh_pusher_hub_heard (f->hub, 2, f->now);
  mesh_pusher_hub_tick (f->hub, f->now);
  g_assert_cmpstr (drain (f), ==,
      "1<{\"event\":\"pusher:ping\",\"data\":\"{}\"}\n");
  mesh_pusher_hub_tick (f->hub, f->now + 1);       /* asked once */
  g_assert_cmpstr (drain (f), ==, "");
  f->now += f->limits.pong;
  mesh_pusher_hub_heard (f->hub, 2, f->now);
  mesh_pusher_hub_tick (f->hub, f->now);
  g_assert_true (g_str_has_suffix (drain (f), "\n1!4201\n"));
  g_assert_cmpuint (mesh_pusher_hub_get_stats (f->hub)->clients, ==, 1);
  g_assert_cmpstr (say (f, 2, "{\"event\":\"pusher:ping\",\"data\":{}}"), ==,
      "2<{\"event\":\"pusher:pong\",\"data\":\"{}\"}\n");
}

static void
a_flood_ends_a_connection (Fixture *f, gconstpointer data)
{
  guint n = 0;

  f->limits.burst = 20;
  start (f);
  connect_client (f, 1);
  while (!strstr (say (f, 1, "{\"event\":\"pusher:ping\"}"), "1!4100")) {
    f->now += 100;
    g_assert_cmpuint (++n, <, 25);
  }
  g_assert_cmpstr (say (f, 1, "{\"event\":\"pusher:ping\"}"), ==, "");
}

static void
client_events_are_ten_a_second (Fixture *f, gconstpointer data)
{
  static const char event[] =
      "{\"event\":\"client-x\",\"channel\":\"private-a\",\"data\":1}";

  start (f);
  connect_client (f, 1);
  connect_client (f, 2);
  assert_entered (enter (f, 1, "private-a", NULL));
  assert_entered (enter (f, 2, "private-a", NULL));
  for (guint i = 0; i < 10; i++)
    g_assert_cmpstr (say (f, 1, event), ==, "2<{\"event\":\"client-x\","
        "\"channel\":\"private-a\",\"data\":\"1\"}\n");
  g_assert_nonnull (strstr (say (f, 1, event), "\"code\":4301"));
  f->now += G_USEC_PER_SEC / 10;
  g_assert_true (g_str_has_prefix (say (f, 1, event), "2<"));
}

static void
client_events_are_for_those_inside (Fixture *f, gconstpointer data)
{
  static const char *const channels[] = { "private-a", "news",
    "private-encrypted-a", "nothing", "#server-to-user-1" };

  start (f);
  connect_client (f, 1);
  connect_client (f, 2);
  assert_entered (enter (f, 1, "private-a", NULL));
  assert_entered (enter (f, 2, "private-encrypted-a", NULL));
  assert_entered (enter (f, 2, "news", NULL));
  for (guint i = 0; i < G_N_ELEMENTS (channels); i++) {
    g_autofree char *text = g_strdup_printf ("{\"event\":\"client-x\","
        "\"channel\":\"%s\",\"data\":{}}", channels[i]);

    g_assert_true (g_str_has_prefix (say (f, 2, text),
            "2<{\"event\":\"pusher:error\""));
  }
}

static void
numbers_are_bounded (Fixture *f, gconstpointer data)
{
  f->limits.client_channels = 2;
  f->limits.channels = 3;
  f->limits.members = 2;
  start (f);
  for (guint64 client = 1; client <= 4; client++)
    connect_client (f, client);
  assert_entered (enter (f, 1, "a", NULL));
  assert_entered (enter (f, 1, "b", NULL));
  g_assert_nonnull (strstr (enter (f, 1, "c", NULL), "\"code\":4100"));
  assert_entered (enter (f, 2, "presence-c", "u1"));
  g_assert_nonnull (strstr (enter (f, 2, "d", NULL), "\"code\":4100"));
  assert_entered (enter (f, 2, "a", NULL));
  assert_entered (enter (f, 3, "presence-c", "u2"));
  g_assert_nonnull (strstr (enter (f, 4, "presence-c", "u3"),
          "\"code\":4100"));
  assert_entered (enter (f, 4, "presence-c", "u2"));    /* is there already */
  for (guint64 client = 1; client <= 4; client++)
    mesh_pusher_hub_disconnected (f->hub, client);
  g_assert_cmpuint (mesh_pusher_hub_get_stats (f->hub)->channels, ==, 0);
  g_assert_cmpuint (mesh_pusher_hub_get_stats (f->hub)->subscriptions, ==, 0);
}

/* A person with two windows comes once and goes once. */
static void
a_person_may_have_two_connections (Fixture *f, gconstpointer data)
{
  start (f);
  for (guint64 client = 1; client <= 3; client++)
    connect_client (f, client);
  assert_entered (enter (f, 1, "presence-a", "u1"));
  g_assert_nonnull (strstr (enter (f, 2, "presence-a", "u2"),
          "1<{\"event\":\"pusher_internal:member_added\""));
  g_assert_null (strstr (enter (f, 3, "presence-a", "u2"), "member_added"));
  mesh_pusher_hub_disconnected (f->hub, 2);
  g_assert_cmpstr (drain (f), ==, "");
  mesh_pusher_hub_disconnected (f->hub, 3);
  g_assert_nonnull (strstr (drain (f),
          "1<{\"event\":\"pusher_internal:member_removed\""));
}

static void
what_one_says_of_oneself_is_bounded (Fixture *f, gconstpointer data)
{
  g_autofree char *name = g_strnfill (MESH_PUSHER_HUB_MAX_USER + 1, 'u');

  start (f);
  connect_client (f, 1);
  g_assert_nonnull (strstr (enter (f, 1, "presence-a", name),
          "Invalid channel_data"));
  g_assert_nonnull (strstr (enter (f, 1, "presence-a", ""),
          "Invalid channel_data"));
  g_assert_nonnull (strstr (enter (f, 1, "presence-a", NULL),
          "\"code\":4009"));
  assert_entered (enter (f, 1, "presence-a", name + 1));
}

static void
nonsense_changes_nothing (Fixture *f, gconstpointer data)
{
  static const char *const texts[] = {
    "", "junk", "[]", "{}", "null", "{\"event\":1}", "{\"event\":\"\\u0000\"}",
    "{\"event\":\"pusher:subscribe\"}",
    "{\"event\":\"pusher:subscribe\",\"data\":[]}",
    "{\"event\":\"pusher:subscribe\",\"data\":\"{}\"}",
    "{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":[]}}",
    "{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"a b\"}}",
    "{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"a\\u0000\"}}",
    "{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"\"}}",
    "{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"private-a\"}}",
    "{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"private-a\","
        "\"auth\":\"key:\"}}",
    "{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"presence-a\","
        "\"auth\":7,\"channel_data\":{}}}",
    "{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":"
        "\"#server-to-user-1\"}}",
    "{\"event\":\"pusher:unsubscribe\"}",
    "{\"event\":\"pusher:unsubscribe\",\"data\":{\"channel\":\"x\"}}",
    "{\"event\":\"client-x\"}", "{\"event\":\"client-x\",\"channel\":7}",
    "{\"event\":\"pusher:whatever\",\"data\":{}}",
    "{\"event\":\"pusher_internal:member_added\",\"channel\":\"news\"}",
    "{\"event\":\"a\",\"event\":\"b\"}",
  };

  start (f);
  connect_client (f, 1);
  connect_client (f, 2);
  assert_entered (enter (f, 2, "news", NULL));
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    const char *log = say (f, 1, texts[i]);

    g_assert_null (strstr (log, "2<"));
    g_assert_null (strstr (log, "1!"));
    g_assert_null (strstr (log, "succeeded"));
  }
  g_assert_cmpuint (mesh_pusher_hub_get_stats (f->hub)->clients, ==, 2);
  g_assert_cmpuint (mesh_pusher_hub_get_stats (f->hub)->channels, ==, 1);
  say (f, 1, "{\"event\":\"pusher:signin\",\"data\":{\"auth\":\"key:x\","
      "\"user_data\":\"{}\"}}");
  g_assert_cmpuint (mesh_pusher_hub_get_stats (f->hub)->clients, ==, 1);
}

/* Whatever piece of a frame comes, and whichever bit of it is wrong: it may
 * name a public channel then, but it opens none that needs a signature. */
static void
pieces_of_frames_do_no_harm (Fixture *f, gconstpointer data)
{
  static const char frame[] =
      "{\"event\":\"pusher:subscribe\",\"data\":"
      "{\"channel\":\"presence-a\",\"auth\":\"key:00\",\"channel_data\":"
      "\"{\\\"user_id\\\":1,\\\"user_info\\\":{\\u0022a\\\":\\uD83D\\uDE00}}\"}"
      "}";

  f->limits.burst = G_MAXINT32;
  start (f);
  connect_client (f, 1);
  for (gsize i = 0; i < sizeof frame - 1; i++)
    for (guint bit = 0; bit < 8; bit++) {
      g_autofree char *text = g_memdup2 (frame, sizeof frame);

      text[i] ^= 1 << bit;
      mesh_pusher_hub_feed (f->hub, 1, text, sizeof frame - 1, f->now);
      mesh_pusher_hub_feed (f->hub, 1, text, i, f->now);
      g_assert_null (strstr (drain (f), "{\\\"presence\\\""));
    }
  mesh_pusher_hub_disconnected (f->hub, 1);
  g_assert_cmpuint (mesh_pusher_hub_get_stats (f->hub)->subscriptions, ==, 0);
}

static void
posts_are_for_ids_and_bounded (Fixture *f, gconstpointer data)
{
  g_autofree char *upper = g_ascii_strup (UUID, -1);
  guint n = 0;

  f->limits.posts = 5;
  start (f);
  connect_client (f, 1);
  assert_entered (enter (f, 1, UUID, NULL));
  g_assert_cmpuint (mesh_pusher_hub_post (f->hub, "news", "{}", 2, f->now),
      ==, 403);
  g_assert_cmpuint (mesh_pusher_hub_post (f->hub, UUID, "{", 1, f->now), ==,
      400);
  g_assert_cmpuint (mesh_pusher_hub_post (f->hub, UUID, "{\"a\":\"\\n\"}",
          10, f->now), ==, 200);
  g_assert_cmpstr (drain (f), ==, "1<{\"event\":\"signal\",\"channel\":\"" UUID
      "\",\"data\":\"{\\\"a\\\":\\\"\\\\n\\\"}\"}\n");
  g_assert_cmpuint (mesh_pusher_hub_post (f->hub, upper, "{}", 2, f->now),
      ==, 200);
  g_assert_cmpstr (drain (f), ==, "1<{\"event\":\"signal\",\"channel\":\"" UUID
      "\",\"data\":\"{}\"}\n");
  while (mesh_pusher_hub_post (f->hub, UUID, "{}", 2, f->now) == 200)
    g_assert_cmpuint (++n, <, 51);
  g_assert_cmpuint (mesh_pusher_hub_post (f->hub, UUID, "{}", 2, f->now),
      ==, 429);
}

/* The example of Pusher's documentation, as the HTTP interface sees it. */
static void
a_request_is_known_by_its_signature (Fixture *f, gconstpointer data)
{
  MeshPusherHubRequest request = { "POST", "/apps/3/events",
    "body_md5=ec365a775a4cd0599faeb73354201b6f&auth_version=1.0"
    "&auth_key=278d425bdf160c739803&auth_timestamp=1353088179"
    "&auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f"
    "457e6c", "{\"name\":\"foo\",\"channels\":[\"project-3\"],"
    "\"data\":\"{\\\"some\\\":\\\"data\\\"}\"}", 0, 0, 1353088179 };
  g_autoptr (GString) answer = g_string_new (NULL);

  f->hub = mesh_pusher_hub_new (NULL, 1);
  request.length = strlen (request.body);
  g_assert_cmpuint (mesh_pusher_hub_request (f->hub, &request, answer), ==,
      404);
  g_assert_true (mesh_pusher_hub_add_app (f->hub,
          "3:278d425bdf160c739803:7ad3773142a6692b25b8", NULL));
  g_assert_true (mesh_pusher_hub_is_signed (f->hub, &request));
  g_assert_cmpuint (mesh_pusher_hub_request (f->hub, &request, answer), ==,
      200);
  g_assert_cmpstr (answer->str, ==, "{}");
  request.unix_now += 601;
  g_assert_false (mesh_pusher_hub_is_signed (f->hub, &request));
  g_assert_cmpuint (mesh_pusher_hub_request (f->hub, &request, answer), ==,
      401);
  request.unix_now -= 601;
  request.length--;
  g_assert_cmpuint (mesh_pusher_hub_request (f->hub, &request, answer), ==,
      401);
}

static void
applications_are_apart (Fixture *f, gconstpointer data)
{
  static const char *const wrong[] = { "", "a", "a:b", "a:b:", ":b:c", "a::c",
    "a b:c:d", "app:x:y", "x:key:y" };

  start (f);
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (mesh_pusher_hub_add_app (f->hub, wrong[i], &error));
    g_assert_nonnull (error);
  }
  g_assert_true (mesh_pusher_hub_add_app (f->hub, "b:key-b:x:y", NULL));
  connect_client (f, 1);
  mesh_pusher_hub_connected (f->hub, 2, "key-b", "client=x&protocol=7", f->now);
  drain (f);
  assert_entered (enter (f, 1, UUID, NULL));
  assert_entered (enter (f, 2, UUID, NULL));
  mesh_pusher_hub_post (f->hub, UUID, "{}", 2, f->now);
  g_assert_true (g_str_has_prefix (drain (f), "1<"));
  g_assert_null (strstr (f->log->str, "2<"));
}

static void
cache_channels_keep_the_last_event (Fixture *f, gconstpointer data)
{
  static const char *const channels[] = { "cache-x", "private-cache-x",
    "private-encrypted-cache-x", "presence-cache-x" };
  g_autoptr (GString) answer = g_string_new (NULL);
  g_autofree char *nothing = NULL;
  guint64 client = 0;

  start (f);
  for (guint i = 0; i < G_N_ELEMENTS (channels); i++) {
    g_autofree char *miss = g_strdup_printf ("{\"event\":"
        "\"pusher:cache_miss\",\"channel\":\"%s\"}\n", channels[i]);
    g_autofree char *last = g_strdup_printf ("{\"event\":\"e\","
        "\"channel\":\"%s\",\"data\":\"2\"}\n", channels[i]);
    g_autofree char *first = look_into (f, ++client, channels[i]);
    g_autofree char *later = NULL;

    g_assert_cmpstr (first, ==, miss);
    /* it outlives those who heard it */
    trigger (f, channels[i], "1");
    trigger (f, channels[i], "2");
    mesh_pusher_hub_disconnected (f->hub, client);
    drain (f);
    later = look_into (f, ++client, channels[i]);
    g_assert_cmpstr (later, ==, last);
  }
  trigger (f, "uncached", "1");
  nothing = look_into (f, ++client, "uncached");
  g_assert_cmpstr (nothing, ==, "");
  ask (f, "GET", "/apps/app/channels/cache-x", "cache", NULL, answer);
  g_assert_cmpstr (answer->str, ==, "{\"occupied\":true,"
      "\"cache\":{\"data\":\"2\",\"ttl\":1800}}");
}

static void
cache_channels_keep_no_client_events (Fixture *f, gconstpointer data)
{
  g_autofree char *missed = NULL;

  start (f);
  connect_client (f, 1);
  assert_entered (enter (f, 1, "private-cache-x", NULL));
  say (f, 1, "{\"event\":\"client-e\",\"channel\":\"private-cache-x\","
      "\"data\":\"1\"}");
  missed = look_into (f, 2, "private-cache-x");
  g_assert_nonnull (strstr (missed, "pusher:cache_miss"));
}

static void
what_is_kept_is_bounded (Fixture *f, gconstpointer data)
{
  g_autoptr (GString) answer = g_string_new (NULL);
  static const struct {
    const char *path;
    const char *answer;
  } cases[] = {
    { "/apps/app/channels/cache-0", "{\"occupied\":false,"
          "\"cache\":{\"data\":\"again\",\"ttl\":1800}}" },
    { "/apps/app/channels/cache-1", "{\"occupied\":false,\"cache\":null}" },
    { "/apps/app/channels/cache-2", "{\"occupied\":false,"
          "\"cache\":{\"data\":\"x\",\"ttl\":1800}}" },
  };

  f->limits.cached = 2;
  start (f);
  trigger (f, "cache-0", "x");
  trigger (f, "cache-1", "x");
  trigger (f, "cache-0", "again");
  trigger (f, "cache-2", "x");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    ask (f, "GET", cases[i].path, "cache", NULL, answer);
    g_assert_cmpstr (answer->str, ==, cases[i].answer);
  }
  mesh_pusher_hub_tick (f->hub, f->now + (gint64) 1800 * G_USEC_PER_SEC);
  ask (f, "GET", cases[0].path, "cache", NULL, answer);
  g_assert_cmpstr (answer->str, ==, cases[1].answer);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add ("/pusher-hub/" #name, Fixture, NULL, set_up, \
    name, tear_down)
  ADD (silence_ends_a_connection);
  ADD (a_flood_ends_a_connection);
  ADD (client_events_are_ten_a_second);
  ADD (client_events_are_for_those_inside);
  ADD (numbers_are_bounded);
  ADD (a_person_may_have_two_connections);
  ADD (what_one_says_of_oneself_is_bounded);
  ADD (nonsense_changes_nothing);
  ADD (pieces_of_frames_do_no_harm);
  ADD (posts_are_for_ids_and_bounded);
  ADD (a_request_is_known_by_its_signature);
  ADD (applications_are_apart);
  ADD (cache_channels_keep_the_last_event);
  ADD (cache_channels_keep_no_client_events);
  ADD (what_is_kept_is_bounded);
  return g_test_run ();
}
