/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The hub's clients: reads their frames, and welcomes them or sends them
 * away. */

#include "core/hub-private.h"

#include <string.h>

#include "core/error.h"

static const struct {
  const char *name;
  guint16 close_code;
} codes[MESH_HUB_N_CODES] = {
  [MESH_HUB_BAD_MESSAGE] = { "bad-message", 4400 },
  [MESH_HUB_REFUSED] = { "refused", 4403 },
  [MESH_HUB_ID_TAKEN] = { "id-taken", 4403 },
  [MESH_HUB_REPLACED] = { "replaced", 4409 },
  [MESH_HUB_ROOM_FULL] = { "room-full", 4429 },
  [MESH_HUB_TOO_MANY_ROOMS] = { "too-many-rooms", 4429 },
  [MESH_HUB_TOO_FAST] = { "too-fast", 4429 },
  [MESH_HUB_TOO_BIG] = { "too-big", 1009 },
  [MESH_HUB_HELLO_TIMEOUT] = { "hello-timeout", 4408 },
  [MESH_HUB_SLOW] = { "slow", 4410 },
  [MESH_HUB_GOING_AWAY] = { "going-away", 1001 },
};

/**
 * mesh_hub_limits_init:
 * @limits: (out caller-allocates): set to what a public server can bear
 */
void
mesh_hub_limits_init (MeshHubLimits *limits)
{
  *limits = (MeshHubLimits) {
    .rooms = 10000,
    .members = 16384,
    .room_members = 64,
    .box_frames = 1024,
    .box_bytes = 1024 * 1024,
    .total_bytes = 256 * 1024 * 1024,
    .rate = 200,
    .burst = 2000,
    .hello = 10 * G_USEC_PER_SEC,
    .lease = 10 * G_USEC_PER_SEC,
  };
}

/**
 * mesh_hub_code_name:
 * @code: why a client is sent away
 *
 * Returns: the `code` of the error frame that says so
 */
const char *
mesh_hub_code_name (MeshHubCode code)
{
  return codes[code].name;
}

/**
 * mesh_hub_new:
 * @limits: (nullable): limits; %NULL = those of mesh_hub_limits_init()
 * @seed: a random number, another one for each hub: epochs are made from it
 *
 * Returns: (transfer full): a hub without rooms
 */
MeshHub *
mesh_hub_new (const MeshHubLimits *limits, guint64 seed)
{
  MeshHub *hub = g_new0 (MeshHub, 1);

  if (limits)
    hub->limits = *limits;
  else
    mesh_hub_limits_init (&hub->limits);
  hub->random = seed;
  hub->deadline = G_MAXINT64;
  hub->clients = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL,
      g_free);
  hub->rooms = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      (GDestroyNotify) mesh_hub_room_free);
  hub->actions = g_array_new (FALSE, FALSE, sizeof (MeshHubAction));
  g_array_set_clear_func (hub->actions,
      (GDestroyNotify) mesh_hub_action_clear);
  hub->taken = g_ptr_array_new ();
  return hub;
}

/**
 * mesh_hub_free:
 * @hub: (nullable) (transfer full): a hub
 */
void
mesh_hub_free (MeshHub *hub)
{
  if (!hub)
    return;
  g_hash_table_unref (hub->clients);
  g_hash_table_unref (hub->rooms);
  g_array_unref (hub->actions);
  g_ptr_array_unref (hub->taken);
  g_free (hub);
}

void
mesh_hub_push_frame (MeshHub *hub, MeshHubClient *client, GBytes *frame)
{
  MeshHubAction action = { MESH_HUB_SEND, client->number, g_bytes_ref (frame) };

  g_array_append_val (hub->actions, action);
}

static void
push_text (MeshHub *hub, MeshHubClient *client, char *text)
{
  g_autoptr (GBytes) frame = g_bytes_new_take (text, strlen (text));

  mesh_hub_push_frame (hub, client, frame);
}

void
mesh_hub_push_log (MeshHub *hub, const char *format, ...)
{
  MeshHubAction action = { MESH_HUB_LOG };
  char *text;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  action.frame = g_bytes_new_take (text, strlen (text) + 1);
  g_array_append_val (hub->actions, action);
}

static void
forget_client (MeshHub *hub, MeshHubClient *client)
{
  if (client->member)
    client->member->client = NULL;
  if (client->owes_mid)
    g_ptr_array_remove_fast (hub->taken, client);
  hub->stats.clients--;
  g_hash_table_remove (hub->clients, &client->number);
}

static void
close_client (MeshHub *hub, MeshHubClient *client, guint16 close_code)
{
  MeshHubAction action = { MESH_HUB_CLOSE, client->number };

  action.close_code = close_code;
  g_array_append_val (hub->actions, action);
  forget_client (hub, client);
}

/* Sends a client away, and forgets it. Its member stays until the lease runs
 * out. */
void
mesh_hub_drop (MeshHub *hub, MeshHubClient *client, MeshHubCode code,
    const char *text)
{
  push_text (hub, client, g_strdup_printf (
      "{\"type\":\"error\",\"code\":\"%s\",\"message\":\"%s\"}",
      codes[code].name, text));
  mesh_hub_push_log (hub, "client %" G_GUINT64_FORMAT " (%.8s) sent away: %s, "
      "%s", client->number, client->member ? client->member->id : "no hello",
      codes[code].name, text);
  hub->stats.rejected[code]++;
  close_client (hub, client, codes[code].close_code);
}

static MeshHubClient *
find_client (MeshHub *hub, guint64 number)
{
  return g_hash_table_lookup (hub->clients, &number);
}

/**
 * mesh_hub_connected:
 * @client: number of a client that has not been there before
 */
void
mesh_hub_connected (MeshHub *hub, guint64 client, gint64 now)
{
  MeshHubClient *self = g_new0 (MeshHubClient, 1);

  self->number = client;
  self->since = self->credited = now;
  self->credit = hub->limits.burst * (G_USEC_PER_SEC / hub->limits.rate);
  g_hash_table_insert (hub->clients, &self->number, self);
  hub->stats.clients++;
  hub->deadline = MIN (hub->deadline, now + hub->limits.hello);
}

/**
 * mesh_hub_disconnected:
 * @client: a client whose connection is gone
 *
 * Its member stays until the lease runs out.
 */
void
mesh_hub_disconnected (MeshHub *hub, guint64 client)
{
  MeshHubClient *self = find_client (hub, client);

  if (self)
    forget_client (hub, self);
}

/* A token bucket that holds time: one frame costs 1/rate of a second. */
static gboolean
pay_for_frame (MeshHub *hub, MeshHubClient *client, gint64 now)
{
  gint64 price = G_USEC_PER_SEC / hub->limits.rate;
  gint64 credit = client->credit + MAX (0, now - client->credited);

  client->credit = MIN (credit, hub->limits.burst * price);
  client->credited = now;
  if (client->credit < price) {
    mesh_hub_drop (hub, client, MESH_HUB_TOO_FAST, "too many frames");
    return FALSE;
  }
  client->credit -= price;
  return TRUE;
}

static gboolean
note_heard (MeshHub *hub, MeshHubClient *client, gint64 now)
{
  if (client->member)
    client->member->heard = now;
  return pay_for_frame (hub, client, now);
}

/**
 * mesh_hub_heard:
 * @client: a client that gave a sign of life, such as a WebSocket pong
 */
void
mesh_hub_heard (MeshHub *hub, guint64 client, gint64 now)
{
  MeshHubClient *self = find_client (hub, client);

  if (self)
    note_heard (hub, self, now);
}

/**
 * mesh_hub_reject:
 * @client: a client that broke a rule that the driver watches over
 * @code: which
 */
void
mesh_hub_reject (MeshHub *hub, guint64 client, MeshHubCode code)
{
  MeshHubClient *self = find_client (hub, client);

  if (self)
    mesh_hub_drop (hub, self, code, codes[code].name);
}

/* Finds the member that a hello names, or makes a new one. Returns NULL when
 * the client was sent away. */
static MeshHubMember *
admit (MeshHub *hub, MeshHubClient *client, const MeshEnvelope *hello,
    gint64 now)
{
  MeshHubRoom *room = g_hash_table_lookup (hub->rooms, hello->room);
  MeshHubMember *member = room ? mesh_hub_room_find (room, hello->id) : NULL;
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  guint8 token[32];
  gsize size = sizeof token;

  g_checksum_update (sum, (const guchar *) hello->token, -1);
  g_checksum_get_digest (sum, token, &size);
  if (member && memcmp (member->token, token, sizeof token) != 0) {
    mesh_hub_drop (hub, client, MESH_HUB_ID_TAKEN, "this id has an owner");
    return NULL;
  }
  if (member)
    return member;
  if (room && room->members->len >= hub->limits.room_members) {
    mesh_hub_drop (hub, client, MESH_HUB_ROOM_FULL, "the room is full");
    return NULL;
  }
  if ((!room && hub->stats.rooms >= hub->limits.rooms)
      || hub->stats.members >= hub->limits.members) {
    mesh_hub_drop (hub, client, MESH_HUB_TOO_MANY_ROOMS, "the server is full");
    return NULL;
  }
  if (!room)
    room = mesh_hub_room_new (hub, hello->room);
  return mesh_hub_room_add (hub, room, hello->id, token, now);
}

static void
handle_hello (MeshHub *hub, MeshHubClient *client, const MeshEnvelope *hello,
    gint64 now)
{
  MeshHubMember *member;
  gboolean resumed;

  if (hello->version != 1) {
    mesh_hub_drop (hub, client, MESH_HUB_REFUSED, "unknown version");
    return;
  }
  /* The room's id is its host's address, whoever that is. */
  if (g_str_equal (hello->id, hello->room)) {
    mesh_hub_drop (hub, client, MESH_HUB_REFUSED, "the id is the room's");
    return;
  }
  member = admit (hub, client, hello, now);
  if (!member)
    return;
  if (member->client)
    mesh_hub_drop (hub, member->client, MESH_HUB_REPLACED,
        "another connection took over");
  member->client = client;
  client->member = member;
  member->heard = now;
  hub->deadline = MIN (hub->deadline, now + hub->limits.lease);

  /* a client that was never welcomed has sent nothing, so its messages are
   * numbered anew */
  if (!hello->has_cursor)
    member->mid = 0;
  resumed = hello->has_cursor
      && mesh_mailbox_can_resume (member->box, hello->epoch, hello->after);
  if (resumed)
    mesh_hub_member_ack (hub, member, hello->after);
  else
    mesh_hub_member_new_box (hub, member);
  mesh_hub_member_welcome (hub, member, resumed);
}

static void
handle_send (MeshHub *hub, MeshHubClient *client, const MeshEnvelope *send)
{
  MeshHubMember *member = client->member;

  if (!client->owes_mid)
    g_ptr_array_add (hub->taken, client);
  client->owes_mid = TRUE;
  if (send->mid <= member->mid)
    return;
  member->mid = send->mid;
  mesh_hub_member_relay (hub, member, send);
}

static void
handle_member (MeshHub *hub, MeshHubClient *client,
    const MeshEnvelope *envelope)
{
  MeshHubMember *member = client->member;

  switch (envelope->type) {
    case MESH_ENVELOPE_HELLO:
      mesh_hub_drop (hub, client, MESH_HUB_BAD_MESSAGE, "hello said twice");
      break;
    case MESH_ENVELOPE_SEND:
      handle_send (hub, client, envelope);
      break;
    case MESH_ENVELOPE_ACK:
      mesh_hub_member_ack (hub, member, envelope->ack);
      break;
    case MESH_ENVELOPE_PING:
      push_text (hub, client, g_strdup ("{\"type\":\"pong\"}"));
      break;
    case MESH_ENVELOPE_BYE:
      close_client (hub, client, 1000);
      mesh_hub_member_leave (hub, member, "bye");
      break;
  }
}

/**
 * mesh_hub_feed:
 * @client: who sent the frame
 * @text: the frame; need not end in a NUL
 * @length: bytes in @text
 */
void
mesh_hub_feed (MeshHub *hub, guint64 client, const char *text, gsize length,
    gint64 now)
{
  MeshHubClient *self = find_client (hub, client);
  MeshEnvelope envelope;
  g_autoptr (GError) error = NULL;

  if (!self || !note_heard (hub, self, now))
    return;
  if (!mesh_envelope_parse (text, length, &envelope, &error)) {
    gboolean big = g_error_matches (error, MESH_ERROR, MESH_ERROR_TOO_BIG);

    mesh_hub_drop (hub, self, big ? MESH_HUB_TOO_BIG : MESH_HUB_BAD_MESSAGE,
        error->message);
  } else if (self->member) {
    handle_member (hub, self, &envelope);
  } else if (envelope.type == MESH_ENVELOPE_HELLO) {
    handle_hello (hub, self, &envelope, now);
  } else {
    mesh_hub_drop (hub, self, MESH_HUB_BAD_MESSAGE, "hello comes first");
  }
}

/**
 * mesh_hub_shut_down:
 *
 * Sends all clients away, since the server ends.
 */
void
mesh_hub_shut_down (MeshHub *hub)
{
  g_autoptr (GList) clients = g_hash_table_get_values (hub->clients);

  for (GList *l = clients; l; l = l->next)
    mesh_hub_drop (hub, l->data, MESH_HUB_GOING_AWAY, "the server ends");
}

/* One "mid" acknowledges all messages that came in together. */
static void
push_mid (MeshHub *hub)
{
  MeshHubClient *client = g_ptr_array_steal_index_fast (hub->taken,
      hub->taken->len - 1);

  client->owes_mid = FALSE;
  push_text (hub, client, g_strdup_printf ("{\"mid\":%" G_GUINT64_FORMAT "}",
      client->member->mid));
}

/**
 * mesh_hub_pop_action:
 * @action: (out caller-allocates): what to do next; to be cleared
 *
 * Returns: %FALSE when there is nothing to do
 */
gboolean
mesh_hub_pop_action (MeshHub *hub, MeshHubAction *action)
{
  MeshHubAction *next;

  if (hub->next_action == hub->actions->len && hub->taken->len)
    push_mid (hub);
  if (hub->next_action == hub->actions->len) {
    g_array_set_size (hub->actions, 0);
    hub->next_action = 0;
    return FALSE;
  }
  next = &g_array_index (hub->actions, MeshHubAction, hub->next_action++);
  *action = *next;
  next->frame = NULL;
  return TRUE;
}

/**
 * mesh_hub_action_clear:
 * @action: an action that was carried out
 */
void
mesh_hub_action_clear (MeshHubAction *action)
{
  g_clear_pointer (&action->frame, g_bytes_unref);
}

/**
 * mesh_hub_is_member:
 * Returns: whether the client has been welcomed
 */
gboolean
mesh_hub_is_member (MeshHub *hub, guint64 client)
{
  MeshHubClient *self = find_client (hub, client);

  return self && self->member;
}

/**
 * mesh_hub_get_stats:
 * Returns: (transfer none): counters, valid until the next call
 */
const MeshHubStats *
mesh_hub_get_stats (MeshHub *hub)
{
  return &hub->stats;
}
