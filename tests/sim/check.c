/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What must hold (docs/protocol.md, "What is proved, and how"). */

#include "sim.h"

#include <string.h>

#define GHOST (15 * SECOND)
/* So long after the last trouble a connection has no reason to end: longer
 * than any silence is borne. */
#define CALM (14 * SECOND)
/* How long an old connection lives beside the one that has replaced it, by
 * clocks that may be wrong. */
#define LINGERS MS (950)
#define STAYS MS (4200)
#define SILENCE MS (8400)       /* and beside an attempt, when it is silent */
#define MAX_MESSAGES 60000

void
sim_violation (World *world, const char *format, ...)
{
  va_list args;

  if (world->violation)
    return;
  va_start (args, format);
  world->violation = g_strdup_vprintf (format, args);
  va_end (args);
  sim_tell (world, "!! %s", world->violation);
}

/* S3, S5 and S8: one calls, the other offers, nobody else; and the dead
 * stay dead. */
void
sim_check_start (World *world, guint index, guint other,
    const MeshRoomAction *action, guint number)
{
  Node *node = &world->nodes[index];
  Sid *sid = &g_array_index (world->sids, Sid, number);
  int *role = action->offerer ? &sid->callee : &sid->caller;
  guint *life = action->offerer ? &sid->callee_life : &sid->caller_life;
  int *back = action->offerer ? &sid->caller : &sid->callee;

  /* an earlier life of the node may have had the same call */
  if (*role >= 0 && (*role != (int) index || *life == node->life))
    sim_violation (world, "S3: two %s in attempt %s",
        action->offerer ? "offer" : "call", sid->text);
  *role = index;
  *life = node->life;
  if (*back >= 0 && *back != (int) other)
    sim_violation (world, "S3: attempt %s of %i is taken by %u", sid->text,
        *back, index);
  if (action->offerer && node->gone_inc[other][0]
      && strncmp (sid->text, node->gone_inc[other], 16) <= 0)
    sim_violation (world, "S8: %u left, and %u takes its call", other, index);
  for (guint i = 0; i < 2; i++) {
    Link *link = &node->links[other][i];

    if (link->sid && !link->aside)
      sim_violation (world, "S1: %u begins a second attempt with %u", index,
          other);
  }
  if (!sim_link (node, other, 0))
    sim_violation (world, "S1: %u has too many connections with %u", index,
        other);
}

/* S10: what is set aside was connected, and is the only one of its kind. */
void
sim_check_retire (World *world, guint index, guint other, const Link *link)
{
  Node *node = &world->nodes[index];

  if (!link->connected || sim_other_link (node, other, link)->sid)
    sim_violation (world, "S10: %u sets aside what it cannot", index);
  node->early[other] = FALSE;
}

void
sim_check_back (World *world, guint index, guint other, const Link *link)
{
  if (sim_other_link (&world->nodes[index], other, link)->sid)
    sim_violation (world, "S10: %u goes back beside another attempt", index);
}

/* Where another one is connected, both ends have the time to notice, unless
 * that one is set aside itself. */
void
sim_check_drop (World *world, guint index, guint other,
    const MeshRoomAction *action, const Link *link)
{
  Node *node = &world->nodes[index];
  Link *place = sim_other_link (node, other, link);

  if (strcmp (action->reason, "replaced") != 0)
    return;
  if (!place->connected)
    sim_violation (world, "S10: nothing has taken the place of what %u drops",
        index);
  node->early[other] = world->now - place->connected_at < LINGERS;
}

static gboolean
is_calm (World *world, guint a, guint b)
{
  return !world->cut[a][b] && !world->cut[b][a] && !world->nodes[a].out
         && !world->nodes[b].out && !sim_is_stopped (world, &world->nodes[a])
         && !sim_is_stopped (world, &world->nodes[b])
         && (world->trouble[a][b] == 0
             || world->now - world->trouble[a][b] > CALM);
}

/* S9: what happens to the server, or to others, ends no connection. */
void
sim_check_stop (World *world, guint index, guint other, Link *link,
    const char *reason)
{
  Node *node = &world->nodes[index];
  Node *peer = &world->nodes[other];
  Link *back = sim_link (peer, index, link->sid);

  if (!link->connected || !back || !back->connected || !peer->room
      || link->other_life != peer->life || !is_calm (world, index, other)
      || strcmp (reason, "left") == 0)
    return;
  for (guint i = 0; i < 2; i++) {
    if (node->links[other][i].connected && &node->links[other][i] != link)
      return;                   /* another one has taken its place */
  }
  sim_violation (world, "S9: %u ends a good connection with %u: %s", index,
      other, reason);
}

/* S10: beside one that is connected, the old one is there for a while and no
 * longer; nor beside an attempt when it is silent. */
static void
check_old (World *world, guint index, guint other)
{
  Node *node = &world->nodes[index];

  if (node->early[other])
    sim_violation (world, "S10: %u drops what %u may still send by", index,
        other);
  for (guint i = 0; i < 2; i++) {
    Link *link = &node->links[other][i];
    Link *place = sim_other_link (node, other, link);

    if (!link->aside || !place->sid)
      continue;
    if (world->now - MAX (node->resume_at,
            MAX (place->began_at, link->heard_at)) > SILENCE)
      sim_violation (world, "S10: %u keeps what is silent", index);
    if (place->connected
        && world->now - MAX (place->connected_at, node->resume_at) > STAYS)
      sim_violation (world, "S10: %u keeps what another one has replaced",
          index);
  }
}

/* S4, S7 and S10. */
void
sim_check_step (World *world, guint index)
{
  Node *node = &world->nodes[index];

  for (guint i = 0; i < world->n; i++) {
    gboolean connected = node->links[i][0].connected
                         || node->links[i][1].connected;

    if (connected && !node->shown[i])
      sim_violation (world, "S4: %u is connected with %u and does not show it",
          index, i);
    check_old (world, index, i);
  }
  if (world->messages->len > MAX_MESSAGES)
    sim_violation (world, "S7: %u messages", world->messages->len);
}

/* L3, as it can be said at any time: whoever has been dead for so long is
 * shown by nobody who was awake. */
void
sim_check_ghosts (World *world)
{
  for (guint i = 0; i < world->n; i++) {
    Node *dead = &world->nodes[i];

    if (dead->room || dead->ended_at < 0
        || world->now < dead->ended_at + GHOST + SECOND)
      continue;
    for (guint j = 0; j < world->n; j++) {
      Node *node = &world->nodes[j];

      if (node->shown[i] && node->rate == 1 && !sim_is_stopped (world, node)
          && (world->trouble[j][j] == 0
              || world->now - world->trouble[j][j] > 2 * GHOST)
          && (world->server_trouble == 0
              || world->now - world->server_trouble > 3 * GHOST))
        sim_violation (world, "L3: %u still shows %u, dead for %i s", j, i,
            (int) ((world->now - dead->ended_at) / SECOND));
    }
  }
}

typedef struct {
  World *world;
  guint node;
  guint seen;
  char *why;
} Look;

static void
look (const MeshPeerInfo *info, gpointer user_data)
{
  Look *l = user_data;
  int other = sim_node_of (l->world, info->id);
  Node *peer = &l->world->nodes[other];

  if (l->why)
    return;
  l->seen++;
  if (!peer->room && l->world->schedule->mode == MODE_HUB)
    l->why = g_strdup_printf ("%u knows %i, who is dead", l->node, other);
  else if (peer->room && info->phase != MESH_PEER_CONNECTED)
    l->why = g_strdup_printf ("%u is not connected with %i", l->node, other);
  else if (peer->room && info->muted != peer->muted)
    l->why = g_strdup_printf ("S6: %u is wrong about the state of %i", l->node,
        other);
  else if (peer->room && l->world->nodes[l->node].wanted[other] != peer->wants)
    l->why = g_strdup_printf ("S6: %u is wrong about what %i wants", l->node,
        other);
}

static char *
why_not_pair (World *world, guint i, guint j)
{
  Node *a = &world->nodes[i], *b = &world->nodes[j];
  Link *ab = a->links[j], *ba = b->links[i];

  if (!ab->sid)
    ab++;
  if (!ba->sid)
    ba++;
  if (!a->room || !b->room)
    return a->shown[j] || b->shown[i]
        ? g_strdup_printf ("%u and %u: a ghost", i, j) : NULL;
  if (!ab->sid || ab->sid != ba->sid || !ab->connected || !ba->connected
      || ab->offerer == ba->offerer || !a->shown[j] || !b->shown[i])
    return g_strdup_printf ("%u and %u are apart", i, j);
  if ((a->links[j][0].sid && a->links[j][1].sid)
      || (b->links[i][0].sid && b->links[i][1].sid))
    return g_strdup_printf ("%u and %u are connected twice", i, j);
  return NULL;
}

/* NULL when every pair of those who are there is connected, once, both agree
 * which, and nobody shows anybody else. */
char *
sim_why_not_whole (World *world)
{
  guint n = 0;

  for (guint i = 0; i < world->n; i++) {
    n += world->nodes[i].room != NULL;
    for (guint j = 0; j < i; j++) {
      char *why = why_not_pair (world, i, j);

      if (why)
        return why;
    }
  }
  for (guint i = 0; i < world->n; i++) {
    Look l = { world, i };

    if (!world->nodes[i].room)
      continue;
    sim_room_foreach_peer (world->nodes[i].room, look, &l);
    if (!l.why && l.seen + 1 < n)
      l.why = g_strdup_printf ("%u does not know everybody", i);
    if (l.why)
      return l.why;
  }
  return NULL;
}
