/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The clockwork of the simulated calls, and the faults. */

#include "network-private.h"

#define LEASE MS (10000)

static gint
compare_events (gconstpointer a, gconstpointer b, gpointer unused)
{
  const Event *x = a, *y = b;

  if (x->at != y->at)
    return x->at < y->at ? -1 : 1;
  return x->order < y->order ? -1 : 1;
}

void
sim_event_free (Event *event)
{
  g_free (event->text);
  g_free (event);
}

Event *
sim_add_event (Sim *sim, int what, guint node, gint64 at)
{
  Event *event = g_new0 (Event, 1);

  event->what = what;
  event->node = node;
  event->life = sim->nodes[node].life;
  event->at = at;
  event->order = sim->order++;
  g_sequence_insert_sorted (sim->events, event, compare_events, NULL);
  return event;
}

gint64
sim_some_delay (Sim *sim)
{
  return g_rand_int_range (sim->rand, 100, sim->max_delay);
}

gint64
sim_channel_time (Sim *sim, guint from, guint to)
{
  gint64 *last = &sim->channels[from][to];
  gint64 at = sim->now + sim_some_delay (sim);

  *last = MAX (*last + 1, at);
  return *last;
}

/* What is under way lies with the two ends again, in order: the mailbox
 * was not acknowledged, and neither were the sends. */
static void
take_back (Sim *sim, guint index)
{
  GSequenceIter *iter = g_sequence_get_begin_iter (sim->events);

  while (!g_sequence_iter_is_end (iter)) {
    GSequenceIter *next = g_sequence_iter_next (iter);
    Event *event = g_sequence_get (iter);

    if (event->node == index && event->text
        && (event->what == TO_NODE || event->what == TO_SERVER)) {
      g_ptr_array_add (event->what == TO_NODE ? sim->nodes[index].held
                                              : sim->nodes[index].unsent,
          g_steal_pointer (&event->text));
      sim_event_free (event);
      g_sequence_remove (iter);
    }
    iter = next;
  }
}

/* The connection breaks; the server notices when the lease is over. */
static void
disconnect_node (Sim *sim, guint index)
{
  Node *node = &sim->nodes[index];
  Event *event;

  node->online = FALSE;
  node->connection++;
  event = sim_add_event (sim, LEASE_END, index, sim->now + LEASE);
  event->life = 0;
  event->number = node->connection;
}

/* What it sent last may still get there, or not. */
static void
let_go_of_last_words (Sim *sim, guint index)
{
  gint64 end = sim->now + g_rand_int_range (sim->rand, 0, sim->max_delay);
  GSequenceIter *iter = g_sequence_get_begin_iter (sim->events);

  for (; !g_sequence_iter_is_end (iter); iter = g_sequence_iter_next (iter)) {
    Event *event = g_sequence_get (iter);

    if (event->what == TO_SERVER && event->node == index && event->at < end)
      event->life = 0;
  }
}

void
sim_kill (Sim *sim, guint index)
{
  if (!sim->nodes[index].room)
    return;
  let_go_of_last_words (sim, index);
  sim_clear_node (&sim->nodes[index]);
  if (!sim->no_server)
    disconnect_node (sim, index);
}

/* A new life under the old id. */
void
sim_restart (Sim *sim, guint index)
{
  if (!sim->nodes[index].room)
    return;
  sim_kill (sim, index);
  g_ptr_array_set_size (sim->nodes[index].held, 0);
  sim_start (sim, index);
}

void
sim_leave (Sim *sim, guint index)
{
  Node *node = &sim->nodes[index];

  if (!node->room)
    return;
  mesh_room_leave (node->room, sim->now);
  sim_run_actions (sim, index);
  g_assert_cmpint (mesh_room_deadline (node->room), ==, G_MAXINT64);
  for (guint i = 0; i < sim->n; i++) {
    g_assert_false (node->shown[i]);
    g_assert_null (node->links[i].sid);
    g_assert_null (node->old[i].sid);
  }
  if (node->online)
    sim_add_event (sim, TO_SERVER, index,
        sim_channel_time (sim, index, SERVER));
  g_clear_pointer (&node->room, mesh_room_free);
}

static void
lose_connection (Sim *sim, guint index, gint64 duration)
{
  Node *node = &sim->nodes[index];
  MeshMessage offline = { .type = MESH_MESSAGE_OFFLINE };

  if (!node->room || !node->online)
    return;
  take_back (sim, index);
  disconnect_node (sim, index);
  mesh_room_feed (node->room, &offline, sim->now);
  sim_run_actions (sim, index);
  sim_add_event (sim, RETURN, index, sim->now + duration);
}

/* For less than the lease, or more. */
void
sim_lose_connection (Sim *sim, guint index)
{
  lose_connection (sim, index,
      g_rand_int_range (sim->rand, 1000, 2 * LEASE));
}

/* The server starts anew, and knows nothing. */
void
sim_restart_server (Sim *sim, guint unused)
{
  g_array_set_size (sim->members, 0);
  for (guint i = 0; i < sim->n; i++) {
    lose_connection (sim, i, g_rand_int_range (sim->rand, 1000, MS (2000)));
    g_ptr_array_set_size (sim->nodes[i].held, 0);
  }
}

static void
return_node (Sim *sim, guint index)
{
  Node *node = &sim->nodes[index];
  g_autoptr (GPtrArray) unsent = g_steal_pointer (&node->unsent);

  node->unsent = g_ptr_array_new_with_free_func (g_free);
  sim_connect (sim, index, TRUE);
  for (guint i = 0; i < unsent->len; i++)
    sim_add_event (sim, TO_SERVER, index,
        sim_channel_time (sim, index, SERVER))
        ->text
        = g_strdup (g_ptr_array_index (unsent, i));
}

static void
on_to_server (Sim *sim, Event *event)
{
  Node *node = &sim->nodes[event->node];

  if (event->text) {
    sim_server_takes (sim, event->node, event->text);
    return;
  }
  sim_server_drops (sim, event->node, "bye");
  node->online = FALSE;
  sim_clear_node (node);
}

static void
run_event (Sim *sim, Event *event)
{
  Node *node = &sim->nodes[event->node];

  if (event->life && event->life != node->life)
    return;
  if (event->what == CALL_FUNC) {
    event->func (sim, event->number);
    return;
  }
  if (event->what == LEASE_END) {
    if (event->number == node->connection)
      sim_server_drops (sim, event->node, "timeout");
    return;
  }
  if (event->what == TO_SERVER)
    on_to_server (sim, event);
  if (!node->room)
    return;
  if (event->what == TO_NODE)
    sim_on_to_node (sim, event);
  else if (event->what == SDP)
    sim_on_sdp (sim, event);
  else if (event->what == CONNECT)
    sim_on_connect (sim, event);
  else if (event->what == HEARD)
    sim_on_heard (sim, event);
  else if (event->what == RETURN)
    return_node (sim, event->node);
  sim_run_actions (sim, event->node);
}

/* The one whose deadline is next. */
static Node *
next_due (Sim *sim, gint64 *at)
{
  Node *due = NULL;

  *at = G_MAXINT64;
  for (guint i = 0; i < sim->n; i++) {
    Node *node = &sim->nodes[i];
    gint64 deadline
        = node->room ? mesh_room_deadline (node->room) : G_MAXINT64;

    if (deadline < *at) {
      *at = deadline;
      due = node;
    }
  }
  return due;
}

void
sim_run (Sim *sim, gint64 until)
{
  for (;;) {
    gint64 due_at;
    Node *due = next_due (sim, &due_at);
    GSequenceIter *first = g_sequence_get_begin_iter (sim->events);
    Event *event
        = g_sequence_iter_is_end (first) ? NULL : g_sequence_get (first);

    if (MIN (due_at, event ? event->at : G_MAXINT64) > until)
      break;
    if (due && (!event || due_at < event->at)) {
      sim->now = MAX (sim->now, due_at);
      mesh_room_tick (due->room, sim->now);
      /* no tick leaves what was due undone */
      g_assert_cmpint (mesh_room_deadline (due->room), >, sim->now);
      sim_run_actions (sim, due - sim->nodes);
      continue;
    }
    sim->now = event->at;
    g_sequence_remove (first);
    run_event (sim, event);
    sim_event_free (event);
  }
  sim->now = until;
}

void
sim_at (Sim *sim, gint64 at, SimFunc func, guint node)
{
  Event *event = sim_add_event (sim, CALL_FUNC, node, at);

  event->life = 0;
  event->func = func;
  event->number = node;
}

Sim *
sim_new (guint32 seed, guint n)
{
  Sim *sim = g_new0 (Sim, 1);

  sim->rand = g_rand_new_with_seed (seed);
  sim->events = g_sequence_new (NULL);
  sim->members = g_array_new (FALSE, FALSE, sizeof (guint));
  sim->offerers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  sim->max_delay = MS (30);
  sim->n = n;
  for (guint i = 0; i < n; i++) {
    Node *node = &sim->nodes[i];

    g_snprintf (node->id, sizeof node->id, "%08x-0000-4000-8000-%012x",
        g_rand_int (sim->rand), i);
    node->unsent = g_ptr_array_new_with_free_func (g_free);
    node->held = g_ptr_array_new_with_free_func (g_free);
    node->life = 1;
  }
  return sim;
}

void
sim_free (Sim *sim)
{
  while (g_sequence_get_length (sim->events) > 0) {
    GSequenceIter *first = g_sequence_get_begin_iter (sim->events);

    sim_event_free (g_sequence_get (first));
    g_sequence_remove (first);
  }
  g_sequence_free (sim->events);
  for (guint i = 0; i < sim->n; i++) {
    sim_clear_node (&sim->nodes[i]);
    g_ptr_array_unref (sim->nodes[i].unsent);
    g_ptr_array_unref (sim->nodes[i].held);
  }
  g_hash_table_unref (sim->offerers);
  g_array_unref (sim->members);
  g_rand_free (sim->rand);
  g_free (sim);
}

static gboolean
pair_is_whole (Sim *sim, guint i, guint j)
{
  Node *a = &sim->nodes[i], *b = &sim->nodes[j];
  Link *ab = &a->links[j], *ba = &b->links[i];

  /* without a server somebody lost is still called for a while */
  if (!a->room || !b->room)
    return !a->shown[j] && !b->shown[i]
           && (sim->no_server || (!ab->sid && !ba->sid));
  return ab->sid && g_strcmp0 (ab->sid, ba->sid) == 0 && ab->connected
         && ba->connected && !a->old[j].sid && !b->old[i].sid
         && ab->offerer != ba->offerer && a->shown[j]
         && b->shown[i];
}

gboolean
sim_is_whole (Sim *sim)
{
  for (guint i = 0; i < sim->n; i++) {
    for (guint j = 0; j < i; j++) {
      if (!pair_is_whole (sim, i, j))
        return FALSE;
    }
  }
  return TRUE;
}

/* leaks, before an abort */
static GString *
describe (Sim *sim, guint i, guint j)
{
  Node *node = &sim->nodes[i];
  Link *link = &node->links[j];
  GString *text = g_string_new (NULL);

  g_string_printf (text, "[%u %s sid %s%s%s%s%s%s]", i,
      node->room ? "lives" : "is gone", link->sid ? link->sid : "none",
      link->offerer ? ", offerer" : "", link->have_local ? ", local" : "",
      link->have_remote ? ", remote" : "",
      link->connected ? ", connected" : "", node->shown[j] ? ", shown" : "");
  return text;
}

void
sim_assert_whole (Sim *sim)
{
  for (guint i = 0; i < sim->n; i++) {
    for (guint j = 0; j < i; j++) {
      if (!pair_is_whole (sim, i, j))
        g_error ("%u and %u are not whole: %s %s", i, j,
            describe (sim, i, j)->str, describe (sim, j, i)->str);
    }
  }
}
