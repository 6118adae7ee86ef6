/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/link.h"
#include "signalling/transport.h"

G_BEGIN_DECLS

/* A service that passes messages on by address and knows nothing of rooms, made
 * to look like a server. This is what all such services have in common; the
 * wire of each is a subclass in a file of its own (roomless-pusher.c). */

#define MESH_TYPE_ROOMLESS (mesh_roomless_get_type ())
MESH_API
G_DECLARE_DERIVABLE_TYPE (MeshRoomless, mesh_roomless, MESH, ROOMLESS, GObject)

/**
 * MeshRoomlessClass:
 * @open: connect; mesh_roomless_opened() follows
 * @listen: ask for what is sent to an address; mesh_roomless_listening()
 *   follows
 * @send: send a message, and call mesh_roomless_taken() or
 *   mesh_roomless_lost(), not from within
 * @ping: ask for a sign of life; mesh_roomless_pong() follows
 * @is_idle: whether nothing waits to go out
 * @stop: drop the connection and all that is under way, at once; may be called
 *   more than once
 * @dup_way: as in #MeshTransportInterface
 */
struct _MeshRoomlessClass {
  GObjectClass parent;

  void (*open) (MeshRoomless *self);
  void (*listen) (MeshRoomless *self, const char *id);
  void (*send) (MeshRoomless *self, gint64 mid, const char *to,
      const char *payload, gsize length);
  void (*ping) (MeshRoomless *self);
  gboolean (*is_idle) (MeshRoomless *self);
  void (*stop) (MeshRoomless *self);
  char *(*dup_way) (MeshRoomless *self);
};

/* For subclasses. Each of these may free @self, unless the caller holds a
 * reference. */
void mesh_roomless_set_link (MeshRoomless *self, const MeshLink *link);
const MeshLink *mesh_roomless_get_link (MeshRoomless *self);
const char *mesh_roomless_get_id (MeshRoomless *self);
gboolean mesh_roomless_is_over (MeshRoomless *self);

void mesh_roomless_opened (MeshRoomless *self);
void mesh_roomless_listening (MeshRoomless *self);
void mesh_roomless_message (MeshRoomless *self, const char *address,
    const char *json);
void mesh_roomless_heard (MeshRoomless *self);
void mesh_roomless_pong (MeshRoomless *self);
void mesh_roomless_taken (MeshRoomless *self, gint64 mid);
void mesh_roomless_lost (MeshRoomless *self, const char *to);
void mesh_roomless_refused (MeshRoomless *self, const char *text);
void mesh_roomless_closed (MeshRoomless *self, const GError *error);

G_END_DECLS
