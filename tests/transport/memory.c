/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Connections over a hub in memory: a room of threads, which all write to all
 * while their connections come and go. */

#include "memory-transport.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "signalling/connection.h"

#define LINK "http://memory/room/5c8fd5c8-2c4c-4d3e-9f0a-1b2c3d4e5f60"
#define MEMBERS 5
#define MESSAGES 50
#define PATIENCE (100 * G_TIME_SPAN_SECOND)

typedef struct {
  guint number;
  MeshConnection *connection;
  struct _Room *room;
  guint joined;                 /* others known; under the room's lock */
  guint received[MEMBERS];      /* from each; under the room's lock */
} Member;

typedef struct _Room {
  GMutex lock;
  GCond cond;
  Member members[MEMBERS];
} Room;

static char *
make_id (guint number)
{
  return g_strdup_printf ("0000000%u-0000-4000-8000-000000000000", number);
}

static void
take_chat (Member *member, JsonObject *message)
{
  guint from = json_object_get_string_member (message, "from")[7] - '0';
  g_autofree char *expected = g_strdup_printf ("%u",
      member->received[from] + 1);

  g_assert_cmpstr (json_object_get_string_member (message, "text"), ==,
      expected);
  member->received[from]++;
}

static void
on_message (MeshConnection *connection, const char *json, gpointer user_data)
{
  Member *member = user_data;
  g_autoptr (JsonNode) node = json_from_string (json, NULL);
  JsonObject *message = json_node_get_object (node);
  const char *type = json_object_get_string_member (message, "type");

  g_mutex_lock (&member->room->lock);
  if (g_str_equal (type, "chat"))
    take_chat (member, message);
  else if (g_str_equal (type, "joined"))
    member->joined++;
  else if (g_str_equal (type, "welcome"))
    member->joined = json_array_get_length (
                         json_object_get_array_member (message, "members"))
                     - 1;
  else                          /* nothing is undeliverable, or offline */
    g_assert_true (
        g_str_equal (type, "left") || g_str_equal (type, "host"));
  g_cond_broadcast (&member->room->cond);
  g_mutex_unlock (&member->room->lock);
}

static void
on_error (MeshConnection *connection, const GError *error, gboolean fatal,
    gpointer user_data)
{
  g_error ("%s", error->message);
}

static void
join (Room *room, MeshMemoryHub *hub, guint number)
{
  Member *member = &room->members[number];
  g_autoptr (GError) error = NULL;
  g_autofree char *id = make_id (number);

  member->number = number;
  member->room = room;
  member->connection = mesh_connection_new (LINK, id, &error);
  g_assert_no_error (error);
  mesh_connection_set_transport (member->connection,
      (MeshTransportFunc) mesh_memory_new, mesh_memory_hub_ref (hub),
      (GDestroyNotify) mesh_memory_hub_unref);
  mesh_connection_set_callbacks (member->connection, on_message, on_error,
      member, NULL);
  mesh_connection_start (member->connection);
}

static void
say_all (Member *member)
{
  g_autofree char *id = make_id (member->number);

  for (guint i = 1; i <= MESSAGES; i++) {
    for (guint to = 0; to < MEMBERS; to++) {
      g_autoptr (GError) error = NULL;
      g_autofree char *to_id = make_id (to);
      g_autofree char *text = g_strdup_printf (
          "{\"type\":\"chat\",\"from\":\"%s\",\"to\":\"%s\",\"text\":\"%u\"}",
          id, to_id, i);

      if (to == member->number)
        continue;
      mesh_connection_send (member->connection, text, -1, &error);
      g_assert_no_error (error);
    }
  }
}

static gpointer
say_all_thread (gpointer data)
{
  say_all (data);
  return NULL;
}

static gboolean
all_know_all (Room *room)
{
  for (guint i = 0; i < MEMBERS; i++) {
    if (room->members[i].joined < MEMBERS - 1)
      return FALSE;
  }
  return TRUE;
}

static gboolean
all_heard_all (Room *room)
{
  for (guint i = 0; i < MEMBERS; i++) {
    for (guint from = 0; from < MEMBERS; from++) {
      if (from != i && room->members[i].received[from] < MESSAGES)
        return FALSE;
    }
  }
  return TRUE;
}

static void
wait_for (Room *room, gboolean (*condition) (Room *room))
{
  gint64 end = g_get_monotonic_time () + PATIENCE;

  g_mutex_lock (&room->lock);
  while (!condition (room)) {
    if (!g_cond_wait_until (&room->cond, &room->lock, end))
      g_error ("not everybody heard everything");
  }
  g_mutex_unlock (&room->lock);
}

static void
all_write_to_all (void)
{
  g_autoptr (MeshMemoryHub) hub = mesh_memory_hub_new ();
  Room room = { 0 };
  GThread *threads[MEMBERS];

  g_mutex_init (&room.lock);
  g_cond_init (&room.cond);
  for (guint i = 0; i < MEMBERS; i++)
    join (&room, hub, i);
  wait_for (&room, all_know_all);
  for (guint i = 0; i < MEMBERS; i++)
    threads[i] = g_thread_new ("writer", say_all_thread, &room.members[i]);
  for (guint i = 0; i < MEMBERS; i++)
    g_thread_join (threads[i]);
  wait_for (&room, all_heard_all);
  for (guint i = 0; i < MEMBERS; i++) {
    mesh_connection_stop (room.members[i].connection);
    g_assert_finalize_object (room.members[i].connection);
  }
  g_cond_clear (&room.cond);
  g_mutex_clear (&room.lock);
}

/* By themselves, in one thread. */
typedef struct {
  GPtrArray *frames;
  gboolean opened;
  gboolean closed;
} Seen;

static void
on_opened (MeshTransport *transport, Seen *seen)
{
  seen->opened = TRUE;
}

static void
on_frame (MeshTransport *transport, GBytes *frame, Seen *seen)
{
  gsize length;
  const char *text = g_bytes_get_data (frame, &length);

  g_ptr_array_add (seen->frames, g_strndup (text, length));
}

static void
on_closed (MeshTransport *transport, GError *error, Seen *seen)
{
  g_assert_no_error (error);
  g_assert_false (seen->closed);
  seen->closed = TRUE;
}

static void
hub_hangs_up_on_nonsense (void)
{
  g_autoptr (MeshMemoryHub) hub = mesh_memory_hub_new ();
  g_autoptr (MeshTransport) transport = mesh_memory_new (hub);
  Seen seen = { g_ptr_array_new_with_free_func (g_free) };

  g_signal_connect (transport, "opened", G_CALLBACK (on_opened), &seen);
  g_signal_connect (transport, "frame", G_CALLBACK (on_frame), &seen);
  g_signal_connect (transport, "closed", G_CALLBACK (on_closed), &seen);
  mesh_transport_open (transport);
  g_assert_false (seen.opened);
  while (!seen.opened)
    g_main_context_iteration (NULL, TRUE);
  mesh_transport_send (transport, "nonsense");
  while (!seen.closed)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (seen.frames->len, ==, 1);
  g_assert_nonnull (strstr (seen.frames->pdata[0], "bad-message"));
  mesh_transport_send (transport, "to nobody");
  mesh_transport_close (transport, FALSE);
  g_ptr_array_unref (seen.frames);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/memory/all-to-all", all_write_to_all);
  g_test_add_func ("/memory/nonsense", hub_hangs_up_on_nonsense);
  return g_test_run ();
}
