/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A receiver: it counts what arrives, and reports. */

#include "sim.h"

/* As a receiver sets rtpsession's twcc-feedback-interval. */
#define FEEDBACK_INTERVAL MS (50)
#define REPORT_INTERVAL SECOND
#define REPORT_BYTES 60         /* and two a packet */

/* Packet @number has arrived. */
void
receiver_take (gpointer data, guint number)
{
  Flow *self = data;
  gint64 now = world_now (self->world);
  Packet *packet = &g_array_index (self->packets, Packet, number);
  Frame *frame;

  packet->arrived_at = now;
  self->highest = MAX (self->highest, number + 1);
  if (packet->kind != PACKET_PADDING)
    flow_tenth (self, now)->media += packet->size;
  if (packet->kind != PACKET_VIDEO)
    return;
  frame = &g_array_index (self->frames, Frame, packet->frame);
  if (--frame->missing == 0)
    frame->arrived_at = now;
}

static void
come_back (gpointer data, guint number)
{
  Flow *self = data;
  const Report *told = &g_array_index (self->reports, Report, number);

  if (self->config.until > 0 && world_now (self->world) >= self->config.until)
    return;
  if (self->config.no_feedback)
    flow_report (self, (double) told->lost / (told->to - told->from));
  else
    flow_feed (self, told->from, told->to);
}

static guint
count_lost (Flow *self, guint from, guint to)
{
  guint lost = 0;

  for (guint i = from; i < to; i++)
    lost += g_array_index (self->packets, Packet, i).arrived_at
        == MESH_BWE_LOST;
  return lost;
}

static void
report (gpointer data, guint number)
{
  Flow *self = data;
  gint64 now = world_now (self->world), times[2];
  gint64 interval = self->config.no_feedback ? REPORT_INTERVAL
      : FEEDBACK_INTERVAL;

  if (self->config.until > 0 && now > self->config.until + SECOND)
    return;
  world_at (self->world, now + interval, report, self, 0);
  if (self->highest > self->reported) {
    Report told = { self->reported, self->highest,
      count_lost (self, self->reported, self->highest) };
    guint size = self->config.no_feedback ? REPORT_BYTES
        : REPORT_BYTES + 2 * (told.to - told.from);

    self->reported = self->highest;
    if (link_push (self->config.back, size, now, times) > 0)
      world_at (self->world, times[0] + self->config.extra, come_back,
          self, self->reports->len);
    g_array_append_val (self->reports, told);
  }
}

/* Begins to report. */
void
receiver_start (Flow *self)
{
  report (self, 0);
}
