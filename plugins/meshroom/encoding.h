/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/compartment.h"
#include "meshroom/fanout.h"
#include "meshroom/repeat-filter.h"
#include "meshroom/tuning.h"

G_BEGIN_DECLS

/* One source in one codec: a compartment for each rung that somebody needs,
 * between the source's tee and the fan-out from which the peers get the encoded
 * stream.
 *
 *   queue → convert → pad → encoder → profile → parser → fan-out
 *
 * A compartment is replaced when its encoder fails; the fan-out stays. The
 * source owns its encodings and guards them with its lock. */

typedef struct {
  gboolean wanted;              /* somebody needs it */
  guint bits;                   /* bit/s that it is set to; 0: the nominal ones */
  MeshCompartment *compartment; /* no reference; NULL: nothing to encode */
  MeshRepeatFilter *repeat_filter;  /* NULL for audio, and without an encoder */
  MeshTuning *tuning;           /* likewise */
  gboolean busy;                /* a thread makes or removes the compartment,
                                 * without the lock */
  char *broken;                 /* why the compartment has failed; NULL: it
                                 * works */
  guint failures;               /* of encoders, with the present input */
  char *failure;                /* why the last encoder has failed; NULL: one
                                 * works, or is still to be tried */
} MeshEncodedRung;

typedef struct {
  const MeshCodec *codec;
  MeshFanout *fanout;
  MeshEncodedRung rungs[MESH_RUNGS];
} MeshEncoding;

MeshEncoding *mesh_encoding_new (const MeshCodec *codec);
gboolean mesh_encoding_fill (const MeshCodec *codec, guint failures,
    MeshTuning *tuning, MeshCompartment *compartment,
    MeshRepeatFilter **filter, GError **error);
gboolean mesh_encoding_can_retry (MeshEncoding *encoding, guint rung);
void mesh_encoding_empty (MeshEncoding *encoding, guint rung);
void mesh_encoding_forgive (MeshEncoding *encoding);
void mesh_encoding_free (gpointer encoding);

G_END_DECLS
