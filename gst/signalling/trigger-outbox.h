/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "signalling/roomless.h"

G_BEGIN_DECLS

/* Messages that go out over Pusher Channels, each by an HTTP request that
 * triggers an event. Those to one recipient go one after the other, so that
 * none overtakes another; those to several go at the same time. A message that
 * fails for the moment is sent again until it was taken. Belongs to the
 * thread-default main context that made it. */

typedef struct _MeshTriggerOutbox MeshTriggerOutbox;

MeshTriggerOutbox *mesh_trigger_outbox_new (const MeshLink *link,
    MeshRoomless *owner);
void mesh_trigger_outbox_free (MeshTriggerOutbox *self);
void mesh_trigger_outbox_send (MeshTriggerOutbox *self, gint64 mid,
    const char *to, const char *payload, gsize length, const char *socket_id);
gboolean mesh_trigger_outbox_is_empty (MeshTriggerOutbox *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshTriggerOutbox, mesh_trigger_outbox_free)

G_END_DECLS
