/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One who comes into a large room does not call everybody at once, and calls
 * everybody in the end. */

#include "core/room.h"

#include <string.h>

#define PEERS 20
#define MS 1000

typedef struct {
  MeshRoom *room;
  gint64 now;
  GQueue calls;                 /* peer ids that were called, in order */
  GHashTable *sids;             /* of each that was called */
} Fixture;

/* (transfer full) */
static char *
peer_id (guint i)
{
  return g_strdup_printf ("00000000-0000-4000-8000-%012u", i);
}

static void
feed (Fixture *f, const char *json)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshMessage) message = mesh_message_parse (json,
      strlen (json), &error);

  g_assert_no_error (error);
  mesh_room_feed (f->room, message, f->now);
}

static void
run (Fixture *f)
{
  MeshRoomAction action = { 0 };

  while (mesh_room_deadline (f->room) <= f->now)
    mesh_room_tick (f->room, f->now);
  while (mesh_room_pop_action (f->room, &action)) {
    if (action.type == MESH_ROOM_SEND
        && action.message->type == MESH_MESSAGE_CALL) {
      g_queue_push_tail (&f->calls, g_strdup (action.message->to));
      g_hash_table_insert (f->sids, g_strdup (action.message->to),
          g_strdup (action.message->sid));
    }
    mesh_room_action_clear (&action);
  }
}

/* The member that was called first, of those who wait, is connected now. */
static void
connect_one (Fixture *f)
{
  g_autofree char *id = g_queue_pop_head (&f->calls);
  const char *sid = g_hash_table_lookup (f->sids, id);
  g_autofree char *offer = g_strdup_printf ("{\"type\":\"signal\","
      "\"from\":\"%s\",\"to\":\"ffffffff-0000-4000-8000-000000000000\","
      "\"inc\":\"01a0000000000000\",\"sid\":\"%s\","
      "\"data\":{\"type\":\"offer\",\"sdp\":\"v=0\"}}", id, sid);

  feed (f, offer);
  mesh_room_local_sdp (f->room, id, sid, "answer", "v=0", f->now);
  mesh_room_connected (f->room, id, sid, f->now);
  run (f);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  static const char *const codecs[] = { "VP8", NULL };
  MeshRoomConfig config = {
    .id = "ffffffff-0000-4000-8000-000000000000",
    .room = "eeeeeeee-0000-4000-8000-000000000000",
    .inc = "01a0000000000001",
    .max_peers = 32,
    .codecs = codecs,
  };
  g_autoptr (GString) ids = g_string_new (NULL);
  g_autofree char *welcome = NULL, *reply = NULL, *host = peer_id (0);

  for (guint i = 0; i < PEERS; i++) {
    g_autofree char *id = peer_id (i);

    g_string_append_printf (ids, "\"%s\",", id);
  }
  f->now = G_USEC_PER_SEC;
  f->room = mesh_room_new (&config);
  f->sids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_queue_init (&f->calls);
  mesh_room_join (f->room, f->now);
  welcome = g_strdup_printf ("{\"type\":\"welcome\",\"id\":\"%s\","
      "\"room\":\"%s\",\"resumed\":false,"
      "\"host\":\"%s\",\"members\":[%s\"%s\"]}",
      config.id, config.room, host, ids->str, config.id);
  feed (f, welcome);
  g_string_truncate (ids, ids->len - 1);
  reply = g_strdup_printf ("{\"type\":\"roomreply\",\"from\":\"%s\","
      "\"to\":\"%s\",\"inc\":\"01a0000000000000\",\"shouldCall\":[%s]}", host,
      config.id, ids->str);
  feed (f, reply);
  run (f);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  mesh_room_free (f->room);
  g_hash_table_unref (f->sids);
  g_queue_clear_full (&f->calls, g_free);
}

static void
few_are_called_at_once (Fixture *f, gconstpointer data)
{
  g_assert_cmpuint (f->calls.length, ==, 4);
  g_assert_cmpint (mesh_room_deadline (f->room), >, f->now);
}

static void
more_with_each_that_is_quick (Fixture *f, gconstpointer data)
{
  f->now += 100 * MS;
  connect_one (f);
  g_assert_cmpuint (f->calls.length, ==, 5);
  for (guint i = 0; i < 3; i++)
    connect_one (f);
  g_assert_cmpuint (f->calls.length, ==, 8);
  while (f->calls.length > 0)
    connect_one (f);
  g_assert_cmpuint (g_hash_table_size (f->sids), ==, PEERS);
}

static void
few_again_when_one_is_slow (Fixture *f, gconstpointer data)
{
  f->now += 100 * MS;
  connect_one (f);
  connect_one (f);
  g_assert_cmpuint (f->calls.length, ==, 6);
  f->now += 2950 * MS;
  for (guint i = 0; i < 3; i++)
    connect_one (f);
  g_assert_cmpuint (f->calls.length, ==, 4);
}

static void
who_does_not_answer_holds_up_nobody (Fixture *f, gconstpointer data)
{
  f->now += 2999 * MS;
  run (f);
  g_assert_cmpuint (f->calls.length, ==, 4);
  f->now += 1 * MS;
  run (f);
  g_assert_cmpuint (f->calls.length, ==, 8);
  for (guint i = 0; i < 5; i++) {
    f->now += 3000 * MS;
    run (f);
  }
  g_assert_cmpuint (g_hash_table_size (f->sids), ==, PEERS);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define TEST(name) g_test_add ("/pace/" #name, Fixture, NULL, set_up, name, \
    tear_down)
  TEST (few_are_called_at_once);
  TEST (more_with_each_that_is_quick);
  TEST (few_again_when_one_is_slow);
  TEST (who_does_not_answer_holds_up_nobody);
  return g_test_run ();
}
