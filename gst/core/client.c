/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two promises: what we send arrives once, and what is sent to us is handed
 * over once, whenever connections break. Ours stays in a queue until the server
 * says that it was taken; theirs is counted by seq. */

#include "core/client.h"

#include <string.h>

#include "core/client-private.h"
#include "core/envelope.h"
#include "core/error.h"
#include "core/json-scan.h"
#include "core/message.h"

#define HELLO_TIMEOUT (10 * G_USEC_PER_SEC)
#define PING_AFTER (6 * G_USEC_PER_SEC)
/* A server that was never there: the link is wrong, or it is down. The last try
 * begins after the first of these, and ends after the second. */
#define FIRST_PATIENCE (2 * G_USEC_PER_SEC)
#define FIRST_LIMIT (10 * G_USEC_PER_SEC)
#define WARN_EVERY G_USEC_PER_SEC

void
mesh_client_push_action (MeshClient *self, MeshClientActionType type,
    char *text, GError *error)
{
  MeshClientAction *action = g_new0 (MeshClientAction, 1);

  action->type = type;
  action->text = text;
  action->error = error;
  g_queue_push_tail (&self->actions, action);
}

static void
outgoing_free (MeshClientOutgoing *outgoing)
{
  g_free (outgoing->frame);
  g_free (outgoing);
}

/**
 * mesh_client_new:
 * @config: who we are
 *
 * Returns: (transfer full): a client that has not started
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
  g_free (client->way);
  g_free (client->room);
  g_free (client->id);
  g_free (client->token);
  g_free (client->epoch);
  g_free (client);
}

/* A server can send junk faster than anybody reads warnings. */
void
mesh_client_warn (MeshClient *self, const GError *error, gint64 now)
{
  if (now < self->next_warning)
    return;
  self->next_warning = now + WARN_EVERY;
  mesh_client_push_action (self, MESH_CLIENT_WARNING, NULL,
      g_error_copy (error));
}

void
mesh_client_fail (MeshClient *self, GError *error)
{
  self->state = MESH_CLIENT_OVER;
  mesh_client_push_action (self, MESH_CLIENT_FAILED, NULL, error);
}

static void
connect_now (MeshClient *self, gint64 now)
{
  self->state = MESH_CLIENT_CONNECTING;
  self->tried_at = now;
  self->until = now + MESH_CLIENT_CONNECT_TIMEOUT;
  mesh_client_push_action (self, MESH_CLIENT_CONNECT, NULL, NULL);
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
      mesh_client_fail (self, g_error_new (error->domain, error->code,
                      "could not reach %s: %s", self->server,
                      error->message));
      return;
    }
  }
  if (self->state == MESH_CLIENT_ONLINE) {
    self->tried_at = now;
    mesh_client_push_action (self, MESH_CLIENT_MESSAGE,
        g_strdup ("{\"type\":\"offline\"}"), NULL);
    mesh_client_push_action (self, MESH_CLIENT_LOST, NULL,
        g_error_new (error->domain, error->code, "lost %s: %s", self->server,
            error->message));
    if (now >= self->online_since + MESH_CLIENT_STABLE)
      self->failures = 0;
  }
  backoff = MIN (MESH_CLIENT_BACKOFF_FIRST << MIN (self->failures, 8),
      MESH_CLIENT_BACKOFF_MAX);
  self->failures++;
  self->state = MESH_CLIENT_WAITING;
  /* what a try took to fail is part of the wait */
  self->until = MAX (now, self->tried_at
          + g_rand_int_range (self->rand, 0, backoff));
  if (!self->welcomed)
    self->until = MIN (self->until, self->first_attempt + FIRST_PATIENCE);
}

/* We end the connection, since it is no good. */
void
mesh_client_drop (MeshClient *self, gint64 now, const char *reason)
{
  g_autoptr (GError) error = g_error_new (MESH_ERROR, MESH_ERROR_UNREACHABLE,
      "%s%s", self->way ? self->way : "", reason);

  mesh_client_push_action (self, MESH_CLIENT_CLOSE, NULL, NULL);
  lost (self, error, now);
}

/**
 * mesh_client_start:
 *
 * Connects, as soon as the peer id is known.
 */
void
mesh_client_start (MeshClient *client, gint64 now)
{
  client->wanted = TRUE;
  if (client->state != MESH_CLIENT_IDLE || !client->id)
    return;
  client->first_attempt = now;
  connect_now (client, now);
}

/**
 * mesh_client_set_id:
 * @id: our peer id
 *
 * Returns: %FALSE when @id is no peer id, or we have another one
 */
gboolean
mesh_client_set_id (MeshClient *client, const char *id, gint64 now)
{
  if (client->id)
    return g_strcmp0 (client->id, id) == 0;
  if (!mesh_is_uuid (id))
    return FALSE;
  client->id = g_strdup (id);
  if (client->wanted)
    mesh_client_start (client, now);
  return TRUE;
}

/**
 * mesh_client_get_id:
 * Returns: (nullable): our peer id, as far as it is known
 */
const char *
mesh_client_get_id (MeshClient *client)
{
  return client->id;
}

/* Puts a message into its frame as it was written; only its sender and
 * recipient are read. The frame must be within the limits, too. */
static char *
make_frame (MeshClient *self, const char *text, gsize length, GError **error)
{
  static const char *const names[] = { "from", "to", NULL };
  MeshJsonSpan fields[G_N_ELEMENTS (names) - 1];
  char from[MESH_UUID_LENGTH + 1], to[MESH_UUID_LENGTH + 1];
  g_autofree char *frame = NULL;

  if (length > MESH_JSON_MAX_BYTES
      || !mesh_json_scan (text, length, MESH_JSON_MAX_DEPTH - 1, names,
          fields)) {
    g_set_error (error, MESH_ERROR, length > MESH_JSON_MAX_BYTES
        ? MESH_ERROR_TOO_BIG : MESH_ERROR_BAD_MESSAGE,
        "message is not one JSON object of at most %d bytes, nested at most %d "
        "deep", MESH_JSON_MAX_BYTES, MESH_JSON_MAX_DEPTH - 1);
    return NULL;
  }
  if (!mesh_json_span_string (&fields[1], MESH_UUID_LENGTH, to)
      || !mesh_is_uuid (to)) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
        "message does not say to whom it goes");
    return NULL;
  }
  if (!mesh_json_span_string (&fields[0], MESH_UUID_LENGTH, from)
      || g_strcmp0 (from, self->id) != 0) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
        "message is not from us");
    return NULL;
  }
  frame = g_strdup_printf (
      "{\"mid\":%" G_GINT64_FORMAT ",\"to\":\"%s\",\"payload\":%.*s}",
      self->last_mid + 1, to, (int) length, text);
  if (strlen (frame) > MESH_JSON_MAX_BYTES) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_TOO_BIG,
        "message of %" G_GSIZE_FORMAT " bytes is over the limit", length);
    return NULL;
  }
  return g_steal_pointer (&frame);
}

/**
 * mesh_client_send:
 * @text: a message; need not end in a NUL
 * @length: bytes in @text
 * @error: return location for a #MESH_ERROR
 *
 * Sends a message, now or when the server is there again.
 *
 * Returns: %FALSE when it is no message of ours, or too many are waiting
 */
gboolean
mesh_client_send (MeshClient *client, const char *text, gsize length,
    GError **error)
{
  g_autofree char *frame = NULL;
  MeshClientOutgoing *outgoing;

  if (client->state == MESH_CLIENT_OVER) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_UNREACHABLE,
        "message to a connection that has ended");
    return FALSE;
  }
  if (client->outgoing.length >= MESH_MESSAGE_MAX_WAITING
      || client->outgoing_bytes + length > MESH_MESSAGE_MAX_WAITING_BYTES) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_TOO_BIG,
        "message dropped: too many wait for the server");
    return FALSE;
  }
  frame = make_frame (client, text, length, error);
  if (!frame)
    return FALSE;

  outgoing = g_new0 (MeshClientOutgoing, 1);
  outgoing->mid = ++client->last_mid;
  outgoing->length = strlen (frame);
  outgoing->frame = g_steal_pointer (&frame);
  client->outgoing_bytes += outgoing->length;
  g_queue_push_tail (&client->outgoing, outgoing);
  if (client->state == MESH_CLIENT_ONLINE)
    mesh_client_push_action (client, MESH_CLIENT_SEND,
        g_strdup (outgoing->frame), NULL);
  return TRUE;
}

/**
 * mesh_client_leave:
 *
 * Says bye, and ends.
 */
void
mesh_client_leave (MeshClient *client)
{
  switch (client->state) {
    case MESH_CLIENT_HELLO:
    case MESH_CLIENT_ONLINE:
      mesh_client_push_action (client, MESH_CLIENT_SEND,
          g_strdup ("{\"type\":\"bye\"}"), NULL);
      mesh_client_push_action (client, MESH_CLIENT_FINISH, NULL, NULL);
      break;
    case MESH_CLIENT_CONNECTING:
      mesh_client_push_action (client, MESH_CLIENT_CLOSE, NULL, NULL);
      break;
    default:
      break;
  }
  client->state = MESH_CLIENT_OVER;
}

/**
 * mesh_client_opened:
 *
 * The connection that was asked for is open.
 */
void
mesh_client_opened (MeshClient *client, gint64 now)
{
  GString *hello;

  if (client->state != MESH_CLIENT_CONNECTING)
    return;
  client->state = MESH_CLIENT_HELLO;
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
  mesh_client_push_action (client, MESH_CLIENT_SEND,
      g_string_free (hello, FALSE), NULL);
}

/* The server has everything of ours up to @mid. */
void
mesh_client_taken (MeshClient *self, gint64 mid)
{
  MeshClientOutgoing *first;

  while ((first = g_queue_peek_head (&self->outgoing)) && first->mid <= mid) {
    self->outgoing_bytes -= first->length;
    outgoing_free (g_queue_pop_head (&self->outgoing));
  }
}

void
mesh_client_acknowledge (MeshClient *self)
{
  mesh_client_push_action (self, MESH_CLIENT_SEND,
      g_strdup_printf ("{\"ack\":%" G_GINT64_FORMAT "}", self->cursor), NULL);
  self->acked = self->cursor;
}

/**
 * mesh_client_feed:
 * @text: a frame as it arrived; need not end in a NUL
 * @length: bytes in @text
 */
void
mesh_client_feed (MeshClient *client, const char *text, gsize length,
    gint64 now)
{
  g_autoptr (GError) error = NULL;

  if (client->state != MESH_CLIENT_HELLO && client->state != MESH_CLIENT_ONLINE)
    return;
  mesh_client_heard (client, now);
  if (mesh_client_read_frame (client, text, length, now, &error))
    return;
  mesh_client_warn (client, error, now);
  if (client->state == MESH_CLIENT_HELLO)   /* no second welcome will come */
    mesh_client_drop (client, now, error->message);
}

/**
 * mesh_client_heard:
 *
 * The server gave a sign of life, such as a WebSocket pong.
 */
void
mesh_client_heard (MeshClient *client, gint64 now)
{
  client->last_heard = now;
  client->pinged = FALSE;
}

/**
 * mesh_client_closed:
 * @error: (nullable): why the connection closed, or could not be opened.
 *   %MESH_ERROR_UNREACHABLE, or none: it may be there again later; any other
 *   code: that is no server for us
 */
void
mesh_client_closed (MeshClient *client, const GError *error, gint64 now)
{
  g_autoptr (GError) fallback = NULL;

  if (client->state != MESH_CLIENT_CONNECTING
      && client->state != MESH_CLIENT_HELLO
      && client->state != MESH_CLIENT_ONLINE)
    return;
  if (!error)
    fallback = g_error_new_literal (MESH_ERROR, MESH_ERROR_UNREACHABLE,
        "connection closed");
  lost (client, error ? error : fallback, now);
}

/**
 * mesh_client_reconnect:
 * @moved: whether the connection that there is may have lost its path
 *
 * The network is another one than before: whoever waits to connect does so at
 * once; and so does, when it @moved, whoever is connected, since a connection
 * without a path may never notice. Nothing is lost by it. Does nothing before
 * the first welcome.
 */
void
mesh_client_reconnect (MeshClient *client, gboolean moved, gint64 now)
{
  if (!client->welcomed)
    return;
  if (client->state == MESH_CLIENT_CONNECTING
      || (moved && (client->state == MESH_CLIENT_HELLO
              || client->state == MESH_CLIENT_ONLINE)))
    mesh_client_drop (client, now, "the network has changed");
  if (client->state != MESH_CLIENT_WAITING)
    return;
  client->failures = 0;
  connect_now (client, now);
}

/**
 * mesh_client_tick:
 *
 * Does what is due.
 */
void
mesh_client_tick (MeshClient *client, gint64 now)
{
  if (now < mesh_client_deadline (client))
    return;
  switch (client->state) {
    case MESH_CLIENT_CONNECTING:
    case MESH_CLIENT_HELLO:
      mesh_client_drop (client, now, "no answer");
      break;
    case MESH_CLIENT_WAITING:
      connect_now (client, now);
      break;
    case MESH_CLIENT_ONLINE:
      if (now >= client->last_heard + MESH_CLIENT_SILENCE_TIMEOUT) {
        mesh_client_drop (client, now, "it fell silent");
        break;
      }
      if (now >= client->last_heard + PING_AFTER && !client->pinged) {
        client->pinged = TRUE;
        mesh_client_push_action (client, MESH_CLIENT_SEND,
            g_strdup ("{\"type\":\"ping\"}"), NULL);
      }
      if (client->cursor > client->acked && now >= client->ack_at)
        mesh_client_acknowledge (client);
      break;
    default:
      break;
  }
}

/**
 * mesh_client_deadline:
 * Returns: when to call mesh_client_tick(), %G_MAXINT64 = never
 */
gint64
mesh_client_deadline (MeshClient *client)
{
  gint64 deadline;

  switch (client->state) {
    case MESH_CLIENT_CONNECTING:
    case MESH_CLIENT_HELLO:
      /* a first answer is waited for less long */
      return client->welcomed ? client->until
                              : MIN (client->until,
                                    client->first_attempt + FIRST_LIMIT);
    case MESH_CLIENT_WAITING:
      return client->until;
    case MESH_CLIENT_ONLINE:
      deadline = client->last_heard
                 + (client->pinged ? MESH_CLIENT_SILENCE_TIMEOUT : PING_AFTER);
      if (client->cursor > client->acked)
        deadline = MIN (deadline, client->ack_at);
      return deadline;
    default:
      return G_MAXINT64;
  }
}

/**
 * mesh_client_pop_action:
 * @action: (out caller-allocates): the next thing to do; clear it after
 *
 * Returns: %FALSE when there is nothing to do
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
 */
void
mesh_client_action_clear (MeshClientAction *action)
{
  g_clear_pointer (&action->text, g_free);
  g_clear_error (&action->error);
}
