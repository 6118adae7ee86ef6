/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Waits for the clock on behalf of a source element, and counts its output:
 * units (frames, blocks) at a constant rate, from the moment when it began. */
typedef struct {
  GMutex lock;
  GstClockID wait;              /* under lock */
  gboolean flushing;            /* under lock */

  /* streaming thread only */
  GstClockTime origin;
  guint64 count;
  guint64 rate_n;
  guint64 rate_d;
} MeshTicker;

void mesh_ticker_init (MeshTicker *ticker);
void mesh_ticker_clear (MeshTicker *ticker);
void mesh_ticker_reset (MeshTicker *ticker);
void mesh_ticker_set_rate (MeshTicker *ticker, guint64 rate_n, guint64 rate_d);
void mesh_ticker_set_flushing (MeshTicker *ticker, gboolean flushing);
gboolean mesh_ticker_next (MeshTicker *ticker, GstElement *element,
    GstClockTime delay, guint tolerance, GstBuffer *buffer);

G_END_DECLS
