/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/message.h"
#include "signalling/export.h"

G_BEGIN_DECLS

/* Sealing of messages as docs/protocol.md, "Sealing" defines it. One sealer a
 * participation; not thread-safe. */

typedef struct _MeshSealer MeshSealer;

#define MESH_SEAL_KEY_BYTES 16

MESH_API
MeshSealer *mesh_sealer_new (const guint8 key[MESH_SEAL_KEY_BYTES],
    const char *room, const char *id, const char *inc);
MESH_API
void mesh_sealer_free (MeshSealer *sealer);
/* whether its recipient will take it */
MESH_API
gboolean mesh_sealer_reaches (MeshSealer *sealer, const MeshMessage *message);
MESH_API
void mesh_sealer_renew (MeshSealer *sealer, const char *inc);
/* (transfer full): the sealed message as JSON */
MESH_API
char *mesh_sealer_seal (MeshSealer *sealer, const MeshMessage *message,
    GError **error);
/* (transfer full): the message inside */
MESH_API
MeshMessage *mesh_sealer_open (MeshSealer *sealer, const MeshMessage *sealed,
    GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshSealer, mesh_sealer_free)

G_END_DECLS
