/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A fan-out with a source for each rung, and a branch. */

#include "fanout-fixture.h"

typedef struct {
  In *in[MESH_RUNGS];
  Out *out;                     /* open, on rung 0 */
} Ladder;

static inline void
set_up (Ladder *l)
{
  l->in[0] = video_new ();
  send_caps (l->in[0], "video/x-vp8,width=1280");
  l->in[1] = in_new_rung (l->in[0]->fanout, 1, "video/x-vp8,width=640");
  l->in[2] = in_new_rung (l->in[0]->fanout, 2, "video/x-vp8,width=320");
  l->out = out_new_open (l->in[0]);
}

static inline void
tear_down (Ladder *l)
{
  out_remove (l->in[0], l->out);
  for (int i = MESH_RUNGS - 1; i >= 0; i--)
    in_free (l->in[i]);
}

static inline void
set_step (Ladder *l, guint rung, guint layers)
{
  mesh_fanout_set_step (l->in[0]->fanout, l->out->branch, rung, layers);
}

/* All rungs get the next frame of the source, the smallest first. */
static inline void
push_all (Ladder *l, gboolean key)
{
  for (int i = MESH_RUNGS - 1; i >= 0; i--)
    push (l->in[i], key);
}

#define CAME(n, frame) G_STMT_START { \
    WAIT_FOR (l.out->numbers->len >= (n)); \
    ck_assert_uint_eq (l.out->numbers->len, (n)); \
    ck_assert_uint_eq (number (l.out, (n) - 1), (frame)); \
  } G_STMT_END
