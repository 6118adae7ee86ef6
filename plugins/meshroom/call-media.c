/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is sent to whom: the paths' estimators (rate.h) say how much each takes,
 * the budget (core/allot.h) what each gets of the uplink, and the ladder
 * (core/ladder.h) which rung of our picture that is. All are asked ten times a
 * second while somebody is connected. */

#include "meshroom/call-private.h"

#include "core/sound-rate.h"
#include "host/timer.h"

/* How often the uplink is divided anew. A full path is noticed after some
 * 200 ms. */
#define INTERVAL_MS 100
/* A share that lacks less than this, bit/s, lacks nothing. */
#define SPARE 1000
/* How often a peer without transport-wide feedback is asked about: its receiver
 * reports come once a second. */
#define REPORT_INTERVAL G_TIME_SPAN_SECOND
/* The full size is encoded from the first attempt on, so that it is there for
 * whoever can take it, and ends after so long if nobody can. */
#define AT_FIRST (5 * G_TIME_SPAN_SECOND)

/* Our picture in one codec. */
typedef struct {
  const MeshCodec *codec;
  gint64 began_at;
  MeshLadder ladder;
  GPtrArray *peers;             /* MeshLadderPeer, borrowed for one division */
} Ladder;

static void
ladder_free (gpointer data)
{
  Ladder *self = data;

  g_ptr_array_unref (self->peers);
  g_free (self);
}

static Ladder *
get_ladder (MeshCall *self, const MeshCodec *codec, gint64 now)
{
  Ladder *ladder;

  for (guint i = 0; i < self->ladders->len; i++) {
    ladder = g_ptr_array_index (self->ladders, i);
    if (ladder->codec == codec)
      return ladder;
  }
  ladder = g_new0 (Ladder, 1);
  ladder->codec = codec;
  ladder->began_at = now;
  ladder->peers = g_ptr_array_new ();
  g_ptr_array_add (self->ladders, ladder);
  return ladder;
}

/* Reads what the source offers in the ladder's codec. */
static void
look_at_rungs (MeshCall *self, Ladder *ladder)
{
  MeshSource *source = self->config.sources[MESH_VIDEO];
  MeshRung rungs[MESH_RUNGS];

  g_ptr_array_set_size (ladder->peers, 0);
  ladder->ladder.n_rungs = source
      ? mesh_source_get_rungs (source, ladder->codec, rungs) : 0;
  for (guint i = 0; i < ladder->ladder.n_rungs; i++) {
    MeshLadderRung *rung = &ladder->ladder.rungs[i];

    rung->width = rungs[i].width;
    rung->height = rungs[i].height;
    rung->framerate = rungs[i].framerate;
    rung->nominal = rungs[i].fixed && rungs[i].measured > 0
        ? rungs[i].measured : rungs[i].nominal;
    rung->layers = rungs[i].layers;
    rung->fixed = rungs[i].fixed;
    rung->running = rungs[i].runs;
    rung->failed = rungs[i].failed;
  }
}

/* Has the source encode the rungs that are needed, at their rates. */
static void
run_rungs (MeshCall *self, Ladder *ladder, gint64 now)
{
  MeshSource *source = self->config.sources[MESH_VIDEO];

  for (guint i = 0; i < ladder->ladder.n_rungs; i++) {
    const MeshLadderRung *rung = &ladder->ladder.rungs[i];

    if (rung->needed || i > 0 || now - ladder->began_at > AT_FIRST)
      mesh_source_run_rung (source, ladder->codec, i, rung->needed);
    if (rung->needed && rung->rate > 0)
      mesh_source_set_rate (source, ladder->codec, i, rung->rate);
  }
}

/* Returns: (nullable): the connection by which the member is sent to */
static MeshPeer *
get_connected (Member *member)
{
  if (member->peer && mesh_peer_is_connected (member->peer))
    return member->peer;
  return member->old && mesh_peer_is_connected (member->old)
      ? member->old : NULL;
}

/* Tells the estimator of a peer that does not report packets what the last
 * seconds were like. */
static void
take_receiver_reports (Member *member, MeshPeer *peer, gint64 now)
{
  MeshFigures figures;

  if (now - member->reported_at < REPORT_INTERVAL)
    return;
  member->reported_at = now;
  mesh_peer_get_figures (peer, now, &figures);
  mesh_rate_take_loss (mesh_peer_get_rate (peer), figures.sent.loss,
      figures.rtt / 1000);
}

/* Keeps free what sound takes. Reports do not tell of its copies, so what is
 * proven lacks them. */
static void
look_at_sound (MeshCall *self, MeshRate *rate, MeshLadderPeer *peer,
    guint64 proven)
{
  guint64 copies = 0;

  peer->sound = !self->config.sources[MESH_AUDIO] ? 0
      : rate ? mesh_rate_get_sound (rate, &copies) : MESH_SOUND_RATE_UNKNOWN;
  peer->sound += copies;
  peer->proven = proven > 0 ? proven + copies : 0;
}

/* Asks the member's path what it takes, and the ladder what it is to be asked
 * for. */
static void
look_at_member (MeshCall *self, Member *member, MeshPeer *peer, gint64 now)
{
  const MeshCodec *codec = mesh_peer_get_video_codec (peer);
  MeshRate *rate = mesh_peer_get_rate (peer);
  MeshLadderPeer *ladder_peer = &member->ladder;
  Ladder *ladder = codec ? get_ladder (self, codec, now) : NULL;
  MeshBweFigures figures = { .target = G_MAXUINT32 };

  if (rate) {
    mesh_rate_tick (rate);
    ladder_peer->no_feedback = !mesh_peer_gets_reports (peer);
    if (ladder_peer->no_feedback)
      take_receiver_reports (member, peer, now);
    mesh_rate_get_figures (rate, &figures);
  }
  ladder_peer->connected = ladder != NULL;
  ladder_peer->state = figures.state;
  look_at_sound (self, rate, ladder_peer, figures.proven);
  ladder_peer->want_known = member->want_known;
  ladder_peer->want_width = member->want_width;
  ladder_peer->want_height = member->want_height;
  ladder_peer->want_fps = member->want_fps;
  member->share.target = figures.target;
  member->share.acked = figures.acked;
  member->share.state = figures.state;
  member->share.sound = ladder_peer->sound;
  member->share.picture = 0;
  if (!ladder)
    return;
  mesh_ladder_ask (&ladder->ladder, ladder_peer);
  member->share.picture = ladder_peer->picture;
  member->share.size = ladder_peer->size;
  g_ptr_array_add (ladder->peers, ladder_peer);
  if (rate)
    mesh_rate_want (rate, self->allot.uplink > 0
        ? MIN (ladder_peer->demand, self->allot.uplink) : ladder_peer->demand);
}

static void
divide_uplink (MeshCall *self, Member **members, guint n, gint64 now)
{
  g_autofree MeshAllotPeer *shares = g_new (MeshAllotPeer, n);

  for (guint i = 0; i < n; i++)
    shares[i] = members[i]->share;
  mesh_allot_divide (&self->allot, shares, n, now);
  for (guint i = 0; i < n; i++) {
    MeshPeer *peer = get_connected (members[i]);
    MeshRate *rate = mesh_peer_get_rate (peer);
    guint64 wants = shares[i].sound + shares[i].screen + shares[i].picture;
    gboolean is_short = shares[i].share + SPARE
        < MIN (wants, shares[i].target);

    members[i]->share = shares[i];
    members[i]->ladder.share = shares[i].share;
    members[i]->ladder.is_held = is_short && self->allot.uplink > 0;
    if (rate)
      mesh_rate_set_share (rate, shares[i].share, is_short);
  }
}

static void
divide (MeshCall *self, gint64 now)
{
  g_autofree Member **members =
      g_new (Member *, g_hash_table_size (self->members));
  GHashTableIter iter;
  gpointer value;
  guint n = 0;

  for (guint i = 0; i < self->ladders->len; i++)
    look_at_rungs (self, g_ptr_array_index (self->ladders, i));
  g_hash_table_iter_init (&iter, self->members);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    MeshPeer *peer = get_connected (value);

    if (!peer)
      continue;
    look_at_member (self, value, peer, now);
    members[n++] = value;
  }
  divide_uplink (self, members, n, now);
  for (guint i = 0; i < self->ladders->len; i++) {
    Ladder *ladder = g_ptr_array_index (self->ladders, i);

    mesh_ladder_decide (&ladder->ladder, (MeshLadderPeer **)
        ladder->peers->pdata, ladder->peers->len, now);
    run_rungs (self, ladder, now);
  }
  for (guint i = 0; i < n; i++)
    mesh_peer_set_step (get_connected (members[i]), members[i]->ladder.rung,
        members[i]->ladder.layers);
  g_source_set_ready_time (self->divider,
      n > 0 ? now + INTERVAL_MS * 1000 : -1);
}

static gboolean
on_divider (gpointer user_data)
{
  divide (user_data, g_get_monotonic_time ());
  return G_SOURCE_CONTINUE;
}

/**
 * mesh_call_start_media:
 *
 * Makes the source that divides the uplink among the peers.
 */
void
mesh_call_start_media (MeshCall *self)
{
  self->ladders = g_ptr_array_new_with_free_func (ladder_free);
  self->allot.uplink = self->config.uplink;
  self->divider = mesh_timer_new_unset (self->context, on_divider, self);
}

/**
 * mesh_call_stop_media:
 *
 * Ends what mesh_call_start_media() has begun.
 */
void
mesh_call_stop_media (MeshCall *self)
{
  mesh_timer_clear (&self->divider);
  g_clear_pointer (&self->ladders, g_ptr_array_unref);
}

/**
 * mesh_call_media_changed:
 *
 * Has the uplink divided anew, since a peer is connected, or wants something
 * else, or our picture has changed.
 */
void
mesh_call_media_changed (MeshCall *self)
{
  if (self->divider)
    divide (self, g_get_monotonic_time ());
}
