/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/message.h"
#include "meshroom/common.h"
#include "meshroom/notifier.h"

G_BEGIN_DECLS

/* One source pad of the room, between a peer's connection and the application:
 *
 *   peer's pad ── internal pad ── member's pad ── whatever the application links
 *
 * Neither side can harm the other: the end of a connection is no end of the
 * application's stream, and a sink that fails or refuses the stream is no
 * failure of the connection. */

/* Called when a key is pressed in a window downstream, on the thread of the
 * event. */
typedef void (*MeshMemberPadKeyFunc) (const char *key, GstEvent *event,
    gpointer user_data);

/* Called when downstream has said how large it draws a member's picture, on the
 * thread of the event. */
typedef void (*MeshMemberPadDrawnFunc) (const char *peer_id,
    const MeshWant *size, gpointer user_data);

typedef struct {
  GstElement *room;             /* valid as long as the pad belongs to it */
  MeshNotifier *notifier;
  const char *peer_id;
  MeshKind kind;
  guint number;
  guint latency;                /* ms */
  guint group_id;
  MeshMemberPadKeyFunc key;
  MeshMemberPadDrawnFunc drawn;
  gpointer user_data;
} MeshMemberPadConfig;

GstPad *mesh_member_pad_new (const MeshMemberPadConfig *config);
void mesh_member_pad_set_name (GstPad *pad, const char *name, gboolean muted,
    gboolean hidden);
void mesh_member_pad_add (GstPad *pad, GstElement *room);
void mesh_member_pad_end (GstPad *pad);
void mesh_member_pad_stop (GstPad *pad);
void mesh_member_pad_remove (GstPad *pad, GstElement *room);
gboolean mesh_member_pad_is_inside (GstElement *room);

G_END_DECLS
