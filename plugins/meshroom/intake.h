/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/common.h"
#include "meshroom/pacer.h"

G_BEGIN_DECLS

/* The way from a sink pad of the room to what encodes or passes on: an input
 * of any timing and of any layout leaves it on the room's clock, upright,
 * progressive, and with channels that have positions.
 *
 *   pad → pacer → (stage) → next
 *
 * A stage is there only while the input needs one, so that all others pass
 * without a copy and in any format:
 *
 *   video   convert → deinterlace → flip
 *   audio   convert with a matrix, where the channels have no positions
 *
 * An encoded input has no stage. Where it is decoded, the stage is behind the
 * decoder, and the intake turns it; where it goes out as it is, what would need
 * a stage is told.
 *
 * take_event and prepare are called on the pad's streaming thread, before what
 * comes reaches the pacer. */

typedef struct _MeshIntake MeshIntake;

/* Tells a shortcoming of the input, and how to correct it, in @text. Called on
 * the streaming thread, without a lock held. */
typedef void (*MeshIntakeWarning) (const char *text, gpointer user_data);

MeshIntake *mesh_intake_new (GstBin *room, const char *pad_name, MeshKind kind,
    gboolean encoded, MeshTimeline *timeline, GstPad *next,
    MeshIntakeWarning warning, gpointer user_data);
GstPad *mesh_intake_dup_sink (MeshIntake *intake);
MeshPacer *mesh_intake_get_pacer (MeshIntake *intake);
GstEvent *mesh_intake_take_event (MeshIntake *intake, GstEvent *event);
gboolean mesh_intake_prepare (MeshIntake *intake);
void mesh_intake_settle (MeshIntake *intake, GstElement *flip);
void mesh_intake_stop (MeshIntake *intake);
void mesh_intake_free (MeshIntake *intake);

G_END_DECLS
