/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What imageswitch can show, and as what.
 */
#include "imageswitch-files.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

/* Every raw format that can be packed, odd sizes, fields. */
static const gchar *shapes[] = {
  "width=333,height=201",
  "width=72,height=58,interlace-mode=interleaved,field-order=top-field-first",
  "width=1,height=1", "width=2,height=1000", "width=64,height=48",
  "width=1920,height=2,pixel-aspect-ratio=3/7",
  "width=720,height=576,interlace-mode=mixed",
};

static void
show_as (const gchar *format, guint n)
{
  GstElement *element;
  GstVideoFrame frame;
  GstVideoInfo info;
  GstBuffer *buffer;
  GstHarness *h;
  GstCaps *caps;
  gchar *text;
  guint i;

  for (i = 0; i < n; i++) {
    text = g_strdup_printf ("video/x-raw,format=%s,%s,framerate=%s", format,
        shapes[i], i % 2 ? "1/1" : "120/1");
    caps = gst_caps_from_string (text);
    fail_unless (gst_video_info_from_caps (&info, caps));
    element = gst_element_factory_make ("imageswitch", NULL);
    h = harness_new_alone (element, caps);
    gst_harness_play (h);
    buffer = pull_ticking (h);
    fail_unless (gst_video_frame_map (&frame, &info, buffer, GST_MAP_READ),
        "%s", text);
    gst_video_frame_unmap (&frame);
    gst_buffer_unref (buffer);
    gst_harness_teardown (h);
    gst_object_unref (element);
    gst_caps_unref (caps);
    g_free (text);
  }
}

GST_START_TEST (every_format_and_size)
{
  const GstVideoFormat *formats;
  const GstVideoFormatInfo *info;
  guint i, n;

  formats = gst_video_formats_raw (&n);
  for (i = 0; i < n; i++) {
    info = gst_video_format_get_info (formats[i]);
    if (info->pack_func)
      show_as (GST_VIDEO_FORMAT_INFO_NAME (info), 2);
  }
  show_as ("I420", G_N_ELEMENTS (shapes));
  show_as ("BGRx", G_N_ELEMENTS (shapes));
  show_as ("YUY2", G_N_ELEMENTS (shapes));
}
GST_END_TEST;

GST_START_TEST (alternating_fields)
{
  GstHarness *h = harness_new (NULL);
  GstBuffer *buffer;
  guint i;

  gst_harness_set_src_caps_str (h, "video/x-raw(format:Interlaced),format=I420,"
      "width=64,height=48,framerate=25/1,interlace-mode=alternate");
  set_hidden (h, TRUE);
  for (i = 0; i < 6; i++) {
    buffer = pull_ticking (h);
    fail_unless_equals_int (gst_buffer_get_size (buffer), SIZE / 2);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), i * GST_SECOND / 50);
    fail_unless (GST_BUFFER_FLAG_IS_SET (buffer,
            GST_VIDEO_BUFFER_FLAG_ONEFIELD));
    fail_unless_equals_int (GST_BUFFER_FLAG_IS_SET (buffer,
            GST_VIDEO_BUFFER_FLAG_TFF), i % 2 == 0);
    gst_buffer_unref (buffer);
  }
  gst_harness_teardown (h);
}
GST_END_TEST;
GST_START_TEST (pictures_of_every_kind)
{
  static const struct {
    const gchar *name, *encoder;
  } files[] = {
    { "red.png", "pngenc" },
    { "red.jpg", "jpegenc" },
    { "red.webp", "webpenc" },
    { "red.webm", "vp8enc ! webmmux" },
  };
  gchar *warning;
  guint i;

  for (i = 0; i < G_N_ELEMENTS (files); i++) {
    encode_file (files[i].name, files[i].encoder);
    warning = show_file (files[i].name);
    fail_unless (warning == NULL, "%s", warning);
  }
  write_file ("red.svg", "<svg xmlns='http://www.w3.org/2000/svg' "
      "width='40' height='30'><rect width='40' height='30' fill='#f00'/>"
      "</svg>");
  warning = show_file ("red.svg");
  fail_unless (warning == NULL, "%s", warning);
}
GST_END_TEST;

static guint32
crc (const guint8 *data, gsize size)
{
  guint32 value = 0xffffffff;
  guint bit;

  while (size--) {
    value ^= *data++;
    for (bit = 0; bit < 8; bit++)
      value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
  }
  return ~value;
}

static void
put_be32 (guint8 *to, guint32 value)
{
  value = GUINT32_TO_BE (value);
  memcpy (to, &value, 4);
}

/* A PNG that says it has so many pixels a side, and has none. */
static void
write_png_header (const gchar *name, guint32 side)
{
  guint8 png[33 + 12] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
  gchar *path = g_build_filename (scratch, name, NULL);

  put_be32 (png + 16, side);
  put_be32 (png + 20, side);
  memcpy (png + 24, "\x08\x02\0\0\0", 5);
  put_be32 (png + 29, crc (png + 12, 17));
  memcpy (png + 37, "IDAT", 4);
  put_be32 (png + 41, crc (png + 37, 4));
  fail_unless (g_file_set_contents (path, (gchar *) png, sizeof png, NULL));
  g_free (path);
}

static void
make_broken_files (void)
{
  static const gchar svg[] = "<svg xmlns='http://www.w3.org/2000/svg' ";
  gchar *path, *text;

  encode_file ("whole.png", "pngenc");
  cut_file ("whole.png", "truncated.png", 0.5);
  encode_file ("whole.webp", "webpenc");
  cut_file ("whole.webp", "truncated.webp", 0.8);
  write_png_header ("20000.png", 20000);
  write_file ("empty.png", "");
  write_file ("text.png", "This is not a picture.");
  write_file ("text.gif", "GIF89a This is not a picture.");
  write_file ("unfinished.svg", svg);
  text = g_strconcat (svg, "width='30000' height='30000'><rect width='40' "
      "height='30'/></svg>", NULL);
  write_file ("huge.svg", text);
  g_free (text);
  path = g_build_filename (scratch, "fifo", NULL);
  fail_unless_equals_int (mkfifo (path, 0600), 0);
  g_free (path);
  write_file ("private.png", "not for you");
  path = g_build_filename (scratch, "private.png", NULL);
  fail_unless_equals_int (g_chmod (path, 0), 0);
  g_free (path);
}

/* "" is the directory. To root no file is private, but the memory at address
 * 0 cannot be read by anybody. */
GST_START_TEST (broken_pictures_give_the_built_in_one)
{
  static const gchar *names[] = { "missing.png", "empty.png", "text.png",
    "truncated.png", "truncated.webp", "20000.png", "huge.svg", "",
    "unfinished.svg", "fifo", "text.gif", "private.png", "/proc/self/mem",
    "http://127.0.0.1:1/x.png", "file:///nowhere/x.png" };
  gchar *warning;
  guint i;

  make_broken_files ();
  for (i = 0; i < G_N_ELEMENTS (names); i++) {
    warning = show_file (names[i]);
    fail_unless (warning != NULL, "no warning for \"%s\"", names[i]);
    fail_unless (strstr (warning, names[i]) != NULL, "%s", warning);
    g_free (warning);
  }
}
GST_END_TEST;

GST_START_TEST (picture_changes_while_shown)
{
  GstHarness *h;
  GstBuffer *buffer;
  gchar *path;
  gboolean red;

  encode_file ("red.png", "pngenc");
  path = g_build_filename (scratch, "red.png", NULL);
  h = harness_new (NULL);
  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, 0);
  gst_buffer_unref (gst_harness_pull (h));
  set_hidden (h, TRUE);
  g_object_set (h->element, "location", path, NULL);
  do {
    buffer = pull_ticking (h);
    red = is_red (buffer);
    gst_buffer_unref (buffer);
  } while (!red);
  g_object_set (h->element, "location", NULL, NULL);
  do {
    buffer = pull_ticking (h);
    red = is_red (buffer);
    gst_buffer_unref (buffer);
  } while (red);
  gst_harness_teardown (h);
  g_free (path);
}
GST_END_TEST;

static Suite *
imageswitch_pictures_suite (void)
{
  Suite *suite = suite_create ("imageswitch-pictures");
  TCase *tcase = tcase_create ("pictures");

  tcase_set_timeout (tcase, 110);       /* many decoders, busy machines */
  suite_add_tcase (suite, tcase);
  tcase_add_checked_fixture (tcase, make_scratch, remove_scratch);
  tcase_add_test (tcase, every_format_and_size);
  tcase_add_test (tcase, alternating_fields);
  tcase_add_test (tcase, pictures_of_every_kind);
  tcase_add_test (tcase, broken_pictures_give_the_built_in_one);
  tcase_add_test (tcase, picture_changes_while_shown);
  return suite;
}

GST_CHECK_MAIN (imageswitch_pictures);
