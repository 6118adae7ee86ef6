/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A thousand changes of rung, and more of layers, in one stream, looked at where
 * a peer would look: each RTP packet follows the one before, and each picture
 * is the one that was drawn. Frames are fed one by one, so the clock plays no
 * part.
 *
 *   drawing ─ encoder ─┐
 *   drawing ─ encoder ─┼─ fan-out ─ payloader ─ packets ─ decoder ─ pictures
 *   drawing ─ encoder ─┘                          checked             checked
 */

#include <gst/check/gstcheck.h>
#include <gst/rtp/rtp.h>
#include <gst/video/video.h>

#undef GST_CAT_DEFAULT
#include "meshroom/common.h"
#include "meshroom/encoding.h"
#include "meshroom/fanout-private.h"

#undef GST_CAT_DEFAULT          /* the room's own is not used here */
#define GST_CAT_DEFAULT check_debug
#include "drawing.h"

#define FRAME (GST_SECOND / 30)

/* Small, so that the test is short. The lower two lag by one and two frames, as
 * encoders do that share a processor; the last one gets every other frame. */
static const struct {
  int width, height;
  guint lag;
  guint every;
} shapes[MESH_RUNGS] = {
  { 192, 112, 0, 1 }, { 128, 80, 1, 1 }, { 96, 64, 2, 2 }
};

typedef struct {
  GstPad *source;
  MeshTuning *tuning;
  guint fed, encoded, keys;
  gsize bytes;                  /* of what is encoded */
} Rung;

typedef struct {
  const MeshCodec *codec;
  GstElement *bin;
  MeshFanout *fanout;
  GstPad *branch;
  GstPad *end;                  /* gets the decoded pictures */
  Rung rungs[MESH_RUNGS];
  guint next;                   /* the frame that is drawn next */

  GMutex lock;                  /* guards what follows, and what is counted of
                                 * a rung */
  GCond cond;
  char *fault;                  /* the first one */
  gboolean tolerant;            /* a fault is no failure */

  guint packets;
  guint16 sequence;
  guint32 timestamp;
  guint picture_id, tl0picidx;
  gboolean marked;              /* the last packet ended its frame */

  guint pictures;
  guint number;                 /* of the last picture */
  GstClockTime time;
  double worst;
  gboolean may_pause;           /* the next picture may be late */
} Test;

static void G_GNUC_PRINTF (2, 3)
blame_locked (Test *t, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  if (!t->fault)
    t->fault = g_strdup_vprintf (format, args);
  va_end (args);
}

/* --- pictures --- */

/* Each picture is whole, shows what was drawn for its time or, just after a
 * change, a frame or two before, and comes without a pause. */
static void
check_picture_locked (Test *t, GstVideoFrame *frame, GstClockTime time)
{
  guint n = read_number (frame);
  double psnr = measure_psnr (frame, n);

  GST_LOG ("%u, %d wide, for the time of %u: %.1f dB", n,
      GST_VIDEO_FRAME_WIDTH (frame), (guint) (time / FRAME), psnr);
  t->worst = MIN (t->worst, psnr);
  if (psnr < GOOD_PSNR)
    blame_locked (t, "picture %u (%d wide, after %u) is smeared: %.1f dB", n,
        GST_VIDEO_FRAME_WIDTH (frame), t->number, psnr);
  if (n > time / FRAME || n + 3 < time / FRAME)
    blame_locked (t, "picture %u came for the time of %u", n,
        (guint) (time / FRAME));
  if (t->pictures > 0 && time <= t->time)
    blame_locked (t, "picture %u came for the same time as %u", n, t->number);
  if (t->pictures > 0 && !t->may_pause && time > t->time + 6 * FRAME)
    blame_locked (t, "nothing came between %u and %u", t->number, n);
  t->may_pause = FALSE;
  t->number = n;
  t->time = time;
  t->pictures++;
}

static GstFlowReturn
end_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  Test *t = gst_pad_get_element_private (pad);
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  g_autoptr (GstEvent) event =
      gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0);
  const GstSegment *segment;
  GstVideoInfo info;
  GstVideoFrame frame;

  gst_event_parse_segment (event, &segment);
  g_assert_true (gst_video_info_from_caps (&info, caps));
  g_assert_true (gst_video_frame_map (&frame, &info, buffer, GST_MAP_READ));
  g_mutex_lock (&t->lock);
  check_picture_locked (t, &frame, gst_segment_to_running_time (segment,
          GST_FORMAT_TIME, GST_BUFFER_PTS (buffer)));
  g_mutex_unlock (&t->lock);
  gst_video_frame_unmap (&frame);
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

/* Takes pictures of any size. */
static gboolean
end_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  if (GST_QUERY_TYPE (query) != GST_QUERY_ACCEPT_CAPS)
    return FALSE;
  gst_query_set_accept_caps_result (query, TRUE);
  return TRUE;
}

/* --- packets --- */

/* RFC 7741, 4.2: X, then I, L and T, then the picture id in 15 bits, TL0PICIDX,
 * and TID with Y. */
static void
check_vp8_locked (Test *t, const guint8 *data, gboolean first)
{
  guint id = (data[2] & 0x7f) << 8 | data[3];
  guint tl0picidx = data[4], tid = data[5] >> 6;

  if (!(data[0] & 0x80) || (data[1] & 0xe0) != 0xe0 || !(data[2] & 0x80)) {
    blame_locked (t, "packet %u lacks picture id or layer", t->packets);
    return;
  }
  if (first && t->packets > 0 && id != ((t->picture_id + 1) & 0x7fff))
    blame_locked (t, "picture id %u follows %u", id, t->picture_id);
  if (!first && id != t->picture_id)
    blame_locked (t, "picture id %u within picture %u", id, t->picture_id);
  if (first && t->packets > 0
      && tl0picidx != ((t->tl0picidx + (tid == 0)) & 0xff))
    blame_locked (t, "TL0PICIDX %u follows %u in layer %u", tl0picidx,
        t->tl0picidx, tid);
  if (tid > 0 && !(data[5] & 0x20))
    blame_locked (t, "a frame of the upper layer needs more than the lower");
  t->picture_id = id;
  t->tl0picidx = tl0picidx;
}

static void
check_packet_locked (Test *t, GstBuffer *buffer)
{
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  gboolean first = t->packets == 0 || t->marked;
  guint16 sequence;
  guint32 timestamp;

  g_assert_true (gst_rtp_buffer_map (buffer, GST_MAP_READ, &rtp));
  sequence = gst_rtp_buffer_get_seq (&rtp);
  timestamp = gst_rtp_buffer_get_timestamp (&rtp);
  if (t->packets > 0 && sequence != (guint16) (t->sequence + 1))
    blame_locked (t, "packet %u follows %u", sequence, t->sequence);
  if (t->packets > 0 && first && (gint32) (timestamp - t->timestamp) <= 0)
    blame_locked (t, "RTP time %u follows %u", timestamp, t->timestamp);
  if (!first && timestamp != t->timestamp)
    blame_locked (t, "RTP time %u within %u", timestamp, t->timestamp);
  if (g_str_equal (t->codec->name, "VP8"))
    check_vp8_locked (t, gst_rtp_buffer_get_payload (&rtp), first);
  t->sequence = sequence;
  t->timestamp = timestamp;
  t->marked = gst_rtp_buffer_get_marker (&rtp);
  t->packets++;
  gst_rtp_buffer_unmap (&rtp);
}

static gboolean
check_listed_locked (GstBuffer **buffer, guint i, gpointer user_data)
{
  check_packet_locked (user_data, *buffer);
  return TRUE;
}

static GstPadProbeReturn
on_packets (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Test *t = user_data;

  g_mutex_lock (&t->lock);
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER)
    check_packet_locked (t, GST_PAD_PROBE_INFO_BUFFER (info));
  else
    gst_buffer_list_foreach (GST_PAD_PROBE_INFO_BUFFER_LIST (info),
        check_listed_locked, t);
  g_mutex_unlock (&t->lock);
  return GST_PAD_PROBE_OK;
}

/* --- the way there --- */

static GstPadProbeReturn
on_encoded (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Test *t = user_data;
  Rung *rung = &t->rungs[0];

  while (mesh_fanout_get_sink (t->fanout, rung - t->rungs) != pad)
    rung++;
  g_mutex_lock (&t->lock);
  rung->encoded++;
  rung->bytes += gst_buffer_get_size (GST_PAD_PROBE_INFO_BUFFER (info));
  rung->keys += !GST_BUFFER_FLAG_IS_SET (GST_PAD_PROBE_INFO_BUFFER (info),
      GST_BUFFER_FLAG_DELTA_UNIT);
  g_cond_broadcast (&t->cond);
  g_mutex_unlock (&t->lock);
  return GST_PAD_PROBE_OK;
}

static void
on_failed (MeshCompartment *compartment, const GError *error, gpointer data)
{
  g_error ("%s", error->message);
}

static void
start_stream (GstPad *pad, int width, int height)
{
  g_autoptr (GstCaps) caps = gst_caps_new_simple ("video/x-raw", "format",
      G_TYPE_STRING, "I420", "width", G_TYPE_INT, width, "height", G_TYPE_INT,
      height, "framerate", GST_TYPE_FRACTION, 30, 1, "pixel-aspect-ratio",
      GST_TYPE_FRACTION, 1, 1, NULL);
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (pad, gst_event_new_stream_start ("drawing"));
  gst_pad_push_event (pad, gst_event_new_caps (caps));
  gst_pad_push_event (pad, gst_event_new_segment (&segment));
}

static void
add_rung (Test *t, guint r)
{
  Rung *rung = &t->rungs[r];
  MeshCompartment *compartment = mesh_compartment_new (on_failed, t, NULL);
  GstPad *inlet = mesh_fanout_get_sink (t->fanout, r);
  g_autoptr (GstPad) sink = NULL, src = NULL;
  g_autoptr (MeshRepeatFilter) filter = NULL;
  g_autoptr (GError) error = NULL;

  rung->tuning = mesh_tuning_new (t->codec, r, 800000);
  gst_bin_add (GST_BIN (t->bin), GST_ELEMENT (compartment));
  mesh_encoding_fill (t->codec, 0, rung->tuning, compartment, &filter, &error);
  g_assert_no_error (error);
  src = gst_element_get_static_pad (GST_ELEMENT (compartment), "src");
  ck_assert_int_eq (gst_pad_link (src, inlet), GST_PAD_LINK_OK);
  gst_pad_add_probe (inlet, GST_PAD_PROBE_TYPE_BUFFER, on_encoded, t, NULL);
  rung->source = gst_object_ref_sink (gst_pad_new (NULL, GST_PAD_SRC));
  gst_pad_set_active (rung->source, TRUE);
  sink = gst_element_get_static_pad (GST_ELEMENT (compartment), "sink");
  gst_pad_link (rung->source, sink);
  gst_element_set_state (GST_ELEMENT (compartment), GST_STATE_PLAYING);
  start_stream (rung->source, shapes[r].width, shapes[r].height);
}

/* Links payloader and decoder to the branch, as a peer and its other end. */
static void
add_receiver (Test *t)
{
  g_autofree char *text = g_strdup_printf ("%s name=pay ! %s ! %s",
      t->codec->payloader, t->codec->depayloader,
      g_str_equal (t->codec->name, "H264") ? "avdec_h264 max-threads=1"
      : "vp8dec");
  g_autoptr (GError) error = NULL;
  GstElement *receiver = gst_parse_bin_from_description (text, TRUE, &error);
  g_autoptr (GstElement) payloader = NULL;
  g_autoptr (GstPad) sink = NULL, packets = NULL, src = NULL;

  g_assert_no_error (error);
  gst_bin_add (GST_BIN (t->bin), receiver);
  payloader = gst_bin_get_by_name (GST_BIN (receiver), "pay");
  packets = gst_element_get_static_pad (payloader, "src");
  gst_pad_add_probe (packets, GST_PAD_PROBE_TYPE_BUFFER
      | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_packets, t, NULL);
  t->end = gst_object_ref_sink (gst_pad_new (NULL, GST_PAD_SINK));
  gst_pad_set_element_private (t->end, t);
  gst_pad_set_chain_function (t->end, end_chain);
  gst_pad_set_query_function (t->end, end_query);
  gst_pad_set_active (t->end, TRUE);
  src = gst_element_get_static_pad (receiver, "src");
  gst_pad_link (src, t->end);
  gst_element_set_state (receiver, GST_STATE_PLAYING);
  sink = gst_element_get_static_pad (receiver, "sink");
  t->branch = mesh_fanout_add_branch (t->fanout);
  ck_assert_int_eq (gst_pad_link_full (t->branch, sink,
          GST_PAD_LINK_CHECK_NOTHING), GST_PAD_LINK_OK);
}

static void
set_up (Test *t, const char *codec)
{
  g_autoptr (GstCaps) caps = NULL;

  GST_DEBUG_CATEGORY_INIT (mesh_room_debug, "meshroom", 0, "meshroom");
  memset (t, 0, sizeof *t);
  t->worst = 100;
  t->codec = mesh_codec_find (codec);
  t->bin = gst_object_ref_sink (gst_pipeline_new (NULL));
  caps = gst_caps_from_string (t->codec->caps);
  t->fanout = mesh_fanout_new (caps);
  gst_bin_add (GST_BIN (t->bin), GST_ELEMENT (t->fanout));
  gst_element_set_state (t->bin, GST_STATE_PLAYING);
  for (guint r = 0; r < MESH_RUNGS; r++)
    add_rung (t, r);
  add_receiver (t);
  mesh_fanout_open_branch (t->fanout, t->branch);
}

static void
tear_down (Test *t)
{
  gst_element_set_state (t->bin, GST_STATE_NULL);
  mesh_fanout_remove_branch (t->fanout, t->branch);
  for (guint r = 0; r < MESH_RUNGS; r++) {
    gst_object_unref (t->rungs[r].source);
    mesh_tuning_unref (t->rungs[r].tuning);
  }
  gst_object_unref (t->end);
  gst_object_unref (t->bin);
  g_free (t->fault);
}

/* --- feeding --- */

/* Waits until the encoder has made its frame, and the fan-out has taken it. */
static void
wait_encoded (Test *t, guint r)
{
  GstPad *inlet = mesh_fanout_get_sink (t->fanout, r);

  g_mutex_lock (&t->lock);
  while (t->rungs[r].encoded < t->rungs[r].fed)
    g_cond_wait (&t->cond, &t->lock);
  g_mutex_unlock (&t->lock);
  GST_PAD_STREAM_LOCK (inlet);
  GST_PAD_STREAM_UNLOCK (inlet);
}

static gboolean
is_idle (MeshBranch *branch)
{
  gboolean idle;

  g_mutex_lock (&branch->lock);
  idle = !branch->busy && g_queue_is_empty (&branch->items);
  g_mutex_unlock (&branch->lock);
  return idle;
}

/* Draws the next frame, and takes it all the way. */
static void
feed (Test *t)
{
  guint n = t->next++;
  GstBuffer *picture;

  for (guint r = 0; r < MESH_RUNGS; r++) {
    if (n < shapes[r].lag || (n - shapes[r].lag) % shapes[r].every != 0)
      continue;
    t->rungs[r].fed++;
    picture = draw (n - shapes[r].lag, shapes[r].width, shapes[r].height);
    GST_BUFFER_PTS (picture) = (n - shapes[r].lag) * FRAME;
    GST_BUFFER_DURATION (picture) = FRAME;
    ck_assert_int_eq (gst_pad_push (t->rungs[r].source, picture), GST_FLOW_OK);
  }
  for (guint r = 0; r < MESH_RUNGS; r++)
    wait_encoded (t, r);
  while (!is_idle (MESH_BRANCH (t->branch)))
    g_thread_yield ();
  g_mutex_lock (&t->lock);
  fail_if (t->fault && !t->tolerant, "%s", t->fault);
  g_mutex_unlock (&t->lock);
}

static void
set_step (Test *t, guint rung, guint layers)
{
  GST_LOG ("rung %u, layers %u from %u on", rung, layers, t->next);
  mesh_fanout_set_step (t->fanout, t->branch, rung, layers);
}

static guint
count_keys (Test *t)
{
  guint keys = 0;

  g_mutex_lock (&t->lock);
  for (guint r = 0; r < MESH_RUNGS; r++)
    keys += t->rungs[r].keys;
  g_mutex_unlock (&t->lock);
  return keys;
}

/* A second and a half after the last change, the branch is where it shall be. */
static void
check_settled (Test *t, guint rung)
{
  for (guint i = 0; i < 45; i++)
    feed (t);
  ck_assert_uint_eq (mesh_fanout_get_rung (t->branch), rung);
}

static const struct {
  const char *name;
  guint changes;
} codecs[] = { { "VP8", 1000 }, { "H264", 300 } };

GST_START_TEST (a_thousand_changes_leave_no_trace)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (__i__);
  guint changes = codecs[__i__].changes;
  guint rung = 0;
  Test t;

  set_up (&t, codecs[__i__].name);
  feed (&t);
  for (guint i = 0; i < changes; i++) {
    guint frames = g_rand_int_range (rand, 1, 16);

    /* seldom to no rung at all */
    rung = (rung + g_rand_int_range (rand, 1, MESH_RUNGS)) % MESH_RUNGS;
    if (g_rand_int_range (rand, 0, 20) == 0) {
      set_step (&t, MESH_RUNGS, 2);
      for (guint k = 0; k < frames; k++)
        feed (&t);
    }
    if (mesh_fanout_get_rung (t.branch) == MESH_RUNGS) {
      g_mutex_lock (&t.lock);
      t.may_pause = TRUE;
      g_mutex_unlock (&t.lock);
    }
    set_step (&t, rung, g_rand_int_range (rand, 1, 3));
    for (guint k = 0; k < frames; k++) {
      feed (&t);
      /* layers come and go at any frame */
      if (g_rand_int_range (rand, 0, 4) == 0)
        set_step (&t, rung, g_rand_int_range (rand, 1, 3));
    }
    if (i % 100 == 0)
      check_settled (&t, rung);
  }
  /* each encoder's first frame, one a change, and what an encoder makes by
   * itself every 300 frames */
  ck_assert_uint_le (count_keys (&t), MESH_RUNGS + changes
      + MESH_RUNGS * (t.next / 300));
  ck_assert_uint_gt (t.pictures, t.next / 3);
  GST_INFO ("%u frames, %u key frames, %u pictures, %u packets, worst %.1f dB",
      t.next, count_keys (&t), t.pictures, t.packets, t.worst);
  tear_down (&t);
}

GST_END_TEST;

GST_START_TEST (every_other_frame_can_be_left_out)
{
  guint pictures;
  Test t;

  set_up (&t, "VP8");
  for (guint i = 0; i < 30; i++)
    feed (&t);
  ck_assert_uint_eq (t.pictures, 30);
  set_step (&t, 0, 1);
  for (guint i = 0; i < 60; i++)
    feed (&t);
  ck_assert_uint_eq (t.pictures, 60);
  set_step (&t, 0, 2);
  pictures = t.pictures;
  for (guint i = 0; i < 30; i++)
    feed (&t);
  ck_assert_uint_eq (t.pictures, pictures + 30);
  ck_assert_uint_eq (t.rungs[0].keys, 1);
  tear_down (&t);
}

GST_END_TEST;

static gsize
count_bytes (Test *t, guint frames)
{
  gsize before = t->rungs[0].bytes;

  for (guint i = 0; i < frames; i++)
    feed (t);
  return t->rungs[0].bytes - before;
}

/* After a second, and to no more than a quarter off. */
GST_START_TEST (a_rate_is_followed)
{
  static const guint rates[] = { 60000, 240000, 120000, 80000 };
  Test t;

  set_up (&t, codecs[__i__].name);
  t.tolerant = TRUE;            /* few bits, for a picture that moves */
  for (guint i = 0; i < G_N_ELEMENTS (rates); i++) {
    gsize bits;

    mesh_tuning_set_rate (t.rungs[0].tuning, rates[i]);
    count_bytes (&t, 30);
    bits = count_bytes (&t, 60) * 8 / 2;
    GST_INFO ("set to %u: %" G_GSIZE_FORMAT, rates[i], bits);
    ck_assert_uint_ge (bits, rates[i] * 3 / 4);
    ck_assert_uint_le (bits, rates[i] * 5 / 4);
  }
  tear_down (&t);
}

GST_END_TEST;

static GstPadProbeReturn
drop_one (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  return g_atomic_int_compare_and_exchange ((gint *) user_data, TRUE, FALSE)
      ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
}

/* The check of the pictures would see it if a frame was missing that others
 * need. */
GST_START_TEST (a_missing_frame_is_seen)
{
  gint drops = FALSE;
  Test t;

  set_up (&t, "VP8");
  for (guint i = 0; i < 30; i++)
    feed (&t);
  fail_unless (t.worst > GOOD_PSNR + 3, "%.1f dB", t.worst);
  set_step (&t, 0, 1);
  gst_pad_add_probe (t.branch, GST_PAD_PROBE_TYPE_BUFFER, drop_one, &drops,
      NULL);
  t.tolerant = TRUE;
  g_atomic_int_set (&drops, TRUE);
  for (guint i = 0; i < 10; i++)
    feed (&t);
  ck_assert_int_eq (drops, FALSE);
  fail_unless (t.worst < GOOD_PSNR - 3, "%.1f dB", t.worst);
  fail_unless (strstr (t.fault, "smeared"));
  tear_down (&t);
}

GST_END_TEST;

static Suite *
rung_changes_suite (void)
{
  Suite *suite = suite_create ("rung-changes");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_loop_test (tcase, a_thousand_changes_leave_no_trace, 0,
      G_N_ELEMENTS (codecs));
  tcase_add_test (tcase, every_other_frame_can_be_left_out);
  tcase_add_loop_test (tcase, a_rate_is_followed, 0, G_N_ELEMENTS (codecs));
  tcase_add_test (tcase, a_missing_frame_is_seen);
  return suite;
}

GST_CHECK_MAIN (rung_changes);
