/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/playout.h"

#include "core/freeze.h"

struct _MeshPlayout {
  gatomicrefcount refs;
  GMutex lock;                  /* guards what follows; a leaf */
  GstClockTime rtt;             /* 0: not known */
  MeshFreeze freeze;
  guint64 key_frames_asked;
};

/**
 * mesh_playout_new:
 * Returns: (transfer full): for mesh_playout_unref()
 */
MeshPlayout *
mesh_playout_new (void)
{
  MeshPlayout *self = g_new0 (MeshPlayout, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->lock);
  return self;
}

/**
 * mesh_playout_ref:
 * Returns: (transfer full): @playout
 */
MeshPlayout *
mesh_playout_ref (MeshPlayout *playout)
{
  g_atomic_ref_count_inc (&playout->refs);
  return playout;
}

/**
 * mesh_playout_unref:
 * @playout: (nullable) (transfer full)
 */
void
mesh_playout_unref (MeshPlayout *playout)
{
  if (!playout || !g_atomic_ref_count_dec (&playout->refs))
    return;
  g_mutex_clear (&playout->lock);
  g_free (playout);
}

/**
 * mesh_playout_set_rtt:
 * @rtt: the round-trip time to the peer that was measured last
 */
void
mesh_playout_set_rtt (MeshPlayout *playout, GstClockTime rtt)
{
  g_mutex_lock (&playout->lock);
  playout->rtt = rtt;
  g_mutex_unlock (&playout->lock);
}

/**
 * mesh_playout_get_rtt:
 * Returns: the round-trip time, 0 while it is not known
 */
GstClockTime
mesh_playout_get_rtt (MeshPlayout *playout)
{
  GstClockTime rtt;

  g_mutex_lock (&playout->lock);
  rtt = playout->rtt;
  g_mutex_unlock (&playout->lock);
  return rtt;
}

/**
 * mesh_playout_note_picture:
 *
 * Counts a picture that is about to be shown.
 */
void
mesh_playout_note_picture (MeshPlayout *playout)
{
  g_mutex_lock (&playout->lock);
  mesh_freeze_take (&playout->freeze, g_get_monotonic_time ());
  g_mutex_unlock (&playout->lock);
}

/**
 * mesh_playout_note_request:
 *
 * Counts a key frame that the peer was asked for.
 */
void
mesh_playout_note_request (MeshPlayout *playout)
{
  g_mutex_lock (&playout->lock);
  playout->key_frames_asked++;
  g_mutex_unlock (&playout->lock);
}

/**
 * mesh_playout_get_stats:
 * @stats: (out caller-allocates): what was counted so far
 */
void
mesh_playout_get_stats (MeshPlayout *playout, MeshPlayoutStats *stats)
{
  g_mutex_lock (&playout->lock);
  *stats = (MeshPlayoutStats) {
    .freezes = playout->freeze.freezes,
    .frozen = playout->freeze.frozen * GST_USECOND,
    .key_frames_asked = playout->key_frames_asked,
  };
  g_mutex_unlock (&playout->lock);
}
