/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two promises: what we send arrives once, and what is sent to us is handed
 * over once, whenever connections break. Ours stays in a queue until the server
 * says that it was taken; theirs is counted by seq. */

#include "core/client.h"

#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/message.h"

#define MS G_GINT64_CONSTANT (1000)
#define SECOND G_GINT64_CONSTANT (1000000)

/* docs/protocol.md, "The envelope" */
#define CONNECT_TIMEOUT (10 * SECOND)
#define HELLO_TIMEOUT (10 * SECOND)
#define FIRST_BACKOFF (250 * MS)
#define MAX_BACKOFF (4 * SECOND)
/* The server pings every 4 s, and so do we: three of them unanswered. */
#define SILENCE (12 * SECOND)
#define PING_AFTER (8 * SECOND)
/* Online for so long, a connection is no part of the last trouble. */
#define STABLE (5 * SECOND)
/* A server that was never there: the link is wrong, or it is down. A failure
 * after the first of these is the last one, and the second ends all waiting. */
#define FIRST_PATIENCE (2 * SECOND)
#define FIRST_LIMIT (5 * SECOND)
#define ACK_EVERY 32
#define ACK_AFTER (200 * MS)
#define WARN_EVERY SECOND

#define MAX_EPOCH_BYTES 64
#define MAX_CODE_BYTES 32
#define MAX_TEXT_BYTES 1024
#define MAX_COUNT G_GINT64_CONSTANT (9007199254740991)

typedef enum {
  IDLE,
  CONNECTING,
  HELLO,
  ONLINE,
  WAITING,
  OVER,
} State;

typedef struct {
  gint64 mid;
  gsize length;
  char *frame;
} Outgoing;

struct _MeshClient {
  char *server;
  char *room;
  char *id;
  char *token;
  GRand *rand;
  GQueue actions;               /* MeshClientAction */

  State state;
  gboolean wanted;              /* mesh_client_start() was called */
  gboolean welcomed;            /* ever */
  gint64 first_attempt;
  gint64 until;                 /* CONNECTING, HELLO: or it failed; WAITING */
  gint64 online_since;
  gint64 last_heard;
  gboolean pinged;              /* since then */
  guint failures;
  gint64 next_warning;

  GQueue outgoing;              /* Outgoing, until taken */
  gsize outgoing_bytes;
  gint64 last_mid;

  char *epoch;                  /* NULL: nothing to resume */
  gint64 cursor;                /* last seq processed */
  gint64 acked;
  gint64 ack_at;
  guint unreadable;             /* frames since the last seq */
};

static void
push_action (MeshClient *self, MeshClientActionType type, char *text,
    GError *error)
{
  MeshClientAction *action = g_new0 (MeshClientAction, 1);

  action->type = type;
  action->text = text;
  action->error = error;
  g_queue_push_tail (&self->actions, action);
}

static void
outgoing_free (Outgoing *outgoing)
{
  g_free (outgoing->frame);
  g_free (outgoing);
}

/**
 * mesh_client_new:
 * @config: who we are
 *
 * Returns: (transfer full): a client that has not started
 *
 * Since: 0.1
 */
MeshClient *
mesh_client_new (const MeshClientConfig *config)
{
  MeshClient *self = g_new0 (MeshClient, 1);

  self->server = g_strdup (config->server);
  self->room = g_strdup (config->room);
  self->id = g_strdup (config->id);
  self->token = g_strdup (config->token);
  self->rand = g_rand_new_with_seed (config->seed);
  g_queue_init (&self->actions);
  g_queue_init (&self->outgoing);
  return self;
}

/**
 * mesh_client_free:
 * @client: (nullable) (transfer full): a client
 *
 * Since: 0.1
 */
void
mesh_client_free (MeshClient *client)
{
  MeshClientAction action;

  if (!client)
    return;
  while (mesh_client_pop_action (client, &action))
    mesh_client_action_clear (&action);
  g_queue_clear_full (&client->outgoing, (GDestroyNotify) outgoing_free);
  g_rand_free (client->rand);
  g_free (client->server);
  g_free (client->room);
  g_free (client->id);
  g_free (client->token);
  g_free (client->epoch);
  g_free (client);
}

/* A server can send junk faster than anybody reads warnings. */
static void
warn (MeshClient *self, const GError *error, gint64 now)
{
  if (now < self->next_warning)
    return;
  self->next_warning = now + WARN_EVERY;
  push_action (self, MESH_CLIENT_WARNING, NULL, g_error_copy (error));
}

static void
fail (MeshClient *self, GError *error)
{
  self->state = OVER;
  push_action (self, MESH_CLIENT_FAILED, NULL, error);
}

static void
connect_now (MeshClient *self, gint64 now)
{
  self->state = CONNECTING;
  self->until = now + CONNECT_TIMEOUT;
  push_action (self, MESH_CLIENT_CONNECT, NULL, NULL);
}

/* The connection is gone: give up, or try again later. */
static void
lost (MeshClient *self, const GError *error, gint64 now)
{
  gint64 backoff;

  if (!self->welcomed) {
    gboolean final = !g_error_matches (error, MESH_ERROR,
        MESH_ERROR_UNREACHABLE);

    if (final || now >= self->first_attempt + FIRST_PATIENCE) {
      fail (self, g_error_new (error->domain, error->code,
                      "could not reach %s: %s", self->server,
                      error->message));
      return;
    }
  }
  if (self->state == ONLINE) {
    push_action (self, MESH_CLIENT_MESSAGE,
        g_strdup ("{\"type\":\"offline\"}"), NULL);
    push_action (self, MESH_CLIENT_LOST, NULL,
        g_error_new (error->domain, error->code, "lost %s: %s", self->server,
            error->message));
    if (now >= self->online_since + STABLE)
      self->failures = 0;
  }
  backoff = MIN (FIRST_BACKOFF << MIN (self->failures, 8), MAX_BACKOFF);
  self->failures++;
  self->state = WAITING;
  self->until = now + g_rand_int_range (self->rand, 0, backoff);
}

/* We end the connection, since it is no good. */
static void
drop (MeshClient *self, gint64 now, const char *reason)
{
  g_autoptr (GError) error = g_error_new_literal (MESH_ERROR,
      MESH_ERROR_UNREACHABLE, reason);

  push_action (self, MESH_CLIENT_CLOSE, NULL, NULL);
  lost (self, error, now);
}

/**
 * mesh_client_start:
 * @client: a client
 * @now: the time
 *
 * Connects, as soon as the peer id is known.
 *
 * Since: 0.1
 */
void
mesh_client_start (MeshClient *client, gint64 now)
{
  client->wanted = TRUE;
  if (client->state != IDLE || !client->id)
    return;
  client->first_attempt = now;
  connect_now (client, now);
}

/**
 * mesh_client_set_id:
 * @client: a client
 * @id: our peer id
 * @now: the time
 *
 * Returns: %FALSE when @id is no peer id, or we have another one
 *
 * Since: 0.1
 */
gboolean
mesh_client_set_id (MeshClient *client, const char *id, gint64 now)
{
  if (client->id || !mesh_is_uuid (id))
    return g_strcmp0 (client->id, id) == 0;
  client->id = g_strdup (id);
  if (client->wanted)
    mesh_client_start (client, now);
  return TRUE;
}

/**
 * mesh_client_get_id:
 * @client: a client
 *
 * Returns: (nullable): our peer id, as far as it is known
 *
 * Since: 0.1
 */
const char *
mesh_client_get_id (MeshClient *client)
{
  return client->id;
}

static char *
make_frame (MeshClient *self, JsonObject *payload, GError **error)
{
  g_autofree char *frame = NULL;
  g_autofree char *text = NULL;
  g_autoptr (JsonObject) check = NULL;
  const char *from, *to;

  if (!mesh_json_get_string (payload, "from", 36, &from, error)
      || !mesh_json_get_string (payload, "to", 36, &to, error))
    return NULL;
  if (!mesh_is_uuid (to) || g_strcmp0 (from, self->id) != 0) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
        "message %s", mesh_is_uuid (to) ? "is not from us"
                                        : "does not say to whom it goes");
    return NULL;
  }
  text = mesh_json_to_string (payload);
  frame = g_strdup_printf (
      "{\"mid\":%" G_GINT64_FORMAT ",\"to\":\"%s\",\"payload\":%s}",
      self->last_mid + 1, to, text);
  /* a message can be within the limits, and its frame just over them */
  check = mesh_json_parse (frame, strlen (frame), error);
  return check ? g_steal_pointer (&frame) : NULL;
}

/**
 * mesh_client_send:
 * @client: a client
 * @text: a message; need not end in a NUL
 * @length: bytes in @text
 * @error: return location for a #MESH_ERROR
 *
 * Sends a message, now or when the server is there again.
 *
 * Returns: %FALSE when it is no message of ours, or too many are waiting
 *
 * Since: 0.1
 */
gboolean
mesh_client_send (MeshClient *client, const char *text, gsize length,
    GError **error)
{
  g_autoptr (JsonObject) payload = NULL;
  g_autofree char *frame = NULL;
  Outgoing *outgoing;

  if (client->state == OVER) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_UNREACHABLE,
        "message to a connection that has ended");
    return FALSE;
  }
  if (client->outgoing.length >= MESH_CLIENT_MAX_UNSENT
      || client->outgoing_bytes + length > MESH_CLIENT_MAX_UNSENT_BYTES) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_TOO_BIG,
        "message dropped: too many wait for the server");
    return FALSE;
  }
  payload = mesh_json_parse (text, length, error);
  if (!payload || !(frame = make_frame (client, payload, error)))
    return FALSE;

  outgoing = g_new0 (Outgoing, 1);
  outgoing->mid = ++client->last_mid;
  outgoing->length = strlen (frame);
  outgoing->frame = g_steal_pointer (&frame);
  client->outgoing_bytes += outgoing->length;
  g_queue_push_tail (&client->outgoing, outgoing);
  if (client->state == ONLINE)
    push_action (client, MESH_CLIENT_SEND, g_strdup (outgoing->frame), NULL);
  return TRUE;
}

/**
 * mesh_client_leave:
 * @client: a client
 *
 * Says bye, and ends.
 *
 * Since: 0.1
 */
void
mesh_client_leave (MeshClient *client)
{
  switch (client->state) {
    case HELLO:
    case ONLINE:
      push_action (client, MESH_CLIENT_SEND, g_strdup ("{\"type\":\"bye\"}"),
          NULL);
      push_action (client, MESH_CLIENT_FINISH, NULL, NULL);
      break;
    case CONNECTING:
      push_action (client, MESH_CLIENT_CLOSE, NULL, NULL);
      break;
    default:
      break;
  }
  client->state = OVER;
}

/**
 * mesh_client_opened:
 * @client: a client
 * @now: the time
 *
 * The connection that was asked for is open.
 *
 * Since: 0.1
 */
void
mesh_client_opened (MeshClient *client, gint64 now)
{
  GString *hello;

  if (client->state != CONNECTING)
    return;
  client->state = HELLO;
  client->until = now + HELLO_TIMEOUT;
  client->unreadable = 0;
  hello = g_string_new (NULL);
  g_string_printf (hello,
      "{\"type\":\"hello\",\"v\":1,\"room\":\"%s\",\"id\":\"%s\","
      "\"token\":\"%s\"",
      client->room, client->id, client->token);
  if (client->epoch)
    g_string_append_printf (hello,
        ",\"epoch\":\"%s\",\"after\":%" G_GINT64_FORMAT, client->epoch,
        client->cursor);
  g_string_append_c (hello, '}');
  push_action (client, MESH_CLIENT_SEND, g_string_free (hello, FALSE), NULL);
}

/* The server has everything of ours up to @mid. */
static void
taken (MeshClient *self, gint64 mid)
{
  Outgoing *first;

  while ((first = g_queue_peek_head (&self->outgoing)) && first->mid <= mid) {
    self->outgoing_bytes -= first->length;
    outgoing_free (g_queue_pop_head (&self->outgoing));
  }
}

/* We write it into our next hello as it is. */
static gboolean
is_epoch (const char *text)
{
  if (!text || *text == '\0')
    return FALSE;
  for (; *text; text++) {
    if (!g_ascii_isalnum (*text) && *text != '-' && *text != '_')
      return FALSE;
  }
  return TRUE;
}

static gboolean
check_welcome (MeshClient *self, const MeshMessage *message, const char *epoch,
    gint64 mid, GError **error)
{
  const char *wrong = NULL;

  if (g_strcmp0 (message->id, self->id) != 0
      || g_strcmp0 (message->room, self->room) != 0)
    wrong = "for somebody else";
  else if (!is_epoch (epoch) || !message->host || !message->ids)
    wrong = "without an epoch, a host or members";
  else if (message->resumed && g_strcmp0 (epoch, self->epoch) != 0)
    wrong = "that resumes what never was";
  else if (mid < 0 || mid > self->last_mid)
    wrong = "for messages that we never sent";
  if (wrong)
    g_set_error (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
        "server sent a welcome %s", wrong);
  return wrong == NULL;
}

static gboolean
read_welcome (MeshClient *self, JsonObject *frame, const char *text,
    gsize length, gint64 now, GError **error)
{
  g_autoptr (MeshMessage) message = mesh_message_parse (text, length, error);
  gint64 mid = -1;
  const char *epoch;

  if (!message
      || !mesh_json_get_string (frame, "epoch", MAX_EPOCH_BYTES, &epoch, error)
      || !mesh_json_get_int (frame, "mid", 0, MAX_COUNT, &mid, error)
      || !check_welcome (self, message, epoch, mid, error))
    return FALSE;
  if (!message->resumed) {
    g_free (self->epoch);
    self->epoch = g_strdup (epoch);
    self->cursor = 0;
  }
  self->acked = self->cursor;   /* hello has said it */
  self->state = ONLINE;
  self->welcomed = TRUE;
  self->online_since = now;
  push_action (self, MESH_CLIENT_MESSAGE, mesh_message_to_json (message), NULL);
  taken (self, mid);
  for (GList *l = self->outgoing.head; l; l = l->next) {
    Outgoing *outgoing = l->data;

    push_action (self, MESH_CLIENT_SEND, g_strdup (outgoing->frame), NULL);
  }
  return TRUE;
}

static const struct {
  const char *code;
  MeshError error;
} final_codes[] = {
  { "bad-message", MESH_ERROR_FAILED },
  { "refused", MESH_ERROR_REFUSED },
  { "id-taken", MESH_ERROR_REFUSED },
  { "replaced", MESH_ERROR_REFUSED },
  { "room-full", MESH_ERROR_REFUSED },
  { "too-many-rooms", MESH_ERROR_REFUSED },
  { "too-big", MESH_ERROR_FAILED },
};

/* What a stranger wrote ends up on a terminal. */
static char *
printable (const char *text)
{
  char *copy = g_strdup (text ? text : "");

  for (char *c = copy; *c; c++) {
    if (g_ascii_iscntrl (*c))
      *c = ' ';
  }
  return copy;
}

static gboolean
read_error (MeshClient *self, JsonObject *frame, gint64 now, GError **error)
{
  g_autofree char *reason = NULL;
  g_autofree char *clean = NULL;
  const char *code, *text;

  if (!mesh_json_get_string (frame, "code", MAX_CODE_BYTES, &code, error)
      || !mesh_json_get_string (frame, "message", MAX_TEXT_BYTES, &text, error))
    return FALSE;
  reason = g_strdup_printf ("%s (%s)", text ? text : "", code ? code : "");
  clean = printable (reason);
  for (guint i = 0; i < G_N_ELEMENTS (final_codes); i++) {
    if (g_strcmp0 (code, final_codes[i].code) == 0) {
      push_action (self, MESH_CLIENT_CLOSE, NULL, NULL);
      fail (self, g_error_new (MESH_ERROR, final_codes[i].error,
                      "%s does not let us in: %s", self->server, clean));
      return TRUE;
    }
  }
  drop (self, now, clean);
  return TRUE;
}

static void
acknowledge (MeshClient *self)
{
  push_action (self, MESH_CLIENT_SEND,
      g_strdup_printf ("{\"ack\":%" G_GINT64_FORMAT "}", self->cursor), NULL);
  self->acked = self->cursor;
}

static JsonObject *
get_object (JsonObject *frame, const char *name)
{
  JsonNode *node = json_object_get_member (frame, name);

  return node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node)
                                               : NULL;
}

/* The server vouches for the stamp, and for nothing inside the payload. */
static gboolean
deliver_payload (MeshClient *self, JsonObject *frame, GError **error)
{
  JsonObject *payload = get_object (frame, "payload");
  const char *stamp, *from, *type;

  if (!mesh_json_get_string (frame, "from", 36, &stamp, error)
      || !payload
      || !mesh_json_get_string (payload, "from", 36, &from, error)
      || !mesh_json_get_string (payload, "type", 64, &type, error)
      || !type || !mesh_is_uuid (stamp) || g_strcmp0 (from, stamp) != 0) {
    g_clear_error (error);
    g_set_error (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
        "message of %s dropped: not in that name, or no message",
        mesh_is_uuid (stamp) ? stamp : "nobody");
    return FALSE;
  }
  push_action (self, MESH_CLIENT_MESSAGE, mesh_json_to_string (payload), NULL);
  return TRUE;
}

static gboolean
deliver_event (MeshClient *self, JsonObject *event, GError **error)
{
  g_autofree char *text = mesh_json_to_string (event);
  g_autoptr (MeshMessage) message = mesh_message_parse (text, strlen (text),
      error);

  if (!message)
    return FALSE;
  switch (message->type) {
    case MESH_MESSAGE_JOINED:
    case MESH_MESSAGE_LEFT:
    case MESH_MESSAGE_HOST:
    case MESH_MESSAGE_UNDELIVERABLE:
      push_action (self, MESH_CLIENT_MESSAGE, mesh_message_to_json (message),
          NULL);
      return TRUE;
    case MESH_MESSAGE_UNKNOWN: /* a newer server */
      return TRUE;
    default:
      g_set_error_literal (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
          "server sent an event that is none");
      return FALSE;
  }
}

static gboolean
read_numbered (MeshClient *self, JsonObject *frame, gint64 now, GError **error)
{
  JsonObject *event = get_object (frame, "event");
  gint64 seq = 0;

  if (!mesh_json_get_int (frame, "seq", 1, MAX_COUNT, &seq, error))
    return FALSE;
  if (seq <= self->cursor)
    return TRUE;
  /* A frame that could not be read may have been what is missing. It will be
   * no better the next time: go on without. */
  if (seq - self->cursor - 1 > self->unreadable) {
    drop (self, now, "a message is missing");
    return TRUE;
  }
  if (self->acked == self->cursor)
    self->ack_at = now + ACK_AFTER;
  self->cursor = seq;
  self->unreadable = 0;
  if (self->cursor - self->acked >= ACK_EVERY)
    acknowledge (self);
  return event ? deliver_event (self, event, error)
               : deliver_payload (self, frame, error);
}

static gboolean
read_taken (MeshClient *self, JsonObject *frame, GError **error)
{
  gint64 mid = 0;

  if (!mesh_json_get_int (frame, "mid", 0, self->last_mid, &mid, error))
    return FALSE;
  taken (self, mid);
  return TRUE;
}

/* What is not known is ignored: the server may be newer. */
static gboolean
read_frame (MeshClient *self, JsonObject *frame, const char *text,
    gsize length, gint64 now, GError **error)
{
  const char *type;

  if (!mesh_json_get_string (frame, "type", 64, &type, error))
    return FALSE;
  if (g_strcmp0 (type, "error") == 0)
    return read_error (self, frame, now, error);
  if (self->state == HELLO)
    return g_strcmp0 (type, "welcome") != 0
           || read_welcome (self, frame, text, length, now, error);
  if (type)
    return TRUE;
  if (json_object_has_member (frame, "seq"))
    return read_numbered (self, frame, now, error);
  if (json_object_has_member (frame, "mid"))
    return read_taken (self, frame, error);
  return TRUE;
}

/**
 * mesh_client_feed:
 * @client: a client
 * @text: a frame as it arrived; need not end in a NUL
 * @length: bytes in @text
 * @now: the time
 *
 * Since: 0.1
 */
void
mesh_client_feed (MeshClient *client, const char *text, gsize length,
    gint64 now)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) frame = NULL;

  if (client->state != HELLO && client->state != ONLINE)
    return;
  mesh_client_heard (client, now);
  frame = mesh_json_parse (text, length, &error);
  if (!frame) {
    client->unreadable++;
    warn (client, error, now);
    return;
  }
  if (read_frame (client, frame, text, length, now, &error))
    return;
  warn (client, error, now);
  if (client->state == HELLO)   /* no second welcome will come */
    drop (client, now, error->message);
}

/**
 * mesh_client_heard:
 * @client: a client
 * @now: the time
 *
 * The server gave a sign of life, such as a WebSocket pong.
 *
 * Since: 0.1
 */
void
mesh_client_heard (MeshClient *client, gint64 now)
{
  client->last_heard = now;
  client->pinged = FALSE;
}

/**
 * mesh_client_closed:
 * @client: a client
 * @error: (nullable): why the connection closed, or could not be opened.
 *   %MESH_ERROR_UNREACHABLE, or none: it may be there again later; any other code: that
 *   is no server for us
 * @now: the time
 *
 * Since: 0.1
 */
void
mesh_client_closed (MeshClient *client, const GError *error, gint64 now)
{
  g_autoptr (GError) fallback = NULL;

  if (client->state != CONNECTING && client->state != HELLO
      && client->state != ONLINE)
    return;
  if (!error)
    fallback = g_error_new_literal (MESH_ERROR, MESH_ERROR_UNREACHABLE,
        "connection closed");
  lost (client, error ? error : fallback, now);
}

/**
 * mesh_client_tick:
 * @client: a client
 * @now: the time
 *
 * Does what is due.
 *
 * Since: 0.1
 */
void
mesh_client_tick (MeshClient *client, gint64 now)
{
  if (now < mesh_client_deadline (client))
    return;
  switch (client->state) {
    case CONNECTING:
    case HELLO:
      drop (client, now, "no answer");
      break;
    case WAITING:
      connect_now (client, now);
      break;
    case ONLINE:
      if (now >= client->last_heard + SILENCE) {
        drop (client, now, "it fell silent");
        break;
      }
      if (now >= client->last_heard + PING_AFTER && !client->pinged) {
        client->pinged = TRUE;
        push_action (client, MESH_CLIENT_SEND,
            g_strdup ("{\"type\":\"ping\"}"), NULL);
      }
      if (client->cursor > client->acked && now >= client->ack_at)
        acknowledge (client);
      break;
    default:
      break;
  }
}

/**
 * mesh_client_deadline:
 * @client: a client
 *
 * Returns: when to call mesh_client_tick(), %G_MAXINT64 = never
 *
 * Since: 0.1
 */
gint64
mesh_client_deadline (MeshClient *client)
{
  gint64 deadline;

  switch (client->state) {
    case CONNECTING:
    case HELLO:
      /* a first answer is waited for less long */
      return client->welcomed ? client->until
                              : MIN (client->until,
                                    client->first_attempt + FIRST_LIMIT);
    case WAITING:
      return client->until;
    case ONLINE:
      deadline = client->last_heard
                 + (client->pinged ? SILENCE : PING_AFTER);
      if (client->cursor > client->acked)
        deadline = MIN (deadline, client->ack_at);
      return deadline;
    default:
      return G_MAXINT64;
  }
}

/**
 * mesh_client_pop_action:
 * @client: a client
 * @action: (out caller-allocates): the next thing to do; clear it after
 *
 * Returns: %FALSE when there is nothing to do
 *
 * Since: 0.1
 */
gboolean
mesh_client_pop_action (MeshClient *client, MeshClientAction *action)
{
  g_autofree MeshClientAction *next = g_queue_pop_head (&client->actions);

  if (!next)
    return FALSE;
  *action = *next;
  return TRUE;
}

/**
 * mesh_client_action_clear:
 * @action: what mesh_client_pop_action() gave
 *
 * Since: 0.1
 */
void
mesh_client_action_clear (MeshClientAction *action)
{
  g_clear_pointer (&action->text, g_free);
  g_clear_error (&action->error);
}
