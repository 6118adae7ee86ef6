/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two clients and the server's hub on wires that break: at every frame, in
 * either direction, with a word or without. Whatever breaks, each message comes
 * once, and in order. */

#include <json-glib/json-glib.h>
#include <string.h>

#include "core/client.h"
#include "core/hub.h"

#define ROOM "5c8fd5c8-2c4c-4d3e-9f0a-1b2c3d4e5f60"
#define MESSAGES 10
#define SECOND G_GINT64_CONSTANT (1000000)

static const char *const ids[2] = { "aaaaaaaa-0000-4000-8000-000000000000",
  "bbbbbbbb-0000-4000-8000-000000000000" };

typedef struct {
  MeshClient *client;
  guint64 wire;                 /* the hub's number for it; 0: none */
  gboolean silent;              /* the wire swallows everything */
  gboolean closing;             /* the hub has closed its end */
  GQueue up;                    /* char *, to the hub */
  GQueue down;                  /* char *, from the hub */
  guint sent;
  guint received;
  guint welcomes;
  guint resumed;
} Member;

typedef struct {
  MeshHub *hub;
  gint64 now;
  guint64 wires;
  Member members[2];
  guint frames;                 /* that went over Alice's wire */
  guint cut_at;
  gboolean silently;
} World;

static void
forget_frames (Member *member)
{
  g_queue_clear_full (&member->up, g_free);
  g_queue_clear_full (&member->down, g_free);
  g_queue_init (&member->up);
  g_queue_init (&member->down);
}

static void
hang_up (World *world, Member *member)
{
  if (member->wire && !member->silent)
    mesh_hub_disconnected (world->hub, member->wire);
  member->wire = 0;
  member->silent = member->closing = FALSE;
  forget_frames (member);
}

static void
connect_member (World *world, Member *member)
{
  hang_up (world, member);
  member->wire = ++world->wires;
  mesh_hub_connected (world->hub, member->wire, world->now);
  mesh_client_opened (member->client, world->now);
}

static void
take_message (Member *member, const char *text)
{
  g_autoptr (JsonNode) node = json_from_string (text, NULL);
  JsonObject *message = json_node_get_object (node);
  const char *type = json_object_get_string_member (message, "type");

  if (g_str_equal (type, "chat")) {
    g_autofree char *expected = g_strdup_printf ("%u", member->received + 1);

    g_assert_cmpstr (json_object_get_string_member (message, "text"), ==,
        expected);
    member->received++;
  } else if (g_str_equal (type, "welcome")) {
    member->welcomes++;
    if (json_object_get_boolean_member (message, "resumed"))
      member->resumed++;
  }
}

static gboolean
run_client (World *world, Member *member)
{
  MeshClientAction action;

  if (!mesh_client_pop_action (member->client, &action))
    return FALSE;
  switch (action.type) {
    case MESH_CLIENT_CONNECT:
      connect_member (world, member);
      break;
    case MESH_CLIENT_SEND:
      g_queue_push_tail (&member->up, g_steal_pointer (&action.text));
      break;
    case MESH_CLIENT_CLOSE:
    case MESH_CLIENT_FINISH:
      hang_up (world, member);
      break;
    case MESH_CLIENT_MESSAGE:
      take_message (member, action.text);
      break;
    case MESH_CLIENT_LOST:
      break;
    default:
      g_error ("%s", action.error->message);
  }
  mesh_client_action_clear (&action);
  return TRUE;
}

static gboolean
run_hub (World *world)
{
  MeshHubAction action;

  if (!mesh_hub_pop_action (world->hub, &action))
    return FALSE;
  for (guint i = 0; i < 2; i++) {
    Member *member = &world->members[i];
    gsize length;
    const char *text;

    if (action.type == MESH_HUB_LOG || action.client != member->wire)
      continue;
    if (action.type == MESH_HUB_CLOSE) {
      member->closing = TRUE;
      continue;
    }
    text = g_bytes_get_data (action.frame, &length);
    g_queue_push_tail (&member->down, g_strndup (text, length));
  }
  mesh_hub_action_clear (&action);
  return TRUE;
}

/* FALSE: this one broke the wire, and did not arrive */
static gboolean
survives (World *world, Member *member)
{
  if (member != &world->members[0] || world->frames++ != world->cut_at)
    return !member->silent;
  if (world->silently) {
    member->silent = TRUE;
    return FALSE;
  }
  hang_up (world, member);
  mesh_client_closed (member->client, NULL, world->now);
  return FALSE;
}

static gboolean
run_wire (World *world, Member *member)
{
  g_autofree char *frame = NULL;

  if ((frame = g_queue_pop_head (&member->up))) {
    if (survives (world, member))
      mesh_hub_feed (world->hub, member->wire, frame, strlen (frame),
          world->now);
    return TRUE;
  }
  if ((frame = g_queue_pop_head (&member->down))) {
    if (survives (world, member))
      mesh_client_feed (member->client, frame, strlen (frame), world->now);
    return TRUE;
  }
  if (!member->closing)
    return FALSE;
  member->closing = FALSE;
  if (!member->silent) {
    member->wire = 0;
    mesh_client_closed (member->client, NULL, world->now);
  }
  return TRUE;
}

static gboolean
run_once (World *world)
{
  gboolean busy = run_hub (world);

  for (guint i = 0; i < 2; i++) {
    busy |= run_client (world, &world->members[i]);
    busy |= run_wire (world, &world->members[i]);
  }
  return busy;
}

static void
pass_time (World *world)
{
  gint64 next = mesh_hub_deadline (world->hub);

  for (guint i = 0; i < 2; i++)
    next = MIN (next, mesh_client_deadline (world->members[i].client));
  world->now = MAX (world->now, MIN (next, world->now + SECOND));
  for (guint i = 0; i < 2; i++) {
    Member *member = &world->members[i];

    /* what the transport's own pings do */
    if (member->wire && !member->silent)
      mesh_hub_heard (world->hub, member->wire, world->now);
    mesh_client_tick (member->client, world->now);
  }
  mesh_hub_tick (world->hub, world->now);
}

static void
send_one (Member *member, guint to)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = g_strdup_printf (
      "{\"type\":\"chat\",\"from\":\"%s\",\"to\":\"%s\",\"text\":\"%u\"}",
      ids[1 - to], ids[to], ++member->sent);

  mesh_client_send (member->client, text, strlen (text), &error);
  g_assert_no_error (error);
}

static void
world_init (World *world, guint cut_at, gboolean silently)
{
  MeshHubLimits limits;

  memset (world, 0, sizeof *world);
  mesh_hub_limits_init (&limits);
  limits.rate = limits.burst = 100000;
  world->hub = mesh_hub_new (&limits, 1);
  world->cut_at = cut_at;
  world->silently = silently;
  for (guint i = 0; i < 2; i++) {
    MeshClientConfig config = { "hub", ROOM, ids[i], "AAAAAAAAAAAAAAAAAAAAAA",
      cut_at + i };

    world->members[i].client = mesh_client_new (&config);
    g_queue_init (&world->members[i].up);
    g_queue_init (&world->members[i].down);
  }
}

static void
world_clear (World *world)
{
  for (guint i = 0; i < 2; i++) {
    mesh_client_free (world->members[i].client);
    forget_frames (&world->members[i]);
  }
  mesh_hub_free (world->hub);
}

static gboolean
is_done (World *world)
{
  return world->members[0].received == MESSAGES
         && world->members[1].received == MESSAGES;
}

static void
start_both (World *world)
{
  /* Bob first, so that Alice's wire carries the whole of her joining; she
   * writes to nobody who is not there */
  for (guint i = 2; i-- > 0;) {
    mesh_client_start (world->members[i].client, world->now);
    while (run_once (world) && world->members[i].welcomes == 0)
      ;
  }
}

/* Returns how many frames went over the wire that is to break. */
static guint
play (guint cut_at, gboolean silently)
{
  World world;
  guint frames;

  world_init (&world, cut_at, silently);
  start_both (&world);
  for (guint step = 0; !is_done (&world); step++) {
    g_assert_cmpuint (step, <, 100000);
    if (step % 3 == 0 && world.members[0].welcomes && world.members[1].welcomes
        && world.members[0].sent < MESSAGES) {
      send_one (&world.members[0], 1);
      send_one (&world.members[1], 0);
    }
    if (!run_once (&world))
      pass_time (&world);
  }
  while (run_once (&world))
    ;
  g_assert_true (is_done (&world));
  g_assert_cmpuint (world.members[1].welcomes, ==, 1);
  if (cut_at < world.frames) {
    g_assert_cmpuint (world.members[0].welcomes, <=, 2);
    g_assert_cmpuint (world.members[0].resumed, ==,
        world.members[0].welcomes - 1);
  }
  frames = world.frames;
  world_clear (&world);
  return frames;
}

static void
cut_anywhere_loses_nothing (gconstpointer silently)
{
  guint frames = play (G_MAXUINT, FALSE);

  g_assert_cmpuint (frames, >, 2 * MESSAGES);
  /* a server that falls silent before it has ever welcomed us is given up */
  for (guint at = silently ? 2 : 0; at < frames; at++) {
    g_test_message ("at frame %u of %u", at, frames);
    play (at, silently != NULL);
  }
}

/* The server forgets everything; both are back in the room by themselves. */
static void
server_starts_anew (void)
{
  World world;
  MeshHubLimits limits;

  world_init (&world, G_MAXUINT, FALSE);
  start_both (&world);
  mesh_hub_limits_init (&limits);
  mesh_hub_free (world.hub);
  world.hub = mesh_hub_new (&limits, 2);
  for (guint i = 0; i < 2; i++) {
    world.members[i].wire = 0;
    forget_frames (&world.members[i]);
    mesh_client_closed (world.members[i].client, NULL, world.now);
  }
  for (guint step = 0; step < 1000 && !is_done (&world); step++) {
    if (world.members[0].welcomes == 2 && world.members[1].welcomes == 2
        && world.members[0].sent < MESSAGES) {
      send_one (&world.members[0], 1);
      send_one (&world.members[1], 0);
    }
    if (!run_once (&world))
      pass_time (&world);
  }
  g_assert_true (is_done (&world));
  g_assert_cmpuint (world.members[0].resumed, ==, 0);
  world_clear (&world);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/client-hub/cut", NULL, cut_anywhere_loses_nothing);
  g_test_add_data_func ("/client-hub/cut-silently", "silently",
      cut_anywhere_loses_nothing);
  g_test_add_func ("/client-hub/server-starts-anew", server_starts_anew);
  return g_test_run ();
}
