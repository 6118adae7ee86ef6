/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an application may feed into a room, as those on the other side get it.
 * (What a pacer and an intake do by themselves is tested at a clock that stands
 * still, in pacer.c and intake.c.) */

#include <glib/gstdio.h>
#include <string.h>

#include "party.h"

#define FILE_VIDEO(n, rest) \
    " videotestsrc num-buffers=" #n " pattern=solid-color " \
    " foreground-color=" PARTY_RED \
    " ! video/x-raw,width=64,height=48,framerate=20/1 " rest \
    " ! room.video_sink "
#define FILE_AUDIO(n, rest) \
    " audiotestsrc num-buffers=" #n " samplesperbuffer=480 volume=0.5 freq=500 " \
    " ! audio/x-raw,rate=48000,channels=1 " rest " ! room.audio_sink "
#define SOUND(caps) \
    " audiotestsrc is-live=true samplesperbuffer=480 volume=0.5 freq=500 " \
    " ! capsfilter name=filter caps=\"audio/x-raw," caps "\" ! room.audio_sink "

typedef struct {
  Wire *wire;
  Party *a, *b;
} Pair;

static void
pair_start (Pair *pair, const char *room, const char *sources)
{
  pair->wire = wire_new (NULL, NULL);
  pair->a = party_new (pair->wire, room, sources);
  pair->b = party_new (pair->wire, "", "");
  party_start (pair->a);
  party_start (pair->b);
}

/* Warnings of what is fed name the pad. On a busy machine there may be others,
 * about a connection that took too long. */
static void
expect_no_warning (Party *party)
{
  g_mutex_lock (&party_lock);
  for (guint i = 0; i < party->warnings->len; i++) {
    const char *text = party->warnings->pdata[i];

    if (strstr (text, "_sink")) {
      g_mutex_unlock (&party_lock);
      fail ("%s", text);
    }
    g_test_message ("%s", text);
  }
  g_mutex_unlock (&party_lock);
}

static void
pair_stop (Pair *pair)
{
  expect_no_warning (pair->b);
  party_free (pair->a);
  party_free (pair->b);
  wire_free (pair->wire);
}

/* Whether the room of @party has said that @pad ended. */
static gboolean
has_ended (Party *party, const char *pad)
{
  for (guint i = 0; i < party->messages->len; i++) {
    const GstStructure *s = party->messages->pdata[i];

    if (gst_structure_has_name (s, "meshroom-input-ended")
        && g_strcmp0 (gst_structure_get_string (s, "pad"), pad) == 0)
      return TRUE;
  }
  return FALSE;
}

/* Of one second of frames as good as all arrive, though the receiver comes long
 * after the source was ready. Without a clock they are gone at once. */
GST_START_TEST (a_file_waits_for_who_sees_it)
{
  Pair p;
  Stream *video;

  pair_start (&p, "", FILE_VIDEO (40, "") FILE_AUDIO (200, ""));
  WAIT_FOR (party_sees (p.b, p.a->id, PARTY_RED));
  WAIT_FOR (party_hears (p.b, p.a->id, 500));
  WAIT_FOR (has_ended (p.a, "video_sink") && has_ended (p.a, "audio_sink"));
  WAIT_FOR ((video = party_stream_of (p.b, p.a->id, TRUE))
      && video->frames >= 20);
  ck_assert_uint_eq (p.a->removed->len + p.b->removed->len, 0);
  expect_no_warning (p.a);
  pair_stop (&p);
}

GST_END_TEST;

/* As an application does that shares a film when the call has begun. */
GST_START_TEST (a_file_may_come_in_mid_call)
{
  Pair p;
  g_autoptr (GError) error = NULL;
  g_autoptr (GstPad) sink = NULL;
  g_autoptr (GstPad) src = NULL;
  GstElement *file;

  pair_start (&p, "", PARTY_AUDIO (500));
  WAIT_FOR (party_hears (p.b, p.a->id, 500));
  file = gst_parse_bin_from_description ("videotestsrc num-buffers=40 "
      "pattern=solid-color foreground-color=" PARTY_RED
      " ! video/x-raw,width=64,height=48,framerate=20/1 ! identity", TRUE,
      &error);
  g_assert_no_error (error);
  gst_bin_add (GST_BIN (p.a->pipeline), file);
  sink = gst_element_request_pad_simple (p.a->room, "video_sink");
  src = gst_element_get_static_pad (file, "src");
  ck_assert_int_eq (gst_pad_link (src, sink), GST_PAD_LINK_OK);
  gst_element_sync_state_with_parent (file);
  WAIT_FOR (party_sees (p.b, p.a->id, PARTY_RED));
  WAIT_FOR (has_ended (p.a, "video_sink"));
  WAIT_FOR (party_hears (p.b, p.a->id, 500));
  pair_stop (&p);
}

GST_END_TEST;

static GstPadProbeReturn
count_buffer (GstPad *pad, GstPadProbeInfo *info, gpointer n)
{
  g_mutex_lock (&party_lock);
  ++*(guint *) n;
  g_cond_broadcast (&party_changed);
  g_mutex_unlock (&party_lock);
  return GST_PAD_PROBE_OK;
}

/* Nobody is there to see it: its thread waits in the room, and who stops the
 * source or sends it EOS waits for that thread. */
GST_START_TEST (a_source_that_waits_for_peers_can_be_stopped)
{
  static const char *const ways[] = { "", " ! queue", "" };
  g_autofree char *source = g_strdup_printf (" videotestsrc name=source"
      " ! video/x-raw,width=64,height=48%s ! room.video_sink ", ways[__i__]);
  Party *party = party_new (NULL, "", source);
  g_autoptr (GstElement) element =
      gst_bin_get_by_name (GST_BIN (party->pipeline), "source");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, "src");
  guint n = 0;

  gst_object_unref (gst_element_request_pad_simple (party->room,
          "signal_src"));
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, count_buffer, &n, NULL);
  party_start (party);
  WAIT_FOR (n > 0);
  if (__i__ < 2) {
    gst_element_set_locked_state (element, TRUE);
    ck_assert_int_eq (gst_element_set_state (element, GST_STATE_NULL),
        GST_STATE_CHANGE_SUCCESS);
  } else {
    fail_unless (gst_element_send_event (party->pipeline,
            gst_event_new_eos ()));
    WAIT_FOR (has_ended (party, "video_sink"));
  }
  party_free (party);
}

GST_END_TEST;

/* A file is waiting, or playing, when the room is stopped. */
GST_START_TEST (a_room_can_be_stopped_at_any_time)
{
  Party *party = party_new (NULL, __i__ ? "wait-for-peers=false" : "",
      FILE_VIDEO (100000, "") FILE_AUDIO (100000, ""));
  gst_object_unref (gst_element_request_pad_simple (party->room,
          "signal_src"));

  party_start (party);
  party_free (party);
}

GST_END_TEST;

/* A room with no other sink beside it: whose end is the pipeline's? */
static GstElement *
make_alone (const char *sources)
{
  g_autofree char *description = g_strdup_printf ("pipeline. ( meshroom "
      "name=room wait-for-peers=false %s )", sources);
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (description, &error);
  g_autoptr (GstElement) room = NULL;

  g_assert_no_error (error);
  room = gst_bin_get_by_name (GST_BIN (pipeline), "room");
  gst_object_unref (gst_element_request_pad_simple (room, "signal_src"));
  return pipeline;
}

/* Returns: (transfer full): the next message that tells of an end */
static GstMessage *
pop_end (GstBus *bus, GstClockTime patience)
{
  GstMessage *message;

  while ((message = gst_bus_timed_pop_filtered (bus, patience,
              GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT))) {
    ck_assert_int_ne (GST_MESSAGE_TYPE (message), GST_MESSAGE_ERROR);
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS
        || gst_message_has_name (message, "meshroom-input-ended"))
      return message;
    gst_message_unref (message);
  }
  return NULL;
}

GST_START_TEST (the_end_of_all_is_the_pipelines)
{
  g_autoptr (GstElement) pipeline =
      make_alone (FILE_VIDEO (3, "") FILE_AUDIO (30, ""));
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  GstMessageType expected[] = { GST_MESSAGE_ELEMENT, GST_MESSAGE_ELEMENT,
    GST_MESSAGE_EOS
  };

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  /* again after a seek, as an application loops a file */
  for (guint round = 0; round < 3; round++) {
    for (guint i = 0; i < G_N_ELEMENTS (expected); i++) {
      GstMessage *message = pop_end (bus, 60 * GST_SECOND);

      fail_unless (message != NULL);
      ck_assert_int_eq (GST_MESSAGE_TYPE (message), expected[i]);
      gst_message_unref (message);
    }
    fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
            GST_SEEK_FLAG_FLUSH, 0));
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

GST_END_TEST;

/* The pads are requested by the parser when it knows what is in the file, and
 * the room runs by then. */
GST_START_TEST (the_end_of_a_file_is_the_pipelines)
{
  g_autofree char *name = g_build_filename (g_get_tmp_dir (),
      "mesh-inputs-XXXXXX", NULL);
  int fd = g_mkstemp (name);
  g_autofree char *make = g_strdup_printf ("videotestsrc num-buffers=10 ! "
      "video/x-raw,width=64,height=48,framerate=20/1 ! vp8enc deadline=1 ! "
      "webmmux ! filesink location=%s", name);
  g_autofree char *play = g_strdup_printf (" filesrc location=%s ! decodebin "
      "! room.video_sink", name);
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) maker = gst_parse_launch (make, &error);
  g_autoptr (GstElement) pipeline = NULL;
  g_autoptr (GstBus) bus = NULL;
  g_autoptr (GstMessage) first = NULL;
  g_autoptr (GstMessage) second = NULL;

  g_assert_no_error (error);
  g_close (fd, NULL);
  bus = gst_element_get_bus (maker);
  gst_element_set_state (maker, GST_STATE_PLAYING);
  first = pop_end (bus, 60 * GST_SECOND);
  fail_unless (first && GST_MESSAGE_TYPE (first) == GST_MESSAGE_EOS);
  gst_element_set_state (maker, GST_STATE_NULL);
  g_clear_object (&bus);
  gst_clear_message (&first);

  pipeline = make_alone (play);
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  first = pop_end (bus, 60 * GST_SECOND);
  second = pop_end (bus, 60 * GST_SECOND);
  fail_unless (first && GST_MESSAGE_TYPE (first) == GST_MESSAGE_ELEMENT);
  fail_unless (second && GST_MESSAGE_TYPE (second) == GST_MESSAGE_EOS);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  g_unlink (name);
}

GST_END_TEST;

/* A file without sound leaves the pad that is there for it without anything. */
GST_START_TEST (a_file_without_sound_has_an_end_too)
{
  g_autoptr (GstElement) pipeline =
      make_alone (FILE_VIDEO (3, "") " queue ! room.audio_sink ");
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) first = NULL;
  g_autoptr (GstMessage) second = NULL;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  first = pop_end (bus, 60 * GST_SECOND);
  second = pop_end (bus, 60 * GST_SECOND);
  fail_unless (first && GST_MESSAGE_TYPE (first) == GST_MESSAGE_ELEMENT);
  fail_unless (second && GST_MESSAGE_TYPE (second) == GST_MESSAGE_EOS);
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

GST_END_TEST;

/* The sound, which is live, ends later than the picture. */
GST_START_TEST (the_end_of_one_is_not)
{
  g_autoptr (GstElement) pipeline = make_alone (FILE_VIDEO (3, "")
      " audiotestsrc is-live=true num-buffers=100 samplesperbuffer=480 ! "
      " audio/x-raw,rate=48000,channels=1 ! room.audio_sink ");
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  GstMessageType expected[] = { GST_MESSAGE_ELEMENT, GST_MESSAGE_ELEMENT,
    GST_MESSAGE_EOS
  };

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++) {
    g_autoptr (GstMessage) message = pop_end (bus, 60 * GST_SECOND);

    fail_unless (message != NULL);
    ck_assert_int_eq (GST_MESSAGE_TYPE (message), expected[i]);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

GST_END_TEST;

/* A handler may stop the pipeline on the thread that tells of its end. */
static GstBusSyncReply
stop_at_end (GstBus *bus, GstMessage *message, gpointer user_data)
{
  static gint stopped;          /* the handler may be called once more */

  if (gst_message_has_name (message, "meshroom-input-ended")
      && g_atomic_int_compare_and_exchange (&stopped, 0, 1)) {
    gst_element_set_state (user_data, GST_STATE_NULL);
    g_mutex_lock (&party_lock);
    g_object_set_data (G_OBJECT (user_data), "stopped", user_data);
    g_cond_broadcast (&party_changed);
    g_mutex_unlock (&party_lock);
  }
  return GST_BUS_PASS;
}

GST_START_TEST (the_pipeline_may_be_stopped_where_the_end_is_told)
{
  g_autoptr (GstElement) pipeline =
      make_alone (FILE_VIDEO (3, "") FILE_AUDIO (100000, ""));
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);

  gst_bus_set_sync_handler (bus, stop_at_end, pipeline, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  WAIT_FOR (g_object_get_data (G_OBJECT (pipeline), "stopped"));
  gst_bus_set_sync_handler (bus, NULL, NULL, NULL);
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

GST_END_TEST;

GST_START_TEST (a_pipeline_can_be_asked_where_a_file_is)
{
  g_autoptr (GstElement) pipeline = make_alone (FILE_VIDEO (40, ""));
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = NULL;
  gint64 position = 0;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = pop_end (bus, 60 * GST_SECOND);
  fail_unless (message != NULL);
  fail_unless (gst_element_query_position (pipeline, GST_FORMAT_TIME,
          &position));
  /* that of the last of its frames */
  ck_assert_int_eq (position, 39 * 50 * GST_MSECOND);
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

GST_END_TEST;

/* --- turned and interlaced pictures, and sound of all kinds --- */

static gboolean
has_size (Party *party, const char *peer, int width, int height)
{
  Stream *stream = party_stream_of (party, peer, TRUE);
  const GstStructure *s;
  int w = 0, h = 0;

  if (!stream || !stream->caps || stream->frames == 0)
    return FALSE;
  s = gst_caps_get_structure (stream->caps, 0);
  return gst_structure_get_int (s, "width", &w)
      && gst_structure_get_int (s, "height", &h) && w == width && h == height;
}

GST_START_TEST (a_turned_picture_arrives_upright)
{
  Pair p;
  g_autoptr (GstElement) inject = NULL;

  pair_start (&p, "", FILE_VIDEO (-1, " ! taginject name=inject "
          "tags=\"image-orientation=rotate-90\""));
  WAIT_FOR (has_size (p.b, p.a->id, 48, 64));
  expect_no_warning (p.a);
  pair_stop (&p);
}

GST_END_TEST;

static const char *const layouts[] = {
  "rate=48000,channels=8,channel-mask=(bitmask)0",
  "rate=48000,channels=2,channel-mask=(bitmask)0",
  "rate=44100,channels=2",
  "rate=8000,channels=1,format=U8",
  "rate=11025,channels=1,format=S24LE",
  "rate=192000,channels=2,format=S32LE",
  "rate=96000,channels=2,format=F64LE",
  "rate=48000,channels=2,format=F32LE,layout=non-interleaved",
  "rate=48000,channels=1,channel-mask=(bitmask)0x1",
  "rate=48000,channels=16,channel-mask=(bitmask)0,layout=non-interleaved",
};

GST_START_TEST (sound_of_any_kind_is_heard)
{
  Pair p;
  g_autofree char *sources = g_strdup_printf (SOUND ("%s"), layouts[__i__]);

  pair_start (&p, "", sources);
  WAIT_FOR (party_hears (p.b, p.a->id, 500));
  expect_no_warning (p.a);
  pair_stop (&p);
}

GST_END_TEST;

/* Each kind follows upon the other in one call, and is told by its pitch. */
GST_START_TEST (sound_may_change_in_mid_call)
{
  Pair p;
  g_autoptr (GstElement) filter = NULL;
  g_autoptr (GstElement) source = NULL;

  pair_start (&p, "", " audiotestsrc is-live=true samplesperbuffer=480 "
      "volume=0.5 freq=300 name=source ! capsfilter name=filter "
      "caps=audio/x-raw,rate=48000,channels=1 ! room.audio_sink ");
  WAIT_FOR (party_hears (p.b, p.a->id, 300));
  filter = gst_bin_get_by_name (GST_BIN (p.a->pipeline), "filter");
  source = gst_bin_get_by_name (GST_BIN (p.a->pipeline), "source");
  for (guint i = 0; i < G_N_ELEMENTS (layouts); i++) {
    g_autofree char *text = g_strdup_printf ("audio/x-raw,%s", layouts[i]);
    g_autoptr (GstCaps) caps = gst_caps_from_string (text);
    guint hz = 400 + 100 * i;

    g_object_set (source, "freq", (double) hz, NULL);
    g_object_set (filter, "caps", caps, NULL);
    WAIT_FOR (party_hears (p.b, p.a->id, hz));
  }
  ck_assert_uint_eq (p.a->removed->len + p.b->removed->len, 0);
  expect_no_warning (p.a);
  pair_stop (&p);
}

GST_END_TEST;

GST_START_TEST (sound_that_cannot_be_used_leaves_the_picture)
{
  Pair p;

  pair_start (&p, "", SOUND ("channels=64,channel-mask=(bitmask)0")
      PARTY_VIDEO (PARTY_RED));
  WAIT_FOR (party_has (p.a->warnings, "nobody hears what comes on "
          "audio_sink"));
  WAIT_FOR (party_sees (p.b, p.a->id, PARTY_RED));
  pair_stop (&p);
}

GST_END_TEST;

static Suite *
inputs_suite (void)
{
  Suite *suite = suite_create ("meshroom-inputs");
  TCase *tcase = tcase_create ("inputs");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, 240);
  tcase_add_test (tcase, a_file_waits_for_who_sees_it);
  tcase_add_test (tcase, a_file_may_come_in_mid_call);
  tcase_add_loop_test (tcase, a_source_that_waits_for_peers_can_be_stopped, 0,
      3);
  tcase_add_loop_test (tcase, a_room_can_be_stopped_at_any_time, 0, 2);
  tcase_add_test (tcase, the_end_of_all_is_the_pipelines);
  tcase_add_test (tcase, the_end_of_a_file_is_the_pipelines);
  tcase_add_test (tcase, a_file_without_sound_has_an_end_too);
  tcase_add_test (tcase, the_end_of_one_is_not);
  tcase_add_test (tcase, the_pipeline_may_be_stopped_where_the_end_is_told);
  tcase_add_test (tcase, a_pipeline_can_be_asked_where_a_file_is);
  tcase_add_test (tcase, a_turned_picture_arrives_upright);
  tcase_add_loop_test (tcase, sound_of_any_kind_is_heard, 0,
      G_N_ELEMENTS (layouts));
  tcase_add_test (tcase, sound_may_change_in_mid_call);
  tcase_add_test (tcase, sound_that_cannot_be_used_leaves_the_picture);
  return suite;
}

GST_CHECK_MAIN (inputs);
