/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A picture in temporal layers: which of them a branch gets, and when that
 * changes. */

#include "fanout-ladder.h"

static void
push_layer (In *in, guint layer, gboolean sync)
{
  GstBuffer *buffer = make_next (in, FALSE, 10);
  GstCustomMeta *meta;

  if (!gst_meta_get_info ("GstVP8Meta")) {
    const char *no_tags[] = { NULL };

    gst_meta_register_custom ("GstVP8Meta", no_tags, NULL, NULL, NULL);
  }
  meta = gst_buffer_add_custom_meta (buffer, "GstVP8Meta");
  gst_structure_set (gst_custom_meta_get_structure (meta),
      "use-temporal-scaling", G_TYPE_BOOLEAN, TRUE, "layer-id", G_TYPE_UINT,
      layer, "layer-sync", G_TYPE_BOOLEAN, sync, NULL);
  gst_pad_push (in->source, buffer);
}

GST_START_TEST (a_layer_goes_and_comes_at_once)
{
  Ladder l;

  set_up (&l);
  push (l.in[0], TRUE);
  push_layer (l.in[0], 1, TRUE);
  push_layer (l.in[0], 0, FALSE);
  CAME (3, 2);
  set_step (&l, 0, 1);
  push_layer (l.in[0], 1, TRUE);
  push_layer (l.in[0], 0, FALSE);
  push_layer (l.in[0], 1, TRUE);
  push_layer (l.in[0], 0, FALSE);
  CAME (5, 6);
  ck_assert_uint_eq (number (l.out, 3), 4);
  set_step (&l, 0, 2);
  push_layer (l.in[0], 1, TRUE);
  push_layer (l.in[0], 0, FALSE);
  CAME (7, 8);
  /* none of it costs a key frame, or counts as a loss */
  ck_assert_uint_eq (l.in[0]->key_requests, 1);
  ck_assert_uint_eq (mesh_fanout_branch_dropped (l.out->branch), 0);
  tear_down (&l);
}

GST_END_TEST;

GST_START_TEST (a_layer_goes_from_the_queue_as_well)
{
  Ladder l;

  set_up (&l);
  out_set_blocked (l.out, TRUE);
  push (l.in[0], TRUE);
  WAIT_FOR (l.out->inside == 1);
  for (guint i = 0; i < 3; i++) {
    push_layer (l.in[0], 1, TRUE);
    push_layer (l.in[0], 0, FALSE);
  }
  set_step (&l, 0, 1);
  out_set_blocked (l.out, FALSE);
  CAME (4, 6);
  for (guint i = 0; i < 4; i++)
    ck_assert_uint_eq (number (l.out, i), 2 * i);
  tear_down (&l);
}

GST_END_TEST;

/* Encoded input may have more layers, and frames in there that need others of
 * their layer. */
GST_START_TEST (a_layer_comes_back_with_a_frame_that_needs_none_of_it)
{
  static const struct { guint layer; gboolean sync, passes; } frames[] = {
    { 2, FALSE, FALSE }, { 1, FALSE, FALSE }, { 2, TRUE, FALSE },
    { 0, FALSE, TRUE }, { 1, TRUE, TRUE }, { 2, FALSE, FALSE },
    { 0, FALSE, TRUE }, { 1, FALSE, TRUE }, { 2, TRUE, TRUE },
    { 2, FALSE, TRUE },
  };
  guint passed = 1;
  Ladder l;

  set_up (&l);
  set_step (&l, 0, 1);
  push (l.in[0], TRUE);
  push_layer (l.in[0], 1, TRUE);
  set_step (&l, 0, 2);
  for (guint i = 0; i < G_N_ELEMENTS (frames); i++) {
    push_layer (l.in[0], frames[i].layer, frames[i].sync);
    passed += frames[i].passes;
    if (frames[i].passes)
      CAME (passed, i + 2);
  }
  tear_down (&l);
}

GST_END_TEST;

/* Who goes down to all frames of a smaller rung has too little for all of those
 * that still come. */
GST_START_TEST (a_layer_does_not_come_back_to_a_rung_that_is_left)
{
  Ladder l;

  set_up (&l);
  push (l.in[0], TRUE);
  set_step (&l, 0, 1);
  push_layer (l.in[0], 1, TRUE);
  push_layer (l.in[0], 0, FALSE);
  CAME (2, 2);
  set_step (&l, 1, 2);
  push_layer (l.in[0], 1, TRUE);
  push (l.in[0], TRUE);
  push_layer (l.in[0], 1, TRUE);
  push_layer (l.in[0], 0, FALSE);
  CAME (4, 6);
  push (l.in[1], TRUE);
  push_layer (l.in[1], 1, TRUE);
  CAME (6, RUNG + 1);
  tear_down (&l);
}

GST_END_TEST;

GST_START_TEST (a_key_frame_brings_back_all_layers)
{
  Ladder l;

  set_up (&l);
  set_step (&l, 0, 1);
  push (l.in[0], TRUE);
  push_layer (l.in[0], 1, FALSE);
  set_step (&l, 0, 2);
  push (l.in[0], TRUE);
  push_layer (l.in[0], 2, FALSE);
  CAME (3, 3);
  ck_assert_uint_eq (number (l.out, 1), 2);
  tear_down (&l);
}

GST_END_TEST;

static Suite *
fanout_layers_suite (void)
{
  Suite *suite = suite_create ("fanout-layers");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, a_layer_goes_and_comes_at_once);
  tcase_add_test (tcase, a_layer_goes_from_the_queue_as_well);
  tcase_add_test (tcase, a_layer_comes_back_with_a_frame_that_needs_none_of_it);
  tcase_add_test (tcase, a_layer_does_not_come_back_to_a_rung_that_is_left);
  tcase_add_test (tcase, a_key_frame_brings_back_all_layers);
  return suite;
}

GST_CHECK_MAIN (fanout_layers);
