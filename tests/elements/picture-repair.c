/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever packets of a picture are lost, what is decoded is what was encoded:
 * the picture stands still until it is whole again, and is never smeared. */

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/rtp/rtp.h>
#include <gst/video/video.h>

#undef GST_CAT_DEFAULT
#include "core/vp8-layers.h"
#include "meshroom/receiver.h"

static const MeshPlayoutConfig playout_config = { .fixed = TRUE };

#define FRAMES 120
#define SOURCE "videotestsrc num-buffers=120 pattern=ball motion=sweep ! " \
    "video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! "
/* small packets, so that a frame has several */
#define VP8 "vp8enc deadline=1 cpu-used=-8 target-bitrate=1000000 threads=1 " \
    "keyframe-max-dist=30 "
#define VP8_PAY " ! rtpvp8pay picture-id-mode=15-bit mtu=300"
#define LAYERS "error-resilient=1 temporal-scalability-number-layers=2 " \
    "temporal-scalability-periodicity=2 "

static const struct {
  const char *codec;
  const char *encoder;
} streams[] = {
  { "VP8", VP8 VP8_PAY },
  { "VP8", VP8 LAYERS VP8_PAY },
  { "VP9", "vp9enc deadline=1 cpu-used=8 target-bitrate=1000000 threads=1 "
        "keyframe-max-dist=30 ! vp9parse ! "
        "rtpvp9pay picture-id-mode=15-bit mtu=300" },
  { "H264", "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 "
        "threads=1 bitrate=1000 ! video/x-h264,profile=constrained-baseline ! "
        "h264parse ! rtph264pay config-interval=-1 "
        "aggregate-mode=zero-latency mtu=300" },
};

static void
set_ints (GObject *encoder, const char *name, int first, int second)
{
  G_GNUC_BEGIN_IGNORE_DEPRECATIONS
  GValueArray *array = g_value_array_new (2);
  int values[] = { first, second };

  for (guint i = 0; i < 2; i++) {
    g_auto (GValue) value = G_VALUE_INIT;

    g_value_init (&value, G_TYPE_INT);
    g_value_set_int (&value, values[i]);
    g_value_array_append (array, &value);
  }
  g_object_set (encoder, name, array, NULL);
  g_value_array_free (array);
  G_GNUC_END_IGNORE_DEPRECATIONS
}

/* Two temporal layers, the upper one of which nothing refers to. gst-launch
 * cannot read these properties. */
static void
set_layers (GObject *encoder)
{
  g_auto (GValue) flags = G_VALUE_INIT, one = G_VALUE_INIT;
  g_auto (GValue) syncs = G_VALUE_INIT, sync = G_VALUE_INIT;
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS
      (encoder), "temporal-scalability-layer-flags");

  set_ints (encoder, "temporal-scalability-layer-id", 0, 1);
  set_ints (encoder, "temporal-scalability-rate-decimator", 2, 1);
  set_ints (encoder, "temporal-scalability-target-bitrate", 600000, 1000000);
  g_value_init (&flags, GST_TYPE_ARRAY);
  g_value_init (&one, GST_PARAM_SPEC_ARRAY_LIST (pspec)->element_spec
      ->value_type);
  gst_value_deserialize (&one, "no-ref-golden+no-ref-alt+no-upd-golden"
      "+no-upd-alt");
  gst_value_array_append_value (&flags, &one);
  gst_value_deserialize (&one, "no-ref-golden+no-ref-alt+no-upd-last"
      "+no-upd-golden+no-upd-alt+no-upd-entropy");
  gst_value_array_append_value (&flags, &one);
  g_object_set_property (encoder, "temporal-scalability-layer-flags", &flags);
  g_value_init (&syncs, GST_TYPE_ARRAY);
  g_value_init (&sync, G_TYPE_BOOLEAN);
  gst_value_array_append_value (&syncs, &sync);
  g_value_set_boolean (&sync, TRUE);
  gst_value_array_append_value (&syncs, &sync);
  g_object_set_property (encoder, "temporal-scalability-layer-sync-flags",
      &syncs);
}

static GQueue *
encode (const char *encoder)
{
  g_autofree char *line = g_strconcat (SOURCE, encoder, NULL);
  GstHarness *h = gst_harness_new_parse (line);
  GQueue *packets = g_queue_new ();
  GstEvent *event;
  gboolean ended = FALSE;

  if (strstr (encoder, LAYERS)) {
    g_autoptr (GstElement) layered = gst_harness_find_element (h, "vp8enc");

    set_layers (G_OBJECT (layered));
  }
  gst_harness_play (h);
  while (!ended && (event = gst_harness_pull_event (h))) {
    ended = GST_EVENT_TYPE (event) == GST_EVENT_EOS;
    gst_event_unref (event);
  }
  while (gst_harness_buffers_in_queue (h) > 0)
    g_queue_push_tail (packets, gst_harness_pull (h));
  gst_harness_teardown (h);
  return packets;
}

static void
take_all (GstHarness *h, GHashTable *pictures)
{
  GstBuffer *buffer;

  while ((buffer = gst_harness_try_pull (h))) {
    GstMapInfo map;
    guint64 *time = g_new (guint64, 1);

    *time = GST_BUFFER_PTS (buffer);
    gst_buffer_map (buffer, &map, GST_MAP_READ);
    g_hash_table_insert (pictures, time,
        g_compute_checksum_for_data (G_CHECKSUM_MD5, map.data, map.size));
    gst_buffer_unmap (buffer, &map);
    gst_buffer_unref (buffer);
  }
}

static guint64 key_frames_asked;

/* As a sender that leaves the packet before it out. */
static void
number (GstBuffer *packet, guint16 skipped)
{
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;

  fail_unless (gst_rtp_buffer_map (packet, GST_MAP_READWRITE, &rtp));
  gst_rtp_buffer_set_seq (&rtp, gst_rtp_buffer_get_seq (&rtp) - skipped);
  gst_rtp_buffer_unmap (&rtp);
}

/* Decodes what is left of @packets where @lost[i] is FALSE; the packets that
 * are @cut off have never had a number. Returns: pictures by their times */
static GHashTable *
decode_cut (const MeshCodec *codec, GQueue *packets, const gboolean *lost,
    const gboolean *cut)
{
  GHashTable *pictures = g_hash_table_new_full (g_int64_hash, g_int64_equal,
      g_free, g_free);
  MeshPlayout *playout = mesh_playout_new (&playout_config);
  g_autoptr (GError) error = NULL;
  GstElement *receiver = mesh_receiver_new (codec, TRUE, playout, NULL, NULL,
      &error);
  GstHarness *h = gst_harness_new_with_element (receiver, "sink", "src");
  g_autofree char *caps = g_strdup_printf ("application/x-rtp,media=video,"
      "clock-rate=90000,encoding-name=%s,payload=96", codec->name);
  MeshPlayoutStats stats;
  gboolean gap = FALSE;
  guint16 skipped = 0;
  guint i = 0;

  g_assert_no_error (error);
  gst_harness_set_src_caps_str (h, caps);
  for (GList *l = packets->head; l; l = l->next, i++) {
    GstBuffer *packet;

    if (lost[i]) {
      gap = TRUE;
      continue;
    }
    if (cut && cut[i]) {
      skipped++;
      continue;
    }
    packet = gst_buffer_copy_deep (l->data);
    number (packet, skipped);
    /* as the jitterbuffer marks it */
    if (gap)
      GST_BUFFER_FLAG_SET (packet, GST_BUFFER_FLAG_DISCONT);
    gap = FALSE;
    gst_harness_push (h, packet);
    take_all (h, pictures);
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  take_all (h, pictures);
  gst_harness_teardown (h);
  mesh_playout_get_stats (playout, &stats);
  key_frames_asked = stats.key_frames_asked;
  mesh_playout_unref (playout);
  return pictures;
}

static GHashTable *
decode (const MeshCodec *codec, GQueue *packets, const gboolean *lost)
{
  return decode_cut (codec, packets, lost, NULL);
}

static void
free_packets (GQueue *packets)
{
  g_queue_free_full (packets, (GDestroyNotify) gst_buffer_unref);
}

static void
assert_unsmeared (GHashTable *shown, GHashTable *whole)
{
  GHashTableIter iter;
  gpointer time, picture;

  g_hash_table_iter_init (&iter, shown);
  while (g_hash_table_iter_next (&iter, &time, &picture))
    ck_assert_str_eq (picture, g_hash_table_lookup (whole, time));
}

GST_START_TEST (no_picture_is_smeared)
{
  const MeshCodec *codec = mesh_codec_find (streams[__i__].codec);
  GQueue *packets = encode (streams[__i__].encoder);
  g_autofree gboolean *lost = g_new0 (gboolean, packets->length);
  g_autoptr (GHashTable) whole = decode (codec, packets, lost);
  guint shown = 0;

  ck_assert_uint_eq (g_hash_table_size (whole), FRAMES);
  for (guint seed = 1; seed <= 10; seed++) {
    g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
    g_autoptr (GHashTable) pictures = NULL;
    guint burst = 0;

    for (guint i = 0; i < packets->length; i++) {
      if (burst == 0 && g_rand_int_range (rand, 0, 400) == 0)
        burst = g_rand_int_range (rand, 1, 5);
      lost[i] = burst > 0;
      burst -= burst > 0;
    }
    pictures = decode (codec, packets, lost);
    assert_unsmeared (pictures, whole);
    shown += g_hash_table_size (pictures);
  }
  /* it comes back after each loss */
  ck_assert_uint_gt (shown, FRAMES);
  free_packets (packets);
}

GST_END_TEST;

static gboolean
is_upper (GstBuffer *packet)
{
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  const guint8 *data;
  gboolean upper;

  fail_unless (gst_rtp_buffer_map (packet, GST_MAP_READ, &rtp));
  data = gst_rtp_buffer_get_payload (&rtp);
  /* X, I with 15 bits, L and T: the layer is the fifth byte behind the first */
  upper = data[0] & 0x80 && (data[1] & 0xe0) == 0xe0 && data[5] >> 6 > 0;
  gst_rtp_buffer_unmap (&rtp);
  return upper;
}

GST_START_TEST (a_frame_that_none_refers_to_may_be_lost)
{
  const MeshCodec *codec = mesh_codec_find ("VP8");
  GQueue *packets = encode (VP8 LAYERS VP8_PAY);
  g_autofree gboolean *lost = g_new0 (gboolean, packets->length);
  g_autoptr (GHashTable) whole = decode (codec, packets, lost);
  g_autoptr (GHashTable) pictures = NULL;
  guint i = 0, upper = 0;

  for (GList *l = packets->head; l; l = l->next, i++)
    lost[i] = is_upper (l->data) && upper++ % 3 == 1;
  ck_assert_uint_gt (upper, FRAMES / 2);
  pictures = decode (codec, packets, lost);
  assert_unsmeared (pictures, whole);
  ck_assert_uint_ge (g_hash_table_size (pictures), FRAMES / 2);
  free_packets (packets);
}

GST_END_TEST;

static MeshVp8Descriptor
read_descriptor (GstBuffer *packet)
{
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  MeshVp8Descriptor descriptor;

  fail_unless (gst_rtp_buffer_map (packet, GST_MAP_READ, &rtp));
  fail_unless (mesh_vp8_descriptor_read (gst_rtp_buffer_get_payload (&rtp),
          gst_rtp_buffer_get_payload_len (&rtp), &descriptor));
  gst_rtp_buffer_unmap (&rtp);
  return descriptor;
}

/* A sender that goes down to a smaller picture leaves the rest of a frame out,
 * and goes on with a key frame. */
GST_START_TEST (a_frame_may_be_cut_off_before_a_key_frame)
{
  const MeshCodec *codec = mesh_codec_find ("VP8");
  GQueue *packets = encode (VP8 LAYERS VP8_PAY);
  g_autofree gboolean *lost = g_new0 (gboolean, packets->length);
  g_autofree gboolean *cut = g_new0 (gboolean, packets->length);
  g_autoptr (GHashTable) whole = decode (codec, packets, lost);
  g_autoptr (GHashTable) pictures = NULL;
  guint i = 0, n = 0;

  for (GList *l = packets->head; l; l = l->next, i++) {
    if (i < 2 || !read_descriptor (l->data).key)
      continue;
    /* the frame's end, not its start */
    for (guint k = i - 1; !read_descriptor (g_queue_peek_nth (packets,
                k)).start; k--)
      cut[k] = TRUE;
    ck_assert (cut[i - 1]);
    n++;
  }
  ck_assert_uint_gt (n, 0);
  pictures = decode_cut (codec, packets, lost, cut);
  assert_unsmeared (pictures, whole);
  ck_assert_uint_eq (g_hash_table_size (pictures), FRAMES - n);
  ck_assert_uint_eq (key_frames_asked, 0);
  free_packets (packets);
}

GST_END_TEST;

/* Frames of a peer that sends no key frame, and a loss at the beginning. */
GST_START_TEST (requests_are_merged)
{
  const MeshCodec *codec = mesh_codec_find ("VP8");
  GQueue *packets = encode (VP8 "keyframe-max-dist=1000" VP8_PAY);
  MeshPlayout *playout = mesh_playout_new (&playout_config);
  MeshPlayoutStats stats;
  GstHarness *h;
  guint requests = 0;

  mesh_playout_set_rtt (playout, GST_SECOND * 3600);
  h = gst_harness_new_with_element (mesh_receiver_new (codec, TRUE, playout,
          NULL, NULL, NULL), "sink", "src");
  gst_harness_set_src_caps_str (h, "application/x-rtp,media=video,"
      "clock-rate=90000,encoding-name=VP8,payload=96");
  gst_buffer_unref (g_queue_pop_head (packets));
  while (packets->length > 0)
    gst_harness_push (h, g_queue_pop_head (packets));
  while (gst_harness_upstream_events_in_queue (h) > 0) {
    g_autoptr (GstEvent) event = gst_harness_pull_upstream_event (h);

    requests += gst_video_event_is_force_key_unit (event);
  }
  ck_assert_uint_eq (requests, 1);
  mesh_playout_get_stats (playout, &stats);
  ck_assert_uint_eq (stats.key_frames_asked, 1);
  ck_assert_uint_eq (stats.freezes, 0);
  gst_harness_teardown (h);
  mesh_playout_unref (playout);
  free_packets (packets);
}

GST_END_TEST;

static Suite *
picture_repair_suite (void)
{
  Suite *suite = suite_create ("picture-repair");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, 120);
  tcase_add_loop_test (tcase, no_picture_is_smeared, 0,
      G_N_ELEMENTS (streams));
  tcase_add_test (tcase, a_frame_that_none_refers_to_may_be_lost);
  tcase_add_test (tcase, a_frame_may_be_cut_off_before_a_key_frame);
  tcase_add_test (tcase, requests_are_merged);
  return suite;
}

GST_CHECK_MAIN (picture_repair);
