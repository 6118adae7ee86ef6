/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures that lie on their side, and sound in any channels, in a meshview. */

#include "view-fixture.h"

/* Which colours are at the corners of what is shown, from the top left one
 * clockwise, with the edges of the picture at @left and @right. */
typedef struct {
  int left, right;
  guint corners[4];
} Corners;

static gboolean
has_corners (GstVideoFrame *frame, gpointer user_data)
{
  const Corners *c = user_data;

  return pixel_is (frame, c->left + 20, 20, c->corners[0])
      && pixel_is (frame, c->right - 20, 20, c->corners[1])
      && pixel_is (frame, c->right - 20, 699, c->corners[2])
      && pixel_is (frame, c->left + 20, 699, c->corners[3]);
}

#define RED 0xff0000
#define BLUE 0x0000ff
#define WHITE 0xffffff

/* EXIF's eight. As it comes, the picture is white, with a red corner at the top
 * left and a blue one at the top right. */
static const struct {
  const char *tag;
  gboolean upended;
  guint corners[4];
} turns[] = {
  { "rotate-0", FALSE, { RED, BLUE, WHITE, WHITE } },
  { "rotate-90", TRUE, { WHITE, RED, BLUE, WHITE } },
  { "rotate-180", FALSE, { WHITE, WHITE, RED, BLUE } },
  { "rotate-270", TRUE, { BLUE, WHITE, WHITE, RED } },
  { "flip-rotate-0", FALSE, { BLUE, RED, WHITE, WHITE } },
  { "flip-rotate-90", TRUE, { WHITE, BLUE, RED, WHITE } },
  { "flip-rotate-180", FALSE, { WHITE, WHITE, BLUE, RED } },
  { "flip-rotate-270", TRUE, { RED, WHITE, WHITE, BLUE } },
};

#define TURNED "meshview name=v" SINKS \
    "compositor name=c background=white ! video/x-raw,format=I420,width=320," \
    "height=180,framerate=30/1 ! taginject name=tag tags=\"image-orientation=%s\" " \
    "! v. videotestsrc is-live=true pattern=solid-color " \
    "foreground-color=0xffff0000 ! video/x-raw,width=100,height=60 ! c. " \
    "videotestsrc is-live=true pattern=solid-color foreground-color=0xff0000ff " \
    "! video/x-raw,width=100,height=60 ! c.sink_7"

GST_START_TEST (a_turned_picture_is_shown_upright)
{
  g_autofree char *description = g_strdup_printf (TURNED,
      turns[__i__].tag);
  Corners expected = { turns[__i__].upended ? 438 : 0,
    turns[__i__].upended ? 842 : 1280, { 0, }
  };
  g_autoptr (GstElement) compositor = NULL;
  g_autoptr (GstPad) pad = NULL;
  Call call;

  memcpy (expected.corners, turns[__i__].corners, sizeof expected.corners);
  call_start (&call, description);
  compositor = gst_bin_get_by_name (GST_BIN (call.pipeline), "c");
  pad = gst_element_get_static_pad (compositor, "sink_7");
  g_object_set (pad, "xpos", 220, NULL);
  call_await (&call, has_corners, &expected);
  call_stop (&call);
}
GST_END_TEST;

static gboolean
has_shape (GstVideoFrame *frame, gpointer user_data)
{
  MeshRect all = { 0, 0, 1280, 720 }, middle = { 438, 0, 404, 720 };
  MeshRect side = { 0, 0, 436, 720 };

  return GPOINTER_TO_INT (user_data)
      ? rect_is (frame, &middle, WHITE) && rect_is (frame, &side, BLUE)
      : rect_is (frame, &all, WHITE);
}

/* A phone is turned while it sends; another stream comes on the same pad. */
GST_START_TEST (a_picture_may_be_turned_while_it_is_shown)
{
  static const struct {
    const char *tag;            /* NULL: another stream, without one */
    gboolean upended;
  } steps[] = {
    { "rotate-90", TRUE }, { "rotate-180", FALSE }, { "flip-rotate-270", TRUE },
    { "rotate-0", FALSE }, { "rotate-270", TRUE }, { NULL, FALSE },
  };
  GstPad *pad;
  Call call;

  call_start (&call, "testroom name=room  room. : meshview name=v "
      "background=0xff0000ff labels=false " SINKS);
  pad = room_add (call.room, "video_0", "videotestsrc is-live=true "
      "pattern=white ! video/x-raw,format=I420,width=320,height=180 ! identity");
  call_await (&call, has_shape, GINT_TO_POINTER (FALSE));
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
    GstTagList *tags;

    if (steps[i].tag) {
      tags = gst_tag_list_new (GST_TAG_IMAGE_ORIENTATION, steps[i].tag, NULL);
      gst_tag_list_set_scope (tags, GST_TAG_SCOPE_STREAM);
      room_send (pad, gst_event_new_tag (tags));
    } else {
      room_send (pad, gst_event_new_stream_start ("next"));
    }
    call_await (&call, has_shape, GINT_TO_POINTER (steps[i].upended));
  }
  call_stop (&call);
}
GST_END_TEST;

static const char *const layouts[] = {
  "format=S16LE,rate=48000,channels=8,channel-mask=(bitmask)0",
  "format=F32LE,rate=8000,channels=3,channel-mask=(bitmask)0",
  "format=S24LE,rate=192000,channels=2,channel-mask=(bitmask)0",
  "format=F64LE,rate=11025,channels=1",
  "format=S32LE,rate=44100,channels=63,channel-mask=(bitmask)0",
};

/* Each alike on all channels is as loud as it was on one. */
GST_START_TEST (channels_without_positions_are_heard)
{
  g_autofree char *description = g_strdup_printf ("meshview name=v" SINKS
      "audiotestsrc is-live=true freq=440 volume=0.3 ! audio/x-raw,%s ! v.",
      layouts[__i__]);
  Call call;

  call_start (&call, description);
  await_two_tones (&call, 440, 0.3, 440, 0.3);
  call_stop (&call);
}
GST_END_TEST;

/* One stream that cannot be played is told, and the others go on. */
GST_START_TEST (too_many_channels_leave_the_others)
{
  g_autoptr (GstBus) bus = NULL;
  g_autoptr (GstMessage) message = NULL;
  Call call;

  call_start (&call, "meshview name=v" SINKS
      "audiotestsrc is-live=true freq=440 volume=0.3 ! "
      "audio/x-raw,format=F32LE,channels=64,channel-mask=(bitmask)0 ! v. "
      "audiotestsrc is-live=true freq=1000 volume=0.3 ! v.");
  bus = gst_element_get_bus (call.pipeline);
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND,
      GST_MESSAGE_WARNING);
  fail_unless (message != NULL);
  gst_clear_message (&message);
  await_two_tones (&call, 440, 0, 1000, 0.3);
  call_stop (&call);
}
GST_END_TEST;

static Suite *
inputs_suite (void)
{
  Suite *suite = suite_create ("meshview-inputs");
  TCase *tc = tcase_create ("inputs");

  suite_add_tcase (suite, tc);
  tcase_add_loop_test (tc, a_turned_picture_is_shown_upright, 0,
      G_N_ELEMENTS (turns));
  tcase_add_test (tc, a_picture_may_be_turned_while_it_is_shown);
  tcase_add_loop_test (tc, channels_without_positions_are_heard, 0,
      G_N_ELEMENTS (layouts));
  tcase_add_test (tc, too_many_channels_leave_the_others);
  return suite;
}

GST_CHECK_MAIN (inputs);
