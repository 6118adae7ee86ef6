/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/pacer-flow.h"
#include "meshroom/pacer.h"

G_BEGIN_DECLS

/* The element's inside, for its own files: pacer.c has pads, events and states,
 * pacer-time.c when a buffer is due, and the waiting for that, pacer-flow.c how
 * bursts of live input are spread. */

struct _MeshPacer {
  GstElement parent;

  GstPad *sinkpad, *srcpad;
  MeshTimeline *timeline;
  MeshTrack *track;
  GstCaps *accepts;             /* NULL: what is downstream decides */
  MeshPacerRefusal refusal;
  gpointer user_data;

  /* under the timeline's lock, without which the clock is asked and waited
   * for */
  gboolean flushing;            /* upstream, or the room, wants us to let go */
  gboolean playing;
  GstClockID waiting;           /* what the streaming thread waits for */
  gint64 position;              /* stream time that was played; -1: none */
  gint live;                    /* -1: not known yet */

  /* streaming thread only */
  GstSegment segment;
  GstCaps *caps;
  GstClockTime frame_duration;  /* of video; NONE: not known */
  MeshPacerFlow flow;
  GstClockTime last, end;       /* of the last buffer, on the room's clock */
  GstClockTime last_start;      /* the last buffer's own timestamp */
  gboolean is_part;             /* of a long buffer of sound that is cut up */
  int rate, bytes_per_frame;    /* of raw audio; else 0 */
  gboolean discont;
  gboolean started;             /* our own segment is downstream */
  gboolean is_video, is_raw;
  gboolean refused;             /* drops until the format changes */
};

/* pacer-time.c; streaming thread */
gsize mesh_pacer_count_samples (MeshPacer *self, GstBuffer *buffer);
GstFlowReturn mesh_pacer_wait_for_turn (MeshPacer *self, GstBuffer *buffer,
    GstClockTime *out);
GstBuffer *mesh_pacer_stamp (MeshPacer *self, GstBuffer *buffer,
    GstClockTime out);
/* pacer-time.c; any thread, without the lock */
void mesh_pacer_let_go (MeshPacer *self);

G_END_DECLS
