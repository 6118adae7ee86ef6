/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a server may say, and what a client makes of it. The server is not
 * trusted either: what it says wrong costs a warning, or the connection. */

#include <string.h>

#include "core/client-private.h"
#include "core/error.h"
#include "core/message.h"

#define MAX_EPOCH_BYTES 64
#define MAX_CODE_BYTES 32
#define MAX_TEXT_BYTES 1024

/* A former life of ours, one that was killed, holds our id until its lease ends
 * (10 s, and half as much again after a server that slept): whoever still has
 * the id after that renews the lease, so it is alive. */
#define TAKEN_PATIENCE G_GINT64_CONSTANT (16000000)
#define TAKEN_RETRY G_GINT64_CONSTANT (1000000)

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
  /* a service that only passes messages on names neither */
  else if (!is_epoch (epoch) || !message->host != !message->ids)
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
      || !mesh_json_get_int (frame, "mid", 0, MESH_CLIENT_MAX_COUNT, &mid,
          error)
      || !check_welcome (self, message, epoch, mid, error))
    return FALSE;
  if (!message->resumed) {
    g_free (self->epoch);
    self->epoch = g_strdup (epoch);
    self->cursor = 0;
  }
  self->acked = self->cursor;   /* hello has said it */
  self->state = MESH_CLIENT_ONLINE;
  self->welcomed = TRUE;
  self->taken = FALSE;
  self->online_since = now;
  mesh_client_push_action (self, MESH_CLIENT_MESSAGE,
      mesh_message_to_json (message), NULL);
  mesh_client_taken (self, mid);
  for (GList *l = self->outgoing.head; l; l = l->next) {
    MeshClientOutgoing *outgoing = l->data;

    mesh_client_push_action (self, MESH_CLIENT_SEND,
        g_strdup (outgoing->frame), NULL);
  }
  return TRUE;
}

static const struct {
  const char *code;
  MeshError error;
} final_codes[] = {
  { "bad-message", MESH_ERROR_FAILED },
  { "refused", MESH_ERROR_REFUSED },
  { "replaced", MESH_ERROR_REFUSED },
  { "room-full", MESH_ERROR_REFUSED },
  { "too-many-rooms", MESH_ERROR_REFUSED },
  { "too-big", MESH_ERROR_FAILED },
};

/* What a stranger wrote ends up on a terminal. */
static char *
printable (const char *text)
{
  GString *clean = g_string_new (NULL);

  for (; text && *text; text = g_utf8_next_char (text)) {
    gunichar c = g_utf8_get_char (text);

    g_string_append_unichar (clean, g_unichar_isprint (c) ? c : ' ');
  }
  return g_string_free (clean, FALSE);
}

/* Our id has an owner with another token. That may be a former life of ours,
 * which was killed and whose lease has not ended yet: so we ask again until an
 * owner that is dead would have lost it. */
static void
read_id_taken (MeshClient *self, const char *reason, gint64 now)
{
  if (!self->taken) {
    g_autoptr (GError) warning = g_error_new (MESH_ERROR, MESH_ERROR_REFUSED,
        "%s: our id %s is held by another connection, maybe one of ours that "
        "has not timed out yet; trying again for %d s", self->server, self->id,
        (int) (TAKEN_PATIENCE / G_USEC_PER_SEC));

    self->taken = TRUE;
    self->taken_since = now;
    self->next_warning = now;
    mesh_client_warn (self, warning, now);
  }
  if (now >= self->taken_since + TAKEN_PATIENCE) {
    mesh_client_push_action (self, MESH_CLIENT_CLOSE, NULL, NULL);
    mesh_client_fail (self, g_error_new (MESH_ERROR, MESH_ERROR_REFUSED,
            "%s sent us away: %s. Whoever has our id %s is alive: end it, or "
            "take another id", self->server, reason, self->id));
    return;
  }
  /* the server was reached, whatever comes next */
  self->first_attempt = now;
  mesh_client_drop (self, now, reason);
  self->until = now + TAKEN_RETRY;
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
  if (g_strcmp0 (code, "id-taken") == 0) {
    read_id_taken (self, clean, now);
    return TRUE;
  }
  for (guint i = 0; i < G_N_ELEMENTS (final_codes); i++) {
    if (g_strcmp0 (code, final_codes[i].code) == 0) {
      mesh_client_push_action (self, MESH_CLIENT_CLOSE, NULL, NULL);
      mesh_client_fail (self, g_error_new (MESH_ERROR, final_codes[i].error,
                      "%s sent us away: %s", self->server, clean));
      return TRUE;
    }
  }
  mesh_client_drop (self, now, clean);
  return TRUE;
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
  mesh_client_push_action (self, MESH_CLIENT_MESSAGE,
      mesh_json_to_string (payload), NULL);
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
      mesh_client_push_action (self, MESH_CLIENT_MESSAGE,
          mesh_message_to_json (message), NULL);
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

  if (!mesh_json_get_int (frame, "seq", 1, MESH_CLIENT_MAX_COUNT, &seq, error))
    return FALSE;
  if (seq <= self->cursor)
    return TRUE;
  /* A frame that could not be read may have been what is missing. It will be
   * no better the next time: go on without. */
  if (seq - self->cursor - 1 > self->unreadable) {
    mesh_client_drop (self, now, "a message is missing");
    return TRUE;
  }
  if (self->acked == self->cursor)
    self->ack_at = now + MESH_CLIENT_ACK_AFTER;
  self->cursor = seq;
  self->unreadable = 0;
  if (self->cursor - self->acked >= MESH_CLIENT_ACK_EVERY)
    mesh_client_acknowledge (self);
  return event ? deliver_event (self, event, error)
               : deliver_payload (self, frame, error);
}

static gboolean
read_taken (MeshClient *self, JsonObject *frame, GError **error)
{
  gint64 mid = 0;

  if (!mesh_json_get_int (frame, "mid", 0, self->last_mid, &mid, error))
    return FALSE;
  mesh_client_taken (self, mid);
  return TRUE;
}

/* What is not known is ignored: the server may be newer. */
gboolean
mesh_client_read_frame (MeshClient *self, JsonObject *frame, const char *text,
    gsize length, gint64 now, GError **error)
{
  const char *type;

  if (!mesh_json_get_string (frame, "type", 64, &type, error))
    return FALSE;
  if (g_strcmp0 (type, "error") == 0)
    return read_error (self, frame, now, error);
  if (self->state == MESH_CLIENT_HELLO)
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
 * mesh_client_set_way:
 * @client: a client
 * @way: (nullable): what leads to the server, as an error text begins with it:
 *   "through the proxy 10.0.0.1:3128: "; %NULL = nothing is in between
 *
 * Told before mesh_client_tick(): when there is no answer in time, the proxy
 * is what a person looks at first.
 *
 * Since: 0.1
 */
void
mesh_client_set_way (MeshClient *client, const char *way)
{
  g_free (client->way);
  client->way = g_strdup (way);
}
