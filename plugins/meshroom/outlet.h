/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/common.h"
#include "meshroom/teller.h"

G_BEGIN_DECLS

/* One source pad of the room, between a peer's connection and the application:
 *
 *   peer's pad ── internal pad ── outlet ── whatever the application links
 *
 * Neither side can harm the other: the end of a connection is no end of the
 * application's stream, and a sink that fails or refuses the stream is no
 * failure of the connection. */

/* key: a key was pressed in a window downstream. On the thread of the event. */
typedef void (*MeshOutletKeyFunc) (const char *key, GstEvent *event,
    gpointer user_data);

typedef struct {
  GstElement *room;             /* outlives the pad's being part of it */
  MeshTeller *teller;
  const char *peer_id;
  MeshKind kind;
  guint number;
  guint latency;                /* ms */
  guint group_id;
  MeshOutletKeyFunc key;
  gpointer user_data;
} MeshOutletConfig;

GstPad *mesh_outlet_new (const MeshOutletConfig *config);
void mesh_outlet_set_name (GstPad *pad, const char *name, gboolean muted,
    gboolean hidden);
void mesh_outlet_add (GstPad *pad, GstElement *room);
void mesh_outlet_end (GstPad *pad);
void mesh_outlet_stop (GstPad *pad);
void mesh_outlet_remove (GstPad *pad, GstElement *room);
gboolean mesh_outlet_is_inside (GstElement *room);

G_END_DECLS
