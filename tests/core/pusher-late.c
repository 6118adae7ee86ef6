/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Events that wait for somebody who is about to listen. */

#include "pusher-fixture.h"

/* What waited for one who comes now: the data of each event, in order. */
static const char *
come_for (Fixture *f, guint64 client, const char *channel)
{
  g_autofree char *log = look_into (f, client, channel);
  g_auto (GStrv) parts = g_strsplit (log, "\"data\":\"", -1);

  g_string_truncate (f->log, 0);
  for (guint i = 1; i < g_strv_length (parts); i++)
    g_string_append_len (f->log, parts[i], strcspn (parts[i], "\""));
  return f->log->str;
}

static void
an_event_waits_for_who_is_about_to_listen (Fixture *f, gconstpointer data)
{
  static const char *const channels[] = { UUID, "private-" UUID,
    "presence-" UUID };
  guint64 client = 0;

  start (f);
  for (guint i = 0; i < G_N_ELEMENTS (channels); i++) {
    trigger (f, channels[i], "a");
    trigger (f, channels[i], "b");
    trigger (f, channels[i], "c");
    g_assert_true (mesh_pusher_hub_waits (f->hub));
    g_assert_cmpstr (come_for (f, ++client, channels[i]), ==, "abc");
    g_assert_false (mesh_pusher_hub_waits (f->hub));
    /* once, and to nobody else */
    g_assert_cmpstr (come_for (f, ++client, channels[i]), ==, "");
    mesh_pusher_hub_disconnected (f->hub, client - 1);
    mesh_pusher_hub_disconnected (f->hub, client);
    drain (f);
    g_assert_cmpstr (come_for (f, ++client, channels[i]), ==, "");
    /* who listens hears it at once, and nothing waits */
    trigger (f, channels[i], "d");
    g_assert_nonnull (strstr (drain (f), "\"d\""));
    g_assert_false (mesh_pusher_hub_waits (f->hub));
  }
}

static void
a_post_waits_as_well (Fixture *f, gconstpointer data)
{
  g_autofree char *log = NULL;

  start (f);
  g_assert_cmpuint (mesh_pusher_hub_post (f->hub, UUID, "{\"a\":1}", 7,
          f->now), ==, 200);
  log = look_into (f, 1, UUID);
  g_assert_cmpstr (log, ==, "{\"event\":\"signal\",\"channel\":\"" UUID
      "\",\"data\":\"{\\\"a\\\":1}\"}\n");
}

static void
it_waits_for_five_seconds (Fixture *f, gconstpointer data)
{
  start (f);
  trigger (f, UUID, "a");
  f->now += 1;
  trigger (f, UUID, "b");
  f->now += 5 * G_USEC_PER_SEC - 1;
  g_assert_cmpstr (come_for (f, 1, UUID), ==, "b");
  mesh_pusher_hub_disconnected (f->hub, 1);
  trigger (f, UUID, "c");
  f->now += 5 * G_USEC_PER_SEC;
  g_assert_cmpstr (come_for (f, 2, UUID), ==, "");
  mesh_pusher_hub_disconnected (f->hub, 2);
  /* also when nobody ever comes */
  trigger (f, UUID, "d");
  mesh_pusher_hub_tick (f->hub, f->now + 5 * G_USEC_PER_SEC);
  g_assert_false (mesh_pusher_hub_waits (f->hub));
}

/* A room for many is no person's own, and who listens to what is encrypted from
 * end to end could not read what was said before. */
static void
it_waits_for_one_person_alone (Fixture *f, gconstpointer data)
{
  static const char *const channels[] = { "news", "private-news",
    "presence-news", "private-encrypted-" UUID, "x-" UUID, UUID "-x" };

  start (f);
  for (guint i = 0; i < G_N_ELEMENTS (channels); i++) {
    trigger (f, channels[i], "a");
    g_assert_false (mesh_pusher_hub_waits (f->hub));
  }
  g_assert_cmpuint (mesh_pusher_hub_post (f->hub, "news", "{}", 2, f->now),
      ==, 403);
}

/* The sender of an event does not get it, even when it subscribes first. */
static void
it_does_not_come_back_to_its_sender (Fixture *f, gconstpointer data)
{
  g_autoptr (GString) answer = g_string_new (NULL);

  start (f);
  ask (f, "POST", "/apps/app/events", NULL, "{\"name\":\"e\",\"data\":\"a\","
      "\"channels\":[\"" UUID "\"],\"socket_id\":\"7.1\"}", answer);
  g_assert_cmpstr (answer->str, ==, "{}");
  g_assert_cmpstr (come_for (f, 1, UUID), ==, "");
  g_assert_false (mesh_pusher_hub_waits (f->hub));
}

static void
applications_wait_apart (Fixture *f, gconstpointer data)
{
  start (f);
  g_assert_true (mesh_pusher_hub_add_app (f->hub, "b:key-b:x:y", NULL));
  trigger (f, UUID, "a");
  mesh_pusher_hub_connected (f->hub, 9, "key-b", "protocol=7", f->now);
  assert_entered (enter (f, 9, UUID, NULL));
  g_assert_null (strstr (f->log->str, "\"a\""));
  g_assert_cmpstr (come_for (f, 1, UUID), ==, "a");
}

/* Each limit and one more: the oldest is dropped. */
static void
what_waits_is_bounded (Fixture *f, gconstpointer data)
{
  static const char *const ids[] = { "00000000-0000-4000-8000-000000000001",
    "00000000-0000-4000-8000-000000000002",
    "00000000-0000-4000-8000-000000000003" };
  static const struct {
    guint channel, app, all;
    gsize bytes;
    const char *expected[3];
  } cases[] = {
    { 2, 9, 9, 9999, { "ce", "bd", "f" } },
    { 9, 4, 9, 9999, { "ce", "d", "f" } },
    { 9, 9, 4, 9999, { "ce", "d", "f" } },
    { 9, 9, 9, 4 * sizeof "{'event':'e','channel':'00000000-0000-4000-8000-"
          "000000000001','data':'a'}" - 4, { "ce", "d", "f" } },
    { 0, 9, 9, 9999, { "", "", "" } }, { 9, 0, 9, 9999, { "", "", "" } },
    { 9, 9, 0, 9999, { "", "", "" } }, { 9, 9, 9, 9, { "", "", "" } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    f->limits.late_channel = cases[i].channel;
    f->limits.late_app = cases[i].app;
    f->limits.late = cases[i].all;
    f->limits.late_bytes = cases[i].bytes;
    start (f);
    trigger (f, ids[0], "a");
    trigger (f, ids[1], "b");
    trigger (f, ids[0], "c");
    trigger (f, ids[1], "d");
    trigger (f, ids[0], "e");
    trigger (f, ids[2], "f");
    for (guint j = 0; j < G_N_ELEMENTS (ids); j++)
      g_assert_cmpstr (come_for (f, j + 1, ids[j]), ==, cases[i].expected[j]);
    g_assert_false (mesh_pusher_hub_waits (f->hub));
    g_clear_pointer (&f->hub, mesh_pusher_hub_free);
  }
  /* what waits when all ends is freed */
  mesh_pusher_hub_limits_init (&f->limits);
  start (f);
  trigger (f, UUID, "a");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add ("/pusher-late/" #name, Fixture, NULL, set_up, \
    name, tear_down)
  ADD (an_event_waits_for_who_is_about_to_listen);
  ADD (a_post_waits_as_well);
  ADD (it_waits_for_five_seconds);
  ADD (it_waits_for_one_person_alone);
  ADD (it_does_not_come_back_to_its_sender);
  ADD (applications_wait_apart);
  ADD (what_waits_is_bounded);
  return g_test_run ();
}
