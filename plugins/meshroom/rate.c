/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/rate.h"

#include "core/bwe/pace.h"
#include "core/repeats.h"
#include "core/sound-rate.h"
#include "meshroom/common.h"
#include "meshroom/twcc-packets.h"

/* Sound with its headers; pictures go by way of rungs below that. */
#define FLOOR 60000
#define CEILING 20000000

/* Packets of pictures that padding may repeat, of those that went last. */
#define REPEATABLE 32
/* Sound goes twice where this share of packets is lost on a path that takes
 * several times the sound and has been clear for so long (what a full queue
 * drops is no reason to fill it further), and for a while after that was seen
 * last: copies that arrive make the loss look smaller. */
#define SOUND_COPIED_FROM .02
#define SOUND_COPIED_ABOVE 5
#define CLEAR_FOR (5 * G_TIME_SPAN_SECOND)
#define SOUND_COPIED_FOR (10 * G_TIME_SPAN_SECOND)

/* Probes whose packets are still to be reported. A packet is numbered a moment
 * after it was paced. */
#define PROBES 8
#define NUMBERED_WITHIN 2000

/* A receiver's clock that runs apart from ours by so much from one report to
 * the next has jumped. */
#define CLOCK_JUMP (10 * G_TIME_SPAN_SECOND)

struct _MeshRate {
  gatomicrefcount refs;
  MeshRateProbing probing;
  gpointer user_data;

  GMutex lock;                  /* guards what follows; a leaf */
  MeshBwe *bwe;                 /* NULL before the attempt is connected */
  MeshPace pace;
  guint64 target;
  guint64 share;
  struct {
    guint16 seqnum;
    guint size;
  } repeatable[REPEATABLE];
  guint n_repeatable;           /* ever */
  guint n_repeated;             /* ever */
  struct {
    guint id;
    gint64 first, last;
  } probes[PROBES];
  guint n_probes;               /* ever */
  MeshRepeats repeats;
  MeshSoundRate sound;
  MeshSoundRate copies;         /* of sound */
  gint64 sound_copied_until;
  gint64 full_at;               /* the path was not clear; 0: never */
  gboolean is_short;            /* of the uplink */
  GArray *packets;              /* of a report; kept for its memory */
  gint64 clock_offset;          /* of the receiver's clock; 0: not known */
};

/**
 * mesh_rate_new:
 * @probing: what to call when a probe is due
 * @user_data: for @probing
 *
 * Returns: (transfer full): a rate that counts nothing and holds nothing up
 *   before mesh_rate_begin()
 */
MeshRate *
mesh_rate_new (MeshRateProbing probing, gpointer user_data)
{
  MeshRate *self = g_new0 (MeshRate, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->lock);
  self->probing = probing;
  self->user_data = user_data;
  self->target = MESH_RATE_START;
  self->share = G_MAXUINT64;
  self->packets = g_array_new (FALSE, FALSE, sizeof (MeshBwePacket));
  return self;
}

/**
 * mesh_rate_begin:
 * @reports: whether the peer sends transport-wide feedback; else
 *   mesh_rate_take_loss() is called with what receiver reports say
 *
 * Begins, since the attempt is connected. To be called once.
 */
void
mesh_rate_begin (MeshRate *rate, gboolean reports)
{
  MeshBweConfig config = { .start = MESH_RATE_START, .floor = FLOOR,
    .ceiling = CEILING, .feedback = reports };
  gint64 now = g_get_monotonic_time ();

  g_mutex_lock (&rate->lock);
  mesh_pace_init (&rate->pace, MESH_RATE_START, now);
  mesh_repeats_init (&rate->repeats, now);
  rate->bwe = mesh_bwe_new (&config, now);
  g_mutex_unlock (&rate->lock);
}

/**
 * mesh_rate_ref:
 * Returns: (transfer full): @rate
 */
MeshRate *
mesh_rate_ref (MeshRate *rate)
{
  g_atomic_ref_count_inc (&rate->refs);
  return rate;
}

/**
 * mesh_rate_unref:
 * @rate: (transfer full): a rate
 */
void
mesh_rate_unref (MeshRate *rate)
{
  if (!g_atomic_ref_count_dec (&rate->refs))
    return;
  mesh_bwe_free (rate->bwe);
  g_array_unref (rate->packets);
  g_mutex_clear (&rate->lock);
  g_free (rate);
}

static void
set_pace_locked (MeshRate *self, gint64 now)
{
  mesh_pace_set_target (&self->pace, MAX (MIN (self->target, self->share),
          FLOOR), now);
}

static void
trace_locked (MeshRate *self)
{
  MeshBweFigures figures;

  mesh_bwe_get_figures (self->bwe, &figures);
  GST_LOG ("%p: target %" G_GUINT64_FORMAT ", acked %" G_GUINT64_FORMAT
      ", loss %.3f, rtt %" G_GINT64_FORMAT " us, queue %" G_GINT64_FORMAT
      " us, state %d%s", self, figures.target, figures.acked, figures.loss,
      figures.rtt, figures.queue_delay, figures.state,
      figures.limited_by_source ? ", limited by the source" : "");
}

/* Carries out what the estimator has decided, gives the lock back, and tells of
 * a probe. */
static void
act_and_unlock (MeshRate *self, gint64 now)
{
  gboolean probing = FALSE;
  MeshBweAction action;

  while (self->bwe && mesh_bwe_pop (self->bwe, &action)) {
    if (action.type == MESH_BWE_TARGET) {
      self->target = action.bits;
      set_pace_locked (self, now);
    } else if (action.type == MESH_BWE_PROBE) {
      mesh_pace_probe (&self->pace, action.probe, action.bits,
          action.duration);
      GST_LOG ("%p: probe %u at %" G_GUINT64_FORMAT, self, action.probe,
          action.bits);
      probing = TRUE;
    }
  }
  g_mutex_unlock (&self->lock);
  if (probing)
    self->probing (self->user_data);
}

/* --- what is sent --- */

static void
count_locked (MeshRate *self, guint size, gint64 now)
{
  guint probe, i = self->n_probes % PROBES;

  if (!self->bwe)
    return;
  probe = mesh_pace_sent (&self->pace, size, now);
  mesh_bwe_sent (self->bwe, size, now);
  if (probe == 0)
    return;
  if (self->n_probes > 0 && self->probes[(i + PROBES - 1) % PROBES].id == probe)
    i = (i + PROBES - 1) % PROBES;
  else
    self->n_probes++;
  if (self->probes[i].id != probe)
    self->probes[i].first = now;
  self->probes[i].id = probe;
  self->probes[i].last = now;
}

/**
 * mesh_rate_when:
 * @queued: how many bytes of pictures wait to be sent
 *
 * Returns: when the next packet of a picture may go; a time that has passed, if
 *   it may go now
 */
gint64
mesh_rate_when (MeshRate *rate, guint queued)
{
  gint64 when = 0;

  g_mutex_lock (&rate->lock);
  if (rate->bwe)
    when = mesh_pace_when (&rate->pace, queued, g_get_monotonic_time ());
  g_mutex_unlock (&rate->lock);
  return when;
}

static void
count_sound (MeshRate *self, MeshSoundRate *of, guint size)
{
  gint64 now = g_get_monotonic_time ();

  g_mutex_lock (&self->lock);
  count_locked (self, size + MESH_RATE_OVERHEAD, now);
  mesh_sound_rate_add (of, size + MESH_RATE_OVERHEAD, now);
  g_mutex_unlock (&self->lock);
}

/**
 * mesh_rate_sent_sound:
 * @size: an RTP packet's length
 */
void
mesh_rate_sent_sound (MeshRate *rate, guint size)
{
  count_sound (rate, &rate->sound, size);
}

/**
 * mesh_rate_sent_copy:
 * @size: the length of an RTP packet of sound that is sent the second time
 */
void
mesh_rate_sent_copy (MeshRate *rate, guint size)
{
  count_sound (rate, &rate->copies, size);
}

/**
 * mesh_rate_copies_sound:
 * Returns: whether each packet of sound is to be sent a second time
 */
gboolean
mesh_rate_copies_sound (MeshRate *rate)
{
  gint64 now = g_get_monotonic_time ();
  MeshBweFigures path = { 0 };
  gboolean copies;

  g_mutex_lock (&rate->lock);
  if (rate->bwe)
    mesh_bwe_get_figures (rate->bwe, &path);
  if (path.state != MESH_BWE_CLEAR) {
    rate->full_at = now;
    rate->sound_copied_until = 0;
  } else if (path.loss >= SOUND_COPIED_FROM
      && (rate->full_at == 0 || now - rate->full_at > CLEAR_FOR)) {
    rate->sound_copied_until = now + SOUND_COPIED_FOR;
  }
  copies = now < rate->sound_copied_until && !rate->is_short && rate->target
      >= SOUND_COPIED_ABOVE * mesh_sound_rate_get (&rate->sound, now);
  g_mutex_unlock (&rate->lock);
  return copies;
}

/**
 * mesh_rate_sent_picture:
 * @seqnum: an RTP packet's sequence number
 * @size: its length
 */
void
mesh_rate_sent_picture (MeshRate *rate, guint16 seqnum, guint size)
{
  guint i;

  g_mutex_lock (&rate->lock);
  count_locked (rate, size + MESH_RATE_OVERHEAD, g_get_monotonic_time ());
  i = rate->n_repeatable++ % REPEATABLE;
  rate->repeatable[i].seqnum = seqnum;
  rate->repeatable[i].size = size;
  g_mutex_unlock (&rate->lock);
}

/* Returns: whether the second repetition of a packet is due */
static gboolean
take_copy_locked (MeshRate *self, gint64 now, guint16 *seqnum, gint64 *next)
{
  if (!mesh_repeats_take_copy (&self->repeats, seqnum, now, next))
    return FALSE;
  count_locked (self, MESH_REPEATED_SIZE, now);
  return TRUE;
}

static gboolean
take_padding_locked (MeshRate *self, gint64 now, guint16 *seqnum, gint64 *next)
{
  guint n = MIN (self->n_repeatable, REPEATABLE), i;

  if (n == 0) {
    *next = now + 50 * G_TIME_SPAN_MILLISECOND;
    return FALSE;
  }
  if (!mesh_pace_padding (&self->pace, now, next))
    return FALSE;
  i = self->n_repeated++ % n;
  *seqnum = self->repeatable[i].seqnum;
  count_locked (self, self->repeatable[i].size + MESH_RATE_OVERHEAD, now);
  return TRUE;
}

/**
 * mesh_rate_take_padding:
 * @seqnum: (out): the sequence number of a packet that is to be repeated now
 * @next: (out): if there is none, when to ask again; %G_MAXINT64 = when told
 *   that another is due
 *
 * A probe needs more than there is to send just then. What fills it up is
 * packets of the last pictures once more, which mend losses, too. What the peer
 * has asked for may be due a second time.
 *
 * Returns: whether a packet is to be repeated, after which the function is to
 *   be called again at once
 */
gboolean
mesh_rate_take_padding (MeshRate *rate, guint16 *seqnum, gint64 *next)
{
  gint64 now = g_get_monotonic_time ();
  gboolean due;

  g_mutex_lock (&rate->lock);
  due = take_padding_locked (rate, now, seqnum, next)
      || take_copy_locked (rate, now, seqnum, next);
  g_mutex_unlock (&rate->lock);
  return due;
}

/**
 * mesh_rate_may_repeat:
 * @seqnum: the sequence number of a packet that the peer asks for once more
 *
 * Returns: whether the packet may be sent once more now
 */
gboolean
mesh_rate_may_repeat (MeshRate *rate, guint16 seqnum)
{
  gint64 now = g_get_monotonic_time ();
  gboolean may = TRUE, copied = FALSE;
  MeshBweFigures path;

  g_mutex_lock (&rate->lock);
  if (rate->bwe) {
    guint64 bits = MIN (rate->target, rate->share);

    mesh_bwe_get_figures (rate->bwe, &path);
    may = mesh_repeats_may (&rate->repeats, seqnum, bits, &path, now);
    if (may)
      count_locked (rate, MESH_REPEATED_SIZE, now);
    copied = may
        && mesh_repeats_plan_copy (&rate->repeats, seqnum, bits, &path, now);
  }
  g_mutex_unlock (&rate->lock);
  if (copied)
    rate->probing (rate->user_data);
  return may;
}

/* --- what the peer reports --- */

static guint
find_probe_locked (MeshRate *self, gint64 sent_at)
{
  for (guint i = 0; i < MIN (self->n_probes, PROBES); i++) {
    if (sent_at >= self->probes[i].first
        && sent_at <= self->probes[i].last + NUMBERED_WITHIN)
      return self->probes[i].id;
  }
  return 0;
}

/* Begins anew when the receiver's clock has jumped: its times are of 24 bits,
 * which start again, and rtpsession does not join them. */
static void
follow_clock_locked (MeshRate *self, const MeshBwePacket *packet, gint64 now)
{
  gint64 offset;

  if (packet->arrived_at == MESH_BWE_LOST)
    return;
  offset = packet->arrived_at - packet->sent_at;
  if (self->clock_offset != 0
      && ABS (offset - self->clock_offset) > CLOCK_JUMP)
    mesh_bwe_reset_path (self->bwe, now);
  self->clock_offset = offset != 0 ? offset : 1;
}

/**
 * mesh_rate_take_reports:
 * @packets: the event `RTPTWCCPackets` of rtpsession
 *
 * Takes in a transport-wide report.
 */
void
mesh_rate_take_reports (MeshRate *rate, const GstStructure *packets)
{
  gint64 now = g_get_monotonic_time ();

  g_mutex_lock (&rate->lock);
  if (!rate->bwe) {
    g_mutex_unlock (&rate->lock);
    return;
  }
  mesh_twcc_read_packets (packets, MESH_RATE_OVERHEAD, now, rate->packets);
  for (guint i = 0; i < rate->packets->len; i++) {
    MeshBwePacket *packet = &g_array_index (rate->packets, MeshBwePacket, i);

    packet->probe = find_probe_locked (rate, packet->sent_at);
    follow_clock_locked (rate, packet, now);
  }
  if (rate->packets->len > 0)
    mesh_bwe_feed (rate->bwe, (MeshBwePacket *) rate->packets->data,
        rate->packets->len, 0, now);
  trace_locked (rate);
  act_and_unlock (rate, now);
}

/**
 * mesh_rate_take_loss:
 * @loss: the share that was lost, 0 to 1, by a receiver report
 * @rtt: the round-trip time in microseconds, 0 = not known
 */
void
mesh_rate_take_loss (MeshRate *rate, double loss, gint64 rtt)
{
  gint64 now = g_get_monotonic_time ();

  g_mutex_lock (&rate->lock);
  if (rate->bwe)
    mesh_bwe_report (rate->bwe, loss, rtt, now);
  act_and_unlock (rate, now);
}

/* --- the call's thread --- */

/**
 * mesh_rate_tick:
 *
 * To be called some times a second.
 */
void
mesh_rate_tick (MeshRate *rate)
{
  gint64 now = g_get_monotonic_time ();

  g_mutex_lock (&rate->lock);
  if (rate->bwe)
    mesh_bwe_tick (rate->bwe, now);
  act_and_unlock (rate, now);
}

/**
 * mesh_rate_want:
 * @bits: what would be sent if the path took it
 *
 * The path is probed at once for what is wanted first, so that waits until there
 * are packets of pictures, with which to probe.
 */
void
mesh_rate_want (MeshRate *rate, guint64 bits)
{
  gint64 now = g_get_monotonic_time ();

  g_mutex_lock (&rate->lock);
  if (rate->bwe && rate->n_repeatable > 0)
    mesh_bwe_want (rate->bwe, bits, now);
  act_and_unlock (rate, now);
}

/**
 * mesh_rate_set_share:
 * @share: what the peer gets of the uplink
 * @is_short: whether the path would take more, and more is wanted
 */
void
mesh_rate_set_share (MeshRate *rate, guint64 share, gboolean is_short)
{
  g_mutex_lock (&rate->lock);
  rate->is_short = is_short;
  if (share != rate->share && rate->bwe) {
    rate->share = share;
    set_pace_locked (rate, g_get_monotonic_time ());
  }
  g_mutex_unlock (&rate->lock);
}

/**
 * mesh_rate_get_figures:
 * @figures: (out): what is known of the path
 */
void
mesh_rate_get_figures (MeshRate *rate, MeshBweFigures *figures)
{
  g_mutex_lock (&rate->lock);
  if (rate->bwe)
    mesh_bwe_get_figures (rate->bwe, figures);
  else
    *figures = (MeshBweFigures) { 0 };
  g_mutex_unlock (&rate->lock);
}

/**
 * mesh_rate_get_sound:
 * @copies: (out): what its copies take besides, of which reports do not tell
 *
 * Returns: what sound takes, or is taken for before it was sent
 */
guint64
mesh_rate_get_sound (MeshRate *rate, guint64 *copies)
{
  gint64 now = g_get_monotonic_time ();
  guint64 bits;

  g_mutex_lock (&rate->lock);
  bits = mesh_sound_rate_get (&rate->sound, now);
  *copies = rate->copies.first > 0 && now < rate->sound_copied_until
      ? mesh_sound_rate_get (&rate->copies, now) : 0;
  g_mutex_unlock (&rate->lock);
  return bits;
}

/**
 * mesh_rate_get_estimate:
 * Returns: what the path takes, as far as it is known; 0 = nothing is known yet
 */
guint64
mesh_rate_get_estimate (MeshRate *rate)
{
  MeshBweFigures figures;

  mesh_rate_get_figures (rate, &figures);
  return figures.acked > 0 || figures.rtt > 0 ? figures.target : 0;
}
