/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Asks upstream for the key frames that branches need. */

#include "meshroom/fanout-private.h"

#include <gst/video/video.h>

#include "meshroom/common.h"

/* Key-frame requests of all branches are merged into one per interval. */
#define KEY_UNIT_INTERVAL (250 * G_TIME_SPAN_MILLISECOND)

/* The time after which a branch counts as starved: an encoder that makes key
 * frames on request has made one by then, even at one frame a second. */
#define KEY_UNIT_PATIENCE (2 * G_TIME_SPAN_SECOND)

void
mesh_fanout_want_key_unit (MeshFanout *self)
{
  if (self->is_video)
    g_atomic_int_set (&self->key_wanted, TRUE);
}

/* Passes a request for a key frame upstream, unless one was passed a moment
 * ago: then the next frame that comes passes it. */
void
mesh_fanout_request_key_unit (MeshFanout *self)
{
  gint64 now = g_get_monotonic_time ();
  gboolean due;

  if (!g_atomic_int_get (&self->key_wanted))
    return;
  g_mutex_lock (&self->lock);
  due = now - self->last_key_request >= KEY_UNIT_INTERVAL;
  if (due)
    self->last_key_request = now;
  g_mutex_unlock (&self->lock);
  if (!due || !g_atomic_int_compare_and_exchange (&self->key_wanted, TRUE,
          FALSE))
    return;
  GST_DEBUG_OBJECT (self, "asking for a key frame");
  gst_pad_push_event (self->sinkpad,
      gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE,
          0));
}

/* Returns: how long branches have waited for a key frame, at the one moment at
 * which that has become too long; else 0 */
gint64
mesh_fanout_note_wait_locked (MeshFanout *self, gboolean waits)
{
  gint64 now = g_get_monotonic_time ();
  gint64 waited;

  if (!waits) {
    self->waiting_since = 0;
    return 0;
  }
  if (self->waiting_since == 0)
    self->waiting_since = now;
  waited = now - self->waiting_since;
  if (self->waiting_since < 0 || waited < KEY_UNIT_PATIENCE)
    return 0;
  self->waiting_since = -1;
  return waited;
}
