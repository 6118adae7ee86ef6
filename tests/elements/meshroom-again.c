/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A peer id that lives more than once: with a clock that is behind that of the
 * life before, as on a board without a battery, or that was years ahead. */

#include "party.h"

#define RED PARTY_VIDEO (PARTY_RED)
#define BLUE PARTY_VIDEO (PARTY_BLUE)
#define GREEN PARTY_VIDEO (PARTY_GREEN)
#define ANN "0a000000-0000-4000-8000-000000000001"
#define BEN "0b000000-0000-4000-8000-000000000002"
#define KEY "#AAECAwQFBgcICQoLDA0ODw"
#define LINK "link=http://127.0.0.1:1/room/5c8fd5c8-2c4c-4d3e-9f0a-1b2c3d4e5f60"
#define YEAR (365 * 24 * 3600 * G_GINT64_CONSTANT (1000000))

static gint64 clock_offset;

/* GLib's own would be called by all that this process loads, were this one not
 * found first. */
gint64
g_get_real_time (void)
{
  struct timespec now;

  clock_gettime (CLOCK_REALTIME, &now);
  return now.tv_sec * G_GINT64_CONSTANT (1000000) + now.tv_nsec / 1000
         + clock_offset;
}

/* Somebody who was killed says nothing more. */
static char *
drop_from (Party *from, const char *json, gpointer data)
{
  return from == *(Party **) data ? NULL : g_strdup (json);
}

static void
check_next_life (const char *key, gint64 later, gint64 earlier, gboolean bye)
{
  Party *dead = NULL;
  Wire *wire = wire_new (drop_from, &dead);
  g_autofree char *ann_room
      = g_strconcat (LINK, key, " peer-id=" ANN, NULL);
  g_autofree char *ben_room
      = g_strconcat (LINK, key, " peer-id=" BEN, NULL);
  Party *ben = party_new (wire, ben_room, BLUE), *first, *second;

  party_start (ben);
  clock_offset = later;
  first = party_new (wire, ann_room, RED);
  party_start (first);
  WAIT_FOR (party_sees (ben, ANN, PARTY_RED));
  g_mutex_lock (&party_lock);
  dead = bye ? NULL : first;
  g_mutex_unlock (&party_lock);
  party_leave (first);
  if (bye)
    WAIT_FOR (ben->removed->len == 1);
  party_free (first);
  g_mutex_lock (&party_lock);
  dead = NULL;
  g_mutex_unlock (&party_lock);

  clock_offset = earlier;
  second = party_new (wire, ann_room, GREEN);
  party_start (second);
  WAIT_FOR (second->added->len == 1);
  WAIT_FOR (party_sees (second, BEN, PARTY_BLUE));
  WAIT_FOR (party_sees (ben, ANN, PARTY_GREEN));
  party_leave (second);
  WAIT_FOR (party_has (ben->removed, ANN " left"));
  clock_offset = 0;
  party_free (second);
  party_free (ben);
  wire_free (wire);
}

static const struct {
  const char *key;
  gint64 later, earlier;
  gboolean bye;
} lives[] = {
  { KEY, 0, -9 * YEAR, FALSE },         /* no battery */
  { "", 0, -9 * YEAR, FALSE },
  { KEY, 0, -9 * YEAR, TRUE },
  { "", 0, -9 * YEAR, TRUE },
  { KEY, 20 * YEAR, 0, FALSE },         /* a wrong date, corrected */
  { "", 20 * YEAR, 0, TRUE },
  { KEY, 60 * G_USEC_PER_SEC, 0, FALSE },
};

GST_START_TEST (a_clock_that_went_back_keeps_nobody_out)
{
  check_next_life (lives[__i__].key, lives[__i__].later,
      lives[__i__].earlier, lives[__i__].bye);
}

GST_END_TEST;

static Suite *
meshroom_again_suite (void)
{
  Suite *suite = suite_create ("meshroom-again");
  TCase *tests = tcase_create ("all");

  tcase_set_timeout (tests, 300);
  suite_add_tcase (suite, tests);
  tcase_add_loop_test (tests, a_clock_that_went_back_keeps_nobody_out, 0,
      G_N_ELEMENTS (lives));
  return suite;
}

GST_CHECK_MAIN (meshroom_again);
