/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever comes in: the call goes on, and everybody sees what can be shown. */

#include "input-fixture.h"

/* --- what raw video may look like --- */

static const struct {
  const char *caps;
  int width, height;            /* in H.264 */
} pictures[] = {
  { "width=853,height=479,framerate=10/1", 854, 480 },
  { "width=854,height=479,framerate=10/1", 854, 480 },
  { "width=1,height=1,framerate=10/1", 16, 16 },
  { "width=2,height=2,framerate=10/1", 16, 16 },
  { "width=15,height=15,framerate=10/1", 16, 16 },
  { "width=16,height=1,framerate=10/1", 16, 16 },
  { "width=1,height=1080,framerate=10/1", 16, 1080 },
  { "width=720,height=480,framerate=5/1,pixel-aspect-ratio=10/11", 654, 480 },
  { "width=65,height=49,framerate=10/1,format=GRAY8", 66, 50 },
  { "width=65,height=49,framerate=10/1,format=RGB", 66, 50 },
  { "width=65,height=49,framerate=10/1,format=NV12", 66, 50 },
  { "width=65,height=49,framerate=10/1,format=Y444", 66, 50 },
  { "width=65,height=49,framerate=10/1,format=P010_10LE", 66, 50 },
  { "width=65,height=49,framerate=1000/1", 66, 50 },
  { "width=65,height=49,framerate=1/1", 66, 50 },
};

GST_START_TEST (any_picture_is_sent_in_h264)
{
  g_autofree char *source = g_strdup_printf (SOURCE (PARTY_RED)
      " ! video/x-raw,%s " TO_ROOM, pictures[__i__].caps);

  start ("", source, "video-codecs=H264", "");
  WAIT_FOR (shows_size (b, a->id, pictures[__i__].width,
          pictures[__i__].height));
  stop (0);
}

GST_END_TEST;

GST_START_TEST (a_picture_that_becomes_odd_goes_on)
{
  start ("", SIZED ("width=64,height=48,framerate=20/1"), "video-codecs=H264",
      "");
  WAIT_FOR (shows_size (b, a->id, 64, 48));
  set ("size", "caps", "video/x-raw,width=65,height=49,framerate=20/1");
  WAIT_FOR (shows_size (b, a->id, 66, 50));
  set ("size", "caps", "video/x-raw,width=60,height=48,framerate=15/1,"
      "format=NV12,pixel-aspect-ratio=2/1");
  WAIT_FOR (shows_size (b, a->id, 120, 48));
  set ("source", "foreground-color", PARTY_BLUE);
  WAIT_FOR (party_sees (b, a->id, PARTY_BLUE));
  stop (0);
}

GST_END_TEST;

/* --- what is large --- */

static const struct {
  const char *caps;
  const char *codec;
  int width, height;            /* as it arrives */
} large[] = {
  { "width=1440,height=2560", "VP8", 1440, 2560 },
  { "width=2160,height=3840", "VP8", 2160, 3840 },
  { "width=2160,height=3840", "H264", 2160, 3840 },
  { "width=5120,height=1440", "VP8", 5120, 1440 },
  { "width=5120,height=1440", "H264", 5120, 1440 },
  /* scaled down by its sender */
  { "width=5120,height=2880", "VP8", 4096, 2304 },
  { "width=10,height=17000", "VP8", 9, 16383 },
};

GST_START_TEST (any_shape_of_so_many_pixels_is_shown)
{
  g_autofree char *source = g_strdup_printf (SOURCE (PARTY_RED)
      " ! video/x-raw,framerate=1/1,format=I420,%s " TO_ROOM,
      large[__i__].caps);
  g_autofree char *room = g_strdup_printf ("video-codecs=%s",
      large[__i__].codec);

  start (room, source, room, "");
  WAIT_FOR (shows_size (b, a->id, large[__i__].width, large[__i__].height));
  ck_assert_uint_eq (b->warnings->len, 0);
  stop (0);
}

GST_END_TEST;

/* Encoded input that names its size is scaled by us. Any other sender may be
 * one that does not care. */
GST_START_TEST (what_is_too_large_is_told_to_both)
{
  g_autofree char *here = NULL, *there = NULL;

  start ("", SOURCE (PARTY_RED) " ! video/x-raw,framerate=1/1,width=4200,"
      "height=2400 ! vp8enc deadline=1 cpu-used=16 keyframe-max-dist=1 "
      " ! capssetter caps=video/x-vp8 replace=true join=false " TO_ROOM
      PARTY_AUDIO (500), "", PARTY_VIDEO (PARTY_GREEN));
  here = g_strdup_printf ("peer %s: its picture of 4200x2400 is not shown: at "
      "most 9437184 pixels", a->id);
  there = g_strdup_printf ("%s your picture of 4200x2400 is not shown", b->id);
  WAIT_FOR (party_has (b->warnings, here));
  WAIT_FOR (party_has (a->chat, there));
  WAIT_FOR (party_hears (b, a->id, 500));
  WAIT_FOR (party_sees (a, b->id, PARTY_GREEN));
  ck_assert_uint_eq (b->warnings->len, 1);
  stop (0);
}

GST_END_TEST;

GST_START_TEST (encoded_input_that_is_too_large_is_scaled)
{
  start ("", SOURCE (PARTY_RED) " ! video/x-raw,framerate=1/1,width=5120,"
      "height=2880 ! vp8enc deadline=1 cpu-used=16 " TO_ROOM, "", "");
  WAIT_FOR (shows_size (b, a->id, 4096, 2304));
  WAIT_FOR (party_has (a->warnings, "the stream on video_sink: VP8 of "
          "5120x2880 is larger than peers take"));
  stop (1);
}

GST_END_TEST;

/* --- encoded input --- */

static const struct {
  const char *source;
  guint decoders;               /* in the room: 0 when it is passed on */
} streams[] = {
  /* the encoder is asked for what everybody decodes */
  { SOURCE (PARTY_RED) SMALL " ! x264enc tune=zerolatency ", 0 },
  { SOURCE (PARTY_RED) SMALL " ! x264enc tune=zerolatency ! h264parse "
        " ! queue ", 0 },
  { SOURCE (PARTY_RED) SMALL " ! openh264enc ", 0 },
  { SOURCE (PARTY_RED) SMALL ",format=YUY2 ! videoconvert ! x264enc "
        " tune=zerolatency ", 0 },
  { SOURCE (PARTY_RED) SMALL ",format=Y444 ! videoconvert ! x264enc "
        " tune=zerolatency ! h264parse ", 0 },
  /* of what it gets, it can make none of that */
  { SOURCE (PARTY_RED) SMALL ",format=Y444 ! x264enc tune=zerolatency ", 1 },
  { SOURCE (PARTY_RED) SMALL ",format=Y42B ! x264enc tune=zerolatency ", 1 },
  { SOURCE (PARTY_RED) SMALL ",format=I420_10LE ! x264enc tune=zerolatency ! "
        " h264parse ! queue ", 1 },
  { SOURCE (PARTY_RED) SMALL " ! x264enc tune=zerolatency pass=quant "
        " quantizer=0 ", 1 },
  { SOURCE (PARTY_RED) SMALL ",interlace-mode=interleaved ! x264enc "
        " tune=zerolatency interlaced=true ", 1 },
  /* what is as it is, is decoded */
  { SOURCE (PARTY_RED) SMALL " ! x264enc tune=zerolatency ! "
        " video/x-h264,profile=main ", 1 },
  { SOURCE (PARTY_RED) SMALL " ! x264enc bframes=2 rc-lookahead=3 ! "
        " video/x-h264,profile=high ! h264parse "
        " ! video/x-h264,stream-format=avc ", 1 },
  { SOURCE (PARTY_RED) SMALL " ! x264enc tune=zerolatency ! "
        " video/x-h264,profile=high-4:4:4 ", 1 },
  { SOURCE (PARTY_RED) " ! video/x-raw,width=64,height=48,framerate=20/1,"
        "format=I420_10LE ! x264enc tune=zerolatency ! "
        " video/x-h264,profile=high-10 ", 1 },
};

GST_START_TEST (h264_of_any_profile_is_seen)
{
  g_autofree char *source = g_strconcat (streams[__i__].source, TO_ROOM, NULL);

  start ("", source, "", PARTY_VIDEO (PARTY_GREEN));
  WAIT_FOR (party_sees (b, a->id, PARTY_RED));
  WAIT_FOR (party_sees (a, b->id, PARTY_GREEN));
  /* a peer's own picture has a decoder in any case */
  ck_assert_uint_eq (party_count_elements (a, "avdec_h264")
      + party_count_elements (a, "vp8dec"), 1 + streams[__i__].decoders);
  if (streams[__i__].decoders)
    fail_unless (party_has (a->warnings, "the stream on video_sink: not every "
            "peer can decode H264 in profile "));
  stop (streams[__i__].decoders);
}

GST_END_TEST;

/* As with raw video, whoever decodes it puts it upright. */
GST_START_TEST (encoded_input_that_is_decoded_is_turned)
{
  start ("", SOURCE (PARTY_RED) SMALL " ! taginject "
      " tags=\"image-orientation=rotate-90\" ! x264enc tune=zerolatency ! "
      " video/x-h264,profile=main " TO_ROOM, "", "");
  WAIT_FOR (shows_size (b, a->id, 48, 64));
  WAIT_FOR (party_has (a->warnings, "the stream on video_sink: not every "
          "peer can decode H264 in profile main"));
  stop (1);
}

GST_END_TEST;

static const struct {
  const char *encoder;
  const char *warning;
} foreign[] = {
  { "x265enc tune=zerolatency speed-preset=ultrafast",
      "the stream on video_sink: peers speak no H265" },
  { "vp9enc deadline=1",
      "the stream on video_sink: video-codecs does not name VP9" },
};

GST_START_TEST (what_no_peer_speaks_is_seen)
{
  g_autofree char *source = g_strconcat (SOURCE (PARTY_RED) SMALL " ! ",
      foreign[__i__].encoder, TO_ROOM, NULL);

  start ("", source, "", "");
  WAIT_FOR (party_sees (b, a->id, PARTY_RED));
  WAIT_FOR (party_has (a->warnings, foreign[__i__].warning));
  stop (1);
}

GST_END_TEST;

/* --- the codecs that are spoken when video-codecs names them --- */

static const struct {
  const char *codec;
  const char *encoder;          /* as the room has it */
  const char *source;           /* of 4:2:0, it is passed on; of 4:4:4, not */
} spoken[] = {
  { "VP9", "vp9enc", "vp9enc deadline=1 cpu-used=8" },
};

static void
start_in (const char *codec, const char *source)
{
  g_autofree char *room = g_strdup_printf ("video-codecs=%s,VP8", codec);

  start (room, source, room, PARTY_VIDEO (PARTY_GREEN));
  WAIT_FOR (party_sees (b, a->id, PARTY_RED));
  WAIT_FOR (party_sees (a, b->id, PARTY_GREEN));
}

GST_START_TEST (a_codec_is_spoken_when_it_is_named)
{
  start_in (spoken[__i__].codec, SOURCE (PARTY_RED) SMALL TO_ROOM);
  ck_assert_uint_eq (party_count_elements (a, spoken[__i__].encoder), 1);
  ck_assert_uint_eq (party_count_elements (b, spoken[__i__].encoder), 1);
  ck_assert_uint_eq (party_count_elements (a, "vp8enc"), 0);
  stop (0);
}

GST_END_TEST;

GST_START_TEST (a_named_codec_is_passed_on)
{
  g_autofree char *source = g_strconcat (SOURCE (PARTY_RED) SMALL
      ",format=I420 ! ", spoken[__i__].source, TO_ROOM, NULL);

  start_in (spoken[__i__].codec, source);
  ck_assert_uint_eq (party_count_elements (a, spoken[__i__].encoder), 0);
  ck_assert_uint_eq (party_count_elements (b, spoken[__i__].encoder), 1);
  stop (0);
}

GST_END_TEST;

GST_START_TEST (a_named_codec_of_another_profile_is_decoded)
{
  g_autofree char *source = g_strconcat (SOURCE (PARTY_RED) SMALL
      ",format=Y444 ! ", spoken[__i__].source, TO_ROOM, NULL);

  start_in (spoken[__i__].codec, source);
  WAIT_FOR (party_has (a->warnings, "the stream on video_sink: not every peer "
          "can decode"));
  stop (1);
}

GST_END_TEST;

/* A codec that video-codecs does not name is decoded, although peers could
 * speak it. */
GST_START_TEST (what_is_not_to_be_spoken_is_decoded)
{
  start ("video-codecs=VP8", SOURCE (PARTY_RED) SMALL
      " ! x264enc tune=zerolatency " TO_ROOM, "", "");
  WAIT_FOR (party_sees (b, a->id, PARTY_RED));
  WAIT_FOR (party_has (a->warnings, "the stream on video_sink: video-codecs "
          "does not name H264"));
  ck_assert_uint_eq (party_count_elements (a, "vp8enc"), 1);
  stop (1);
}

GST_END_TEST;

GST_START_TEST (raw_and_encoded_input_may_take_turns)
{
  start ("", "input-selector name=selector ! room.video_sink "
      SOURCE (PARTY_RED) SMALL " ! selector.sink_0 "
      " videotestsrc is-live=true pattern=solid-color foreground-color="
      PARTY_BLUE SMALL
      " ! x264enc tune=zerolatency key-int-max=20 ! selector.sink_1 "
      " videotestsrc is-live=true pattern=solid-color foreground-color="
      PARTY_GREEN SMALL
      " ! vp8enc deadline=1 keyframe-max-dist=20 ! selector.sink_2 ",
      "", PARTY_VIDEO (PARTY_GREEN));
  WAIT_FOR (party_sees (b, a->id, PARTY_RED));
  choose_input ("sink_1");
  WAIT_FOR (party_sees (b, a->id, PARTY_BLUE));
  choose_input ("sink_2");
  WAIT_FOR (party_sees (b, a->id, PARTY_GREEN));
  choose_input ("sink_0");
  WAIT_FOR (party_sees (b, a->id, PARTY_RED));
  stop (0);
}

GST_END_TEST;

static const char *const junk[] = {
  "video/x-h264,stream-format=byte-stream ! room.video_sink",
  "video/x-h264,stream-format=avc,alignment=au,"
      "codec_data=(buffer)0142c016ff ! room.video_sink",
  "video/x-vp8 ! room.video_sink",
};

GST_START_TEST (junk_hurts_nobody)
{
  g_autofree char *source = g_strdup_printf ("fakesrc is-live=true "
      "sizetype=fixed sizemax=700 filltype=random do-timestamp=true "
      "datarate=20000 format=time ! %s " PARTY_AUDIO (500), junk[__i__]);

  start ("", source, "", PARTY_VIDEO (PARTY_GREEN));
  WAIT_FOR (party_hears (b, a->id, 500));
  WAIT_FOR (party_sees (a, b->id, PARTY_GREEN));
  stop_with_any_warnings ();
}

GST_END_TEST;

static GstPadProbeReturn
drop_event (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  return gst_video_event_is_force_key_unit (GST_PAD_PROBE_INFO_EVENT (info))
      ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
}

/* An encoder that could make a key frame, and one that does not hear of it. */
GST_START_TEST (newcomers_do_not_wait_without_a_word)
{
  g_autoptr (GstElement) deaf = NULL;
  g_autoptr (GstPad) pad = NULL;
  Party *c;

  start ("", SOURCE (PARTY_RED) SMALL " ! vp8enc deadline=1 "
      "keyframe-max-dist=1000000 keyframe-mode=auto ! identity name=deaf "
      TO_ROOM, "", "");
  WAIT_FOR (party_sees (b, a->id, PARTY_RED));
  deaf = gst_bin_get_by_name (GST_BIN (a->pipeline), "deaf");
  pad = gst_element_get_static_pad (deaf, "src");
  if (__i__)
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, drop_event,
        NULL, NULL);
  c = party_new (wire, "", "");
  party_start (c);
  if (__i__)
    WAIT_FOR (party_has (a->warnings, "the stream on video_sink: somebody has "
            "waited 2 s for a key frame"));
  else
    WAIT_FOR (party_sees (c, a->id, PARTY_RED));
  ck_assert_uint_eq (a->warnings->len, __i__);
  party_free (c);
  stop_with_any_warnings ();
}

GST_END_TEST;

static GstPadProbeReturn
break_packet (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  gint *left = user_data;
  GstBuffer *buffer;

  if (g_atomic_int_get (left) == 0)
    return GST_PAD_PROBE_OK;
  buffer = gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER (info));
  gst_buffer_memset (buffer, 0, 0x7b, 1);       /* several frames … */
  gst_buffer_memset (buffer, 1, 0, 1);  /* … and none of them */
  GST_PAD_PROBE_INFO_DATA (info) = buffer;
  g_atomic_int_dec_and_test (left);
  return GST_PAD_PROBE_OK;
}

GST_START_TEST (a_broken_packet_does_not_end_the_sound)
{
  g_autoptr (GstElement) encoder = NULL;
  g_autoptr (GstPad) pad = NULL;
  gint left = 0;

  start ("", " audiotestsrc is-live=true samplesperbuffer=480 volume=0.5 "
      "freq=500 name=source ! audio/x-raw,rate=48000,channels=1 "
      " ! opusenc name=encoder ! room.audio_sink ", "",
      PARTY_VIDEO (PARTY_GREEN));
  encoder = gst_bin_get_by_name (GST_BIN (a->pipeline), "encoder");
  pad = gst_element_get_static_pad (encoder, "src");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, break_packet, &left, NULL);
  WAIT_FOR (party_hears (b, a->id, 500));
  g_atomic_int_set (&left, 3);
  WAIT_FOR (g_atomic_int_get (&left) == 0);
  set ("source", "freq", "900");
  WAIT_FOR (party_hears (b, a->id, 900));
  stop (0);
}

GST_END_TEST;

GST_START_TEST (opus_of_six_channels_is_heard)
{
  start ("", " audiotestsrc is-live=true samplesperbuffer=480 volume=0.5 "
      "freq=500 ! audio/x-raw,rate=48000,channels=6 ! opusenc "
      " ! room.audio_sink ", "", PARTY_VIDEO (PARTY_GREEN));
  WAIT_FOR (party_hears (b, a->id, 500));
  stop (1);
}

GST_END_TEST;

static Suite *
meshroom_codecs_suite (void)
{
  Suite *suite = suite_create ("meshroom-codecs");
  TCase *pictures_case = tcase_create ("pictures");
  TCase *large_case = tcase_create ("large");
  TCase *encoded_case = tcase_create ("encoded");

  suite_add_tcase (suite, pictures_case);
  tcase_add_loop_test (pictures_case, any_picture_is_sent_in_h264, 0,
      G_N_ELEMENTS (pictures));
  tcase_add_test (pictures_case, a_picture_that_becomes_odd_goes_on);
  suite_add_tcase (suite, large_case);
  tcase_add_loop_test (large_case, any_shape_of_so_many_pixels_is_shown, 0,
      G_N_ELEMENTS (large));
  tcase_add_test (large_case, what_is_too_large_is_told_to_both);
  tcase_add_test (large_case, encoded_input_that_is_too_large_is_scaled);
  suite_add_tcase (suite, encoded_case);
  tcase_add_loop_test (encoded_case, h264_of_any_profile_is_seen, 0,
      G_N_ELEMENTS (streams));
  tcase_add_test (encoded_case, encoded_input_that_is_decoded_is_turned);
  tcase_add_loop_test (encoded_case, what_no_peer_speaks_is_seen, 0,
      G_N_ELEMENTS (foreign));
  tcase_add_loop_test (encoded_case, a_codec_is_spoken_when_it_is_named, 0,
      G_N_ELEMENTS (spoken));
  tcase_add_loop_test (encoded_case, a_named_codec_is_passed_on, 0,
      G_N_ELEMENTS (spoken));
  tcase_add_loop_test (encoded_case,
      a_named_codec_of_another_profile_is_decoded, 0, G_N_ELEMENTS (spoken));
  tcase_add_test (encoded_case, what_is_not_to_be_spoken_is_decoded);
  tcase_add_test (encoded_case, raw_and_encoded_input_may_take_turns);
  tcase_add_loop_test (encoded_case, junk_hurts_nobody, 0,
      G_N_ELEMENTS (junk));
  tcase_add_loop_test (encoded_case, newcomers_do_not_wait_without_a_word, 0,
      2);
  tcase_add_test (encoded_case, a_broken_packet_does_not_end_the_sound);
  tcase_add_test (encoded_case, opus_of_six_channels_is_heard);
  return suite;
}

GST_CHECK_MAIN (meshroom_codecs);
