/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Moving pictures in place of a camera. Each clip is red, then green, then
 * blue, for equally long.
 */
#include "imageswitch-files.h"

/* At this size a clip of 15 frames is too long to be kept. */
#define LARGE_CAPS "video/x-raw,format=I420,width=3840,height=2160," \
    "framerate=30/1,interlace-mode=progressive,pixel-aspect-ratio=1/1"

#define PART(pattern, frames) "videotestsrc num-buffers=" frames \
    " pattern=" pattern " ! video/x-raw,width=160,height=120 ! c. "
#define CLIP(frames, encoder) "concat name=c ! videoconvert ! " encoder \
    " ! filesink location=%s " \
    PART ("red", frames) PART ("green", frames) PART ("blue", frames)

static gchar
colour_of (GstBuffer *buffer)
{
  gboolean large = gst_buffer_get_size (buffer) != SIZE;
  gsize w = large ? 3840 : 64, h = large ? 2160 : 48;
  gsize middle = h / 4 * (w / 2) + w / 4;
  guint8 u = 0, v = 0;

  gst_buffer_extract (buffer, w * h + middle, &u, 1);
  gst_buffer_extract (buffer, w * h * 5 / 4 + middle, &v, 1);
  if (v > 200)
    return 'r';
  if (u > 200)
    return 'b';
  return u < 110 && v < 110 ? 'g' : '?';
}

static void
put_bits (GByteArray *array, guint *bit, guint value)
{
  guint8 octet;
  guint i;

  for (i = 0; i < 3; i++, ++*bit) {
    if (*bit % 8 == 0) {
      octet = 0;
      g_byte_array_append (array, &octet, 1);
    }
    array->data[array->len - 1] |= (value >> i & 1) << *bit % 8;
  }
}

/* 16x12 pixels of one colour, uncompressed: codes of three bits, with a clear
 * code often enough that they stay so short */
static void
append_gif_frame (GByteArray *gif, guint colour, guint8 hundredths)
{
  guint8 head[] = { 0x21, 0xf9, 4, 4, hundredths, 0, 0, 0,
    0x2c, 0, 0, 0, 0, 16, 0, 12, 0, 0, 2 };
  GByteArray *data = g_byte_array_new ();
  guint bit = 0, i;
  guint8 length;

  for (i = 0; i < 16 * 12; i++) {
    if (i % 2 == 0)
      put_bits (data, &bit, 4);
    put_bits (data, &bit, colour);
  }
  put_bits (data, &bit, 5);
  length = data->len;
  g_byte_array_append (gif, head, sizeof head);
  g_byte_array_append (gif, &length, 1);
  g_byte_array_append (gif, data->data, data->len);
  g_byte_array_append (gif, (guint8 *) "", 1);
  g_byte_array_unref (data);
}

/* @end: without it the file has been cut off */
static void
write_gif (const gchar *name, gboolean end)
{
  static const guint8 head[] = { 'G', 'I', 'F', '8', '9', 'a', 16, 0, 12, 0,
    0x91, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0 };
  gchar *path = g_build_filename (scratch, name, NULL);
  GByteArray *gif = g_byte_array_new ();
  guint i;

  g_byte_array_append (gif, head, sizeof head);
  for (i = 0; i < 3; i++)
    append_gif_frame (gif, i, 10);
  if (end)
    g_byte_array_append (gif, (guint8 *) ";", 1);
  fail_unless (g_file_set_contents (path, (gchar *) gif->data, gif->len, NULL));
  g_byte_array_unref (gif);
  g_free (path);
}

static void
put_le32 (guint8 *to, guint32 value)
{
  value = GUINT32_TO_LE (value);
  memcpy (to, &value, 4);
}

/* An animation is the chunks of several stills, put together (WebP Container
 * Specification). */
static void
append_chunk (GByteArray *webp, const gchar *name, const guint8 *head,
    gsize head_size, const guint8 *data, gsize size)
{
  guint8 length[4];

  put_le32 (length, head_size + size);
  g_byte_array_append (webp, (guint8 *) name, 4);
  g_byte_array_append (webp, length, 4);
  g_byte_array_append (webp, head, head_size);
  if (size > 0)
    g_byte_array_append (webp, data, size);
  if ((head_size + size) % 2)
    g_byte_array_append (webp, (guint8 *) "", 1);
}

static void
write_webp (const gchar *name)
{
  static const gchar *patterns[] = { "red", "green", "blue" };
  static const guint8 vp8x[10] = { 2, 0, 0, 0, 15, 0, 0, 15, 0, 0 };
  static const guint8 anim[6] = { 0 };
  static const guint8 anmf[16] = { 0, 0, 0, 0, 0, 0, 15, 0, 0, 15, 0, 0, 100 };
  gchar *path = g_build_filename (scratch, name, NULL), *text, *data;
  GByteArray *webp = g_byte_array_new ();
  gsize size;
  guint i;

  g_byte_array_append (webp, (guint8 *) "RIFF\0\0\0\0WEBP", 12);
  append_chunk (webp, "VP8X", vp8x, sizeof vp8x, NULL, 0);
  append_chunk (webp, "ANIM", anim, sizeof anim, NULL, 0);
  for (i = 0; i < 3; i++) {
    text = g_strdup_printf ("videotestsrc num-buffers=1 pattern=%s "
        "! video/x-raw,width=16,height=16 ! videoconvert ! webpenc "
        "! filesink location=%%s", patterns[i]);
    make_file (name, text);
    g_free (text);
    fail_unless (g_file_get_contents (path, &data, &size, NULL));
    append_chunk (webp, "ANMF", anmf, sizeof anmf, (guint8 *) data + 12,
        size - 12);
    g_free (data);
  }
  put_le32 (webp->data + 4, webp->len - 8);
  fail_unless (g_file_set_contents (path, (gchar *) webp->data, webp->len,
          NULL));
  g_byte_array_unref (webp);
  g_free (path);
}

static GstHarness *
show_clip (const gchar *name, const gchar *caps, GstBus *bus)
{
  GstElement *element = gst_element_factory_make ("imageswitch", NULL);
  gchar *path = *name == '/' ? g_strdup (name)
      : g_build_filename (scratch, name, NULL);
  GstCaps *sink_caps = gst_caps_from_string (caps);
  GstHarness *h;

  gst_element_set_bus (element, bus);
  g_object_set (element, "location", path, NULL);
  h = harness_new_alone (element, sink_caps);
  gst_harness_play (h);
  gst_object_unref (element);
  gst_caps_unref (sink_caps);
  g_free (path);
  return h;
}

static gchar *
take_warning (GstBus *bus)
{
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING);
  GError *error;
  gchar *text;

  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) == NULL);
  if (!message)
    return NULL;
  gst_message_parse_warning (message, &error, NULL);
  text = g_strdup (error->message);
  g_error_free (error);
  gst_message_unref (message);
  return text;
}

static gchar
pull_colour (GstHarness *h)
{
  GstBuffer *buffer = pull_ticking (h);
  gchar colour = colour_of (buffer);

  gst_buffer_unref (buffer);
  return colour;
}

static gboolean
follows (gchar colour, gchar before)
{
  return colour == before || (before == 'r' && colour == 'g')
      || (before == 'g' && colour == 'b') || (before == 'b' && colour == 'r');
}

/* Plays until it has begun anew @rounds times; nothing else is ever seen. */
static void
play_rounds (GstHarness *h, guint rounds)
{
  gchar before = 'r', colour;

  while (pull_colour (h) != 'r');       /* being loaded */
  while (rounds > 0) {
    colour = pull_colour (h);
    fail_unless (follows (colour, before), "%c after %c", colour, before);
    if (before == 'b' && colour == 'r')
      rounds--;
    before = colour;
  }
}

GST_START_TEST (clips_loop_at_their_own_pace)
{
  static const gchar *names[] = { "a.gif", "a.webp", "a.webm", "a.mp4" };
  GstHarness *h;
  gchar colour;
  guint i, n;

  write_gif ("a.gif", TRUE);
  write_webp ("a.webp");
  make_file ("a.webm", CLIP ("3", "vp8enc ! webmmux"));
  make_file ("a.mp4", CLIP ("3", "x264enc tune=zerolatency ! mp4mux"));
  for (i = 0; i < G_N_ELEMENTS (names); i++) {
    h = show_clip (names[i], CAPS, NULL);
    /* once round, it is in memory: three of each from now on, and we have
     * seen the first red one */
    play_rounds (h, 2);
    for (n = 1; n < 36; n++) {
      colour = pull_colour (h);
      fail_unless (colour == "rrrgggbbb"[n % 9], "%s: %c as number %u",
          names[i], colour, n);
    }
    gst_harness_teardown (h);
  }
}
GST_END_TEST;

GST_START_TEST (our_own_clip_moves)
{
  gchar *path = g_build_filename (g_getenv ("MESH_SOURCE_ROOT"), "plugins",
      "imageswitch", "clip.webm", NULL);
  GstBus *bus = gst_bus_new ();
  GHashTable *seen = g_hash_table_new (NULL, NULL);
  GstBuffer *buffer;
  GstHarness *h;

  h = show_clip (path, CAPS, bus);
  /* they are kept, so that each has memory of its own */
  while (g_hash_table_size (seen) < 60) {
    buffer = pull_ticking (h);
    g_hash_table_add (seen, gst_buffer_peek_memory (buffer, 0));
    gst_buffer_unref (buffer);
    fail_unless (take_warning (bus) == NULL);
  }
  gst_element_set_bus (h->element, NULL);
  gst_harness_teardown (h);
  g_hash_table_unref (seen);
  gst_object_unref (bus);
  g_free (path);
}
GST_END_TEST;

GST_START_TEST (long_clips_are_decoded_as_they_play)
{
  GstHarness *h;

  make_file ("long.webm", CLIP ("5", "vp8enc deadline=1 ! webmmux"));
  h = show_clip ("long.webm", LARGE_CAPS, NULL);
  play_rounds (h, 3);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (a_clip_begins_at_its_beginning)
{
  gchar *path = g_build_filename (scratch, "a.gif", NULL);
  GstClockTime time = 0;
  GstBuffer *buffer;
  GstHarness *h;
  guint i;

  write_gif ("a.gif", TRUE);
  h = harness_new ("location", path, NULL);
  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, 0);
  gst_buffer_unref (gst_harness_pull (h));
  for (i = 0; i < 5; i++) {
    set_hidden (h, TRUE);
    if (i == 0)
      play_rounds (h, 2);
    else
      fail_unless_equals_int (pull_colour (h), 'r');
    while (pull_colour (h) != 'g');
    set_hidden (h, FALSE);
    do {
      time += INTERVAL;
      push_camera (h, time);
      while ((buffer = gst_harness_try_pull (h)) && !is_camera (buffer))
        gst_buffer_unref (buffer);
    } while (!buffer);
    gst_buffer_unref (buffer);
  }
  gst_harness_teardown (h);
  g_free (path);
}
GST_END_TEST;

/* Plays until a warning names the file, and the built-in picture is there. */
static void
play_until_broken (GstHarness *h, GstBus *bus, const gchar *name)
{
  gchar *warning = NULL;

  while (!warning) {
    pull_colour (h);
    warning = take_warning (bus);
  }
  fail_unless (strstr (warning, name) != NULL, "%s", warning);
  g_free (warning);
  while (pull_colour (h) != '?');
}

static void
spoil (const gchar *name)
{
  gchar *path = g_build_filename (scratch, name, NULL), *data;
  gsize size, i;

  fail_unless (g_file_get_contents (path, &data, &size, NULL));
  for (i = size / 2; i < size; i++)
    data[i] = i * 37;
  fail_unless (g_file_set_contents (path, data, size, NULL));
  g_free (data);
  g_free (path);
}

GST_START_TEST (clips_that_break)
{
  static const gchar *names[] = { "spoilt.webm", "spoilt.mp4" };
  GstBus *bus = gst_bus_new ();
  GstHarness *h;
  guint i;

  /* the demuxer finds no more in the one, the decoder errors in the other */
  make_file ("spoilt.webm", CLIP ("30", "vp8enc ! webmmux"));
  make_file ("spoilt.mp4", CLIP ("30", "x264enc ! mp4mux faststart=true"));
  for (i = 0; i < G_N_ELEMENTS (names); i++) {
    spoil (names[i]);
    h = show_clip (names[i], CAPS, bus);
    play_until_broken (h, bus, names[i]);
    gst_element_set_bus (h->element, NULL);
    gst_harness_teardown (h);
  }

  /* while it plays on from the decoder */
  make_file ("changing.webm", CLIP ("5", "vp8enc ! webmmux"));
  h = show_clip ("changing.webm", LARGE_CAPS, bus);
  play_rounds (h, 1);
  write_file ("changing.webm", "There is no clip any more.");
  play_until_broken (h, bus, "changing.webm");
  gst_element_set_bus (h->element, NULL);
  gst_harness_teardown (h);
  gst_object_unref (bus);
}
GST_END_TEST;

#define BOTH(video, audio, mux) "videotestsrc num-buffers=60 " \
    "! video/x-raw,width=64,height=48,framerate=30/1 ! " video " ! m. " \
    "audiotestsrc num-buffers=86 ! audioconvert ! " audio " ! m. " \
    mux " name=m ! filesink location=%s"

GST_START_TEST (files_that_are_no_clip)
{
  static const gchar *names[] = { "cut.webm", "cut.mp4", "cut.gif",
    "cut-both.webm", "cut-both.mp4", "cut-both.avi", "sound.webm", "large.gif"
  };
  static const guint8 large[] = "GIF89a\xff\xff\xff\xff\0\0\0\x2c\0\0\0\0\x01\0"
      "\x01\0\0\x02\0;";
  gchar *path = g_build_filename (scratch, "large.gif", NULL), *warning;
  guint i;

  make_file ("whole.webm", CLIP ("5", "vp8enc ! webmmux"));
  cut_file ("whole.webm", "cut.webm", 0.6);
  make_file ("whole.mp4", CLIP ("5", "x264enc ! mp4mux faststart=true"));
  cut_file ("whole.mp4", "cut.mp4", 0.9);
  write_gif ("cut.gif", FALSE);
  /* what lasts how long tells nothing where there is sound as well */
  make_file ("both.webm", BOTH ("vp8enc", "opusenc", "webmmux"));
  cut_file ("both.webm", "cut-both.webm", 0.9);
  make_file ("both.mp4", BOTH ("x264enc", "opusenc", "mp4mux faststart=true"));
  cut_file ("both.mp4", "cut-both.mp4", 0.9);
  make_file ("both.avi", BOTH ("jpegenc", "identity", "avimux"));
  cut_file ("both.avi", "cut-both.avi", 0.9);
  make_file ("sound.webm", "audiotestsrc num-buffers=10 ! opusenc ! webmmux "
      "! filesink location=%s");
  fail_unless (g_file_set_contents (path, (gchar *) large, sizeof large - 1,
          NULL));
  g_free (path);
  for (i = 0; i < G_N_ELEMENTS (names); i++) {
    warning = show_file (names[i]);
    fail_unless (warning != NULL, "no warning for \"%s\"", names[i]);
    fail_unless (strstr (warning, names[i]) != NULL, "%s", warning);
    g_free (warning);
  }
}
GST_END_TEST;

static Suite *
imageswitch_clips_suite (void)
{
  Suite *suite = suite_create ("imageswitch-clips");
  TCase *tcase = tcase_create ("clips");

  tcase_set_timeout (tcase, 110);       /* many decoders, busy machines */
  suite_add_tcase (suite, tcase);
  tcase_add_checked_fixture (tcase, make_scratch, remove_scratch);
  tcase_add_test (tcase, clips_loop_at_their_own_pace);
  tcase_add_test (tcase, our_own_clip_moves);
  tcase_add_test (tcase, long_clips_are_decoded_as_they_play);
  tcase_add_test (tcase, a_clip_begins_at_its_beginning);
  tcase_add_test (tcase, clips_that_break);
  tcase_add_test (tcase, files_that_are_no_clip);
  return suite;
}

GST_CHECK_MAIN (imageswitch_clips);
