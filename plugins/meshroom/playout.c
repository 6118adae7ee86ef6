/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/playout.h"

#include <stdlib.h>
#include <string.h>

#include "core/freeze.h"
#include "core/playout-delay.h"

/* How long a picture's packet is waited for beyond four round trips, in which it
 * is asked for and comes again, or is lost twice more; and where the round trip
 * is not known. A picture that comes late is better than a wait for the next
 * key frame. */
#define PATIENCE (80 * GST_MSECOND)
#define BLIND_PATIENCE (400 * GST_MSECOND)
#define MOST_PATIENCE (700 * GST_MSECOND)

/* How long a repair takes beyond one and a half round trips: until the loss is
 * noticed by the next picture, and asked for. */
#define REPAIR (60 * GST_MSECOND)

/* Reports that put sound and picture further apart than this are wrong. */
#define MOST_APART (3 * GST_SECOND)

/* The weight of a new report of which sound belongs to which picture. */
#define SYNC_WEIGHT 4

/* How many answers are judged by. A quarter of the answers come within a round
 * trip even if one in two is lost. */
#define ANSWERS 16

struct _MeshPlayout {
  gatomicrefcount refs;
  MeshPlayoutConfig config;
  GMutex lock;                  /* guards what follows; a leaf */
  GstClockTime rtt;             /* that reports tell; 0: not known */
  GstClockTime answers[ANSWERS];        /* after which time packets have come
                                         * that were asked for; a ring */
  guint n_answers;              /* all that have been put there */
  GstClockTime answered;        /* by them, the round-trip time; 0: not known */
  MeshPlayoutDelay delay;
  gboolean synced[MESH_N_KINDS];
  GstClockTimeDiff transit[MESH_N_KINDS];       /* from the peer's clock to our
                                                 * running time */
  gboolean aligned;
  GstClockTimeDiff apart;       /* how much later the picture comes than the
                                 * sound that belongs to it */
  MeshFreeze freeze;
  guint64 key_frames_asked;
};

/**
 * mesh_playout_new:
 * @config: its settings; copied
 *
 * Returns: (transfer full): for mesh_playout_unref()
 */
MeshPlayout *
mesh_playout_new (const MeshPlayoutConfig *config)
{
  MeshPlayout *self = g_new0 (MeshPlayout, 1);

  g_atomic_ref_count_init (&self->refs);
  self->config = *config;
  g_mutex_init (&self->lock);
  mesh_playout_delay_init (&self->delay, (config->fixed
          ? MAX (config->least, config->declared) : config->least)
      / GST_USECOND);
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

static int
compare_times (gconstpointer a, gconstpointer b)
{
  GstClockTime first = *(const GstClockTime *) a;
  GstClockTime second = *(const GstClockTime *) b;

  return first < second ? -1 : first > second;
}

/* Who sends nothing gets no report. */
static GstClockTime
get_rtt_locked (MeshPlayout *self)
{
  return self->rtt > 0 ? self->rtt : self->answered;
}

/**
 * mesh_playout_get_rtt:
 * Returns: the round-trip time: what reports tell, or else in which time a
 *   packet comes that is asked for; 0 while neither is known
 */
GstClockTime
mesh_playout_get_rtt (MeshPlayout *playout)
{
  GstClockTime rtt;

  g_mutex_lock (&playout->lock);
  rtt = get_rtt_locked (playout);
  g_mutex_unlock (&playout->lock);
  return rtt;
}

/**
 * mesh_playout_take_answer:
 * @time: how long after the first request a lost packet has come; 0: nobody has
 *   asked for it
 */
void
mesh_playout_take_answer (MeshPlayout *playout, GstClockTime time)
{
  GstClockTime sorted[ANSWERS];
  guint n;

  if (time == 0)
    return;
  g_mutex_lock (&playout->lock);
  playout->answers[playout->n_answers++ % ANSWERS] = time;
  n = MIN (playout->n_answers, ANSWERS);
  memcpy (sorted, playout->answers, n * sizeof *sorted);
  qsort (sorted, n, sizeof *sorted, compare_times);
  playout->answered = sorted[n / 4];
  g_mutex_unlock (&playout->lock);
}

/* How much later a stream is played than it could be, for the other one's
 * sake. */
static GstClockTime
get_alignment (MeshPlayout *self, MeshKind kind)
{
  return MAX (kind == MESH_AUDIO ? self->apart : -self->apart, 0);
}

static GstClockTime
get_delay (MeshPlayout *self)
{
  return mesh_playout_delay_get (&self->delay, g_get_monotonic_time ())
      * GST_USECOND;
}

/* Returns: in us, what the delay covers of the wait for a repair. A packet that
 * is lost twice, or held back since the path is full, is shown late. */
static gint64
get_repair_limit (MeshPlayout *self)
{
  GstClockTime rtt = get_rtt_locked (self);

  return rtt > 0 ? (gint64) ((rtt + rtt / 2 + REPAIR) / GST_USECOND)
      : G_MAXINT64;
}

/**
 * mesh_playout_take_late:
 * @kind: of the packet
 * @late: by how much later than its timestamp a packet has come
 * @repaired: whether it was lost at first
 */
void
mesh_playout_take_late (MeshPlayout *playout, MeshKind kind,
    GstClockTimeDiff late, gboolean repaired)
{
  gint64 now = g_get_monotonic_time ();

  g_mutex_lock (&playout->lock);
  late -= get_alignment (playout, kind);
  late /= (gint64) GST_USECOND;
  if (repaired)
    mesh_playout_delay_take_repair (&playout->delay,
        MIN (late, get_repair_limit (playout)), now);
  else
    mesh_playout_delay_take_late (&playout->delay, kind, late, now);
  g_mutex_unlock (&playout->lock);
}

/**
 * mesh_playout_take_work:
 * @work: how long it took until a packet was decoded
 */
void
mesh_playout_take_work (MeshPlayout *playout, GstClockTimeDiff work)
{
  g_mutex_lock (&playout->lock);
  mesh_playout_delay_take_work (&playout->delay, work / (gint64) GST_USECOND,
      g_get_monotonic_time ());
  g_mutex_unlock (&playout->lock);
}

static void
align (MeshPlayout *self)
{
  GstClockTimeDiff apart = self->transit[MESH_VIDEO]
      - self->transit[MESH_AUDIO];

  if (!self->synced[MESH_AUDIO] || !self->synced[MESH_VIDEO]
      || ABS (apart) > (GstClockTimeDiff) MOST_APART)
    return;
  self->apart = self->aligned
      ? self->apart + (apart - self->apart) / SYNC_WEIGHT : apart;
  self->aligned = TRUE;
}

/**
 * mesh_playout_take_sync:
 * @kind: of the stream that a sender report is about
 * @transit: our running time of the moment that the report names, less the
 *   peer's time of it
 */
void
mesh_playout_take_sync (MeshPlayout *playout, MeshKind kind,
    GstClockTimeDiff transit)
{
  g_mutex_lock (&playout->lock);
  playout->transit[kind] = transit;
  playout->synced[kind] = TRUE;
  align (playout);
  g_mutex_unlock (&playout->lock);
}

/**
 * mesh_playout_get_wait:
 * Returns: how long after its timestamp a missing packet of @kind is given up:
 *   sound must go on by the time at which it is played, and the picture may
 *   come late
 */
GstClockTime
mesh_playout_get_wait (MeshPlayout *playout, MeshKind kind)
{
  GstClockTime wait, patience, rtt;

  g_mutex_lock (&playout->lock);
  wait = get_delay (playout) + get_alignment (playout, kind);
  rtt = get_rtt_locked (playout);
  patience = rtt > 0 ? 4 * rtt + PATIENCE : BLIND_PATIENCE;
  if (kind == MESH_VIDEO)
    wait = MAX (wait, MIN (patience, MOST_PATIENCE));
  g_mutex_unlock (&playout->lock);
  return wait;
}

/**
 * mesh_playout_get_shift:
 * Returns: what is to be added to a timestamp of @kind
 */
GstClockTimeDiff
mesh_playout_get_shift (MeshPlayout *playout, MeshKind kind)
{
  GstClockTimeDiff shift;

  g_mutex_lock (&playout->lock);
  shift = get_alignment (playout, kind);
  if (!playout->config.fixed)
    shift += (GstClockTimeDiff) get_delay (playout)
        - (GstClockTimeDiff) playout->config.declared;
  g_mutex_unlock (&playout->lock);
  return shift;
}

/**
 * mesh_playout_note_picture:
 * @time: its timestamp
 * @now: the running time
 *
 * Counts a picture, which is shown when it is due, or now if that has passed.
 */
void
mesh_playout_note_picture (MeshPlayout *playout, GstClockTime time,
    GstClockTime now)
{
  GstClockTime shown = time + playout->config.declared;

  if (GST_CLOCK_TIME_IS_VALID (now))
    shown = MAX (shown, now);
  g_mutex_lock (&playout->lock);
  mesh_freeze_take (&playout->freeze, shown / GST_USECOND);
  g_mutex_unlock (&playout->lock);
}

/**
 * mesh_playout_excuse_gap:
 *
 * The time until the picture's next frame is no freeze.
 */
void
mesh_playout_excuse_gap (MeshPlayout *playout)
{
  g_mutex_lock (&playout->lock);
  mesh_freeze_excuse (&playout->freeze);
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
    .delay = get_delay (playout),
    .freezes = playout->freeze.freezes,
    .frozen = playout->freeze.frozen * GST_USECOND,
    .key_frames_asked = playout->key_frames_asked,
  };
  g_mutex_unlock (&playout->lock);
}
