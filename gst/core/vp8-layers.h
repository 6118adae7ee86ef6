/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Tells from the payload descriptors of VP8 in RTP (RFC 7741 §4.2) whether a
 * lost packet matters to the frames after it. Of a stream with temporal layers,
 * frames above the lowest layer are not referred to by it, so one of those may
 * be lost without an end of the picture. */

typedef struct {
  gboolean start;               /* of a frame */
  gboolean has_layers;          /* the next three fields are there */
  gboolean syncs;               /* the frame refers to the lowest layer alone */
  guint8 layer;
  guint8 base;                  /* counts the frames of the lowest layer */
  gboolean key;                 /* the start of a key frame */
} MeshVp8Descriptor;

typedef struct {
  gboolean known;               /* a frame of the lowest layer has come whole */
  guint8 base;                  /* of that frame */
  gboolean whole;               /* the present frame, so far */
  gboolean open;                /* its last packet is still to come */
  gboolean broken;              /* a frame of an upper layer is missing, and
                                 * none has come since that refers to the lowest
                                 * layer alone */
} MeshVp8Layers;

typedef struct {
  gboolean harmless;            /* no frame of the lowest layer is incomplete */
  gboolean drop;                /* the packet's frame refers to a missing one */
  gboolean cut;                 /* the sender has left the frame before it off,
                                 * and goes on with another one */
} MeshVp8Verdict;

gboolean mesh_vp8_descriptor_read (const guint8 *data, gsize size,
    MeshVp8Descriptor *descriptor);
MeshVp8Verdict mesh_vp8_layers_take (MeshVp8Layers *layers,
    const MeshVp8Descriptor *descriptor, gboolean gap, gboolean marker);

G_END_DECLS
