/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The frames that wait for one member, numbered from 1 and kept until they are
 * acknowledged. With every transport, a client continues at its cursor (the
 * box's epoch, and the last number that it has processed).
 *
 *     acknowledged │ first … last │ next
 *     ─────────────┴──────────────┴─────→ seq
 */

typedef struct _MeshMailbox MeshMailbox;

typedef void (*MeshMailboxFunc) (GBytes *frame, gpointer user_data);

MeshMailbox *mesh_mailbox_new (guint64 epoch, guint max_frames,
    gsize max_bytes);
void mesh_mailbox_free (MeshMailbox *box);

const char *mesh_mailbox_get_epoch (MeshMailbox *box);
guint64 mesh_mailbox_get_next (MeshMailbox *box);
gsize mesh_mailbox_get_bytes (MeshMailbox *box);
gboolean mesh_mailbox_push (MeshMailbox *box, GBytes *frame, gboolean event);
void mesh_mailbox_ack (MeshMailbox *box, guint64 seq);
gboolean mesh_mailbox_can_resume (MeshMailbox *box, const char *epoch,
    guint64 after);
void mesh_mailbox_foreach (MeshMailbox *box, MeshMailboxFunc func,
    gpointer user_data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshMailbox, mesh_mailbox_free)

G_END_DECLS
