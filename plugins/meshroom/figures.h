/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The figures of a connection, as the property stats shows them. */

/* Counts of a connection from its first attempt on. */
typedef struct {
  guint64 freezes;
  guint64 frozen_time;          /* ns */
  guint64 key_frames_asked;     /* by the peer */
  guint64 key_frames_sent;
} MeshCounts;

/* What goes one way. */
typedef struct {
  guint64 bitrate;              /* of RTP, with headers and repetitions */
  double loss;                  /* 0 to 1 */
  int width, height;            /* of the picture; 0: there is none */
  double framerate;
} MeshFlow;

typedef struct {
  guint64 estimate;             /* bit/s; 0: not known */
  guint64 rtt;                  /* ns; 0: not known */
  guint64 playout_delay;        /* ns */
  MeshFlow sent, received;
  MeshCounts counts;
} MeshFigures;

G_END_DECLS
