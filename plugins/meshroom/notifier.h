/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Emits signals and posts bus messages of an element, one after the other, on a
 * thread of its own. A state change of the element waits for that thread only
 * for a limited time, so a handler may do anything, such as stop the element or
 * remove it from its pipeline.
 *
 * The thread is one of GLib's pool, and is used only while there are notices.
 * It holds a reference to the element meanwhile. Any thread may call, and may
 * hold a lock while it posts: the notice is queued, and its function is called
 * on the notifier's thread. */

typedef struct _MeshNotifier MeshNotifier;

typedef void (*MeshNotifyFunc) (GstElement *element, gpointer data);

MeshNotifier *mesh_notifier_new (GstElement *element);
MeshNotifier *mesh_notifier_ref (MeshNotifier *notifier);
void mesh_notifier_unref (MeshNotifier *notifier);
gboolean mesh_notifier_post (MeshNotifier *notifier, MeshNotifyFunc func,
    gpointer data, GDestroyNotify destroy);
void mesh_notifier_post_message (MeshNotifier *notifier, GstMessage *message);
void mesh_notifier_close (MeshNotifier *notifier);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshNotifier, mesh_notifier_unref)

G_END_DECLS
