/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The largest payload that the server passes on: with the envelope around it,
 * what goes out stays under MESH_JSON_MAX_BYTES as well. */
#define MESH_ENVELOPE_MAX_PAYLOAD (64 * 1024 - 128)

#define MESH_UUID_LENGTH 36
#define MESH_TOKEN_LENGTH 22
#define MESH_EPOCH_MAX_LENGTH 64

/**
 * MeshEnvelopeType:
 *
 * What a client's frame is for; docs/protocol.md, "The envelope".
 */
typedef enum {
  MESH_ENVELOPE_HELLO,
  MESH_ENVELOPE_SEND,
  MESH_ENVELOPE_ACK,
  MESH_ENVELOPE_PING,
  MESH_ENVELOPE_BYE,
} MeshEnvelopeType;

/**
 * MeshEnvelope:
 *
 * A client's frame, read and checked. What a frame of its @type does not have
 * is empty or 0.
 */
typedef struct {
  MeshEnvelopeType type;

  guint64 version;              /* hello */
  char room[MESH_UUID_LENGTH + 1];
  char id[MESH_UUID_LENGTH + 1];
  char token[MESH_TOKEN_LENGTH + 1];
  gboolean has_cursor;          /* hello with epoch and after */
  char epoch[MESH_EPOCH_MAX_LENGTH + 1];
  guint64 after;

  guint64 mid;                  /* send */
  char to[MESH_UUID_LENGTH + 1];
  const char *payload;          /* points into the text that was parsed: a JSON
                                 * object */
  gsize payload_length;

  guint64 ack;                  /* ack */
} MeshEnvelope;

gboolean mesh_envelope_parse (const char *text, gsize length,
    MeshEnvelope *envelope, GError **error);

G_END_DECLS
