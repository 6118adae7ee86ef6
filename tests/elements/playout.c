/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When what a peer sends is played: sound without a gap, pictures in order, and
 * packets that are missing given up in time. */

#include <gst/check/gstcheck.h>
#include <gst/check/gsttestclock.h>
#include <gst/check/gstharness.h>
#include <gst/rtp/rtp.h>
#include <math.h>

#undef GST_CAT_DEFAULT
#include "meshroom/playout.h"

#define RATE 48000
#define PACKET 960
#define STEP (20 * GST_MSECOND)
#define DECLARED (80 * GST_MSECOND)
#define START (10 * GST_SECOND)

static const MeshPlayoutConfig adaptive = { .declared = DECLARED };

/* --- what comes out of a receiver --- */

typedef struct {
  MeshPlayout *playout;
  GstHarness *h;
  guint n;                      /* packets that have gone in, or were left out */
  GstClockTime next;            /* where the next sound has to be */
  gint16 last;                  /* the latest sample */
  int largest_step;
  guint64 frames;               /* that have come out */
} Sound;

static Sound
sound_new (void)
{
  Sound sound = { mesh_playout_new (&adaptive), gst_harness_new ("identity") };
  g_autoptr (GstPad) in = gst_element_get_static_pad (sound.h->element, "sink");
  g_autoptr (GstPad) out = gst_element_get_static_pad (sound.h->element, "src");

  mesh_playout_time_output (sound.playout, MESH_AUDIO, sound.h->element, in,
      out);
  gst_harness_set_src_caps_str (sound.h, "audio/x-raw,format=S16LE,rate=48000,"
      "channels=1,layout=interleaved");
  sound.next = GST_CLOCK_TIME_NONE;
  return sound;
}

static void
sound_free (Sound *sound)
{
  gst_harness_teardown (sound->h);
  mesh_playout_unref (sound->playout);
}

static void
listen (Sound *sound, GstBuffer *buffer)
{
  GstMapInfo map;

  if (GST_CLOCK_TIME_IS_VALID (sound->next))
    ck_assert_int_le (ABS (GST_CLOCK_DIFF (sound->next,
                GST_BUFFER_PTS (buffer))), GST_USECOND);
  gst_buffer_map (buffer, &map, GST_MAP_READ);
  for (gsize i = 0; i < map.size / 2; i++) {
    gint16 sample = ((gint16 *) map.data)[i];

    sound->largest_step = MAX (sound->largest_step,
        ABS (sample - sound->last));
    sound->last = sample;
  }
  sound->frames += map.size / 2;
  sound->next = GST_BUFFER_PTS (buffer)
      + gst_util_uint64_scale (map.size / 2, GST_SECOND, RATE);
  gst_buffer_unmap (buffer, &map);
  gst_buffer_unref (buffer);
}

/* Brings @n packets of a tone that goes on. */
static void
play (Sound *sound, guint n)
{
  for (guint i = 0; i < n; i++, sound->n++) {
    GstBuffer *buffer = gst_buffer_new_allocate (NULL, PACKET * 2, NULL);
    GstMapInfo map;

    gst_buffer_map (buffer, &map, GST_MAP_WRITE);
    for (guint k = 0; k < PACKET; k++)
      ((gint16 *) map.data)[k] = 10000 * sin (2 * G_PI * 300
          * (sound->n * PACKET + k) / RATE);
    gst_buffer_unmap (buffer, &map);
    GST_BUFFER_PTS (buffer) = START + sound->n * STEP;
    gst_harness_push (sound->h, buffer);
    while (gst_harness_buffers_in_queue (sound->h) > 0)
      listen (sound, gst_harness_pull (sound->h));
  }
}

/* Returns: how much later the next sound is than its packet's timestamp */
static GstClockTimeDiff
get_lag (Sound *sound)
{
  return GST_CLOCK_DIFF (START + sound->n * STEP, sound->next);
}

static GstClockTimeDiff
get_shift (Sound *sound)
{
  return mesh_playout_get_shift (sound->playout, MESH_AUDIO);
}

#define assert_near(a, b) ck_assert_int_le (ABS ((gint64) (a) - (gint64) (b)), \
    12 * (gint64) GST_MSECOND)

GST_START_TEST (sound_is_stretched_where_its_time_changes)
{
  Sound sound = sound_new ();

  play (&sound, 10);
  assert_near (get_lag (&sound), get_shift (&sound));
  /* the picture turns out to come 150 ms later than the sound */
  mesh_playout_take_sync (sound.playout, MESH_AUDIO, 0);
  mesh_playout_take_sync (sound.playout, MESH_VIDEO, 150 * GST_MSECOND);
  play (&sound, 20);
  assert_near (get_lag (&sound), get_shift (&sound));
  for (guint i = 0; i < 40; i++)
    mesh_playout_take_sync (sound.playout, MESH_VIDEO, 0);
  play (&sound, 60);
  assert_near (get_lag (&sound), get_shift (&sound));
  /* a step of the tone itself is 393 */
  ck_assert_int_le (sound.largest_step, 800);
  sound_free (&sound);
}

GST_END_TEST;

GST_START_TEST (where_nothing_was_sent_is_silence)
{
  Sound sound = sound_new ();

  play (&sound, 10);
  sound.n += 20;
  play (&sound, 10);
  ck_assert_uint_ge (sound.frames, 39 * PACKET);
  ck_assert_uint_le (sound.frames, 41 * PACKET);
  sound_free (&sound);
}

GST_END_TEST;

GST_START_TEST (a_long_pause_is_not_filled)
{
  Sound sound = sound_new ();

  play (&sound, 10);
  sound.n += 1000;
  sound.next = GST_CLOCK_TIME_NONE;
  play (&sound, 10);
  ck_assert_uint_le (sound.frames, 21 * PACKET);
  assert_near (get_lag (&sound), get_shift (&sound));
  sound_free (&sound);
}

GST_END_TEST;

GST_START_TEST (pictures_stay_in_order)
{
  MeshPlayout *playout = mesh_playout_new (&adaptive);
  GstHarness *h = gst_harness_new ("identity");
  g_autoptr (GstPad) in = gst_element_get_static_pad (h->element, "sink");
  g_autoptr (GstPad) out = gst_element_get_static_pad (h->element, "src");
  GstClockTime last = 0;

  mesh_playout_time_output (playout, MESH_VIDEO, h->element, in, out);
  gst_harness_set_src_caps_str (h, "video/x-raw");
  mesh_playout_take_sync (playout, MESH_VIDEO, 0);
  mesh_playout_take_sync (playout, MESH_AUDIO, 200 * GST_MSECOND);
  for (guint i = 0; i < 100; i++) {
    GstBuffer *buffer = gst_buffer_new ();

    GST_BUFFER_PTS (buffer) = START + i * 10 * GST_MSECOND;
    gst_harness_push (h, buffer);
    buffer = gst_harness_pull (h);
    ck_assert_uint_ge (GST_BUFFER_PTS (buffer), last);
    last = GST_BUFFER_PTS (buffer);
    gst_buffer_unref (buffer);
    /* the sound is no later than the picture any more */
    mesh_playout_take_sync (playout, MESH_AUDIO, 0);
  }
  gst_harness_teardown (h);
  mesh_playout_unref (playout);
}

GST_END_TEST;

/* --- the jitterbuffer --- */

typedef struct {
  MeshPlayout *playout;
  GstHarness *h;
  GstTestClock *clock;
  MeshKind kind;
  guint requests;
  GstClockTime last_request;    /* since its packet was due */
} Reception;

#define MISSING 50
#define DUE (START + MISSING * STEP)

static Reception
reception_new (MeshKind kind)
{
  Reception reception = { mesh_playout_new (&adaptive),
    gst_harness_new ("rtpjitterbuffer"), .kind = kind };
  g_autofree char *caps = g_strdup_printf ("application/x-rtp,media=video,"
      "payload=96,clock-rate=%d,encoding-name=X", kind == MESH_AUDIO ? 48000
      : 90000);

  reception.clock = gst_harness_get_testclock (reception.h);
  g_object_set (reception.h->element, "do-lost", TRUE, "do-retransmission",
      kind == MESH_VIDEO, "rtx-next-seqnum", FALSE, "faststart-min-packets", 1,
      NULL);
  mesh_playout_watch_buffer (reception.playout, kind, reception.h->element);
  gst_harness_set_src_caps_str (reception.h, caps);
  return reception;
}

static void
reception_free (Reception *reception)
{
  gst_object_unref (reception->clock);
  gst_harness_teardown (reception->h);
  mesh_playout_unref (reception->playout);
}

static void
receive (Reception *reception, guint16 i)
{
  GstBuffer *packet = gst_rtp_buffer_new_allocate (100, 0, 0);
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;

  gst_rtp_buffer_map (packet, GST_MAP_WRITE, &rtp);
  gst_rtp_buffer_set_payload_type (&rtp, 96);
  gst_rtp_buffer_set_seq (&rtp, 40000 + i);
  gst_rtp_buffer_set_timestamp (&rtp, i * (reception->kind == MESH_AUDIO ? 960
          : 1800));
  gst_rtp_buffer_unmap (&rtp);
  GST_BUFFER_DTS (packet) = GST_BUFFER_PTS (packet) =
      gst_clock_get_time (GST_CLOCK (reception->clock));
  if (GST_BUFFER_DTS (packet) > (GstClockTime) (START + i * STEP))
    GST_BUFFER_FLAG_SET (packet, GST_RTP_BUFFER_FLAG_RETRANSMISSION);
  ck_assert_int_eq (gst_harness_push (reception->h, packet), GST_FLOW_OK);
}

static void
count_requests (Reception *reception)
{
  while (gst_harness_upstream_events_in_queue (reception->h) > 0) {
    g_autoptr (GstEvent) event =
        gst_harness_pull_upstream_event (reception->h);

    if (!gst_event_has_name (event, "GstRTPRetransmissionRequest"))
      continue;
    reception->requests++;
    reception->last_request =
        GST_CLOCK_DIFF (DUE, gst_clock_get_time (GST_CLOCK
                (reception->clock)));
  }
}

/* The element's own thread brings them. */
static void
await_buffers (Reception *reception, guint n)
{
  while (gst_harness_buffers_received (reception->h) < n)
    g_thread_yield ();
}

/* Lets one packet be missing, and the one behind it come. */
static void
begin_to_miss (Reception *reception)
{
  for (guint i = 0; i < MISSING; i++) {
    gst_test_clock_set_time (reception->clock, START + i * STEP);
    receive (reception, i);
    /* the jitterbuffer begins at once if no event stands before the packet */
    for (guint k = 0; i == 0 && k < 3; k++)
      gst_event_unref (gst_harness_pull_event (reception->h));
  }
  await_buffers (reception, MISSING);
  gst_test_clock_set_time (reception->clock, DUE + STEP);
  receive (reception, MISSING + 1);
}

/* Returns: how long after a missing packet was due those behind it came out */
static GstClockTime
miss (Reception *reception)
{
  GstClockTime now;

  begin_to_miss (reception);
  while (gst_harness_buffers_received (reception->h) == MISSING) {
    count_requests (reception);
    if (gst_test_clock_peek_id_count (reception->clock) > 0)
      gst_test_clock_crank (reception->clock);
    else
      g_thread_yield ();        /* its timer's thread is busy */
  }
  now = gst_clock_get_time (GST_CLOCK (reception->clock));
  count_requests (reception);
  return now - DUE;
}

GST_START_TEST (sound_that_is_missing_is_given_up_when_it_is_due)
{
  Reception reception = reception_new (MESH_AUDIO);
  GstClockTime waited = miss (&reception);

  /* the delay at the start; the packet behind it shows that one is missing */
  ck_assert_uint_ge (waited, STEP);
  ck_assert_uint_le (waited, 60 * GST_MSECOND);
  ck_assert_uint_eq (reception.requests, 0);
  reception_free (&reception);
}

GST_END_TEST;

GST_START_TEST (a_picture_is_asked_for_as_long_as_it_can_come)
{
  Reception reception = reception_new (MESH_VIDEO);
  GstClockTime rtt = 100 * GST_MSECOND, waited;

  mesh_playout_set_rtt (reception.playout, rtt);
  waited = miss (&reception);
  /* three times in a round trip, since requests are lost as well */
  ck_assert_uint_ge (reception.requests, 6);
  ck_assert_uint_le (reception.requests, 12);
  ck_assert_uint_ge (waited, 4 * rtt);
  ck_assert_uint_le (waited, 5 * rtt);
  ck_assert_uint_le (reception.last_request + rtt, waited);
  reception_free (&reception);
}

GST_END_TEST;

/* Who only receives gets no report that tells the round-trip time. */
GST_START_TEST (the_answer_to_a_request_tells_the_round_trip)
{
  Reception reception = reception_new (MESH_VIDEO);

  begin_to_miss (&reception);
  while (count_requests (&reception), reception.requests == 0) {
    if (gst_test_clock_peek_id_count (reception.clock) > 0)
      gst_test_clock_crank (reception.clock);
    else
      g_thread_yield ();
  }
  ck_assert_uint_eq (mesh_playout_get_rtt (reception.playout), 0);
  gst_test_clock_advance_time (reception.clock, 70 * GST_MSECOND);
  receive (&reception, MISSING);
  ck_assert_uint_ge (mesh_playout_get_rtt (reception.playout),
      70 * GST_MSECOND);
  ck_assert_uint_le (mesh_playout_get_rtt (reception.playout),
      150 * GST_MSECOND);
  /* what reports tell is better */
  mesh_playout_set_rtt (reception.playout, 30 * GST_MSECOND);
  ck_assert_uint_eq (mesh_playout_get_rtt (reception.playout),
      30 * GST_MSECOND);
  reception_free (&reception);
}

GST_END_TEST;

/* Padding, and not a packet that was late. */
GST_START_TEST (a_repeated_packet_is_no_reason_for_a_delay)
{
  Reception reception = reception_new (MESH_VIDEO);
  MeshPlayoutStats before, after;

  for (guint i = 0; i < MISSING; i++) {
    gst_test_clock_set_time (reception.clock, START + i * STEP);
    receive (&reception, i);
    for (guint k = 0; i == 0 && k < 3; k++)
      gst_event_unref (gst_harness_pull_event (reception.h));
  }
  await_buffers (&reception, MISSING);
  mesh_playout_get_stats (reception.playout, &before);
  for (guint i = 0; i < 20; i++)
    receive (&reception, i);
  mesh_playout_get_stats (reception.playout, &after);
  ck_assert_uint_le (after.delay, before.delay);
  reception_free (&reception);
}

GST_END_TEST;

static Suite *
playout_suite (void)
{
  Suite *suite = suite_create ("playout");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, sound_is_stretched_where_its_time_changes);
  tcase_add_test (tcase, where_nothing_was_sent_is_silence);
  tcase_add_test (tcase, a_long_pause_is_not_filled);
  tcase_add_test (tcase, pictures_stay_in_order);
  tcase_add_test (tcase, sound_that_is_missing_is_given_up_when_it_is_due);
  tcase_add_test (tcase, a_picture_is_asked_for_as_long_as_it_can_come);
  tcase_add_test (tcase, the_answer_to_a_request_tells_the_round_trip);
  tcase_add_test (tcase, a_repeated_packet_is_no_reason_for_a_delay);
  return suite;
}

GST_CHECK_MAIN (playout);
