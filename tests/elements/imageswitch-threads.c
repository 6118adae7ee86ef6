/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The promise of imageswitch while everything happens at once.
 */
#include "imageswitch-camera.h"

#include <stdlib.h>

/* A setter called by whoever receives the frame must not wait for itself. */
static GstPadProbeReturn
hide_from_within (GstPad *pad, GstPadProbeInfo *info, gpointer element)
{
  g_object_set (element, "hidden", TRUE, NULL);
  return GST_PAD_PROBE_REMOVE;
}

GST_START_TEST (hiding_from_within_the_push)
{
  GstHarness *h = harness_new (NULL);
  GstBuffer *buffer;

  gst_harness_set_src_caps_str (h, CAPS);
  gst_pad_add_probe (h->sinkpad, GST_PAD_PROBE_TYPE_BUFFER, hide_from_within,
      h->element, NULL);
  push_camera (h, 0);
  push_camera (h, INTERVAL);
  buffer = pull_ticking (h);
  fail_if (is_camera (buffer));
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* A thread that pushes a frame of the camera and is held on a pad. */
typedef struct {
  GThread *camera;
  GMutex lock;
  GCond cond;
  gboolean blocked, release;    /* under lock */
} Blocker;

/* Holds the frame, and puts a copy in its place while at it. */
static GstPadProbeReturn
block (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Blocker *blocker = data;
  GstBuffer *copy = gst_buffer_copy_deep (GST_PAD_PROBE_INFO_BUFFER (info));

  gst_buffer_unref (GST_PAD_PROBE_INFO_BUFFER (info));
  GST_PAD_PROBE_INFO_DATA (info) = copy;
  g_mutex_lock (&blocker->lock);
  blocker->blocked = TRUE;
  g_cond_broadcast (&blocker->cond);
  while (!blocker->release)
    g_cond_wait (&blocker->cond, &blocker->lock);
  g_mutex_unlock (&blocker->lock);
  return GST_PAD_PROBE_REMOVE;
}

static gpointer
push_first (gpointer data)
{
  push_camera (data, 0);
  return NULL;
}

static void
push_and_block (Blocker *blocker, GstHarness *h, GstPad *pad)
{
  g_mutex_init (&blocker->lock);
  g_cond_init (&blocker->cond);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, block, blocker, NULL);
  blocker->camera = g_thread_new ("camera", push_first, h);
  g_mutex_lock (&blocker->lock);
  while (!blocker->blocked)
    g_cond_wait (&blocker->cond, &blocker->lock);
  g_mutex_unlock (&blocker->lock);
}

static void
let_go (Blocker *blocker)
{
  g_mutex_lock (&blocker->lock);
  blocker->release = TRUE;
  g_cond_broadcast (&blocker->cond);
  g_mutex_unlock (&blocker->lock);
  g_thread_join (blocker->camera);
  g_mutex_clear (&blocker->lock);
  g_cond_clear (&blocker->cond);
}

/* A frame that is held on its way out, before it has reached the next
 * element, is not sent when it is let go: hiding came first. */
GST_START_TEST (frame_held_on_its_way_out_is_dropped)
{
  GstHarness *h = harness_new (NULL);
  GstPad *src = gst_element_get_static_pad (h->element, "src");
  Blocker blocker = { 0 };
  GstBuffer *buffer;

  gst_harness_set_src_caps_str (h, CAPS);
  push_and_block (&blocker, h, src);
  set_hidden (h, TRUE);         /* returns, although nothing moves */
  let_go (&blocker);
  buffer = pull_ticking (h);
  fail_if (is_camera (buffer));
  gst_buffer_unref (buffer);
  fail_unless_equals_int (gst_harness_buffers_received (h), 1);
  gst_object_unref (src);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* The frame is dropped as well when src has been linked to another element by
 * then: that is how a pipeline is rebuilt while it runs. */
GST_START_TEST (frame_held_while_src_is_linked_anew_is_dropped)
{
  GstHarness *h = harness_new (NULL);
  GstHarness *other = gst_harness_new_with_element (h->element, NULL, NULL);
  GstPad *src = gst_element_get_static_pad (h->element, "src");
  Blocker blocker = { 0 };
  GstBuffer *buffer;

  gst_harness_set_src_caps_str (h, CAPS);
  push_and_block (&blocker, h, src);
  set_hidden (h, TRUE);
  gst_pad_unlink (src, h->sinkpad);
  gst_harness_add_element_src_pad (other, gst_object_ref (src));
  let_go (&blocker);
  while (!(buffer = gst_harness_try_pull (other)))
    tick (h);
  fail_if (is_camera (buffer));
  gst_buffer_unref (buffer);
  fail_unless_equals_int (gst_harness_buffers_received (h), 0);
  gst_object_unref (src);
  gst_harness_teardown (other);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* The setter does not wait for ever either when downstream is blocked and
 * the frame cannot be called back any more. */
GST_START_TEST (setter_returns_while_downstream_is_blocked)
{
  GstHarness *h = harness_new (NULL);
  Blocker blocker = { 0 };
  GstBuffer *buffer;

  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, 0);           /* the gate is on the pad from here on */
  gst_buffer_unref (gst_harness_pull (h));
  push_and_block (&blocker, h, h->sinkpad);
  set_hidden (h, TRUE);
  let_go (&blocker);
  buffer = gst_harness_pull (h);
  fail_unless (is_camera (buffer));     /* handed over before */
  gst_buffer_unref (buffer);
  buffer = pull_ticking (h);
  fail_if (is_camera (buffer));
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* Random toggles from several threads, against a camera that does all that a
 * camera can do wrong, and a slow receiver that looks at each frame. */
#define FAST_CAPS "video/x-raw,format=GRAY8,framerate=1000/1,width=%d,height=8"
#define TOGGLERS 3

typedef struct {
  GstElement *element;
  GstPad *camera, *sink;
  GstClock *clock;
  GstClockTime base;

  GMutex toggling;              /* one setter at a time, so that `off` holds */
  gint off;                     /* atomic: a setter that hides has returned */
  gint quit;                    /* atomic */
  gint toggles_left;            /* atomic */

  /* sink's stream lock */
  GstSegment segment;
  GstClockTime last;
  GRand *sink_rand;
  guint leaks, steps_back;

  gint cameras, pictures;       /* atomic */
  gint refused;                 /* atomic: frames that found the pad closed */
} World;

static GstFlowReturn
world_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  World *world = gst_pad_get_element_private (pad);
  gboolean off = g_atomic_int_get (&world->off);
  GstClockTime time;

  if (is_camera (buffer)) {
    g_atomic_int_inc (&world->cameras);
    world->leaks += off;
  } else {
    g_atomic_int_inc (&world->pictures);
  }
  time = gst_segment_to_running_time (&world->segment, GST_FORMAT_TIME,
      GST_BUFFER_PTS (buffer));
  if (GST_CLOCK_TIME_IS_VALID (world->last) && time < world->last)
    world->steps_back++;
  world->last = time;
  if (g_rand_int_range (world->sink_rand, 0, 200) == 0)
    g_usleep (g_rand_int_range (world->sink_rand, 0, 3000));
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

static gboolean
world_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  World *world = gst_pad_get_element_private (pad);

  if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT)
    gst_event_copy_segment (event, &world->segment);
  else if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    world->last = GST_CLOCK_TIME_NONE;
  gst_event_unref (event);
  return TRUE;
}

static gboolean
camera_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return gst_pad_query_default (pad, parent, query);
  gst_query_set_latency (query, TRUE, GST_MSECOND, GST_CLOCK_TIME_NONE);
  return TRUE;
}

static void
start_stream (World *world, GRand *rand)
{
  gchar *text = g_strdup_printf (FAST_CAPS, g_rand_boolean (rand) ? 16 : 24);
  GstCaps *caps = gst_caps_from_string (text);
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (world->camera, gst_event_new_stream_start ("camera"));
  gst_pad_push_event (world->camera, gst_event_new_caps (caps));
  gst_pad_push_event (world->camera, gst_event_new_segment (&segment));
  gst_caps_unref (caps);
  g_free (text);
}

static GstFlowReturn
push_one (World *world, GRand *rand)
{
  GstClockTime now = gst_clock_get_time (world->clock) - world->base;
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 24 * 8, NULL);

  gst_buffer_memset (buffer, 0, 200, 24 * 8);
  gst_buffer_fill (buffer, 0, mark, sizeof mark);
  /* some come late, some from a clock that has started anew */
  switch (g_rand_int_range (rand, 0, 100)) {
    case 0:
      now -= MIN (now, 30 * GST_MSECOND);
      break;
    case 1:
      now = GST_CLOCK_TIME_NONE;
      break;
    case 2:
      now = 0;
      break;
    default:
      break;
  }
  GST_BUFFER_PTS (buffer) = now;
  GST_BUFFER_DURATION (buffer) = GST_MSECOND;
  return gst_pad_push (world->camera, buffer);
}

static gpointer
camera_thread (gpointer data)
{
  World *world = data;
  GRand *rand = g_rand_new_with_seed (7);

  start_stream (world, rand);
  while (!g_atomic_int_get (&world->quit)) {
    switch (g_rand_int_range (rand, 0, 300)) {
      case 0:
        gst_pad_push_event (world->camera, gst_event_new_flush_start ());
        g_thread_yield ();
        gst_pad_push_event (world->camera,
            gst_event_new_flush_stop (g_rand_boolean (rand)));
        start_stream (world, rand);
        break;
      case 1:
      case 2:
        start_stream (world, rand);     /* most often other caps */
        break;
      case 3:
        gst_pad_push_event (world->camera, gst_event_new_eos ());
        start_stream (world, rand);
        break;
      case 4:
        gst_pad_push_event (world->camera, gst_event_new_gap (0, GST_SECOND));
        break;
      case 5:
        g_usleep (g_rand_int_range (rand, 0, 5000));
        break;
      default:
        if (push_one (world, rand) == GST_FLOW_FLUSHING) {
          start_stream (world, rand);
          g_atomic_int_inc (&world->refused);
        }
        break;
    }
  }
  g_rand_free (rand);
  return NULL;
}

static gpointer
toggle_thread (gpointer data)
{
  World *world = data;
  GRand *rand = g_rand_new_with_seed (GPOINTER_TO_UINT (g_thread_self ()));
  gboolean hidden;

  while (g_atomic_int_add (&world->toggles_left, -1) > 0) {
    hidden = g_rand_boolean (rand);
    g_mutex_lock (&world->toggling);
    if (!hidden)
      g_atomic_int_set (&world->off, FALSE);
    g_object_set (world->element, "hidden", hidden, NULL);
    if (hidden)
      g_atomic_int_set (&world->off, TRUE);
    g_mutex_unlock (&world->toggling);
    if (g_rand_int_range (rand, 0, 20) == 0)
      g_usleep (g_rand_int_range (rand, 0, 3000));
    else
      g_thread_yield ();
  }
  g_rand_free (rand);
  return NULL;
}

/* What the camera said is lost with READY, and it learns that from its next
 * frame: that comes first. */
static void
restart (World *world)
{
  gint refused;

  gst_element_set_state (world->element, GST_STATE_READY);
  refused = g_atomic_int_get (&world->refused);
  while (g_atomic_int_get (&world->refused) == refused
      && !g_atomic_int_get (&world->quit))
    g_usleep (100);
  GST_PAD_STREAM_LOCK (world->sink);
  world->last = GST_CLOCK_TIME_NONE;
  GST_PAD_STREAM_UNLOCK (world->sink);
  gst_element_set_state (world->element, GST_STATE_PLAYING);
}

/* Down to READY and up again, and other pictures, good and bad. */
static gpointer
upset_thread (gpointer data)
{
  gchar *picture = g_build_filename (g_getenv ("MESH_SOURCE_ROOT"), "plugins",
      "imageswitch", "picture.png", NULL);
  const gchar *locations[] = { NULL, "/", "/dev/null", "missing.png",
    picture };
  World *world = data;
  GRand *rand = g_rand_new_with_seed (9);

  while (!g_atomic_int_get (&world->quit)) {
    switch (g_rand_int_range (rand, 0, 6)) {
      case 0:
        restart (world);
        break;
      case 1:
        gst_element_set_state (world->element, GST_STATE_PAUSED);
        gst_element_set_state (world->element, GST_STATE_PLAYING);
        break;
      default:
        g_object_set (world->element, "location",
            locations[g_rand_int_range (rand, 0, G_N_ELEMENTS (locations))],
            NULL);
        break;
    }
    g_usleep (g_rand_int_range (rand, 0, 40000));
  }
  g_free (picture);
  g_rand_free (rand);
  return NULL;
}

static GstStaticPadTemplate camera_template =
GST_STATIC_PAD_TEMPLATE ("camera", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw"));
static GstStaticPadTemplate receiver_template =
GST_STATIC_PAD_TEMPLATE ("receiver", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw"));

static GstPad *
world_pad (World *world, GstStaticPadTemplate *template, const gchar *peer_name)
{
  GstPad *peer = gst_element_get_static_pad (world->element, peer_name);
  GstPad *pad = gst_pad_new_from_static_template (template,
      template->name_template);

  gst_pad_set_element_private (pad, world);
  if (template->direction == GST_PAD_SRC) {
    gst_pad_set_query_function (pad, camera_query);
    fail_unless_equals_int (gst_pad_link (pad, peer), GST_PAD_LINK_OK);
  } else {
    gst_pad_set_chain_function (pad, world_chain);
    gst_pad_set_event_function (pad, world_event);
    fail_unless_equals_int (gst_pad_link (peer, pad), GST_PAD_LINK_OK);
  }
  gst_pad_set_active (pad, TRUE);
  gst_object_unref (peer);
  return pad;
}

static void
world_init (World *world)
{
  g_mutex_init (&world->toggling);
  world->element = gst_element_factory_make ("imageswitch", NULL);
  world->clock = gst_system_clock_obtain ();
  world->base = gst_clock_get_time (world->clock);
  world->last = GST_CLOCK_TIME_NONE;
  world->sink_rand = g_rand_new_with_seed (8);
  gst_element_set_clock (world->element, world->clock);
  gst_element_set_base_time (world->element, world->base);
  world->camera = world_pad (world, &camera_template, "sink");
  world->sink = world_pad (world, &receiver_template, "src");
  gst_element_set_state (world->element, GST_STATE_PLAYING);
}

static void
world_clear (World *world)
{
  gst_element_set_state (world->element, GST_STATE_NULL);
  gst_pad_set_active (world->camera, FALSE);
  gst_pad_set_active (world->sink, FALSE);
  gst_object_unref (world->camera);
  gst_object_unref (world->sink);
  gst_object_unref (world->clock);
  g_rand_free (world->sink_rand);
  ASSERT_OBJECT_REFCOUNT (world->element, "imageswitch", 1);
  gst_object_unref (world->element);
  g_mutex_clear (&world->toggling);
}

/* On a busy machine the toggles may have left little room for either. */
static void
wait_for (World *world, gboolean hidden, gint *count)
{
  if (!hidden)
    g_atomic_int_set (&world->off, FALSE);
  g_object_set (world->element, "hidden", hidden, NULL);
  if (hidden)
    g_atomic_int_set (&world->off, TRUE);
  while (g_atomic_int_get (count) < 100)
    g_usleep (100);
}

GST_START_TEST (random_toggles)
{
  const gchar *toggles = g_getenv ("MESH_TOGGLES");     /* for a longer run */
  World world = { 0 };
  GThread *camera, *upset, *togglers[TOGGLERS];
  guint i;

  world_init (&world);
  world.toggles_left = toggles ? atoi (toggles) : 20000;
  camera = g_thread_new ("camera", camera_thread, &world);
  upset = g_thread_new ("upset", upset_thread, &world);
  for (i = 0; i < TOGGLERS; i++)
    togglers[i] = g_thread_new ("toggle", toggle_thread, &world);
  for (i = 0; i < TOGGLERS; i++)
    g_thread_join (togglers[i]);
  wait_for (&world, TRUE, &world.pictures);
  wait_for (&world, FALSE, &world.cameras);
  g_atomic_int_set (&world.quit, TRUE);
  g_thread_join (upset);
  g_thread_join (camera);
  world_clear (&world);

  GST_INFO ("%d camera frames, %d pictures", world.cameras, world.pictures);
  fail_unless_equals_int (world.leaks, 0);
  fail_unless_equals_int (world.steps_back, 0);
}
GST_END_TEST;

/* The camera is shown for as long as it takes to begin a flush: src refuses the
 * caps that follow. */
static GstPadProbeReturn
begin_flush (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstHarness *h = data;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info))
      != GST_EVENT_STREAM_START)
    return GST_PAD_PROBE_OK;
  set_hidden (h, FALSE);
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  set_hidden (h, TRUE);
  return GST_PAD_PROBE_REMOVE;
}

GST_START_TEST (flush_that_begins_with_the_caps_passes)
{
  GstHarness *h = harness_new ("hidden", TRUE, NULL);
  GstPad *src = gst_element_get_static_pad (h->element, "src");
  GstBuffer *buffer;

  gst_element_set_state (h->element, GST_STATE_READY);
  while ((buffer = gst_harness_try_pull (h)))
    gst_buffer_unref (buffer);
  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, begin_flush, h,
      NULL);
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  buffer = pull_ticking (h);
  fail_if (is_camera (buffer));
  gst_buffer_unref (buffer);
  gst_object_unref (src);
  gst_harness_teardown (h);
}
GST_END_TEST;

static Suite *
imageswitch_threads_suite (void)
{
  Suite *suite = suite_create ("imageswitch-threads");
  TCase *tcase = tcase_create ("threads");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, hiding_from_within_the_push);
  tcase_add_test (tcase, frame_held_on_its_way_out_is_dropped);
  tcase_add_test (tcase, frame_held_while_src_is_linked_anew_is_dropped);
  tcase_add_test (tcase, setter_returns_while_downstream_is_blocked);
  tcase_add_test (tcase, flush_that_begins_with_the_caps_passes);
  tcase_add_test (tcase, random_toggles);
  return suite;
}

GST_CHECK_MAIN (imageswitch_threads);
