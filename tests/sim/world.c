/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The clock: a heap of events, and the deadlines of the rooms and the hub. */

#include "sim.h"

#include <string.h>

#define MAX_STEPS 400000        /* nothing peaceful takes so many */
#define QUIET (110 * SECOND)    /* after the last fault, at most */

/* splitmix64, as gst/core/hub-room.c */
guint64
sim_random (World *world)
{
  guint64 z = world->random += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return z ^ (z >> 31);
}

gint64
sim_range (World *world, gint64 from, gint64 to)
{
  return from + sim_random (world) % (guint64) (to - from);
}

gint64
sim_delay (World *world)
{
  return sim_range (world, 100, world->schedule->max_delay);
}

static gboolean
is_before (const Event *a, const Event *b)
{
  return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void
heap_push (GArray *heap, const Event *event)
{
  Event *events;
  guint i = heap->len;

  g_array_append_vals (heap, event, 1);
  events = (Event *) heap->data;
  while (i > 0 && is_before (event, &events[(i - 1) / 2])) {
    events[i] = events[(i - 1) / 2];
    i = (i - 1) / 2;
  }
  events[i] = *event;
}

static void
heap_pop (GArray *heap, Event *event)
{
  Event *events = (Event *) heap->data;
  Event last = events[heap->len - 1];
  guint i = 0, n = heap->len - 1;

  *event = events[0];
  for (;;) {
    guint child = 2 * i + 1;

    if (child >= n)
      break;
    if (child + 1 < n && is_before (&events[child + 1], &events[child]))
      child++;
    if (!is_before (&events[child], &last))
      break;
    events[i] = events[child];
    i = child;
  }
  events[i] = last;
  g_array_set_size (heap, n);
}

void
sim_post (World *world, Event event)
{
  event.order = world->order++;
  heap_push (world->heap, &event);
}

/* A browser's clock is coarse, and the page's room is told whole ms. */
gint64
sim_node_now (World *world, const Node *node)
{
  gint64 now = node->base + (gint64) ((world->now - node->slept) * node->rate);

  return node->is_page ? now - now % MS (1) : now;
}

/* Whatever happened to the node's room: when is it due next? */
void
sim_touch (World *world, guint index)
{
  Node *node = &world->nodes[index];
  gint64 deadline;

  node->due = G_MAXINT64;
  if (!node->room)
    return;
  deadline = sim_room_deadline (node->room);
  if (deadline == G_MAXINT64)
    return;
  node->due = (gint64) ((deadline - node->base) / node->rate) + node->slept;
  while (node->base + (gint64) ((node->due - node->slept) * node->rate)
         < deadline)
    node->due++;
}

void
sim_tell (World *world, const char *format, ...)
{
  va_list args;

  if (!world->trace)
    return;
  g_string_append_printf (world->trace, "%11.6f  ",
      world->now / (double) SECOND);
  va_start (args, format);
  g_string_append_vprintf (world->trace, format, args);
  va_end (args);
  g_string_append_c (world->trace, '\n');
}

static void
on_check (World *world)
{
  g_autofree char *why = NULL;
  gint64 end = world->schedule->end + QUIET;

  sim_check_ghosts (world);
  if (world->now >= world->schedule->end) {
    sim_faults_end (world);
    why = sim_why_not_whole (world);
    world->whole_checks = why ? 0 : world->whole_checks + 1;
    world->over = world->now >= end
        || (!world->schedule->to_the_end && world->whole_checks >= 4);
    if (world->now >= end && why)
      sim_violation (world, "L1, L2: not whole when all is quiet: %s", why);
  }
  sim_post (world, (Event) { .kind = EVENT_CHECK, .at = world->now + SECOND });
}

/* A stopped process gets to what came in when it goes on, in order. */
static gboolean
must_wait (World *world, Event *event)
{
  gint64 resume_at = 0;

  switch (event->kind) {
    case EVENT_UP:
    case EVENT_GONE:
      resume_at = MAX (world->server_resume_at,
          sim_wire (world, event->number)->stalled_until);
      break;
    case EVENT_DOWN:
      resume_at = MAX (world->nodes[event->node].resume_at,
          sim_wire (world, event->number)->stalled_until);
      break;
    case EVENT_OPENED:
    case EVENT_RETRY:
    case EVENT_OFFLINE:
    case EVENT_MESSAGE:
    case EVENT_SDP:
    case EVENT_CONNECTED:
      resume_at = world->nodes[event->node].resume_at;
      break;
    default:
      break;
  }
  if (resume_at <= world->now)
    return FALSE;
  event->at = resume_at;
  heap_push (world->heap, event);
  return TRUE;
}

static void
run_event (World *world, const Event *event)
{
  switch (event->kind) {
    case EVENT_FAULT:
      sim_fault (world, &world->schedule->faults[event->number]);
      break;
    case EVENT_HEAL:
      sim_heal (world, &world->schedule->faults[event->number]);
      break;
    case EVENT_PULSE:
      if (!sim_is_stopped (world, &world->nodes[event->node]))
        sim_pulse (world, event->node);
      sim_post (world, (Event) { .kind = EVENT_PULSE, .node = event->node,
          .at = world->now + SECOND });
      break;
    case EVENT_KEEP:
      sim_keep (world, event);
      break;
    case EVENT_OPENED:
      sim_client_opened (world, event);
      break;
    case EVENT_RETRY:
      sim_client_retry (world, event);
      break;
    case EVENT_OFFLINE:
      if (event->number == world->nodes[event->node].life)
        sim_feed_offline (world, event->node);
      break;
    case EVENT_UP:
      sim_server_takes (world, event);
      break;
    case EVENT_DOWN:
      sim_client_takes (world, event);
      break;
    case EVENT_GONE:
      sim_server_loses (world, event->number);
      break;
    case EVENT_MESSAGE:
      sim_forward_takes (world, event);
      break;
    case EVENT_SDP:
      sim_on_sdp (world, event);
      break;
    case EVENT_CONNECTED:
      sim_on_connected (world, event);
      break;
    case EVENT_SERVER_UP:
      sim_server_start (world);
      break;
    case EVENT_CHECK:
      on_check (world);
      break;
  }
}

/* The room whose deadline is next, n for the hub, or -1. */
static int
next_due (World *world, gint64 *at)
{
  int due = -1;

  *at = G_MAXINT64;
  for (guint i = 0; i < world->n; i++) {
    Node *node = &world->nodes[i];
    gint64 when = MAX (node->due, node->resume_at);

    if (node->due != G_MAXINT64 && when < *at) {
      *at = when;
      due = i;
    }
  }
  if (world->hub) {
    gint64 deadline = mesh_hub_deadline (world->hub);
    gint64 when = MAX (deadline, world->server_resume_at);

    if (deadline != G_MAXINT64 && when < *at) {
      *at = when;
      due = world->n;
    }
  }
  return due;
}

static void
step (World *world)
{
  gint64 due_at;
  int due = next_due (world, &due_at);
  Event event;

  if (due >= 0 && due_at < g_array_index (world->heap, Event, 0).at) {
    world->now = MAX (world->now, due_at);
    if ((guint) due == world->n)
      sim_server_tick (world);
    else
      sim_member_tick (world, due);
    return;
  }
  heap_pop (world->heap, &event);
  world->now = MAX (world->now, event.at);
  if (!must_wait (world, &event))
    run_event (world, &event);
}

static void
world_init (World *world, const Schedule *schedule, GString *trace)
{
  world->schedule = schedule;
  world->trace = trace;
  world->random = schedule->seed;
  world->n = schedule->n;
  world->heap = g_array_sized_new (FALSE, FALSE, sizeof (Event), 256);
  world->messages = g_ptr_array_new_with_free_func (
      (GDestroyNotify) mesh_message_free);
  world->sids = g_array_new (FALSE, TRUE, sizeof (Sid));
  g_array_set_size (world->sids, 1);
  world->sid_index = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      NULL);
  world->wires = g_array_new (FALSE, TRUE, sizeof (Wire));
  g_array_set_size (world->wires, 1);
  for (guint i = 0; i < world->n; i++) {
    Node *node = &world->nodes[i];

    g_snprintf (node->id, sizeof node->id, "%08x-0000-4000-8000-%012x",
        (guint) sim_random (world), i);
    node->client.unsent = g_array_new (FALSE, FALSE, sizeof (Unsent));
    node->due = G_MAXINT64;
    node->ended_at = -1;
    node->is_page = schedule->pages >> i & 1;
    /* clocks begin anywhere, and some are one or two per cent wrong */
    node->base = sim_range (world, 0, G_GINT64_CONSTANT (1) << 40);
    node->rate = sim_random (world) % 4 ? 1
        : 1 + sim_range (world, -20, 21) / 1000.0;
    node->inc = sim_range (world, 0, 100000);
    sim_post (world, (Event) { .kind = EVENT_PULSE, .node = i,
        .at = sim_range (world, 0, SECOND) });
  }
  for (guint i = 0; i < schedule->n_faults; i++)
    sim_post (world, (Event) { .kind = EVENT_FAULT, .number = i,
        .at = schedule->faults[i].at });
  sim_post (world, (Event) { .kind = EVENT_CHECK, .at = SECOND });
}

static void
world_clear (World *world)
{
  for (guint i = 0; i < world->n; i++) {
    sim_room_free (world->nodes[i].room);
    g_array_unref (world->nodes[i].client.unsent);
  }
  mesh_hub_free (world->hub);
  g_array_unref (world->heap);
  g_ptr_array_unref (world->messages);
  g_array_unref (world->sids);
  g_hash_table_unref (world->sid_index);
  g_array_unref (world->wires);
}

/* Returns what was violated, or NULL; @trace: where to tell what happens. */
char *
sim_run (const Schedule *schedule, GString *trace)
{
  World world = { 0 };

  world_init (&world, schedule, trace);
  if (schedule->mode == MODE_HUB)
    sim_server_start (&world);
  while (!world.violation && !world.over) {
    step (&world);
    if (++world.steps > MAX_STEPS)
      sim_violation (&world, "S7: it does not come to rest");
  }
  world_clear (&world);
  return world.violation;
}
