/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Bytes on their way to a reader that may be slow. What is kept is what is not
 * sent, and at most as much again: a reader that is always a little behind does
 * not make it keep what was sent. */

/**
 * MeshOutBuffer:
 * @bytes: what is sent is appended here
 *
 * Initialised by mesh_out_buffer_init(). Its other fields are private.
 */
typedef struct {
  GByteArray *bytes;
  gsize sent;                   /* of @bytes */
} MeshOutBuffer;

void mesh_out_buffer_init (MeshOutBuffer *buffer);
void mesh_out_buffer_clear (MeshOutBuffer *buffer);
gsize mesh_out_buffer_get_unsent (const MeshOutBuffer *buffer);
const guint8 *mesh_out_buffer_peek (const MeshOutBuffer *buffer);
void mesh_out_buffer_take (MeshOutBuffer *buffer, gsize n);

G_END_DECLS
