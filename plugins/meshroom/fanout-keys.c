/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Asks the encoder of a rung for the key frames that branches need. */

#include "meshroom/fanout-private.h"

#include <gst/video/video.h>

#include "meshroom/common.h"

/* Key-frame requests of all branches are merged into one per interval of the
 * stream's time: frames that come faster or slower than the clock, as they do
 * after a stall, bring an encoder no more of them. */
#define KEY_UNIT_INTERVAL (250 * GST_MSECOND)

/* The time after which a branch counts as starved: an encoder that makes key
 * frames on request has made one by then, even at one frame a second. */
#define KEY_UNIT_PATIENCE (2 * G_TIME_SPAN_SECOND)

/* Notes that a peer needs a key frame, which the rung's next frame asks for. */
void
mesh_fanout_want_key_unit (MeshFanout *self, guint rung)
{
  g_mutex_lock (&self->lock);
  self->inlets[rung].key_wanted = self->is_video;
  g_mutex_unlock (&self->lock);
}

static gboolean
is_due_locked (const MeshInlet *inlet)
{
  return !inlet->asked || inlet->newest < inlet->asked_at
      || inlet->newest - inlet->asked_at >= KEY_UNIT_INTERVAL;
}

/* Passes a request for a key frame of @rung upstream, unless one was passed a
 * moment ago: a later frame asks again where that is still needed. */
void
mesh_fanout_request_key_unit (MeshFanout *self, guint rung)
{
  MeshInlet *inlet = &self->inlets[rung];
  gboolean due;

  if (!self->is_video)
    return;
  g_mutex_lock (&self->lock);
  due = is_due_locked (inlet);
  if (due) {
    inlet->asked = TRUE;
    inlet->asked_at = inlet->newest;
    inlet->key_wanted = FALSE;
  }
  g_mutex_unlock (&self->lock);
  if (!due)
    return;
  GST_DEBUG_OBJECT (inlet->pad, "asking for a key frame");
  gst_pad_push_event (inlet->pad,
      gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE,
          0));
}

/* Notes a frame that has come. A key frame fulfils a request that has not been
 * passed on yet.
 *
 * Returns: whether a peer still needs a key frame */
gboolean
mesh_inlet_note_frame_locked (MeshInlet *inlet, const MeshFrame *frame,
    gboolean muted)
{
  inlet->newest = GST_BUFFER_PTS (frame->buffer);
  inlet->asked &= GST_CLOCK_TIME_IS_VALID (inlet->newest);
  if (!GST_CLOCK_TIME_IS_VALID (inlet->asked_at))
    inlet->asked_at = inlet->newest;
  if (!frame->delta && !muted)
    inlet->key_wanted = FALSE;
  return inlet->key_wanted;
}

/* Returns: how long branches have waited for a key frame of the rung, at the
 * one moment at which that has become too long; else 0 */
gint64
mesh_inlet_note_wait_locked (MeshInlet *inlet, gboolean waits)
{
  gint64 now = g_get_monotonic_time ();
  gint64 waited;

  if (!waits) {
    inlet->waiting_since = 0;
    return 0;
  }
  if (inlet->waiting_since == 0)
    inlet->waiting_since = now;
  waited = now - inlet->waiting_since;
  if (inlet->waiting_since < 0 || waited < KEY_UNIT_PATIENCE)
    return 0;
  inlet->waiting_since = -1;
  return waited;
}
