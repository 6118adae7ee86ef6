/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "party.h"

/* Two parties that are in a call. */
typedef struct {
  Wire *wire;
  Party *a, *b;
} Pair;

static inline void
pair_start (Pair *pair, const char *a, const char *a_sources, const char *b,
    const char *b_sources)
{
  pair->wire = wire_new (NULL, NULL);
  pair->a = party_new (pair->wire, a, a_sources);
  pair->b = party_new (pair->wire, b, b_sources);
  party_start (pair->a);
  party_start (pair->b);
}

static inline void
pair_stop (Pair *pair)
{
  ck_assert_uint_eq (pair->a->warnings->len, 0);
  ck_assert_uint_eq (pair->b->warnings->len, 0);
  party_free (pair->a);
  party_free (pair->b);
  wire_free (pair->wire);
}

#define AV(colour, hz) PARTY_VIDEO (colour) PARTY_AUDIO (hz)
