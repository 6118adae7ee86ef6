/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A client's frames, as the server reads them. */

#include "core/envelope.h"

#include <string.h>

#include "core/base64url.h"
#include "core/error.h"
#include "core/json-scan.h"
#include "core/json.h"

enum {
  FIELD_TYPE, FIELD_V, FIELD_ROOM, FIELD_ID, FIELD_TOKEN, FIELD_EPOCH,
  FIELD_AFTER, FIELD_MID, FIELD_TO, FIELD_PAYLOAD, FIELD_ACK, N_FIELDS
};

static const char *const field_names[] = { "type", "v", "room", "id", "token",
  "epoch", "after", "mid", "to", "payload", "ack", NULL };

static gboolean
fail (GError **error, const char *what)
{
  g_set_error (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
      "frame is not valid: %s", what);
  return FALSE;
}

static gboolean
read_uuid (const MeshJsonSpan *span, char *value)
{
  return mesh_json_span_string (span, MESH_UUID_LENGTH, value)
      && mesh_is_uuid (value);
}

static gboolean
read_token (const MeshJsonSpan *span, char *value)
{
  return mesh_json_span_string (span, MESH_TOKEN_LENGTH, value)
      && strlen (value) == MESH_TOKEN_LENGTH && mesh_is_base64url (value);
}

static gboolean
read_hello (const MeshJsonSpan *fields, MeshEnvelope *self, GError **error)
{
  self->type = MESH_ENVELOPE_HELLO;
  if (!mesh_json_span_number (&fields[FIELD_V], &self->version))
    return fail (error, "hello without version");
  if (!read_uuid (&fields[FIELD_ROOM], self->room))
    return fail (error, "room is not a UUID");
  if (!read_uuid (&fields[FIELD_ID], self->id))
    return fail (error, "id is not a UUID");
  if (!read_token (&fields[FIELD_TOKEN], self->token))
    return fail (error, "token is not 22 characters of base64url");
  self->has_cursor = fields[FIELD_EPOCH].length || fields[FIELD_AFTER].length;
  if (self->has_cursor
      && (!mesh_json_span_string (&fields[FIELD_EPOCH], MESH_EPOCH_MAX_LENGTH,
              self->epoch)
          || !mesh_json_span_number (&fields[FIELD_AFTER], &self->after)))
    return fail (error, "epoch and after are not a cursor");
  return TRUE;
}

static gboolean
read_typed (const MeshJsonSpan *fields, MeshEnvelope *self, GError **error)
{
  char type[8];

  if (!mesh_json_span_string (&fields[FIELD_TYPE], sizeof type - 1, type))
    return fail (error, "unknown type");
  if (g_str_equal (type, "hello"))
    return read_hello (fields, self, error);
  if (g_str_equal (type, "ping"))
    self->type = MESH_ENVELOPE_PING;
  else if (g_str_equal (type, "bye"))
    self->type = MESH_ENVELOPE_BYE;
  else
    return fail (error, "unknown type");
  return TRUE;
}

static gboolean
read_send (const MeshJsonSpan *fields, MeshEnvelope *self, GError **error)
{
  self->type = MESH_ENVELOPE_SEND;
  if (!mesh_json_span_number (&fields[FIELD_MID], &self->mid)
      || self->mid == 0)
    return fail (error, "mid is not a number from 1");
  if (!read_uuid (&fields[FIELD_TO], self->to))
    return fail (error, "to is not a UUID");
  self->payload = fields[FIELD_PAYLOAD].text;
  self->payload_length = fields[FIELD_PAYLOAD].length;
  if (self->payload[0] != '{')
    return fail (error, "payload is not an object");
  if (self->payload_length > MESH_ENVELOPE_MAX_PAYLOAD) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_TOO_BIG,
        "payload is over the limit of %d bytes", MESH_ENVELOPE_MAX_PAYLOAD);
    return FALSE;
  }
  return TRUE;
}

/**
 * mesh_envelope_parse:
 * @text: a frame as it arrived; need not end in a NUL
 * @length: bytes in @text
 * @envelope: (out caller-allocates): what it says; its payload points into
 *   @text
 * @error: return location for a #MESH_ERROR, whose message quotes nothing
 *   from @text
 *
 * Reads a client's frame. All of it is checked to be JSON, the payload
 * included, which is neither decoded nor copied. Fields that are not known are
 * ignored.
 *
 * Returns: %FALSE with @error set when it is not a valid frame
 */
gboolean
mesh_envelope_parse (const char *text, gsize length, MeshEnvelope *envelope,
    GError **error)
{
  MeshJsonSpan fields[N_FIELDS];

  memset (envelope, 0, sizeof *envelope);
  if (length > MESH_JSON_MAX_BYTES) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_TOO_BIG,
        "frame is over the limit of %d bytes", MESH_JSON_MAX_BYTES);
    return FALSE;
  }
  if (!mesh_json_scan (text, length, MESH_JSON_MAX_DEPTH, field_names, fields))
    return fail (error, "not a JSON object");
  if (fields[FIELD_TYPE].length)
    return read_typed (fields, envelope, error);
  if (fields[FIELD_PAYLOAD].length)
    return read_send (fields, envelope, error);
  envelope->type = MESH_ENVELOPE_ACK;
  if (!mesh_json_span_number (&fields[FIELD_ACK], &envelope->ack))
    return fail (error, "neither a send, an ack nor of a known type");
  return TRUE;
}
