/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The encoders of an input, while its caps change, encoders fail, and peers ask
 * for codecs, all on threads of their own. */

#include "source-fixture.h"

#define ROUNDS 200

static gint over;               /* atomic: the threads are to end */

static void
feed_any (Fixture *f)
{
  guint n = g_random_int_range (1, 6);
  gsize size = 0;

  switch (g_random_int_range (0, 6)) {
    case 0:
      set_caps (f, "video/x-vp8,width=64,height=48,framerate=50/1");
      break;
    case 1:
      set_caps (f, "video/x-h264,stream-format=byte-stream,alignment=au,"
          "width=64,height=48,framerate=50/1");
      break;
    case 2:
      set_caps (f, LARGE);
      size = 2 * SIZE;
      break;
    default:
      set_caps (f, RAW (50));
      size = SIZE;
      break;
  }
  for (guint i = 0; i < n; i++)
    push (f, size ? size : 500, size || i == 0);
}

static gpointer
run_feeder (gpointer user_data)
{
  Fixture *f = user_data;

  for (int i = 0; i < ROUNDS; i++)
    feed_any (f);
  return NULL;
}

/* What is raw has up to three rungs, and what is encoded one. */
static void
run_rungs (Fixture *f, const MeshCodec *codec)
{
  guint rung = g_random_int_range (1, MESH_RUNGS);
  MeshRung rungs[MESH_RUNGS];

  ck_assert_uint_le (mesh_source_get_rungs (f->source, codec, rungs),
      MESH_RUNGS);
  mesh_source_run_rung (f->source, codec, rung, g_random_boolean ());
  mesh_source_set_rate (f->source, codec, rung,
      g_random_int_range (0, 2000000));
}

static void
end_rungs (Fixture *f, const char *codec)
{
  for (guint rung = 1; rung < MESH_RUNGS; rung++)
    mesh_source_run_rung (f->source, mesh_codec_find (codec), rung, FALSE);
}

/* As a call's worker does it for each peer. */
static gpointer
run_worker (gpointer user_data)
{
  static const char *const names[] = { "VP8", "H264" };
  Fixture *f = user_data;

  while (!g_atomic_int_get (&over)) {
    const MeshCodec *codec = mesh_codec_find (names[g_random_int_range (0, 2)]);
    g_autoptr (MeshFanout) fanout = mesh_source_get_fanout (f->source, codec);

    g_free (mesh_source_dup_failure (f->source, codec));
    run_rungs (f, codec);
    mesh_source_set_muted (f->source, g_random_boolean ());
    g_thread_yield ();
  }
  return NULL;
}

static gpointer
run_breaker (gpointer user_data)
{
  static const char *const names[] = { "vp8enc", "x264enc", "openh264enc" };

  while (!g_atomic_int_get (&over)) {
    breakable_set_broken (names[g_random_int_range (0, 3)],
        g_random_int_range (0, 3) == 0);
    g_usleep (1000);
  }
  return NULL;
}

GST_START_TEST (each_codec_has_one_encoder_in_the_end)
{
  GThread *threads[4];
  Fixture f;

  set_up (&f);
  /* a leaky queue may keep caps that it drops while the events before them are
   * still on their way */
  gst_check_add_log_filter ("GStreamer", G_LOG_LEVEL_WARNING,
      g_regex_new ("Sticky event misordering", 0, 0, NULL), NULL, NULL, NULL);
  threads[0] = g_thread_new ("feeder", run_feeder, &f);
  threads[1] = g_thread_new ("worker", run_worker, &f);
  threads[2] = g_thread_new ("worker-2", run_worker, &f);
  threads[3] = g_thread_new ("breaker", run_breaker, &f);
  g_thread_join (threads[0]);
  g_atomic_int_set (&over, TRUE);
  for (guint i = 1; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  break_all (FALSE);
  mesh_source_set_muted (f.source, FALSE);
  set_caps (&f, RAW (25));
  set_caps (&f, RAW (50));
  check_codec (&f, "VP8");
  check_codec (&f, "H264");
  end_rungs (&f, "VP8");
  end_rungs (&f, "H264");
  while (count_encoders (&f) != 2)
    g_usleep (1000);
  tear_down (&f);
  gst_check_clear_log_filter ();
}

GST_END_TEST;

/* Also where the encoder reads a frame's memory as it is. */
GST_START_TEST (a_frame_that_is_smaller_than_its_caps_does_no_harm)
{
  Fixture f;

  set_up (&f);
  check_codec (&f, "VP8");
  check_codec (&f, "H264");
  push (&f, SIZE / 2, TRUE);
  check_codec (&f, "VP8");
  check_codec (&f, "H264");
  tear_down (&f);
}

GST_END_TEST;

/* --- caps on their way --- */

typedef struct {
  Fixture *f;
  GThread *thread;
  GMutex lock;                  /* guards: */
  GCond cond;
  gboolean done;
} Latecomer;

static gpointer
run_latecomer (gpointer user_data)
{
  Latecomer *latecomer = user_data;

  gst_object_unref (mesh_source_get_fanout (latecomer->f->source,
          mesh_codec_find ("H264")));
  g_mutex_lock (&latecomer->lock);
  latecomer->done = TRUE;
  g_cond_signal (&latecomer->cond);
  g_mutex_unlock (&latecomer->lock);
  return NULL;
}

static Latecomer latecomer;
static GstPadEventFunction tee_event;

/* Between an event's way through the tee and its being kept there, gives another
 * thread time to come in, if nothing keeps it out. */
static gboolean
late_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  gint64 until = g_get_monotonic_time () + 300 * G_TIME_SPAN_MILLISECOND;
  gboolean comes = GST_EVENT_TYPE (event) == GST_EVENT_CAPS;
  gboolean taken = tee_event (pad, parent, event);

  if (!comes)
    return taken;
  latecomer.thread = g_thread_new ("latecomer", run_latecomer, &latecomer);
  g_mutex_lock (&latecomer.lock);
  while (!latecomer.done
      && g_cond_wait_until (&latecomer.cond, &latecomer.lock, until));
  g_mutex_unlock (&latecomer.lock);
  return taken;
}

/* Returns: (transfer full): the sink pad of the encoder of @name */
static GstPad *
get_encoder_pad (Fixture *f, const char *name)
{
  GstPad *pad;

  g_mutex_lock (&f->source->lock);
  pad = gst_element_get_static_pad (GST_ELEMENT (
          mesh_source_find_encoding_locked (f->source,
              mesh_codec_find (name), NULL)->rungs[0].compartment), "sink");
  g_mutex_unlock (&f->source->lock);
  return pad;
}

GST_START_TEST (an_encoder_that_comes_while_caps_pass_gets_them)
{
  g_autoptr (GstPad) trunk = NULL, sink = NULL;
  g_autoptr (GstCaps) caps = NULL;
  Fixture f;
  int rate = 0;

  set_up (&f);
  latecomer.f = &f;
  check_codec (&f, "VP8");
  trunk = gst_element_get_static_pad (f.source->tee, "sink");
  tee_event = GST_PAD_EVENTFUNC (trunk);
  gst_pad_set_event_function (trunk, late_event);
  set_caps (&f, RAW (25));
  push (&f, SIZE, TRUE);
  g_thread_join (latecomer.thread);
  check_codec (&f, "H264");
  sink = get_encoder_pad (&f, "H264");
  caps = gst_pad_get_current_caps (sink);
  gst_structure_get_fraction (gst_caps_get_structure (caps, 0), "framerate",
      &rate, &(int) { 0 });
  ck_assert_int_eq (rate, 25);
  tear_down (&f);
}

GST_END_TEST;

static Suite *
source_suite (void)
{
  Suite *suite = suite_create ("source");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, each_codec_has_one_encoder_in_the_end);
  tcase_add_test (tcase, a_frame_that_is_smaller_than_its_caps_does_no_harm);
  tcase_add_test (tcase, an_encoder_that_comes_while_caps_pass_gets_them);
  return suite;
}

GST_CHECK_MAIN (source);
