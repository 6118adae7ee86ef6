/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct {
  GPtrArray *sources;           /* elements that feed us alone */
  GPtrArray *path;              /* us, and what is between them and us */
  GstElement *fork;             /* where what feeds us feeds others as well */
} Upstream;

Upstream *upstream_find (GstPad *sink);
void upstream_free (Upstream *upstream);
gboolean upstream_may_shut (GstElement *source);
GstState upstream_ready_for (Upstream *upstream);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Upstream, upstream_free)

G_END_DECLS
