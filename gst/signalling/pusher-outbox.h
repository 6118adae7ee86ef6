/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "core/link.h"

G_BEGIN_DECLS

/* What goes out over Pusher Channels: each message is an HTTP request. Those to
 * one recipient go one after the other, so that none overtakes another; those
 * to several go at the same time. What fails for the moment is sent again until
 * it was taken. Belongs to the thread-default main context that made it. */

typedef struct _MeshPusherOutbox MeshPusherOutbox;

/* Nothing is called from within mesh_pusher_outbox_send(). */
typedef struct {
  /* all up to mid are out, or lost */
  void (*taken) (gint64 mid, gpointer owner);
  /* one that nobody would take */
  void (*lost) (const char *to, gpointer owner);
  /* none will ever be taken, and text says why; nothing follows */
  void (*refused) (const char *text, gpointer owner);
} MeshPusherOutboxEvents;

MeshPusherOutbox *mesh_pusher_outbox_new (const MeshLink *link,
    const MeshPusherOutboxEvents *events, GObject *owner);
void mesh_pusher_outbox_free (MeshPusherOutbox *self);
void mesh_pusher_outbox_send (MeshPusherOutbox *self, gint64 mid,
    const char *to, const char *payload, gsize length, const char *socket_id);
gboolean mesh_pusher_outbox_is_empty (MeshPusherOutbox *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshPusherOutbox, mesh_pusher_outbox_free)

G_END_DECLS
