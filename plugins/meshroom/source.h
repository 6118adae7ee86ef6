/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/codec-elements.h"
#include "meshroom/fanout.h"
#include "meshroom/rung.h"
#include "meshroom/timeline.h"

G_BEGIN_DECLS

/* What the application feeds into one sink pad of meshroom, encoded once for
 * each codec and rung that some peer needs, and fanned out.
 *
 *                                ┌ queue → convert → encoder (rung 0) ┬ fan-out
 *                                ├ queue → convert → encoder (rung 1) ┘ (VP8)
 *   raw      pad → intake → tee ─┤
 *                                └ queue → convert → encoder (rung 0) ─ fan-out
 *                                                                       (H264)
 *   encoded  pad → intake → parser → fan-out
 *
 * Encoded input that not every peer could decode is decoded, and then goes the
 * way of raw input. What fails inside is replaced, and never the application's
 * error.
 *
 * All elements are direct children of the room's bin. Any thread may call. */

typedef struct _MeshSource MeshSource;

/* The events of a source, and a question of it. Called without a lock held, by
 * any thread; warning(), ended() and hidden() by the streaming thread, or one
 * that replaces an encoder. */
typedef struct {
  /* the input is known to be encoded, or raw, or not to be encoded in a codec
   * that was tried */
  void (*input_known) (MeshSource *source, gpointer user_data);
  /* whether video is to be spoken in @codec with peers */
  gboolean (*speaks) (MeshSource *source, const MeshCodec *codec,
      gpointer user_data);
  /* the stream is not sent, or not as it could be; text says why */
  void (*warning) (MeshSource *source, const char *text, gpointer user_data);
  /* the input has ended, and has been played to its end */
  void (*ended) (MeshSource *source, gpointer user_data);
  /* an imageswitch upstream hides or shows the camera */
  void (*hidden) (MeshSource *source, gboolean hidden, gpointer user_data);
} MeshSourceEvents;

MeshSource *mesh_source_new (GstBin *room, GstPadTemplate *template,
    MeshKind kind, MeshTimeline *timeline, const MeshSourceEvents *events,
    gpointer user_data);
GstPad *mesh_source_get_pad (MeshSource *source);
MeshKind mesh_source_get_kind (MeshSource *source);
guint32 mesh_source_get_ssrc (MeshSource *source);
void mesh_source_look_ahead (MeshSource *source);
const MeshCodec *mesh_source_get_input_codec (MeshSource *source);
MeshFanout *mesh_source_get_fanout (MeshSource *source,
    const MeshCodec *codec);
guint mesh_source_get_rungs (MeshSource *source, const MeshCodec *codec,
    MeshRung rungs[MESH_RUNGS]);
void mesh_source_run_rung (MeshSource *source, const MeshCodec *codec,
    guint rung, gboolean run);
void mesh_source_set_rate (MeshSource *source, const MeshCodec *codec,
    guint rung, guint bits);
char *mesh_source_dup_failure (MeshSource *source, const MeshCodec *codec);
void mesh_source_set_muted (MeshSource *source, gboolean muted);
void mesh_source_set_loss (MeshSource *source, double loss);
void mesh_source_play (MeshSource *source);
gboolean mesh_source_has_begun (MeshSource *source);
gboolean mesh_source_has_ended (MeshSource *source);
void mesh_source_set_ended (MeshSource *source, gboolean ended);
gboolean mesh_source_is_live (MeshSource *source);
gboolean mesh_source_get_position (MeshSource *source, gint64 *position);
void mesh_source_hold (MeshSource *source, gboolean held);
void mesh_source_let_go (MeshSource *source);
void mesh_source_stop (MeshSource *source);
MeshSource *mesh_source_ref (MeshSource *source);
void mesh_source_unref (MeshSource *source);

G_END_DECLS
