/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A sender as the product is one: the picture goes through the pacer, sound
 * passes it, and padding fills up probes. */

#include "sim.h"

#define FLOOR KBIT (30)
#define CEILING MBIT (20)

static void pump (Flow *self);
static void obey (Flow *self);
static void set_tick (Flow *self);

static Packet *
get_packet (Flow *self, guint number)
{
  return &g_array_index (self->packets, Packet, number);
}

/* What happened around a time. */
Tenth *
flow_tenth (Flow *self, gint64 at)
{
  guint i = at / TENTH;

  if (i >= self->tenths->len)
    g_array_set_size (self->tenths, i + 1);
  return &g_array_index (self->tenths, Tenth, i);
}

/* A packet is through the first link. */
static void
go_on (gpointer data, guint number)
{
  Flow *self = data;
  gint64 times[2];

  if (link_push (self->config.second, get_packet (self, number)->size,
          world_now (self->world), times) > 0)
    world_at (self->world, times[0] + self->config.extra, receiver_take, self,
        number);
}

static void
send_packet (Flow *self, guint number)
{
  gint64 now = world_now (self->world), times[2];
  Packet *packet = get_packet (self, number);
  Tenth *tenth = flow_tenth (self, now);

  packet->sent_at = now;
  packet->probe = mesh_pace_sent (&self->pace, packet->size, now);
  mesh_bwe_sent (self->bwe, packet->size, now);
  set_tick (self);
  packet->queued = link_get_queue (self->config.forward, now);
  tenth->sent += packet->size;
  if (packet->kind == PACKET_PADDING)
    tenth->probes += packet->size;
  else
    tenth->packets++;
  if (link_push (self->config.forward, packet->size, now, times) > 0)
    world_at (self->world, times[0]
        + (self->config.second ? 0 : self->config.extra),
        self->config.second ? go_on : receiver_take, self, number);
  else if (packet->kind != PACKET_PADDING)
    tenth->lost++;
}

/* Packets are numbered as they are sent, as transport-wide numbers are. */
static guint
add_packet (Flow *self, PacketKind kind, guint frame, guint size)
{
  Packet packet = { .kind = kind, .frame = frame, .size = size,
    .arrived_at = MESH_BWE_LOST };

  g_array_append_val (self->packets, packet);
  return self->packets->len - 1;
}

/* A packet that waits for the pacer has no number yet. */
typedef struct {
  guint frame;
  guint size;
} Waiting;

static void
wake (gpointer data, guint number)
{
  Flow *self = data;

  if (self->pump_at != world_now (self->world))
    return;
  self->pump_at = 0;
  pump (self);
}

static void
pump (Flow *self)
{
  gint64 now = world_now (self->world), next = G_MAXINT64, padding;
  Waiting *head;

  while ((head = g_queue_peek_head (&self->waiting))) {
    next = mesh_pace_when (&self->pace, self->waiting_bytes, now);
    if (next > now)
      break;
    g_queue_pop_head (&self->waiting);
    self->waiting_bytes -= head->size;
    send_packet (self, add_packet (self, PACKET_VIDEO, head->frame,
            head->size));
    g_free (head);
    next = G_MAXINT64;
  }
  while (mesh_pace_padding (&self->pace, now, &padding))
    send_packet (self, add_packet (self, PACKET_PADDING, 0, PACKET_BYTES));
  next = MIN (next, padding);
  if (next < G_MAXINT64 && (self->pump_at == 0 || next < self->pump_at)) {
    self->pump_at = next;
    world_at (self->world, next, wake, self, 0);
  }
}

static void
sound (gpointer data, guint number)
{
  Flow *self = data;
  gint64 now = world_now (self->world);

  if (self->config.until > 0 && now >= self->config.until)
    return;
  if (!self->paused)
    send_packet (self, add_packet (self, PACKET_SOUND, 0, SOUND_BYTES));
  world_at (self->world, now + SOUND_TIME, sound, self, 0);
}

/* Sends a frame of so many bytes, with headers. */
void
flow_add_frame (Flow *self, guint size)
{
  Frame frame = { .captured_at = world_now (self->world) };
  guint n = frame.missing = (size + PACKET_BYTES - 1) / PACKET_BYTES;

  g_array_append_val (self->frames, frame);
  for (guint i = 0; i < n; i++) {
    Waiting waiting = { self->frames->len - 1, size / n };

    g_queue_push_tail (&self->waiting, g_memdup2 (&waiting, sizeof waiting));
    self->waiting_bytes += waiting.size;
  }
  pump (self);
}

static void
picture (gpointer data, guint number)
{
  Flow *self = data;
  gint64 now = world_now (self->world);
  double rate = MIN (self->target, self->most);
  guint size;

  if (self->config.until > 0 && now >= self->config.until)
    return;
  if (self->cap > 0)
    rate = MIN (rate, self->cap);
  world_at (self->world, now + FRAME_TIME, picture, self, 0);
  if (self->paused)
    return;
  size = source_next (&self->source, rate - SOUND_RATE, now);
  if (size > 0)
    flow_add_frame (self, size);
}

static void
tick (gpointer data, guint number)
{
  Flow *self = data;

  if (self->tick_at != world_now (self->world))
    return;
  self->tick_at = 0;
  if (self->config.until > 0 && world_now (self->world) >= self->config.until)
    return;
  mesh_bwe_tick (self->bwe, world_now (self->world));
  obey (self);
}

/* Does what the estimator says. */
static void
obey (Flow *self)
{
  gint64 now = world_now (self->world);
  MeshBweAction action;
  Tenth *tenth = flow_tenth (self, now);

  if (self->config.changed)
    self->config.changed (self->config.owner);
  while (mesh_bwe_pop (self->bwe, &action)) {
    switch (action.type) {
      case MESH_BWE_TARGET:
        self->target = action.bits;
        if (!self->config.changed)
          mesh_pace_set_target (&self->pace, action.bits, now);
        break;
      case MESH_BWE_PROBE:
        mesh_pace_probe (&self->pace, action.probe, action.bits,
            action.duration);
        break;
      case MESH_BWE_STATE:
        self->state = action.state;
        break;
    }
  }
  tenth->target = self->target;
  tenth->state = self->state;
  pump (self);
  set_tick (self);
}

static void
set_tick (Flow *self)
{
  gint64 now = world_now (self->world), deadline;

  deadline = MAX (mesh_bwe_deadline (self->bwe), now + MS (1));
  if (deadline < G_MAXINT64
      && (self->tick_at == 0 || deadline < self->tick_at)) {
    self->tick_at = deadline;
    world_at (self->world, deadline, tick, self, 0);
  }
}

/* A report of packets has come back to the sender. */
void
flow_feed (Flow *self, guint from, guint to)
{
  g_autofree MeshBwePacket *packets = g_new (MeshBwePacket, to - from);

  for (guint i = from; i < to; i++) {
    const Packet *packet = get_packet (self, i);

    packets[i - from] = (MeshBwePacket) { packet->sent_at, packet->arrived_at,
      packet->size, packet->probe };
  }
  mesh_bwe_feed (self->bwe, packets, to - from, 0, world_now (self->world));
  obey (self);
}

/* A receiver report has come back to the sender. */
void
flow_report (Flow *self, double loss)
{
  const Packet *last = get_packet (self, self->highest - 1);

  /* The way back has no queue, and its length does not matter. */
  mesh_bwe_report (self->bwe, loss, last->arrived_at - last->sent_at,
      world_now (self->world));
  obey (self);
}

/* What the source would send if it could. */
void
flow_want (Flow *self, double bits)
{
  mesh_bwe_want (self->bwe, (guint64) bits, world_now (self->world));
  obey (self);
}

/* What the source gives from now on. */
void
flow_set_most (Flow *self, double bits)
{
  self->most = bits;
}

/* Stops or goes on sending anything. */
void
flow_pause (Flow *self, gboolean paused)
{
  self->paused = paused;
}

/* What the room leaves to this flow. */
void
flow_cap (Flow *self, double bits)
{
  self->cap = bits;
}

static void
start (gpointer data, guint number)
{
  Flow *self = data;
  gint64 now = world_now (self->world);
  MeshBweConfig config = {
    .start = (guint64) self->config.start,
    .floor = FLOOR,
    .ceiling = CEILING,
    .feedback = !self->config.no_feedback,
  };

  self->bwe = mesh_bwe_new (&config, now);
  mesh_pace_init (&self->pace, config.start, now);
  if (self->config.most > 0)
    mesh_bwe_want (self->bwe, (guint64) self->most, now);
  obey (self);
  receiver_start (self);
  sound (self, 0);
  if (!self->config.changed)
    picture (self, 0);
}

static void
flow_free (Flow *self)
{
  mesh_bwe_free (self->bwe);
  g_rand_free (self->source.rand);
  g_array_unref (self->packets);
  g_array_unref (self->frames);
  g_array_unref (self->tenths);
  g_array_unref (self->reports);
  g_queue_clear_full (&self->waiting, g_free);
  g_free (self);
}

/* A sender and its receiver, which belong to the world. */
Flow *
flow_new (World *world, const FlowConfig *config)
{
  Flow *self = g_new0 (Flow, 1);

  self->world = world;
  self->config = *config;
  self->most = config->most;
  self->source.rand = g_rand_new_with_seed (world_seed (world));
  self->packets = g_array_new (FALSE, TRUE, sizeof (Packet));
  self->frames = g_array_new (FALSE, TRUE, sizeof (Frame));
  self->tenths = g_array_new (FALSE, TRUE, sizeof (Tenth));
  self->reports = g_array_new (FALSE, FALSE, sizeof (Report));
  g_queue_init (&self->waiting);
  world_own (world, self, (GDestroyNotify) flow_free);
  world_at (world, config->from, start, self, 0);
  return self;
}
