/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a server may say, and what a client makes of it. The server is not
 * trusted either: what it says wrong costs a warning, or the connection. */

#include <string.h>

#include "core/base64url.h"
#include "core/client-private.h"
#include "core/envelope.h"
#include "core/error.h"
#include "core/json-scan.h"
#include "core/message.h"

#define MAX_EPOCH_BYTES 64
#define MAX_CODE_BYTES 32
#define MAX_TEXT_BYTES 1024
#define MAX_TYPE_BYTES 64

/* What is read of a frame. A message in it is handed on as it came, and is
 * parsed by whoever it is for. */
enum {
  FIELD_TYPE, FIELD_SEQ, FIELD_MID, FIELD_FROM, FIELD_PAYLOAD, FIELD_EVENT,
  FIELD_EPOCH, FIELD_CODE, FIELD_MESSAGE, N_FIELDS
};

static const char *const field_names[] = { "type", "seq", "mid", "from",
  "payload", "event", "epoch", "code", "message", NULL };

static gboolean
is_missing (const MeshJsonSpan *field)
{
  return field->length == 0 || field->text[0] == 'n';
}

static gboolean
is_object (const MeshJsonSpan *field)
{
  return field->length > 0 && field->text[0] == '{';
}

static gboolean
set_wrong (GError **error, guint field)
{
  g_set_error (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
      "field \"%s\" of a frame is not what it should be", field_names[field]);
  return FALSE;
}

/* @value: (out): NULL where there is none; left alone where it is wrong */
static gboolean
get_string (const MeshJsonSpan *fields, guint field, gsize max_bytes,
    char **value, GError **error)
{
  if (is_missing (&fields[field]))
    return TRUE;
  *value = mesh_json_span_dup (&fields[field], max_bytes);
  return *value || set_wrong (error, field);
}

/* @value: (inout): left alone where there is none */
static gboolean
get_count (const MeshJsonSpan *fields, guint field, gint64 min, gint64 max,
    gint64 *value, GError **error)
{
  guint64 number;

  if (is_missing (&fields[field]))
    return TRUE;
  if (!mesh_json_span_number (&fields[field], &number)
      || (gint64) number < min || (gint64) number > max)
    return set_wrong (error, field);
  *value = number;
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
  /* The epoch goes into our next hello as it is. A service that only passes
   * messages on names neither a host nor members. */
  else if (!mesh_is_base64url (epoch) || !message->host != !message->ids)
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
read_welcome (MeshClient *self, const MeshJsonSpan *fields, const char *text,
    gsize length, gint64 now, GError **error)
{
  g_autoptr (MeshMessage) message = mesh_message_parse (text, length, error);
  g_autofree char *epoch = NULL;
  gint64 mid = -1;

  if (!message
      || !get_string (fields, FIELD_EPOCH, MAX_EPOCH_BYTES, &epoch, error)
      || !get_count (fields, FIELD_MID, 0, MESH_JSON_MAX_COUNT, &mid, error)
      || !check_welcome (self, message, epoch, mid, error))
    return FALSE;
  if (!message->resumed) {
    g_free (self->epoch);
    self->epoch = g_steal_pointer (&epoch);
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

/* Returns @text without what cannot be printed: it ends up on a terminal. */
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
        (int) (MESH_CLIENT_TAKEN_PATIENCE / G_USEC_PER_SEC));

    self->taken = TRUE;
    self->taken_since = now;
    self->next_warning = now;
    mesh_client_warn (self, warning, now);
  }
  if (now >= self->taken_since + MESH_CLIENT_TAKEN_PATIENCE) {
    mesh_client_push_action (self, MESH_CLIENT_CLOSE, NULL, NULL);
    mesh_client_fail (self, g_error_new (MESH_ERROR, MESH_ERROR_REFUSED,
            "%s sent us away: %s. Whoever has our id %s is alive: end it, or "
            "take another id", self->server, reason, self->id));
    return;
  }
  /* the server was reached, whatever comes next */
  self->first_attempt = now;
  mesh_client_drop (self, now, reason);
  self->until = now + MESH_CLIENT_TAKEN_RETRY;
}

static gboolean
read_error (MeshClient *self, const MeshJsonSpan *fields, gint64 now,
    GError **error)
{
  g_autofree char *reason = NULL;
  g_autofree char *clean = NULL;
  g_autofree char *code = NULL;
  g_autofree char *text = NULL;

  if (!get_string (fields, FIELD_CODE, MAX_CODE_BYTES, &code, error)
      || !get_string (fields, FIELD_MESSAGE, MAX_TEXT_BYTES, &text, error))
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

/* Returns the sender that a payload names; NULL when it is no message. */
static char *
dup_sender (const MeshJsonSpan *payload)
{
  static const char *const names[] = { "from", "type", NULL };
  MeshJsonSpan fields[G_N_ELEMENTS (names) - 1];
  g_autofree char *type = NULL;

  if (!is_object (payload)
      || !mesh_json_scan (payload->text, payload->length, MESH_JSON_MAX_DEPTH,
          names, fields))
    return NULL;
  type = mesh_json_span_dup (&fields[1], MAX_TYPE_BYTES);
  return type ? mesh_json_span_dup (&fields[0], MESH_UUID_LENGTH) : NULL;
}

/* The server vouches for the stamp, and for nothing inside the payload. */
static gboolean
deliver_payload (MeshClient *self, const MeshJsonSpan *fields, GError **error)
{
  const MeshJsonSpan *payload = &fields[FIELD_PAYLOAD];
  g_autofree char *stamp = mesh_json_span_dup (&fields[FIELD_FROM],
      MESH_UUID_LENGTH);
  g_autofree char *from = dup_sender (payload);

  if (!mesh_is_uuid (stamp) || g_strcmp0 (from, stamp) != 0) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
        "message of %s dropped: not in that name, or no message",
        mesh_is_uuid (stamp) ? stamp : "nobody");
    return FALSE;
  }
  mesh_client_push_action (self, MESH_CLIENT_MESSAGE,
      g_strndup (payload->text, payload->length), NULL);
  return TRUE;
}

static gboolean
deliver_event (MeshClient *self, const MeshJsonSpan *event, GError **error)
{
  g_autoptr (MeshMessage) message = mesh_message_parse (event->text,
      event->length, error);

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
read_numbered (MeshClient *self, const MeshJsonSpan *fields, gint64 now,
    GError **error)
{
  gint64 seq = 0;

  if (!get_count (fields, FIELD_SEQ, 1, MESH_JSON_MAX_COUNT, &seq, error))
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
    self->ack_at = now + MESH_CLIENT_ACK_DELAY;
  self->cursor = seq;
  self->unreadable = 0;
  if (self->cursor - self->acked >= MESH_CLIENT_ACK_COUNT)
    mesh_client_acknowledge (self);
  return is_object (&fields[FIELD_EVENT])
      ? deliver_event (self, &fields[FIELD_EVENT], error)
      : deliver_payload (self, fields, error);
}

static gboolean
read_taken (MeshClient *self, const MeshJsonSpan *fields, GError **error)
{
  gint64 mid = 0;

  if (!get_count (fields, FIELD_MID, 0, self->last_mid, &mid, error))
    return FALSE;
  mesh_client_taken (self, mid);
  return TRUE;
}

static void
note_unreadable (MeshClient *self, gsize length, gint64 now)
{
  g_autoptr (GError) error = NULL;

  self->unreadable++;
  if (length > MESH_JSON_MAX_BYTES)
    error = g_error_new (MESH_ERROR, MESH_ERROR_TOO_BIG, "message of %"
        G_GSIZE_FORMAT " bytes is over the limit of %d", length,
        MESH_JSON_MAX_BYTES);
  else
    error = g_error_new_literal (MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
        "frame is not one JSON object, or is nested too deep");
  mesh_client_warn (self, error, now);
}

/* Frames of an unknown kind are ignored: the server may be newer. */
gboolean
mesh_client_read_frame (MeshClient *self, const char *text, gsize length,
    gint64 now, GError **error)
{
  MeshJsonSpan fields[N_FIELDS];
  g_autofree char *type = NULL;

  if (length > MESH_JSON_MAX_BYTES
      || !mesh_json_scan (text, length, MESH_JSON_MAX_DEPTH, field_names,
          fields)) {
    note_unreadable (self, length, now);
    return TRUE;
  }
  if (!get_string (fields, FIELD_TYPE, MAX_TYPE_BYTES, &type, error))
    return FALSE;
  if (g_strcmp0 (type, "error") == 0)
    return read_error (self, fields, now, error);
  if (self->state == MESH_CLIENT_HELLO)
    return g_strcmp0 (type, "welcome") != 0
           || read_welcome (self, fields, text, length, now, error);
  if (type)
    return TRUE;
  if (fields[FIELD_SEQ].length)
    return read_numbered (self, fields, now, error);
  if (fields[FIELD_MID].length)
    return read_taken (self, fields, error);
  return TRUE;
}

/**
 * mesh_client_set_way:
 * @way: (nullable): what leads to the server, as an error text begins with it:
 *   "through the proxy 10.0.0.1:3128: "; %NULL = nothing is in between
 *
 * Told before mesh_client_tick(): when there is no answer in time, the proxy
 * is what a person looks at first.
 */
void
mesh_client_set_way (MeshClient *client, const char *way)
{
  g_free (client->way);
  client->way = g_strdup (way);
}
