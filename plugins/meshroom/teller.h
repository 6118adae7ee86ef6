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

typedef struct _MeshTeller MeshTeller;

typedef void (*MeshTellFunc) (GstElement *element, gpointer data);

MeshTeller *mesh_teller_new (GstElement *element);
MeshTeller *mesh_teller_ref (MeshTeller *teller);
void mesh_teller_unref (MeshTeller *teller);
gboolean mesh_teller_tell (MeshTeller *teller, MeshTellFunc func,
    gpointer data, GDestroyNotify destroy);
void mesh_teller_tell_message (MeshTeller *teller, GstMessage *message);
void mesh_teller_close (MeshTeller *teller);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshTeller, mesh_teller_unref)

G_END_DECLS
