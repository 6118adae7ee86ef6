/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* WebSocket framing (RFC 6455, section 5), of either side: bytes in, whole
 * messages out. It keeps no more than one message of the size allowed, in
 * however many fragments that comes. */

typedef struct _MeshWsParser MeshWsParser;

typedef enum {
  MESH_WS_MORE,                 /* all was read, nothing is complete */
  MESH_WS_TEXT,
  MESH_WS_PING,
  MESH_WS_PONG,
  MESH_WS_CLOSE,
  MESH_WS_BAD,                  /* against the RFC, or binary */
  MESH_WS_TOO_BIG,
} MeshWsEvent;

#define MESH_WS_OPCODE_TEXT 0x1
#define MESH_WS_OPCODE_CLOSE 0x8
#define MESH_WS_OPCODE_PING 0x9
#define MESH_WS_OPCODE_PONG 0xa

MeshWsParser *mesh_ws_parser_new (gboolean from_client, gsize max_message);
void mesh_ws_parser_free (MeshWsParser *parser);
MeshWsEvent mesh_ws_parser_next (MeshWsParser *parser, const guint8 **data,
    gsize *length, const char **text, gsize *text_length);

void mesh_ws_append_frame (GByteArray *out, guint8 opcode, gconstpointer data,
    gsize length, const guint8 *mask);
void mesh_ws_append_close (GByteArray *out, guint16 code, const guint8 *mask);
char *mesh_ws_accept_key (const char *key);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshWsParser, mesh_ws_parser_free)

G_END_DECLS
