/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* A bin that contains the failure of its elements, as a ship's compartment
 * contains water. Each encoder, decoder and parser of the room is in one.
 *
 * An ERROR message from inside never reaches the room's bus. Whatever is pushed
 * into the bin succeeds, also after the failure, when data is dropped: else
 * the application's own source would stop. The owner is told once, and replaces
 * the bin. */

#define MESH_TYPE_COMPARTMENT (mesh_compartment_get_type ())
G_DECLARE_FINAL_TYPE (MeshCompartment, mesh_compartment, MESH, COMPARTMENT,
    GstBin)

/* Called on the streaming thread that failed. The function must not wait for
 * that thread. */
typedef void (*MeshCompartmentFailed) (MeshCompartment *compartment,
    const GError *error, gpointer user_data);

MeshCompartment *mesh_compartment_new (MeshCompartmentFailed failed,
    gpointer user_data, GDestroyNotify destroy);
gboolean mesh_compartment_append (MeshCompartment *compartment,
    GstElement *element, GError **error);
void mesh_compartment_expose (MeshCompartment *compartment);
void mesh_compartment_abandon (MeshCompartment *compartment);

G_END_DECLS
