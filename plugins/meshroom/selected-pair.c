/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* webrtcbin 1.22 gives the wrong candidate type in its own statistics. But
 * libnice's agent tells the foundations of the selected pair (RFC 8445
 * §5.1.1.3: one foundation for each type, address and server), and the
 * candidates are known here. */

#include "meshroom/selected-pair.h"

#include <string.h>

/* The candidate types, from the most direct to the least: the less direct end
 * gives the pair's type. */
static const char *const types[] = { "host", "prflx", "srflx", "relay" };

#define PRFLX 1                 /* peer reflexive: found by connectivity checks,
                                 * and never announced */
#define MAX_CANDIDATES 64       /* an end */

typedef struct {
  char *foundation;
  guint type;
  char *address;                /* the base address, from which packets are
                                 * sent; may be NULL */
} Candidate;

struct _MeshSelectedPair {
  GMutex lock;                  /* guards what follows */
  GPtrArray *ends[2];           /* Candidate; the peer's and our own */
  char *foundations[2];         /* NULL until a pair is selected */
};

static void
candidate_free (gpointer data)
{
  Candidate *candidate = data;

  g_free (candidate->foundation);
  g_free (candidate->address);
  g_free (candidate);
}

static Candidate *
find (MeshSelectedPair *self, guint end)
{
  for (guint i = 0; i < self->ends[end]->len; i++) {
    Candidate *candidate = g_ptr_array_index (self->ends[end], i);

    if (g_strcmp0 (candidate->foundation, self->foundations[end]) == 0)
      return candidate;
  }
  return NULL;
}

/**
 * mesh_selected_pair_new:
 * Returns: (transfer full): a pair that has not been selected yet
 */
MeshSelectedPair *
mesh_selected_pair_new (void)
{
  MeshSelectedPair *self = g_new0 (MeshSelectedPair, 1);

  g_mutex_init (&self->lock);
  for (guint i = 0; i < 2; i++)
    self->ends[i] = g_ptr_array_new_with_free_func (candidate_free);
  return self;
}

/* Returns the value of the extension attribute @key. The extension attributes
 * follow the eighth word of a candidate's line. */
static const char *
attribute (char **words, const char *key)
{
  for (guint i = 8; words[i] && words[i + 1]; i += 2) {
    if (g_str_equal (words[i], key))
      return words[i + 1];
  }
  return NULL;
}

/**
 * mesh_selected_pair_add_candidate:
 * @local: whether it is a local candidate
 * @candidate: its line, "candidate:…" (RFC 8839)
 */
void
mesh_selected_pair_add_candidate (MeshSelectedPair *pair, gboolean local,
    const char *candidate)
{
  guint end = local ? 1 : 0;
  g_auto (GStrv) words = NULL;
  Candidate *found;
  const char *base;

  if (!g_str_has_prefix (candidate, "candidate:"))
    return;
  words = g_strsplit (candidate + strlen ("candidate:"), " ", 64);
  if (g_strv_length (words) < 8)
    return;
  found = g_new0 (Candidate, 1);
  found->foundation = g_strdup (words[0]);
  found->type = PRFLX;
  for (guint i = 0; i < G_N_ELEMENTS (types); i++) {
    if (g_str_equal (words[7], types[i]))
      found->type = i;
  }
  base = attribute (words, "raddr");
  found->address = g_strdup (base ? base : words[4]);
  g_mutex_lock (&pair->lock);
  if (pair->ends[end]->len < MAX_CANDIDATES)
    g_ptr_array_add (pair->ends[end], found);
  else
    candidate_free (found);
  g_mutex_unlock (&pair->lock);
}

/**
 * mesh_selected_pair_set:
 * @local_foundation: the foundation of the local candidate
 * @remote_foundation: of the peer's
 */
void
mesh_selected_pair_set (MeshSelectedPair *pair, const char *local_foundation,
    const char *remote_foundation)
{
  g_mutex_lock (&pair->lock);
  g_free (pair->foundations[0]);
  g_free (pair->foundations[1]);
  pair->foundations[0] = g_strdup (remote_foundation);
  pair->foundations[1] = g_strdup (local_foundation);
  g_mutex_unlock (&pair->lock);
}

/**
 * mesh_selected_pair_get_type:
 * Returns: "host": a direct connection; "prflx" or "srflx": a direct connection
 *   through address translation; "relay": through a TURN server; "": no pair is
 *   selected yet
 */
const char *
mesh_selected_pair_get_type (MeshSelectedPair *pair)
{
  const char *type = "";
  guint farthest = 0;

  g_mutex_lock (&pair->lock);
  for (guint end = 0; end < 2 && pair->foundations[end]; end++) {
    const Candidate *candidate = find (pair, end);

    farthest = MAX (farthest, candidate ? candidate->type : PRFLX);
    type = types[farthest];
  }
  g_mutex_unlock (&pair->lock);
  return type;
}

/**
 * mesh_selected_pair_dup_local_address:
 * Returns: (transfer full) (nullable): the local address of the pair, if it is
 *   known
 */
char *
mesh_selected_pair_dup_local_address (MeshSelectedPair *pair)
{
  char *address = NULL;

  g_mutex_lock (&pair->lock);
  if (pair->foundations[1]) {
    const Candidate *candidate = find (pair, 1);

    address = candidate ? g_strdup (candidate->address) : NULL;
  }
  g_mutex_unlock (&pair->lock);
  return address;
}

/**
 * mesh_selected_pair_free:
 * @path: (nullable) (transfer full): the pair
 */
void
mesh_selected_pair_free (MeshSelectedPair *pair)
{
  if (!pair)
    return;
  for (guint i = 0; i < 2; i++) {
    g_ptr_array_unref (pair->ends[i]);
    g_free (pair->foundations[i]);
  }
  g_mutex_clear (&pair->lock);
  g_free (pair);
}
