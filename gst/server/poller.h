/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Waits for many sockets in one main context. A context of its own polls each
 * of its descriptors whenever it wakes up, so five thousand idle clients would
 * cost a millisecond a message; here the kernel (epoll) names those that are
 * ready. All calls belong to the context's thread. */

typedef struct _MeshPoller MeshPoller;

/* One socket's place in it: part of whoever owns the socket. */
typedef struct {
  MeshPoller *poller;           /* NULL: not waited for */
  int fd;
  GIOCondition condition;
  gboolean again;
  GList link;                   /* in the poller's `again`, when that is set */
  void (*ready) (gpointer user_data);
  gpointer user_data;
} MeshPolled;

MeshPoller *mesh_poller_new (GMainContext *context, GError **error);
void mesh_poller_free (MeshPoller *poller);

gboolean mesh_poller_add (MeshPoller *poller, MeshPolled *polled, int fd,
    GIOCondition condition, void (*ready) (gpointer user_data),
    gpointer user_data);
void mesh_polled_set_condition (MeshPolled *polled, GIOCondition condition);
void mesh_polled_set_again (MeshPolled *polled);
void mesh_polled_remove (MeshPolled *polled);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshPoller, mesh_poller_free)

G_END_DECLS
