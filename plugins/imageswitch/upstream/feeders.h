/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

typedef struct {
  GPtrArray *sources;           /* elements that feed the sink alone */
  GPtrArray *path;              /* the sink's element, and all between it and
                                 * them */
  GstElement *fork;             /* one that feeds other elements as well */
} Feeders;

Feeders *imageswitch_feeders_find (GstPad *sink);
void imageswitch_feeders_free (Feeders *feeders);
gboolean imageswitch_feeders_may_shut (GstElement *source);
GstState imageswitch_feeders_ready_for (Feeders *feeders);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Feeders, imageswitch_feeders_free)
