/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When buffers of live input go out, in virtual time. */

#include <gst/check/gstcheck.h>

#include "meshroom/pacer-flow.h"

#define MS(n) ((gint64) (n) * (gint64) GST_MSECOND)
#define S(n) ((gint64) (n) * (gint64) GST_SECOND)
#define FRAME MS (33)

/* A source whose thread is held until each frame is due, as a camera's is. */
typedef struct {
  MeshPacerFlow flow;
  gint64 free_at; /* the thread waits until then */
  gint64 out;     /* when the last frame went out */
} Source;

/* Returns: how late the frame is that was captured at @time, and delivered at
 * @here */
static gint64
deliver (Source *source, gint64 time, gint64 here)
{
  gint64 now = MAX (here, source->free_at);
  gint64 due = mesh_pacer_flow_get_due (&source->flow, time, now, FALSE);

  source->out = source->free_at = MAX (due, now);
  return source->out - time;
}

static void
begin (Source *source)
{
  *source = (Source){ .free_at = 0 };
  mesh_pacer_flow_reset (&source->flow);
}

GST_START_TEST (a_camera_is_never_held)
{
  Source source;

  begin (&source);
  for (guint i = 0; i < 1000; i++) {
    gint64 delay = MS (5) + MS (i * 7 % 40);

    ck_assert_int_eq (deliver (&source, i * FRAME, i * FRAME + delay), delay);
  }
}

GST_END_TEST;

/* {one burst a third of a second, a second, three seconds} */
GST_START_TEST (bursts_go_out_evenly_and_no_later_than_they_must)
{
  static const guint lengths[] = { 10, 30, 90 };
  guint length = lengths[__i__];
  Source source;
  gint64 last = 0;

  begin (&source);
  for (guint i = 0; i < 3000; i++) {
    gint64 here = (i / length + 1) * length * FRAME, longest = length * FRAME;
    gint64 late = deliver (&source, i * FRAME, here);

    ck_assert_int_le (late, longest);
    ck_assert_int_ge (late, longest - MS (50));
    if (i > 0)
      ck_assert_int_le (source.out - last, FRAME + MS (50));
    last = source.out;
  }
}

GST_END_TEST;

GST_START_TEST (after_a_stall_the_delay_goes)
{
  Source source;
  gint64 late = 0;

  begin (&source);
  for (guint i = 0; i < 1000; i++) {
    gint64 time = i * FRAME, here = time + MS (10);

    /* from 3.3 s on, nothing comes for a second, and then all of it */
    if (i >= 100 && i < 130)
      here = 130 * FRAME;
    late = deliver (&source, time, here);
    if (i == 140)
      ck_assert_int_gt (late, MS (900));
  }
  ck_assert_int_le (late, MS (12));
}

GST_END_TEST;

/* What is too late to be held goes out at once, so the delay is never more. */
GST_START_TEST (what_is_held_is_bounded)
{
  Source source;
  gint64 late;

  begin (&source);
  deliver (&source, 0, MS (10));
  ck_assert_int_eq (deliver (&source, FRAME, S (30)), S (30) - FRAME);
  late = deliver (&source, S (20), S (30));
  ck_assert_int_eq (late, S (10));
  ck_assert_int_eq (deliver (&source, S (29), S (30)), S (3));
}

GST_END_TEST;

GST_START_TEST (what_comes_early_waits)
{
  Source source;

  begin (&source);
  ck_assert_int_eq (deliver (&source, S (10) + MS (40), S (10)), -MS (40));
  ck_assert_int_eq (deliver (&source, S (11), S (10) + MS (50)), -MS (50));
}

GST_END_TEST;

/* Returns: how many frames wait before the room after @seconds, of frames
 * without times that come @fps times a second, with caps of 30 */
static gint64
pile_up (guint fps, guint seconds)
{
  MeshPacerFlow flow;
  gint64 last = 0, here = 0;

  mesh_pacer_flow_reset (&flow);
  for (guint i = 1; i < fps * seconds; i++) {
    here = i * S (1) / fps;
    last = mesh_pacer_flow_space (
        &flow, last, MAX (here, last), S (1) / 30, MAX (here, last));
  }
  return (last - here) * fps / S (1);
}

GST_START_TEST (frames_do_not_pile_up)
{
  static const guint rates[] = { 5, 25, 30, 31, 50, 60, 120, 240 };

  for (guint i = 0; i < G_N_ELEMENTS (rates); i++)
    ck_assert_int_le (pile_up (rates[i], 30), 1);
}

GST_END_TEST;

#define PIECE MS (20)

/* {each piece by itself, a second at once} */
GST_START_TEST (sound_that_is_stamped_as_it_comes_has_no_gap)
{
  guint length = __i__ ? 50 : 1;
  MeshPacerFlow flow;
  gint64 end = S (1);

  mesh_pacer_flow_reset (&flow);
  for (guint i = 0; i < 3000; i++) {
    gint64 stamp = S (1) + (i / length) * length * PIECE;

    /* the first of a burst may be a little late */
    gint64 time = i % length ? stamp : stamp + MS (i % 3);

    ck_assert_int_eq (
        mesh_pacer_flow_join (&flow, end, time, MS (10), time), end);
    end += PIECE;
  }
}

GST_END_TEST;

GST_START_TEST (a_faster_clock_of_sound_is_followed)
{
  MeshPacerFlow flow;
  gint64 end = 0, worst = 0;

  mesh_pacer_flow_reset (&flow);
  for (guint i = 0; i < 100000; i++) {
    gint64 stamp = i * PIECE * 999 / 1000;
    gint64 time = mesh_pacer_flow_join (&flow, end, stamp, 0, stamp);

    worst = MAX (worst, time - stamp);
    end = time + PIECE;
  }
  ck_assert_int_le (worst, MS (60));
}

GST_END_TEST;

static Suite *
pacer_flow_suite (void)
{
  Suite *suite = suite_create ("pacer-flow");
  TCase *tcase = tcase_create ("pacer-flow");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, a_camera_is_never_held);
  tcase_add_loop_test (
      tcase, bursts_go_out_evenly_and_no_later_than_they_must, 0, 3);
  tcase_add_test (tcase, after_a_stall_the_delay_goes);
  tcase_add_test (tcase, what_is_held_is_bounded);
  tcase_add_test (tcase, what_comes_early_waits);
  tcase_add_test (tcase, frames_do_not_pile_up);
  tcase_add_loop_test (
      tcase, sound_that_is_stamped_as_it_comes_has_no_gap, 0, 2);
  tcase_add_test (tcase, a_faster_clock_of_sound_is_followed);
  return suite;
}

GST_CHECK_MAIN (pacer_flow);
