/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Signals and bus messages of an element, one after the other, on a thread that
 * no state change of the element waits for without end: a handler may do what
 * it likes, such as stop the element or take it out of its pipeline.
 *
 * The thread is one of GLib's pool, and in use only while there is something to
 * tell. It holds a reference to the element meanwhile. Any thread may call,
 * with no lock held. */

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
