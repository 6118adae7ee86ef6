/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tests that a bad link matches its profile, and is the same for the same
 * seed. */

#include "link.h"

#define PACKETS 200000
#define BYTES 1000
#define SPACING 1000            /* us: 8 Mbit/s */

typedef struct {
  guint lost;
  guint bursts;                 /* runs of losses */
  guint twice;
  guint overtaken;              /* packets that the next one has overtaken */
  double delay_ms;              /* mean */
  gint64 longest;               /* us */
  guint32 hash;                 /* of all times */
} Result;

static Result
run (const LinkProfile *profile, guint32 seed, guint n)
{
  Link *link = link_new (profile, seed);
  Result r = { 0 };
  gboolean before = FALSE;
  gint64 previous = 0;
  double sum = 0;

  for (guint i = 0; i < n; i++) {
    gint64 now = (gint64) i * SPACING, times[2] = { 0 };
    guint copies = link_push (link, BYTES, now, times);

    r.lost += copies == 0;
    r.bursts += copies == 0 && !before;
    r.twice += copies == 2;
    before = copies == 0;
    r.hash = r.hash * 31 + (guint32) times[0] + copies;
    if (copies == 0)
      continue;
    g_assert_cmpint (times[0], >=, now);
    r.overtaken += times[0] < previous;
    previous = times[0];
    sum += (times[0] - now) / 1e3;
    r.longest = MAX (r.longest, times[0] - now);
  }
  r.delay_ms = sum / MAX (n - r.lost, 1);
  link_free (link);
  return r;
}

static void
about (double found, double wanted, double margin)
{
  g_assert_cmpfloat_with_epsilon (found, wanted, margin);
}

static void
same_seed_same_link (void)
{
  const LinkProfile *profile = link_find_profile ("international");

  g_assert_cmpuint (run (profile, 7, 10000).hash, ==,
      run (profile, 7, 10000).hash);
  g_assert_cmpuint (run (profile, 7, 10000).hash, !=,
      run (profile, 8, 10000).hash);
}

static void
losses_come_as_often_as_said (void)
{
  LinkProfile profile = { .name = "test", .loss = 0.1 };
  Result r = run (&profile, 1, PACKETS);

  about ((double) r.lost / PACKETS, 0.1, 0.005);
}

/* Gilbert and Elliott: a share of to_bad / (to_bad + to_good) is lost, in runs
 * of 1 / to_good packets. */
static void
losses_come_in_bursts (void)
{
  LinkProfile profile = { .name = "test", .to_bad = 0.03, .to_good = 0.25,
    .burst_loss = 1 };
  Result r = run (&profile, 1, PACKETS);

  about ((double) r.lost / PACKETS, 0.03 / 0.28, 0.005);
  about ((double) r.lost / r.bursts, 4, 0.1);
}

static void
spikes_come_and_go (void)
{
  LinkProfile profile = { .name = "test", .spike_loss = 0.3 };

  g_assert_cmpuint (run (&profile, 1, 9999).lost, ==, 0);
  about (run (&profile, 1, 30000).lost / 10000., 0.3, 0.02);
}

static void
delay_and_jitter_keep_the_order (void)
{
  LinkProfile profile = { .name = "test", .delay_ms = 100, .jitter_ms = 0 };
  Result r = run (&profile, 1, 1000);

  about (r.delay_ms, 100, 0.001);
  profile.jitter_ms = 25;
  r = run (&profile, 1, PACKETS);
  g_assert_cmpuint (r.overtaken, ==, 0);
  g_assert_cmpfloat (r.delay_ms, >, 100);
  profile.heavy_tail = TRUE;
  r = run (&profile, 1, PACKETS);
  g_assert_cmpuint (r.overtaken, ==, 0);
  g_assert_cmpint (r.longest, <=, 350 * 1000);
}

static void
some_are_overtaken_and_some_come_twice (void)
{
  LinkProfile profile = { .name = "test", .delay_ms = 20, .reorder = 0.05,
    .duplicate = 0.02 };
  Result r = run (&profile, 1, PACKETS);

  about ((double) r.overtaken / PACKETS, 0.05, 0.005);
  about ((double) r.twice / PACKETS, 0.02, 0.002);
}

/* 8 Mbit/s into 2 Mbit/s: a quarter of the packets come through, each after the
 * delay of a full queue. */
static void
rate_is_bounded_and_so_is_the_queue (void)
{
  LinkProfile profile = { .name = "test", .kbit = 2000,
    .queue_bytes = 30000 };
  Result r = run (&profile, 1, PACKETS);

  about (1 - (double) r.lost / PACKETS, 0.25, 0.001);
  g_assert_cmpint (r.longest, <=, 30000 * 8000 / 2000);
  g_assert_cmpint (r.longest, >, 28000 * 8000 / 2000);
}

/* Half of a packet of 8 ms at the old rate goes out at the new one, four times
 * as slowly. */
static void
capacity_changes_under_what_is_queued (void)
{
  static const LinkStep steps[] = { { 0, 1000 }, { 12 * 1000, 250 },
    { 100 * 1000, 0 }, { 200 * 1000, 1000 } };
  LinkProfile profile = { .name = "test", .queue_ms = 300 };
  Link *link = link_new (&profile, 1);
  gint64 times[2];

  link_set_schedule (link, steps, G_N_ELEMENTS (steps));
  g_assert_cmpuint (link_push (link, BYTES, 0, times), ==, 1);
  g_assert_cmpint (times[0], ==, 8000);
  g_assert_cmpuint (link_push (link, BYTES, 0, times), ==, 1);
  g_assert_cmpint (times[0], ==, 12000 + 16000);
  g_assert_cmpint (link_get_queue (link, 20000), ==, 8000);
  g_assert_cmpuint (link_push (link, BYTES, 84000, times), ==, 1);
  g_assert_cmpint (times[0], ==, 204000);
  g_assert_cmpuint (link_push (link, BYTES, 84000, times), ==, 1);
  for (guint i = 0; i < 30; i++)
    link_push (link, BYTES, 204000, times);
  g_assert_cmpint (link_get_queue (link, 204000), ==, 248000);
  for (guint i = 0; i < 30; i++)
    link_push (link, BYTES, 204000, times);
  g_assert_cmpint (link_get_queue (link, 204000), ==, 304000);
  g_assert_cmpuint (link_push (link, BYTES, 204000, times), ==, 0);
  link_free (link);
}

/* 8 Mbit/s into 2 without a queue: what passes is not held up. */
static void
policer_drops_and_does_not_delay (void)
{
  LinkProfile profile = { .name = "test", .kbit = 2000, .queue_bytes = 16000,
    .policed = TRUE };
  Result r = run (&profile, 1, PACKETS);

  about (1 - (double) r.lost / PACKETS, 0.25, 0.001);
  g_assert_cmpint (r.longest, ==, 0);
}

static void
profile_can_change (void)
{
  Link *link = link_new (link_find_profile ("dead"), 1);
  gint64 times[2];

  g_assert_cmpuint (link_push (link, BYTES, 0, times), ==, 0);
  link_set_profile (link, link_find_profile ("clean"));
  g_assert_cmpuint (link_push (link, BYTES, 5, times), ==, 1);
  g_assert_cmpint (times[0], ==, 5);
  link_free (link);
}

static void
profiles_are_possible (void)
{
  guint n;
  const LinkProfile *profiles = link_get_profiles (&n);

  for (guint i = 0; i < n; i++) {
    g_assert_true (link_find_profile (profiles[i].name) == &profiles[i]);
    g_assert_true (profiles[i].kbit == 0 || profiles[i].queue_bytes > 1500);
    run (&profiles[i], i, 1000);
  }
  g_assert_null (link_find_profile ("none"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define TEST(func) g_test_add_func ("/link/" #func, func)
  TEST (same_seed_same_link);
  TEST (losses_come_as_often_as_said);
  TEST (losses_come_in_bursts);
  TEST (spikes_come_and_go);
  TEST (delay_and_jitter_keep_the_order);
  TEST (some_are_overtaken_and_some_come_twice);
  TEST (rate_is_bounded_and_so_is_the_queue);
  TEST (capacity_changes_under_what_is_queued);
  TEST (policer_drops_and_does_not_delay);
  TEST (profile_can_change);
  TEST (profiles_are_possible);
  return g_test_run ();
}
