/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every raw format that videoconvertscale knows, in every shape: the picture
 * is there before the first frame and after it, frames pass as they are.
 */
#include "imageswitch-camera.h"
#include "run-to-end.h"

#include <glib/gstdio.h>

/* The picture's colour, and the bars' beside it. */
#define RED 0xe0
#define GREEN 0x70
#define BLUE 0x20
#define BAR_RED 0x23
#define BAR_GREEN 0x2b
#define BAR_BLUE 0x3e

typedef struct {
  const gchar *name;
  const gchar *features;
  const gchar *fields;
  guint flags;                  /* of each picture */
  gboolean alternate;
} Mode;

#define INTERLACED GST_VIDEO_BUFFER_FLAG_INTERLACED
#define TFF GST_VIDEO_BUFFER_FLAG_TFF
#define FIELD_FLAGS (INTERLACED | TFF | GST_VIDEO_BUFFER_FLAG_RFF \
    | GST_VIDEO_BUFFER_FLAG_ONEFIELD)

static const Mode progressive = { "progressive", "", "progressive", 0, FALSE };
static const Mode modes[] = {
  { "top field first", "", "interleaved,field-order=top-field-first",
      INTERLACED | TFF, FALSE },
  { "bottom field first", "", "interleaved,field-order=bottom-field-first",
      INTERLACED, FALSE },
  { "mixed", "", "mixed", 0, FALSE },
  { "fields", "", "fields", 0, FALSE },
  { "alternate", "(format:Interlaced)", "alternate", INTERLACED, TRUE },
};

static const gint sizes[][2] = { { 16, 16 }, { 321, 243 }, { 1, 1 } };
static const gint rates[][2] = { { 30, 1 }, { 30000, 1001 }, { 120, 1 },
  { 1, 1 }, { 0, 1 } };

static gchar *picture;

static void
make_picture (void)
{
  gchar *line;
  gint fd = g_file_open_tmp ("imageswitch-XXXXXX.png", &picture, NULL);

  fail_unless (fd >= 0);
  g_close (fd, NULL);
  line = g_strdup_printf ("videotestsrc num-buffers=1 pattern=solid-color "
      "foreground-color=0xff%02x%02x%02x ! video/x-raw,format=RGB,width=64,"
      "height=48 ! pngenc ! filesink location=%s", RED, GREEN, BLUE, picture);
  run_to_end (gst_parse_launch (line, NULL));
  g_free (line);
}

static void
remove_picture (void)
{
  g_unlink (picture);
  g_clear_pointer (&picture, g_free);
}

static gchar *
caps_text (const gchar *format, const gint *size, const Mode *mode,
    const gint *rate)
{
  return g_strdup_printf ("video/x-raw%s,format=%s,width=%d,height=%d,"
      "framerate=%d/%d,interlace-mode=%s", mode->features, format, size[0],
      size[1], rate[0], rate[1], mode->fields);
}

/* As BGRx, whatever it is. */
static GstBuffer *
to_bgrx (GstVideoFrame *frame, GstVideoInfo *info)
{
  GstVideoConverter *converter;
  GstVideoFrame to;
  GstBuffer *buffer;

  gst_video_info_set_format (info, GST_VIDEO_FORMAT_BGRx,
      GST_VIDEO_FRAME_WIDTH (frame), GST_VIDEO_FRAME_HEIGHT (frame));
  info->fps_n = frame->info.fps_n;
  info->fps_d = frame->info.fps_d;
  info->interlace_mode = frame->info.interlace_mode;
  buffer = gst_buffer_new_allocate (NULL, info->size, NULL);
  converter = gst_video_converter_new (&frame->info, info, NULL);
  fail_unless (converter != NULL);
  fail_unless (gst_video_frame_map (&to, info, buffer, GST_MAP_WRITE));
  gst_video_converter_frame (converter, frame, &to);
  gst_video_frame_unmap (&to);
  gst_video_converter_free (converter);
  return buffer;
}

static gboolean
is_colour (const guint8 *p, gboolean grey, gint red, gint green, gint blue)
{
  gint luma = (299 * red + 587 * green + 114 * blue) / 1000;
  gint have = (299 * p[2] + 587 * p[1] + 114 * p[0]) / 1000;

  if (grey)
    return ABS (have - luma) <= 24;
  return ABS (p[2] - red) <= 40 && ABS (p[1] - green) <= 40
      && ABS (p[0] - blue) <= 40;
}

static gboolean
has_picture (GstVideoFrame *frame)
{
  GstVideoInfo info;
  GstBuffer *buffer = to_bgrx (frame, &info);
  gboolean ok;
  GstMapInfo map;

  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
  ok = is_colour (map.data + info.stride[0] * (info.height / 2)
      + 4 * (info.width / 2), FALSE, RED, GREEN, BLUE);
  gst_buffer_unmap (buffer, &map);
  gst_buffer_unref (buffer);
  return ok;
}

/* The picture in the middle, bars above or beside it. */
static void
check_pixels (GstVideoFrame *frame, const gchar *text)
{
  gint width = GST_VIDEO_FRAME_WIDTH (frame);
  gint height = GST_VIDEO_FRAME_HEIGHT (frame);
  gboolean grey = GST_VIDEO_INFO_IS_GRAY (&frame->info);
  GstVideoInfo info;
  GstBuffer *buffer;
  const guint8 *p;
  GstMapInfo map;

  if (width < 16 || frame->info.interlace_mode
      == GST_VIDEO_INTERLACE_MODE_ALTERNATE)
    return;
  buffer = to_bgrx (frame, &info);
  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
  p = map.data + info.stride[0] * (height / 2) + 4 * (width / 2);
  fail_unless (is_colour (p, grey, RED, GREEN, BLUE), "%s: %d %d %d", text,
      p[2], p[1], p[0]);
  /* not where one sample of chroma spans bar and picture, nor in a palette */
  if (width != 321 && GST_VIDEO_FORMAT_INFO_W_SUB (frame->info.finfo, 1) < 2
      && !GST_VIDEO_FORMAT_INFO_HAS_PALETTE (frame->info.finfo)) {
    p = map.data + (width > height ? info.stride[0] * (height / 2) : 0) + 4;
    fail_unless (is_colour (p, grey, BAR_RED, BAR_GREEN, BAR_BLUE),
        "%s: bar of %d %d %d", text, p[2], p[1], p[0]);
  }
  gst_buffer_unmap (buffer, &map);
  gst_buffer_unref (buffer);
}

static GstClockTime
picture_duration (const GstVideoInfo *info)
{
  gint n = info->fps_n, d = info->fps_d;

  if (n == 0)
    n = 30;
  if (info->interlace_mode == GST_VIDEO_INTERLACE_MODE_ALTERNATE)
    n *= 2;
  return gst_util_uint64_scale (GST_SECOND, d, n);
}

/* The next that comes, with everything that it has to be. */
static GstClockTime
check_picture (GstHarness *h, const GstVideoInfo *info, const Mode *mode,
    const gchar *text)
{
  GstBuffer *buffer = pull_ticking (h);
  GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);
  GstCaps *want = gst_caps_from_string (text);
  guint flags = GST_BUFFER_FLAGS (buffer) & FIELD_FLAGS;
  GstVideoFrame frame;
  GstClockTime pts;

  fail_unless (gst_caps_is_subset (caps, want), "%s", text);
  fail_if (is_camera (buffer), "%s", text);
  fail_unless_equals_uint64 (gst_buffer_get_size (buffer), info->size);
  fail_unless (gst_video_frame_map (&frame, info, buffer, GST_MAP_READ), "%s",
      text);
  check_pixels (&frame, text);
  gst_video_frame_unmap (&frame);
  fail_unless (ABS (GST_CLOCK_DIFF (GST_BUFFER_DURATION (buffer),
              picture_duration (info))) <= 1, "%s: lasts %" G_GUINT64_FORMAT,
      text, GST_BUFFER_DURATION (buffer));
  if (mode->alternate)
    fail_unless (flags == (INTERLACED | GST_VIDEO_BUFFER_FLAG_TOP_FIELD)
        || flags == (INTERLACED | GST_VIDEO_BUFFER_FLAG_BOTTOM_FIELD));
  else
    fail_unless (flags == mode->flags, "%s: %x", text, flags);
  pts = GST_BUFFER_PTS (buffer);
  gst_buffer_unref (buffer);
  gst_caps_unref (caps);
  gst_caps_unref (want);
  return pts;
}

/* Two in a row: the second is where the first ends. Returns where that ends. */
static GstClockTime
check_pictures (GstHarness *h, const GstVideoInfo *info, const Mode *mode,
    const gchar *text)
{
  GstClockTime first = check_picture (h, info, mode, text);
  GstClockTime second = check_picture (h, info, mode, text);

  fail_unless (ABS (GST_CLOCK_DIFF (first + picture_duration (info), second))
      <= 1, "%s: %" G_GUINT64_FORMAT " and %" G_GUINT64_FORMAT, text, first,
      second);
  return second + picture_duration (info);
}

static GstBuffer *
new_frame (const GstVideoInfo *info, GstClockTime pts)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL,
      MAX (info->size, sizeof mark), NULL);

  gst_buffer_memset (buffer, 0, 200, -1);
  gst_buffer_fill (buffer, 0, mark, sizeof mark);
  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_DURATION (buffer) = picture_duration (info);
  return buffer;
}

static void
say_caps (GstHarness *h, GstCaps *caps)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  fail_unless (gst_harness_push_event (h, gst_event_new_stream_start ("c")));
  fail_unless (gst_harness_push_event (h, gst_event_new_caps (caps)));
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
}

/* A frame that is shown comes out as the same buffer, on the same memory. */
static void
check_frame (GstHarness *h, const GstVideoInfo *info, GstClockTime pts,
    const gchar *text)
{
  GstBuffer *in = new_frame (info, pts), *out;

  gst_buffer_ref (in);
  fail_unless_equals_int (gst_harness_push (h, in), GST_FLOW_OK);
  while ((out = gst_harness_try_pull (h)) && out != in)
    gst_clear_buffer (&out);    /* a picture that was on its way */
  fail_unless (out == in, "%s", text);
  gst_buffer_unref (out);
  gst_buffer_unref (in);
}

static void
discard (GstHarness *h)
{
  GstBuffer *buffer;

  while ((buffer = gst_harness_try_pull (h)))
    gst_buffer_unref (buffer);
}

static void
check_shape (GstHarness *h, const gchar *format, const gint *size,
    const Mode *mode, const gint *rate)
{
  gchar *text = caps_text (format, size, mode, rate);
  GstCaps *caps = gst_caps_from_string (text);
  GstVideoInfo info;
  GstClockTime end;

  fail_unless (gst_video_info_from_caps (&info, caps), "%s", text);
  gst_element_set_state (h->element, GST_STATE_READY);
  discard (h);
  gst_harness_set_sink_caps (h, gst_caps_ref (caps));
  set_hidden (h, TRUE);
  gst_element_set_base_time (h->element,
      gst_clock_get_time (GST_ELEMENT_CLOCK (h->element)));
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  check_pictures (h, &info, mode, text);        /* before the first frame */
  say_caps (h, caps);
  fail_unless_equals_int (gst_harness_push (h, new_frame (&info, 0)),
      GST_FLOW_OK);
  end = check_pictures (h, &info, mode, text);
  set_hidden (h, FALSE);
  check_frame (h, &info, end + GST_SECOND, text);
  discard (h);
  set_hidden (h, TRUE);
  check_pictures (h, &info, mode, text);        /* after it */
  gst_caps_unref (caps);
  g_free (text);
}

/* Until it is loaded the built-in picture stands in for it. */
static GstHarness *
harness_new_loaded (void)
{
  GstHarness *h = harness_new ("location", picture, "hidden", TRUE, NULL);
  gint64 until = g_get_monotonic_time () + 60 * G_TIME_SPAN_SECOND;
  gboolean loaded = FALSE;
  GstVideoFrame frame;
  GstVideoInfo info;
  GstBuffer *buffer;
  GstCaps *caps;

  while (!loaded) {
    fail_unless (g_get_monotonic_time () < until, "it is never loaded");
    buffer = pull_ticking (h);
    caps = gst_pad_get_current_caps (h->sinkpad);
    fail_unless (gst_video_info_from_caps (&info, caps));
    fail_unless (gst_video_frame_map (&frame, &info, buffer, GST_MAP_READ));
    loaded = has_picture (&frame);
    gst_video_frame_unmap (&frame);
    gst_buffer_unref (buffer);
    gst_caps_unref (caps);
  }
  return h;
}

static gchar **
all_formats (void)
{
  GstElementFactory *factory = gst_element_factory_find ("videoconvertscale");
  const GstStaticPadTemplate *template;
  const GValue *list;
  GPtrArray *names = g_ptr_array_new ();
  GstCaps *caps;
  guint i;

  fail_unless (factory != NULL);
  template = gst_element_factory_get_static_pad_templates (factory)->data;
  caps = gst_static_caps_get ((GstStaticCaps *) & template->static_caps);
  list = gst_structure_get_value (gst_caps_get_structure (caps, 0), "format");
  for (i = 0; i < gst_value_list_get_size (list); i++)
    g_ptr_array_add (names,
        g_value_dup_string (gst_value_list_get_value (list, i)));
  g_ptr_array_add (names, NULL);
  gst_caps_unref (caps);
  gst_object_unref (factory);
  return (gchar **) g_ptr_array_free (names, FALSE);
}

GST_START_TEST (every_format_in_every_size)
{
  static const gint large[] = { 1920, 1080 };
  static const gchar *often[] = { "I420", "NV12", "YUY2", "BGRx", "v210" };
  gchar **formats = all_formats ();
  GstHarness *h = harness_new_loaded ();
  guint i, size;

  for (i = 0; formats[i]; i++)
    for (size = 0; size < G_N_ELEMENTS (sizes); size++)
      check_shape (h, formats[i], sizes[size], &progressive,
          rates[(i + size) % G_N_ELEMENTS (rates)]);
  for (i = 0; i < G_N_ELEMENTS (often); i++)
    check_shape (h, often[i], large, &progressive, rates[i]);
  GST_INFO ("%u formats", i);
  gst_harness_teardown (h);
  g_strfreev (formats);
}
GST_END_TEST;

GST_START_TEST (every_format_in_every_interlace_mode)
{
  gchar **formats = all_formats ();
  GstHarness *h = harness_new_loaded ();
  guint i, mode;

  for (i = 0; formats[i]; i++)
    for (mode = 0; mode < G_N_ELEMENTS (modes); mode++)
      check_shape (h, formats[i], sizes[i % 2], &modes[mode],
          rates[(i + mode) % G_N_ELEMENTS (rates)]);
  gst_harness_teardown (h);
  g_strfreev (formats);
}
GST_END_TEST;

/* From one to the next without a stop: while hidden the caps stay, and shown
 * they are the camera's. */
GST_START_TEST (caps_change_while_hidden_and_while_visible)
{
  gchar **formats = all_formats ();
  GstHarness *h = harness_new_loaded ();
  GstVideoInfo info, former;
  gchar *text, *former_text = NULL;
  GstClockTime end = GST_SECOND;
  GstCaps *caps;
  guint i;

  discard (h);
  for (i = 0; formats[i]; i++) {
    text = caps_text (formats[i], sizes[i % 2], &progressive, rates[i % 3]);
    caps = gst_caps_from_string (text);
    fail_unless (gst_video_info_from_caps (&info, caps));
    say_caps (h, caps);
    if (former_text)
      end = check_pictures (h, &former, &progressive, former_text);
    set_hidden (h, FALSE);
    check_frame (h, &info, end + GST_SECOND, text);
    discard (h);
    if (i % 2) {                /* once more, while visible */
      gst_caps_unref (caps);
      g_free (text);
      text = caps_text (formats[i], sizes[1 - i % 2], &progressive, rates[0]);
      caps = gst_caps_from_string (text);
      fail_unless (gst_video_info_from_caps (&info, caps));
      say_caps (h, caps);
      check_frame (h, &info, end + 2 * GST_SECOND, text);
    }
    set_hidden (h, TRUE);
    end = check_pictures (h, &info, &progressive, text);
    gst_caps_unref (caps);
    g_free (former_text);
    former_text = text;
    former = info;
  }
  g_free (former_text);
  g_strfreev (formats);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* Memory that is not the system's: passed as it is. What stands in for it here
 * has its caps alone, which is all that imageswitch looks at. */
static const gchar *memories[] = { "memory:DMABuf", "memory:GLMemory",
  "memory:VASurface" };

#define SHAPE "format=NV12,width=64,height=48,framerate=30/1"

static void
show_in_memory (GstHarness *h, const gchar *memory, GstClockTime pts)
{
  GstMemory *in;
  GstBuffer *frame, *out;

  frame = camera_frame (pts);
  in = gst_memory_ref (gst_buffer_peek_memory (frame, 0));
  fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);
  out = gst_harness_pull (h);
  fail_unless (is_camera (out), "%s", memory);
  fail_unless (gst_buffer_peek_memory (out, 0) == in, "%s", memory);
  gst_memory_unref (in);
  gst_buffer_unref (out);
}

GST_START_TEST (other_memory_passes_and_hides_in_the_systems)
{
  const gchar *memory = memories[__i__];
  gchar *text = g_strdup_printf ("video/x-raw(%s)," SHAPE, memory);
  GstHarness *h = harness_new (NULL);
  GstVideoInfo info;
  GstCaps *caps;
  guint i;

  gst_harness_set_src_caps_str (h, text);
  show_in_memory (h, memory, 0);
  set_hidden (h, TRUE);
  for (i = 1; i < 4; i++) {
    pull_picture (h, i * INTERVAL);
    push_camera (h, i * INTERVAL);
  }
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_if (gst_caps_features_contains (gst_caps_get_features (caps, 0),
          memory));
  fail_unless (gst_video_info_from_caps (&info, caps));
  gst_caps_unref (caps);
  set_hidden (h, FALSE);
  show_in_memory (h, memory, 5 * INTERVAL);
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_caps_features_contains (gst_caps_get_features (caps, 0),
          memory));
  gst_caps_unref (caps);
  gst_harness_teardown (h);
  g_free (text);
}
GST_END_TEST;

/* Where downstream takes nothing else there is no picture, and an error that
 * says why; and of the camera there is nothing either. */
GST_START_TEST (other_memory_that_cannot_be_hidden_is_an_error)
{
  const gchar *memory = memories[__i__];
  gchar *text = g_strdup_printf ("video/x-raw(%s)," SHAPE, memory);
  GstHarness *h = harness_new (NULL);
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  GError *error;
  gchar *debug;
  guint i;

  gst_element_set_bus (h->element, bus);
  gst_harness_set_caps_str (h, text, text);
  show_in_memory (h, memory, 0);
  set_hidden (h, TRUE);
  while (!(message = gst_bus_timed_pop_filtered (bus, GST_MSECOND,
              GST_MESSAGE_ERROR)))
    tick (h);
  gst_message_parse_error (message, &error, &debug);
  fail_unless (g_error_matches (error, GST_STREAM_ERROR,
          GST_STREAM_ERROR_FORMAT));
  fail_unless (strstr (debug, memory) != NULL, "%s", debug);
  g_error_free (error);
  g_free (debug);
  gst_message_unref (message);
  for (i = 1; i < 10; i++)
    gst_harness_push (h, camera_frame (i * INTERVAL));
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 0);
  set_hidden (h, FALSE);        /* it is not lost for good */
  show_in_memory (h, memory, 11 * INTERVAL);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
  g_free (text);
}
GST_END_TEST;

static Suite *
imageswitch_formats_suite (void)
{
  Suite *suite = suite_create ("imageswitch-formats");
  TCase *tcase = tcase_create ("formats");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, 300);
  tcase_add_checked_fixture (tcase, make_picture, remove_picture);
  tcase_add_test (tcase, every_format_in_every_size);
  tcase_add_test (tcase, every_format_in_every_interlace_mode);
  tcase_add_test (tcase, caps_change_while_hidden_and_while_visible);
  tcase_add_loop_test (tcase, other_memory_passes_and_hides_in_the_systems, 0,
      G_N_ELEMENTS (memories));
  tcase_add_loop_test (tcase, other_memory_that_cannot_be_hidden_is_an_error,
      0, G_N_ELEMENTS (memories));
  return suite;
}

GST_CHECK_MAIN (imageswitch_formats);
