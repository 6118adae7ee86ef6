/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/common.h"
#include "meshroom/pacer.h"

G_BEGIN_DECLS

/* The first part of a stream's route behind a sink pad of the room: an input of
 * any timing and layout leaves it on the room's clock, upright, progressive,
 * and with channels that have positions.
 *
 *   pad → pacer → (stage) → next
 *
 * There is a stage only while the input needs one, so that all other inputs
 * pass without a copy and in any format:
 *
 *   video   convert → deinterlace → flip
 *   audio   convert with a matrix, where the channels have no positions
 *
 * An encoded input has no stage here. If it is decoded, a stage is behind the
 * decoder, and the intake sets that stage's flip; if it is passed on, the
 * intake warns of what would need a stage.
 *
 * mesh_intake_take_event() and mesh_intake_prepare() are called on the pad's
 * streaming thread, before the event or the buffer reaches the pacer. */

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
