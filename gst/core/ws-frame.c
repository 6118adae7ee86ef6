/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One framing for both ends. libsoup's is not used: beside 5,000 idle clients
 * its server takes 1,200 new ones a second, and 97 % of a core for 1,000
 * messages a second, where ours takes 4,800 and 5 % (docs/performance.md). And
 * it keeps the fragments of one message without a limit, as a client, too
 * (CVE-2025-32049). */

#include "core/ws-frame.h"

#include <string.h>

/*   0                   1
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
 *  +-+-+-+-+-------+-+-------------+
 *  |F|R|R|R| opcode|M| length      |  then 2 or 8 bytes of length (126, 127),
 *  +-+-+-+-+-------+-+-------------+  4 bytes of mask (M), the payload
 */
#define FIN 0x80
#define RSV 0x70
#define OPCODE 0x0f
#define MASK 0x80
#define LENGTH 0x7f

#define OPCODE_MORE 0x0
#define MAX_HEADER 14
#define MAX_CONTROL 125
/* A parser that waits keeps no more than this. */
#define IDLE_BYTES 1024

struct _MeshWsParser {
  gboolean from_client;         /* whose frames are masked, and only those */
  gsize max_message;
  guint8 header[MAX_HEADER];
  guint header_length;
  gboolean in_payload;          /* the header is complete */
  guint64 left;                 /* of the frame's payload */
  guint masked;                 /* bytes of it that were unmasked */
  gboolean in_message;          /* a text frame without FIN has begun it */
  GByteArray *message;
  guint8 control[MAX_CONTROL];
  guint control_length;
  MeshWsEvent failure;          /* MESH_WS_MORE while all is well */
};

MeshWsParser *
mesh_ws_parser_new (gboolean from_client, gsize max_message)
{
  MeshWsParser *self = g_new0 (MeshWsParser, 1);

  self->from_client = from_client;
  self->max_message = max_message;
  self->message = g_byte_array_new ();
  return self;
}

void
mesh_ws_parser_free (MeshWsParser *parser)
{
  if (!parser)
    return;
  g_byte_array_unref (parser->message);
  g_free (parser);
}

static guint
header_size (const guint8 *header)
{
  guint length = header[1] & LENGTH;

  return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0)
      + (header[1] & MASK ? 4 : 0);
}

static guint64
payload_size (const guint8 *header)
{
  guint length = header[1] & LENGTH;
  guint bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
  guint64 size = 0;

  if (!bytes)
    return length;
  for (guint i = 0; i < bytes; i++)
    size = size << 8 | header[2 + i];
  return size;
}

static gboolean
is_control (MeshWsParser *self)
{
  return (self->header[0] & 0x8) != 0;
}

/* Refuses what the first two bytes already tell. */
static gboolean
header_is_sane (MeshWsParser *self)
{
  guint8 opcode = self->header[0] & OPCODE;

  if ((self->header[0] & RSV)
      || self->from_client != ((self->header[1] & MASK) != 0))
    return FALSE;
  if (is_control (self))
    return (self->header[0] & FIN) && opcode <= MESH_WS_OPCODE_PONG
        && (self->header[1] & LENGTH) <= MAX_CONTROL;
  return opcode == (self->in_message ? OPCODE_MORE : MESH_WS_OPCODE_TEXT);
}

static MeshWsEvent
read_header (MeshWsParser *self, const guint8 **data, gsize *length)
{
  while (self->header_length < 2
      || self->header_length < header_size (self->header)) {
    if (*length == 0)
      return MESH_WS_MORE;
    self->header[self->header_length++] = *(*data)++;
    (*length)--;
    if (self->header_length == 2 && !header_is_sane (self))
      return MESH_WS_BAD;
  }
  self->left = payload_size (self->header);
  self->masked = 0;
  self->control_length = 0;
  self->in_payload = TRUE;
  if (!is_control (self)
      && self->left > self->max_message - self->message->len)
    return MESH_WS_TOO_BIG;
  return MESH_WS_MORE;
}

static void
read_payload (MeshWsParser *self, const guint8 **data, gsize *length)
{
  static const guint8 none[4];
  const guint8 *mask = self->from_client
      ? self->header + header_size (self->header) - 4 : none;
  gsize n = MIN (*length, self->left);
  guint8 *to;

  if (is_control (self)) {
    to = self->control + self->control_length;
    self->control_length += n;
  } else {
    g_byte_array_set_size (self->message, self->message->len + n);
    to = self->message->data + self->message->len - n;
  }
  for (gsize i = 0; i < n; i++)
    to[i] = (*data)[i] ^ mask[self->masked++ & 3];
  *data += n;
  *length -= n;
  self->left -= n;
}

static MeshWsEvent
finish_frame (MeshWsParser *self, const char **text, gsize *text_length)
{
  self->header_length = 0;
  self->in_payload = FALSE;
  if (is_control (self)) {
    *text = (const char *) self->control;
    *text_length = self->control_length;
    switch (self->header[0] & OPCODE) {
      case MESH_WS_OPCODE_CLOSE:
        return MESH_WS_CLOSE;
      case MESH_WS_OPCODE_PING:
        return MESH_WS_PING;
      default:
        return MESH_WS_PONG;
    }
  }
  self->in_message = !(self->header[0] & FIN);
  if (self->in_message)
    return MESH_WS_MORE;
  *text = (const char *) self->message->data;
  *text_length = self->message->len;
  return MESH_WS_TEXT;
}

/* The message handed out last time is read by now. */
static void
let_go_of_message (MeshWsParser *self)
{
  if (self->in_message || self->in_payload || self->message->len == 0)
    return;
  if (self->message->len > IDLE_BYTES) {
    g_byte_array_unref (self->message);
    self->message = g_byte_array_new ();
  } else {
    g_byte_array_set_size (self->message, 0);
  }
}

/*
 * mesh_ws_parser_next:
 * @data: (inout): what arrived; moves on past what was read
 * @length: (inout): bytes left at @data
 * @text: (out): the message, or a control frame's payload; not NUL-terminated,
 *   valid until the next call, never to be used with another event
 *
 * To be called again until it returns %MESH_WS_MORE. After an event that says
 * so, it goes on saying so.
 */
MeshWsEvent
mesh_ws_parser_next (MeshWsParser *parser, const guint8 **data, gsize *length,
    const char **text, gsize *text_length)
{
  if (parser->failure != MESH_WS_MORE)
    return parser->failure;
  let_go_of_message (parser);
  for (;;) {
    MeshWsEvent event;

    if (!parser->in_payload) {
      parser->failure = read_header (parser, data, length);
      if (parser->failure != MESH_WS_MORE)
        return parser->failure;
      if (!parser->in_payload)
        return MESH_WS_MORE;
    }
    read_payload (parser, data, length);
    if (parser->left > 0)
      return MESH_WS_MORE;
    event = finish_frame (parser, text, text_length);
    if (event != MESH_WS_MORE)
      return event;
  }
}

/*
 * mesh_ws_append_frame:
 * @mask: (nullable): four random bytes, of a client; %NULL = a server's frame
 *
 * Appends one frame.
 */
void
mesh_ws_append_frame (GByteArray *out, guint8 opcode, gconstpointer data,
    gsize length, const guint8 *mask)
{
  guint8 header[MAX_HEADER] = { FIN | opcode };
  guint bytes = length < 126 ? 0 : length <= G_MAXUINT16 ? 2 : 8;
  guint size = 2;

  header[1] = bytes == 0 ? length : bytes == 2 ? 126 : 127;
  for (guint i = 0; i < bytes; i++)
    header[size++] = (guint64) length >> 8 * (bytes - 1 - i);
  if (mask) {
    header[1] |= MASK;
    memcpy (header + size, mask, 4);
    size += 4;
  }
  g_byte_array_append (out, header, size);
  if (length)
    g_byte_array_append (out, data, length);
  for (gsize i = 0; mask && i < length; i++)
    out->data[out->len - length + i] ^= mask[i & 3];
}

void
mesh_ws_append_close (GByteArray *out, guint16 code, const guint8 *mask)
{
  guint8 payload[2] = { code >> 8, code & 0xff };

  mesh_ws_append_frame (out, MESH_WS_OPCODE_CLOSE, payload, sizeof payload,
      mask);
}

/*
 * mesh_ws_accept_key:
 * @key: the client's Sec-WebSocket-Key
 *
 * Returns: (transfer full) (nullable): the answer (RFC 6455, section 4.2.2),
 *   %NULL when @key is not 16 bytes of base64
 */
char *
mesh_ws_accept_key (const char *key)
{
  static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  g_autoptr (GChecksum) sum = NULL;
  g_autofree guchar *nonce = NULL;
  guint8 digest[20];
  gsize size;

  if (strlen (key) != 24)
    return NULL;
  nonce = g_base64_decode (key, &size);
  if (size != 16)
    return NULL;
  sum = g_checksum_new (G_CHECKSUM_SHA1);
  g_checksum_update (sum, (const guchar *) key, 24);
  g_checksum_update (sum, (const guchar *) guid, sizeof guid - 1);
  size = sizeof digest;
  g_checksum_get_digest (sum, digest, &size);
  return g_base64_encode (digest, size);
}
