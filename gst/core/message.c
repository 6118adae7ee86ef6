/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The messages of docs/protocol.md: from JSON, which message-read.c checks,
 * and back. */

#include "core/message.h"

#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/message-read.h"

#define MAX_TYPE_BYTES 64

static void
write_text (JsonObject *object, const char *name, const char *value)
{
  if (value)
    json_object_set_string_member (object, name, value);
}

static void
write_list (JsonObject *object, const char *name, char **items)
{
  JsonArray *array;

  if (!items)
    return;
  array = json_array_new ();
  for (; *items; items++)
    json_array_add_string_element (array, *items);
  json_object_set_array_member (object, name, array);
}

static void
write_roomreply (const MeshMessage *self, JsonObject *object)
{
  write_list (object, "shouldCall", self->ids);
}

static void
write_call (const MeshMessage *self, JsonObject *object)
{
  write_text (object, "sid", self->sid);
  write_list (object, "codecs", self->codecs);
}

static void
write_signal (const MeshMessage *self, JsonObject *object)
{
  JsonObject *data = json_object_new ();

  write_text (object, "sid", self->sid);
  write_text (data, "type", self->sdp ? self->sdp_type : "candidate");
  write_text (data, "sdp", self->sdp);
  if (self->candidate) {
    JsonObject *candidate = json_object_new ();

    write_text (candidate, "candidate", self->candidate);
    if (self->mline >= 0)
      json_object_set_int_member (candidate, "sdpMLineIndex", self->mline);
    write_text (candidate, "sdpMid", self->mid);
    json_object_set_object_member (data, "candidate", candidate);
  }
  json_object_set_object_member (object, "data", data);
}

static void
write_state (const MeshMessage *self, JsonObject *object)
{
  write_text (object, "name", self->name);
  json_object_set_boolean_member (object, "muted", self->muted);
  json_object_set_boolean_member (object, "hidden", self->hidden);
}

static void
write_roster (const MeshMessage *self, JsonObject *object)
{
  write_list (object, "members", self->ids);
}

static void
write_chat (const MeshMessage *self, JsonObject *object)
{
  write_text (object, "text", self->text);
}

static void
write_bye (const MeshMessage *self, JsonObject *object)
{
  write_text (object, "sid", self->sid);
  write_text (object, "reason", self->reason);
}

static void
write_want (const MeshMessage *self, JsonObject *object)
{
  write_text (object, "sid", self->sid);
  json_object_set_int_member (object, "width", self->want.width);
  json_object_set_int_member (object, "height", self->want.height);
  json_object_set_int_member (object, "fps", self->want.fps);
}

static void
write_outdated (const MeshMessage *self, JsonObject *object)
{
  write_text (object, "yours", self->yours);
  write_text (object, "newest", self->newest);
}

static void
write_sealed (const MeshMessage *self, JsonObject *object)
{
  write_text (object, "re", self->re);
  json_object_set_int_member (object, "n", self->n);
  write_text (object, "box", self->box);
}

static void
write_welcome (const MeshMessage *self, JsonObject *object)
{
  write_text (object, "id", self->id);
  write_text (object, "room", self->room);
  json_object_set_boolean_member (object, "resumed", self->resumed);
  write_text (object, "host", self->host);
  write_list (object, "members", self->ids);
}

static void
write_event (const MeshMessage *self, JsonObject *object)
{
  write_text (object, "id", self->id);
  write_text (object, "reason", self->reason);
}

static const struct {
  const char *name;
  void (*write) (const MeshMessage *self, JsonObject *object);
} kinds[] = {
  [MESH_MESSAGE_UNKNOWN] = { "unknown", NULL },
  [MESH_MESSAGE_JOINROOM] = { "joinroom", NULL },
  [MESH_MESSAGE_ROOMREPLY] = { "roomreply", write_roomreply },
  [MESH_MESSAGE_CALL] = { "call", write_call },
  [MESH_MESSAGE_SIGNAL] = { "signal", write_signal },
  [MESH_MESSAGE_STATE] = { "state", write_state },
  [MESH_MESSAGE_ROSTER] = { "roster", write_roster },
  [MESH_MESSAGE_CHAT] = { "chat", write_chat },
  [MESH_MESSAGE_BYE] = { "bye", write_bye },
  [MESH_MESSAGE_WANT] = { "want", write_want },
  [MESH_MESSAGE_OUTDATED] = { "outdated", write_outdated },
  [MESH_MESSAGE_SEALED] = { "sealed", write_sealed },
  [MESH_MESSAGE_WELCOME] = { "welcome", write_welcome },
  [MESH_MESSAGE_JOINED] = { "joined", write_event },
  [MESH_MESSAGE_LEFT] = { "left", write_event },
  [MESH_MESSAGE_HOST] = { "host", write_event },
  [MESH_MESSAGE_UNDELIVERABLE] = { "undeliverable", write_event },
  [MESH_MESSAGE_OFFLINE] = { "offline", NULL },
};

/**
 * mesh_message_new:
 * Returns: (transfer full): an empty message
 */
MeshMessage *
mesh_message_new (MeshMessageType type)
{
  MeshMessage *self = g_new0 (MeshMessage, 1);

  self->type = type;
  self->mline = -1;
  return self;
}

static MeshMessageType
type_from_name (const char *name)
{
  for (guint i = MESH_MESSAGE_JOINROOM; i < G_N_ELEMENTS (kinds); i++) {
    if (g_str_equal (kinds[i].name, name))
      return i;
  }
  return MESH_MESSAGE_UNKNOWN;
}

/**
 * mesh_message_parse:
 * @text: JSON as it arrived; need not end in a NUL
 * @length: bytes in @text
 * @error: return location for a #MESH_ERROR
 *
 * Reads one message and checks it: every known field has its type, form and
 * size, and those that the message makes no sense without are there. A message
 * of an unknown type is valid, as %MESH_MESSAGE_UNKNOWN, and so is a `signal`
 * that carries neither a description nor a candidate.
 *
 * Returns: (transfer full) (nullable): the message, or %NULL with @error set
 */
MeshMessage *
mesh_message_parse (const char *text, gsize length, GError **error)
{
  g_autoptr (JsonObject) object = mesh_json_parse (text, length, error);
  g_autoptr (MeshMessage) self = NULL;
  const char *name;

  if (!object
      || !mesh_json_get_string (object, "type", MAX_TYPE_BYTES, &name, error))
    return NULL;
  if (!name) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
        "message has no type");
    return NULL;
  }
  self = mesh_message_new (type_from_name (name));
  if (!mesh_message_read (self, object, error))
    return NULL;
  return g_steal_pointer (&self);
}

/**
 * mesh_message_to_json:
 * Returns: (transfer full) (nullable): @message as it goes over the wire; %NULL
 *   for a %MESH_MESSAGE_UNKNOWN, of which we do not know what it said
 */
char *
mesh_message_to_json (const MeshMessage *message)
{
  g_autoptr (JsonObject) object = NULL;

  if (message->type == MESH_MESSAGE_UNKNOWN)
    return NULL;
  object = json_object_new ();
  write_text (object, "type", kinds[message->type].name);
  write_text (object, "from", message->from);
  write_text (object, "to", message->to);
  write_text (object, "inc", message->inc);
  if (kinds[message->type].write)
    kinds[message->type].write (message, object);
  return mesh_json_to_string (object);
}

/**
 * mesh_message_free:
 * @message: (nullable) (transfer full): a message
 */
void
mesh_message_free (MeshMessage *message)
{
  if (!message)
    return;
  g_free (message->from);
  g_free (message->to);
  g_free (message->inc);
  g_free (message->sid);
  g_strfreev (message->ids);
  g_strfreev (message->codecs);
  g_free (message->sdp_type);
  g_free (message->sdp);
  g_free (message->candidate);
  g_free (message->mid);
  g_free (message->name);
  g_free (message->text);
  g_free (message->reason);
  g_free (message->id);
  g_free (message->room);
  g_free (message->host);
  g_free (message->yours);
  g_free (message->newest);
  g_free (message->re);
  g_free (message->box);
  g_free (message);
}

/**
 * mesh_message_type_name:
 * Returns: the type's name in JSON
 */
const char *
mesh_message_type_name (MeshMessageType type)
{
  return kinds[type].name;
}

/**
 * mesh_is_inc:
 * @text: (nullable): anything
 *
 * Returns: whether @text is an incarnation: 16 lower-case hex digits
 */
gboolean
mesh_is_inc (const char *text)
{
  return text && strlen (text) == 16
         && strspn (text, "0123456789abcdef") == 16;
}

/**
 * mesh_sid_parse:
 * @sid: (nullable): anything
 * @inc: (out caller-allocates) (optional): 17 bytes for the
 *   caller's incarnation
 * @number: (out) (optional): which of the caller's calls it is, from 1
 *
 * Returns: whether @sid is a session id, `INC-N`
 */
gboolean
mesh_sid_parse (const char *sid, char *inc, guint64 *number)
{
  gsize digits;

  if (!sid || strspn (sid, "0123456789abcdef") != 16 || sid[16] != '-'
      || sid[17] == '0')
    return FALSE;
  digits = strspn (sid + 17, "0123456789");
  if (digits < 1 || digits > MESH_SID_MAX_DIGITS || sid[17 + digits] != '\0')
    return FALSE;
  if (inc)
    g_strlcpy (inc, sid, 17);
  if (number)
    *number = g_ascii_strtoull (sid + 17, NULL, 10);
  return TRUE;
}
