/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What each type of message must look like (docs/protocol.md, "Messages"): one
 * reader a type, every field checked for type, form and size. */

#include "core/message-read.h"

#include <string.h>

#include "core/base64url.h"
#include "core/error.h"
#include "core/json.h"

/* docs/protocol.md, "Messages": Limits */
#define MAX_REASON_BYTES 64
#define MAX_SDP_BYTES (32 * 1024)
#define MAX_CANDIDATE_BYTES 1024
#define MAX_MID_BYTES 64
#define MAX_MLINE 255
#define MAX_MEMBERS 64
#define MAX_CODECS 16
#define MAX_CODEC_BYTES 32

typedef gboolean (*CheckFunc) (const char *text);

static gboolean
fail (GError **error, const char *field, const char *what)
{
  g_set_error (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
      "field \"%s\" of a message %s", field, what);
  return FALSE;
}

/* @check: NULL if any text is valid */
static gboolean
read_text (JsonObject *object, const char *name, gsize max_bytes,
    CheckFunc check, char **dest, GError **error)
{
  const char *value;

  if (!mesh_json_get_string (object, name, max_bytes, &value, error))
    return FALSE;
  if (value && check && !check (value))
    return fail (error, name, "is not of the right form");
  g_free (*dest);
  *dest = g_strdup (value);
  return TRUE;
}

static gboolean
require (const void *value, const char *name, GError **error)
{
  return value ? TRUE : fail (error, name, "is missing");
}

static gboolean
read_id (JsonObject *object, const char *name, char **dest, GError **error)
{
  return read_text (object, name, 36, mesh_is_uuid, dest, error);
}

static gboolean
is_codec (const char *text)
{
  return *text && g_str_is_ascii (text);
}

static gboolean
read_list (JsonObject *object, const char *name, guint max_items,
    gsize max_bytes, CheckFunc check, char ***dest, GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  JsonNode *node = json_object_get_member (object, name);
  JsonArray *array;

  if (!node || JSON_NODE_HOLDS_NULL (node))
    return TRUE;
  if (!JSON_NODE_HOLDS_ARRAY (node))
    return fail (error, name, "is not a list");
  array = json_node_get_array (node);
  if (json_array_get_length (array) > max_items) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_TOO_BIG,
        "field \"%s\" of a message lists more than %u", name, max_items);
    return FALSE;
  }
  for (guint i = 0; i < json_array_get_length (array); i++) {
    JsonNode *item = json_array_get_element (array, i);
    const char *text;

    if (!JSON_NODE_HOLDS_VALUE (item)
        || json_node_get_value_type (item) != G_TYPE_STRING)
      return fail (error, name, "lists something other than text");
    text = json_node_get_string (item);
    if (strlen (text) > max_bytes || !check (text))
      return fail (error, name, "lists something of the wrong form");
    g_strv_builder_add (builder, text);
  }
  g_strfreev (*dest);
  *dest = g_strv_builder_end (builder);
  return TRUE;
}

static gboolean
read_members (JsonObject *object, const char *name, char ***dest,
    GError **error)
{
  return read_list (object, name, MAX_MEMBERS, 36, mesh_is_uuid, dest, error);
}

static gboolean
read_roomreply (MeshMessage *self, JsonObject *object, GError **error)
{
  return read_members (object, "shouldCall", &self->ids, error)
         && require (self->ids, "shouldCall", error);
}

static gboolean
is_sid (const char *text)
{
  return mesh_sid_parse (text, NULL, NULL);
}

static gboolean
read_sid (JsonObject *object, char **dest, GError **error)
{
  return read_text (object, "sid", MESH_SID_MAX_BYTES, is_sid, dest, error);
}

static gboolean
read_call (MeshMessage *self, JsonObject *object, GError **error)
{
  return read_sid (object, &self->sid, error)
         && read_list (object, "codecs", MAX_CODECS, MAX_CODEC_BYTES, is_codec,
             &self->codecs, error);
}

/* A candidate goes into other people's SDP parsers, one of which takes any
 * line that it does not know for "no more candidates". */
static gboolean
is_candidate (const char *text)
{
  if (*text == '\0')
    return TRUE;
  if (!g_str_has_prefix (text, "candidate:"))
    return FALSE;
  for (; *text; text++) {
    if (!g_ascii_isprint (*text))
      return FALSE;
  }
  return TRUE;
}

static gboolean
read_candidate (MeshMessage *self, JsonNode *node, GError **error)
{
  gint64 mline = -1;
  JsonObject *object;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    return fail (error, "candidate", "is not an object");
  object = json_node_get_object (node);
  if (!read_text (object, "candidate", MAX_CANDIDATE_BYTES, is_candidate,
          &self->candidate, error)
      || !require (self->candidate, "candidate", error)
      || !mesh_json_get_int (object, "sdpMLineIndex", 0, MAX_MLINE, &mline,
          error)
      || !read_text (object, "sdpMid", MAX_MID_BYTES, NULL, &self->mid, error))
    return FALSE;
  self->mline = mline;
  return TRUE;
}

/* simple-peer marks the kind of its data by the fields that are present; older
 * versions send candidates without "type". Data that is neither a description
 * nor a candidate (a request to renegotiate) is not used here. */
static gboolean
read_signal (MeshMessage *self, JsonObject *object, GError **error)
{
  JsonNode *data = json_object_get_member (object, "data");
  JsonNode *candidate;
  JsonObject *fields;

  if (!read_sid (object, &self->sid, error))
    return FALSE;
  if (!data || !JSON_NODE_HOLDS_OBJECT (data))
    return fail (error, "data", "is not an object");
  fields = json_node_get_object (data);
  if (!read_text (fields, "sdp", MAX_SDP_BYTES, NULL, &self->sdp, error))
    return FALSE;
  if (self->sdp) {
    if (!read_text (fields, "type", 64, NULL, &self->sdp_type, error))
      return FALSE;
    if (g_strcmp0 (self->sdp_type, "offer") != 0
        && g_strcmp0 (self->sdp_type, "answer") != 0)
      return fail (error, "data.type", "is neither offer nor answer");
  }
  candidate = json_object_get_member (fields, "candidate");
  if (candidate && !JSON_NODE_HOLDS_NULL (candidate))
    return read_candidate (self, candidate, error);
  if (!self->sdp)
    self->type = MESH_MESSAGE_UNKNOWN;
  return TRUE;
}

static gboolean
read_state (MeshMessage *self, JsonObject *object, GError **error)
{
  return read_text (object, "name", MESH_MESSAGE_MAX_NAME, NULL, &self->name,
             error)
         && mesh_json_get_bool (object, "muted", &self->muted, error)
         && mesh_json_get_bool (object, "hidden", &self->hidden, error);
}

static gboolean
read_roster (MeshMessage *self, JsonObject *object, GError **error)
{
  return read_members (object, "members", &self->ids, error)
         && require (self->ids, "members", error);
}

static gboolean
is_text (const char *text)
{
  return g_utf8_strlen (text, -1) <= MESH_MESSAGE_MAX_TEXT;
}

static gboolean
read_chat (MeshMessage *self, JsonObject *object, GError **error)
{
  return read_text (object, "text", 4 * MESH_MESSAGE_MAX_TEXT, is_text,
             &self->text, error)
         && require (self->text, "text", error);
}

static gboolean
read_bye (MeshMessage *self, JsonObject *object, GError **error)
{
  return read_sid (object, &self->sid, error)
         && read_text (object, "reason", MAX_REASON_BYTES, NULL, &self->reason,
             error);
}

static gboolean
read_count (JsonObject *object, const char *name, guint max, guint *dest,
    GError **error)
{
  gint64 value = -1;

  if (!mesh_json_get_int (object, name, 0, max, &value, error))
    return FALSE;
  if (value < 0)
    return fail (error, name, "is missing");
  *dest = value;
  return TRUE;
}

static gboolean
read_want (MeshMessage *self, JsonObject *object, GError **error)
{
  MeshWant *want = &self->want;

  return read_sid (object, &self->sid, error)
         && require (self->sid, "sid", error)
         && read_count (object, "width", MESH_WANT_MAX_SIDE, &want->width,
             error)
         && read_count (object, "height", MESH_WANT_MAX_SIDE, &want->height,
             error)
         && read_count (object, "fps", MESH_WANT_MAX_FPS, &want->fps, error)
         && ((want->width == 0) == (want->height == 0)
             || fail (error, "height", "does not go with the width"));
}

static gboolean
read_outdated (MeshMessage *self, JsonObject *object, GError **error)
{
  return read_text (object, "yours", 16, mesh_is_inc, &self->yours, error)
         && require (self->yours, "yours", error)
         && read_text (object, "newest", 16, mesh_is_inc, &self->newest, error)
         && require (self->newest, "newest", error);
}

static gboolean
is_inc_or_empty (const char *text)
{
  return *text == '\0' || mesh_is_inc (text);
}

static gboolean
is_box (const char *text)
{
  return mesh_is_base64url (text) && strlen (text) % 4 != 1;
}

static gboolean
read_sealed (MeshMessage *self, JsonObject *object, GError **error)
{
  gint64 n = 0;

  if (!read_text (object, "re", 16, is_inc_or_empty, &self->re, error)
      || !mesh_json_get_int (object, "n", 1, MESH_JSON_MAX_COUNT, &n, error)
      || !read_text (object, "box", MESH_JSON_MAX_BYTES, is_box, &self->box,
          error))
    return FALSE;
  self->n = n;
  return require (self->to, "to", error) && require (self->inc, "inc", error)
         && require (self->re, "re", error) && require (self->box, "box", error)
         && (n > 0 || fail (error, "n", "is missing"));
}

static gboolean
read_welcome (MeshMessage *self, JsonObject *object, GError **error)
{
  return read_id (object, "id", &self->id, error)
         && read_id (object, "room", &self->room, error)
         && read_id (object, "host", &self->host, error)
         && mesh_json_get_bool (object, "resumed", &self->resumed, error)
         && read_members (object, "members", &self->ids, error);
}

static gboolean
read_event (MeshMessage *self, JsonObject *object, GError **error)
{
  return read_id (object, "id", &self->id, error)
         && require (self->id, "id", error)
         && read_text (object, "reason", MAX_REASON_BYTES, NULL, &self->reason,
             error);
}

static gboolean
read_undeliverable (MeshMessage *self, JsonObject *object, GError **error)
{
  return require (self->to, "to", error)
         && read_text (object, "reason", MAX_REASON_BYTES, NULL, &self->reason,
             error);
}

static gboolean (*const readers[]) (MeshMessage *self, JsonObject *object,
    GError **error)
= {
    [MESH_MESSAGE_ROOMREPLY] = read_roomreply,
    [MESH_MESSAGE_CALL] = read_call,
    [MESH_MESSAGE_SIGNAL] = read_signal,
    [MESH_MESSAGE_STATE] = read_state,
    [MESH_MESSAGE_ROSTER] = read_roster,
    [MESH_MESSAGE_CHAT] = read_chat,
    [MESH_MESSAGE_BYE] = read_bye,
    [MESH_MESSAGE_WANT] = read_want,
    [MESH_MESSAGE_OUTDATED] = read_outdated,
    [MESH_MESSAGE_SEALED] = read_sealed,
    [MESH_MESSAGE_WELCOME] = read_welcome,
    [MESH_MESSAGE_JOINED] = read_event,
    [MESH_MESSAGE_LEFT] = read_event,
    [MESH_MESSAGE_HOST] = read_event,
    [MESH_MESSAGE_UNDELIVERABLE] = read_undeliverable,
    [MESH_MESSAGE_OFFLINE] = NULL,
  };

/* Checks the sender: a member must not send the server's messages, and a
 * member's message must name its sender. */
static gboolean
check_sender (const MeshMessage *self, GError **error)
{
  if (self->type == MESH_MESSAGE_UNKNOWN)
    return TRUE;
  if (self->type < MESH_MESSAGE_WELCOME)
    return require (self->from, "from", error);
  if (self->from)
    return fail (error, "from", "does not belong in what the server says");
  return TRUE;
}

/* Fills in @self, whose type is set, from @object; FALSE with @error set when
 * the message is invalid. May turn a type into UNKNOWN. */
gboolean
mesh_message_read (MeshMessage *self, JsonObject *object, GError **error)
{
  if (!read_id (object, "from", &self->from, error)
      || !read_id (object, "to", &self->to, error)
      || !read_text (object, "inc", 16, mesh_is_inc, &self->inc, error)
      || !check_sender (self, error))
    return FALSE;
  return !readers[self->type] || readers[self->type](self, object, error);
}
