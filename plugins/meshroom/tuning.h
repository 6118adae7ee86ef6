/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/rung.h"

G_BEGIN_DECLS

/* Fits the elements that encode a rung of a picture to what comes in: size,
 * frame rate and bit rate. Its probes share it with the rung's owner. */
typedef struct {
  const MeshCodec *codec;
  guint rung;
  gint bits;                    /* atomic: the bit/s to encode with; 0: the
                                 * nominal ones */

  /* set before it is watched; they outlive the probes */
  GstElement *filter;           /* capsfilter behind the converter */
  GstElement *box;              /* adds rows and columns */
  GstElement *encoder;
  const MeshCodecEncoder *row;  /* what the table says of it */

  /* used by the streaming thread only */
  guint nominal;                /* with the present caps */
  guint applied;                /* what the encoder is set to */
  GstClockTime period;          /* from frame to frame; 0: all frames pass */
  GstClockTime due;             /* the time of the next frame */
} MeshTuning;

MeshTuning *mesh_tuning_new (const MeshCodec *codec, guint rung, guint bits);
void mesh_tuning_watch (MeshTuning *tuning, GstPad *from, GstPad *to);
void mesh_tuning_set_rate (MeshTuning *tuning, guint bits);
void mesh_tuning_unref (MeshTuning *tuning);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshTuning, mesh_tuning_unref)

G_END_DECLS
