/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs the scenarios of tests/vectors/room.json. With MESH_RECORD=FILE the
 * answers found are written to FILE, for one who adds a scenario to judge. */

#include "core/room.h"

#include <string.h>

#include "room-actions.h"
#include "vectors.h"

static JsonObject *vectors;

static const char *
get (JsonObject *object, const char *name)
{
  return json_object_get_string_member_with_default (object, name, NULL);
}

static gboolean
is_set (JsonObject *object, const char *name)
{
  return json_object_get_boolean_member_with_default (object, name, FALSE);
}

static guint
get_count (JsonObject *object, const char *name)
{
  return json_object_get_int_member_with_default (object, name, 0);
}

static char **
get_list (JsonObject *object, const char *name)
{
  GStrvBuilder *builder;
  JsonArray *array;

  if (!json_object_has_member (object, name))
    return NULL;
  builder = g_strv_builder_new ();
  array = json_object_get_array_member (object, name);
  for (guint i = 0; i < json_array_get_length (array); i++)
    g_strv_builder_add (builder, json_array_get_string_element (array, i));
  {
    char **list = g_strv_builder_end (builder);

    g_strv_builder_unref (builder);
    return list;
  }
}

static void
set (JsonObject *object, const char *name, const char *value)
{
  if (value)
    json_object_set_string_member (object, name, value);
}

static JsonObject *
action_to_json (const MeshRoomAction *action)
{
  JsonObject *object = json_object_new ();

  set (object, "do", action_names[action->type]);
  if (action->type == MESH_ROOM_SEND) {
    g_autofree char *text = mesh_message_to_json (action->message);

    json_object_set_member (object, "message", json_from_string (text, NULL));
    return object;
  }
  set (object, "peer", action->peer);
  set (object, "sid", action->sid);
  set (object, "reason", action->reason);
  set (object, "text", action->text);
  set (object, "name", action->name);
  set (object, "type", action->sdp_type);
  set (object, "sdp", action->sdp);
  set (object, "candidate", action->candidate);
  set (object, "mid", action->mid);
  if (action->mline >= 0)
    json_object_set_int_member (object, "mline", action->mline);
  if (action->type == MESH_ROOM_PEER_CHANGED) {
    json_object_set_boolean_member (object, "muted", action->muted);
    json_object_set_boolean_member (object, "hidden", action->hidden);
  }
  if (action->type == MESH_ROOM_WANTED) {
    json_object_set_int_member (object, "width", action->want.width);
    json_object_set_int_member (object, "height", action->want.height);
    json_object_set_int_member (object, "fps", action->want.fps);
  }
  if (action->type == MESH_ROOM_START)
    json_object_set_boolean_member (object, "offerer", action->offerer);
  if (action->codecs) {
    JsonArray *array = json_array_new ();

    for (guint i = 0; action->codecs[i]; i++)
      json_array_add_string_element (array, action->codecs[i]);
    json_object_set_array_member (object, "codecs", array);
  }
  return object;
}

static JsonNode *
take_actions (MeshRoom *room)
{
  JsonArray *array = json_array_new ();
  JsonNode *node = json_node_alloc ();
  MeshRoomAction action;

  while (mesh_room_pop_action (room, &action)) {
    /* what a warning says is up to each implementation */
    if (action.type != MESH_ROOM_WARNING)
      json_array_add_object_element (array, action_to_json (&action));
    mesh_room_action_clear (&action);
  }
  json_node_init_array (node, array);
  json_array_unref (array);
  return node;
}

static void
feed (MeshRoom *room, JsonObject *step, gint64 now)
{
  g_autofree char *text
      = json_to_string (json_object_get_member (step, "message"), FALSE);
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshMessage) message
      = mesh_message_parse (text, strlen (text), &error);

  g_assert_no_error (error);
  if (get (step, "newest"))
    message->newest = g_strdup (get (step, "newest"));
  mesh_room_feed (room, message, now);
}

static void
report (MeshRoom *room, const char *in, JsonObject *step, gint64 now)
{
  const char *peer = get (step, "peer"), *sid = get (step, "sid");

  if (g_str_equal (in, "local-sdp"))
    mesh_room_local_sdp (room, peer, sid, get (step, "type"),
        get (step, "sdp"), now);
  else if (g_str_equal (in, "local-candidate"))
    mesh_room_local_candidate (room, peer, sid, get (step, "candidate"),
        json_object_get_int_member_with_default (step, "mline", -1),
        get (step, "mid"), now);
  else if (g_str_equal (in, "connected"))
    mesh_room_connected (room, peer, sid, now);
  else if (g_str_equal (in, "heard"))
    mesh_room_heard (room, peer, sid, now);
  else if (g_str_equal (in, "shown"))
    mesh_room_shown (room, peer, sid, now);
  else if (g_str_equal (in, "failed"))
    mesh_room_failed (room, peer, sid, get (step, "reason"), now);
  else if (g_str_equal (in, "renew"))
    mesh_room_renew (room, peer, sid, now);
  else
    g_error ("a step is \"%s\"", in);
}

static void
run_step (MeshRoom *room, JsonObject *step)
{
  const char *in = get (step, "in");
  gint64 now = 1000 * json_object_get_int_member (step, "at");

  if (g_str_equal (in, "join"))
    mesh_room_join (room, now);
  else if (g_str_equal (in, "feed"))
    feed (room, step, now);
  else if (g_str_equal (in, "tick"))
    mesh_room_tick (room, now);
  else if (g_str_equal (in, "hurry"))
    mesh_room_hurry (room, now);
  else if (g_str_equal (in, "leave"))
    mesh_room_leave (room, now);
  else if (g_str_equal (in, "chat"))
    mesh_room_chat (room, get (step, "text"), now);
  else if (g_str_equal (in, "reincarnate"))
    mesh_room_reincarnate (room, get (step, "inc"), now);
  else if (g_str_equal (in, "state"))
    mesh_room_set_state (room, get (step, "name"), is_set (step, "muted"),
        is_set (step, "hidden"), now);
  else if (g_str_equal (in, "want"))
    mesh_room_want (room, get (step, "peer"), get_count (step, "width"),
        get_count (step, "height"), get_count (step, "fps"), now);
  else
    report (room, in, step, now);
}

static MeshRoom *
new_room (JsonObject *config)
{
  g_auto (GStrv) codecs = get_list (config, "codecs");
  MeshRoomConfig c = {
    .id = get (config, "id"),
    .room = get (config, "room"),
    .inc = get (config, "inc"),
    .max_peers
    = json_object_get_int_member_with_default (config, "maxPeers", 32),
    .codecs = (const char *const *) codecs,
    .name = get (config, "name"),
    .muted = is_set (config, "muted"),
    .hidden = is_set (config, "hidden"),
  };

  return mesh_room_new (&c);
}

static void
run_scenario (gconstpointer data)
{
  JsonObject *scenario = (JsonObject *) data;
  JsonArray *steps = json_object_get_array_member (scenario, "steps");
  g_autoptr (MeshRoom) room
      = new_room (json_object_get_object_member (scenario, "config"));

  for (guint i = 0; i < json_array_get_length (steps); i++) {
    JsonObject *step = json_array_get_object_element (steps, i);
    g_autofree char *name = g_strdup_printf ("step %u, at %d ms", i,
        (int) json_object_get_int_member (step, "at"));
    gint64 deadline = mesh_room_deadline (room);
    g_autoptr (JsonNode) actions = NULL;

    run_step (room, step);
    actions = take_actions (room);
    if (g_getenv ("MESH_RECORD")) {
      json_object_set_member (step, "out", g_steal_pointer (&actions));
      continue;
    }
    vectors_assert_equal (name, json_object_get_member (step, "out"), actions);
    /* whatever a tick does was announced */
    if (g_str_equal (get (step, "in"), "tick")
        && json_array_get_length (json_node_get_array (actions)) > 0)
      g_assert_cmpint (deadline, <=,
          1000 * json_object_get_int_member (step, "at"));
  }
}

/* Warnings are for people: a call in which all goes well has none. */
static void
hostile_input_changes_nothing (void)
{
  const char *id = "aaaaaaaa-0000-4000-8000-00000000000a";
  MeshRoomConfig config = { .id = id, .inc = "0000000000000001",
    .max_peers = 32 };
  g_autoptr (MeshRoom) room = mesh_room_new (&config);
  MeshRoomAction action;
  guint n = 0;

  mesh_room_join (room, 0);
  for (guint i = 0; i < 1000; i++) {
    g_autofree char *from
        = g_strdup_printf ("bbbbbbbb-0000-4000-8000-%012x", i);
    g_autofree char *sid = g_strdup_printf ("0000000000000001-%u", i + 1);
    MeshMessage call = { .type = MESH_MESSAGE_CALL, .from = from,
      .to = (char *) id, .inc = "0000000000000001", .sid = sid };
    MeshMessage ask = { .type = MESH_MESSAGE_JOINROOM, .from = from };

    mesh_room_feed (room, &call, i);
    mesh_room_feed (room, &ask, i);
  }
  while (mesh_room_pop_action (room, &action)) {
    n += action.type == MESH_ROOM_START;
    if (action.message && action.message->type == MESH_MESSAGE_ROOMREPLY)
      g_assert_cmpuint (g_strv_length (action.message->ids), <=, 64);
    mesh_room_action_clear (&action);
  }
  g_assert_cmpuint (n, ==, 32);
}

/* A message about one member goes to nobody else, and to no stranger. */
static void
one_member_alone_is_told (void)
{
  const char *id = "aaaaaaaa-0000-4000-8000-00000000000a";
  const char *bob = "bbbbbbbb-0000-4000-8000-00000000000b";
  const char *const ids[] = { bob, "cccccccc-0000-4000-8000-00000000000c" };
  MeshRoomConfig config = { .id = id, .inc = "0000000000000001",
    .max_peers = 32 };
  g_autoptr (MeshRoom) room = mesh_room_new (&config);
  MeshRoomAction action;
  guint n = 0;

  mesh_room_join (room, 0);
  for (guint i = 0; i < G_N_ELEMENTS (ids); i++) {
    MeshMessage call = { .type = MESH_MESSAGE_CALL, .from = (char *) ids[i],
      .to = (char *) id, .inc = "0000000000000001",
      .sid = "0000000000000001-1" };

    mesh_room_feed (room, &call, 0);
  }
  mesh_room_tell (room, bob, "too large", 0);
  mesh_room_tell (room, "dddddddd-0000-4000-8000-00000000000d", "?", 0);
  while (mesh_room_pop_action (room, &action)) {
    if (action.message && action.message->type == MESH_MESSAGE_CHAT) {
      g_assert_cmpstr (action.message->to, ==, bob);
      g_assert_cmpstr (action.message->text, ==, "too large");
      n++;
    }
    mesh_room_action_clear (&action);
  }
  g_assert_cmpuint (n, ==, 1);
}

/* Ends what was begun, and tells when: G_MAXINT64 where nothing was. */
static gint64
fail_next (MeshRoom *room, gint64 now, gint64 until)
{
  gint64 began = G_MAXINT64;
  MeshRoomAction action;

  while (began == G_MAXINT64 && now <= until) {
    mesh_room_tick (room, now);
    while (mesh_room_pop_action (room, &action)) {
      if (action.type == MESH_ROOM_START) {
        began = now;
        mesh_room_failed (room, action.peer, action.sid, "failed", now);
      }
      mesh_room_action_clear (&action);
    }
    now += 100000;
  }
  return began;
}

/* Several failures in a row are followed by a long wait, unless there is a
 * reason to think that the next attempt does better. */
static void
a_new_network_ends_the_wait (void)
{
  const char *id = "aaaaaaaa-0000-4000-8000-00000000000a";
  const char *peer = "bbbbbbbb-0000-4000-8000-00000000000b";
  MeshRoomConfig config = { .id = id, .inc = "0000000000000001",
    .max_peers = 32 };
  MeshMessage state = { .type = MESH_MESSAGE_STATE, .from = (char *) peer,
    .to = (char *) id, .inc = "0000000000000001" };
  MeshMessage call = { .type = MESH_MESSAGE_CALL, .from = (char *) peer,
    .to = (char *) id, .inc = "0000000000000001",
    .sid = "0000000000000001-1" };
  g_autoptr (MeshRoom) room = mesh_room_new (&config);
  gint64 now = 0;

  mesh_room_join (room, 0);
  mesh_room_feed (room, &call, 0);
  for (guint i = 0; i < 5; i++) {
    mesh_room_feed (room, &state, now);
    now = fail_next (room, now, now + 60000000);
    g_assert_cmpint (now, <, G_MAXINT64);
  }
  mesh_room_feed (room, &state, now);
  g_assert_cmpint (fail_next (room, now, now + 7000000), ==, G_MAXINT64);
  now += 7000000;
  mesh_room_hurry (room, now);
  g_assert_cmpint (fail_next (room, now, now), ==, now);
  /* and failures count from the beginning */
  g_assert_cmpint (fail_next (room, now, now + 4000000), <, G_MAXINT64);
}

static void
add_scenarios (void)
{
  JsonArray *scenarios = json_object_get_array_member (vectors, "scenarios");

  for (guint i = 0; i < json_array_get_length (scenarios); i++) {
    JsonObject *scenario = json_array_get_object_element (scenarios, i);
    g_autofree char *path = g_strdup_printf ("/room/%s",
        json_object_get_string_member (scenario, "name"));

    g_test_add_data_func (path, scenario, run_scenario);
  }
}

int
main (int argc, char **argv)
{
  const char *record = g_getenv ("MESH_RECORD");
  g_autoptr (JsonNode) root = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  root = vectors_load ("room.json");
  vectors = json_node_get_object (root);
  add_scenarios ();
  g_test_add_func ("/room/hostile", hostile_input_changes_nothing);
  g_test_add_func ("/room/one-member-alone-is-told", one_member_alone_is_told);
  g_test_add_func ("/room/a-new-network-ends-the-wait",
      a_new_network_ends_the_wait);
  result = g_test_run ();
  if (record) {
    g_autofree char *text = json_to_string (root, TRUE);

    g_file_set_contents (record, text, -1, NULL);
  }
  return result;
}
