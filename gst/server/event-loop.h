/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Waits for many sockets in one main context. A context of its own polls each
 * of its descriptors whenever it wakes up, so five thousand idle clients would
 * cost a millisecond a message; here the kernel (epoll) names those that are
 * ready. All calls belong to the context's thread. */

typedef struct _MeshEventLoop MeshEventLoop;

/* One socket that the loop waits for: a member of the type that owns the
 * socket. */
typedef struct {
  MeshEventLoop *loop;          /* NULL: removed */
  int fd;
  GIOCondition condition;
  gboolean again;
  GList link;                   /* in `again` of the loop, if set */
  void (*ready) (gpointer user_data);
  gpointer user_data;
} MeshEventWatch;

MeshEventLoop *mesh_event_loop_new (GMainContext *context, GError **error);
void mesh_event_loop_free (MeshEventLoop *loop);

gboolean mesh_event_loop_add (MeshEventLoop *loop, MeshEventWatch *watch,
    int fd, GIOCondition condition, void (*ready) (gpointer user_data),
    gpointer user_data);
void mesh_event_watch_set_condition (MeshEventWatch *watch,
    GIOCondition condition);
void mesh_event_watch_set_again (MeshEventWatch *watch);
void mesh_event_watch_remove (MeshEventWatch *watch);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshEventLoop, mesh_event_loop_free)

G_END_DECLS
