/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bench-clock DESCRIPTION…
 *
 * Runs a pipeline, whose description may use two filters that put the time into
 * what passes, and reads that time out of all streams of its meshroom `room`:
 *
 *   clockpicture   moving noise, that an encoder needs some 2 Mbit/s for, with
 *                  the blocks of tests/e2e/camera-frame.h in its upper part: the
 *                  lower 24 bits of the time of day in ms
 *   clocksound     a tone whose frequency tells the time, to CLOCK_TONE_MS
 *
 * Each decoded frame and each tone that was heard is a line on stdout:
 *
 *   video NAME MS NUMBER WIDTH HEIGHT     NUMBER as camera_read() returns it
 *   sound NAME MS TONE PTS                TONE is one of 0 to CLOCK_TONES - 1,
 *                                         PTS the timestamp in ms
 *
 * where MS is the time of day and NAME the peer's. The streams go to an element
 * `view`, if there is one, which keeps the sound from being looked at, and what a
 * fakesink called `shown` shows is lines that begin with `shown all`. A line `get ELEMENT PROPERTY`
 * on stdin is answered with `value ELEMENT PROPERTY VALUE`, at a line `again` the
 * pipeline ends and begins again, and at the end of stdin it ends.
 */

#include <gst/audio/gstaudiofilter.h>
#include <gst/video/gstvideofilter.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../e2e/camera-frame.h"

/* The part of the picture's height that has the blocks: 6 rows of 32 lines in a
 * picture of 720, so that they begin where an encoder's blocks do. */
#define CLOCK_PART(height) ((height) * 4 / 15 & ~1)

#define TEXTURES 8
#define MARGIN 64               /* the texture moves by so much */

#define RATE 48000
#define CLOCK_TONES 32
#define CLOCK_TONE_MS 20
#define LOWEST_HZ 500
#define STEP_HZ 125
#define WINDOW (RATE / 100)     /* of samples that are looked at together */
#define HOP (WINDOW / 2)

/* ---------------------------------------------------------------- picture */

G_DECLARE_FINAL_TYPE (ClockPicture, clock_picture, BENCH, CLOCK_PICTURE,
    GstVideoFilter)

struct _ClockPicture {
  GstVideoFilter parent;

  guint8 *textures[TEXTURES];   /* each MARGIN larger than a frame */
  guint stride;
  guint frames;
};

G_DEFINE_TYPE (ClockPicture, clock_picture, GST_TYPE_VIDEO_FILTER)

static gint64
time_of_day (void)
{
  return g_get_real_time () / 1000;
}

/* Adds smooth noise, whose spots are `size` pixels wide, to a plane. */
static void
add_noise (double *plane, guint width, guint height, guint size,
    double strength, GRand *rand)
{
  guint columns = width / size + 2, rows = height / size + 2;
  g_autofree double *spots = g_new (double, columns * rows);

  for (guint i = 0; i < columns * rows; i++)
    spots[i] = g_rand_double_range (rand, -strength, strength);
  for (guint y = 0; y < height; y++) {
    const double *above = spots + y / size * columns;
    const double *below = above + columns;
    double down = (double) (y % size) / size;

    for (guint x = 0; x < width; x++) {
      guint i = x / size;
      double right = (double) (x % size) / size;

      plane[y * width + x] += (above[i] * (1 - right) + above[i + 1] * right)
          * (1 - down) + (below[i] * (1 - right) + below[i + 1] * right) * down;
    }
  }
}

/* What is in the picture, and what a sensor adds to each frame. */
static void
make_textures (ClockPicture *self, guint width, guint height)
{
  gsize n = (gsize) width * height;
  g_autofree double *base = g_new0 (double, n);
  g_autofree double *plane = g_new (double, n);
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  add_noise (base, width, height, 160, 60, rand);
  add_noise (base, width, height, 40, 30, rand);
  add_noise (base, width, height, 8, 16, rand);
  for (guint i = 0; i < TEXTURES; i++) {
    memcpy (plane, base, n * sizeof (double));
    add_noise (plane, width, height, 4, 6, rand);
    g_free (self->textures[i]);
    self->textures[i] = g_new (guint8, n);
    for (gsize j = 0; j < n; j++)
      self->textures[i][j] = (guint8) CLAMP (125 + plane[j], 20, 230);
  }
  self->stride = width;
}

static gboolean
clock_picture_set_info (GstVideoFilter *filter, GstCaps *in_caps,
    GstVideoInfo *in, GstCaps *out_caps, GstVideoInfo *out)
{
  make_textures (BENCH_CLOCK_PICTURE (filter), in->width + MARGIN,
      in->height + MARGIN);
  return TRUE;
}

static GstFlowReturn
clock_picture_transform_frame_ip (GstVideoFilter *filter, GstVideoFrame *frame)
{
  ClockPicture *self = BENCH_CLOCK_PICTURE (filter);
  const guint8 *texture = self->textures[self->frames % TEXTURES];
  double turn = self->frames++ / 40.;
  guint left = (guint) (MARGIN / 2 * (1 + cos (turn)));
  guint top = (guint) (MARGIN / 2 * (1 + sin (turn)));
  guint width = GST_VIDEO_FRAME_WIDTH (frame);
  guint height = GST_VIDEO_FRAME_HEIGHT (frame);
  GstVideoFrame part = *frame;

  for (guint y = 0; y < height; y++)
    memcpy ((guint8 *) GST_VIDEO_FRAME_PLANE_DATA (frame, 0)
        + y * GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0),
        texture + (y + top) * self->stride + left, width);
  part.info.height = CLOCK_PART (height);
  camera_draw (&part, time_of_day () & 0xffffff);
  return GST_FLOW_OK;
}

static void
clock_picture_finalize (GObject *object)
{
  ClockPicture *self = BENCH_CLOCK_PICTURE (object);

  for (guint i = 0; i < TEXTURES; i++)
    g_free (self->textures[i]);
  G_OBJECT_CLASS (clock_picture_parent_class)->finalize (object);
}

static void
clock_picture_class_init (ClockPictureClass *klass)
{
  GstElementClass *element = GST_ELEMENT_CLASS (klass);
  GstVideoFilterClass *filter = GST_VIDEO_FILTER_CLASS (klass);
  g_autoptr (GstCaps) caps =
      gst_caps_from_string (GST_VIDEO_CAPS_MAKE ("I420"));

  G_OBJECT_CLASS (klass)->finalize = clock_picture_finalize;
  gst_element_class_add_pad_template (element, gst_pad_template_new ("sink",
          GST_PAD_SINK, GST_PAD_ALWAYS, caps));
  gst_element_class_add_pad_template (element, gst_pad_template_new ("src",
          GST_PAD_SRC, GST_PAD_ALWAYS, caps));
  gst_element_class_set_static_metadata (element, "Clock in a picture",
      "Filter/Video", "Draws the time at which a picture passes", "meshroom");
  filter->set_info = clock_picture_set_info;
  filter->transform_frame_ip = clock_picture_transform_frame_ip;
}

static void
clock_picture_init (ClockPicture *self)
{
}

/* ------------------------------------------------------------------ sound */

G_DECLARE_FINAL_TYPE (ClockSound, clock_sound, BENCH, CLOCK_SOUND,
    GstAudioFilter)

struct _ClockSound {
  GstAudioFilter parent;

  double phase;
};

G_DEFINE_TYPE (ClockSound, clock_sound, GST_TYPE_AUDIO_FILTER)

static double
tone_hz (guint tone)
{
  return LOWEST_HZ + STEP_HZ * (double) tone;
}

/* Returns: the time of day at which the sample with a timestamp is due, in us */
static gint64
captured_at (GstElement *element, GstClockTime pts)
{
  g_autoptr (GstClock) clock = gst_element_get_clock (element);
  GstClockTime due = gst_element_get_base_time (element) + pts;

  return g_get_real_time ()
      + GST_CLOCK_DIFF (gst_clock_get_time (clock), due) / GST_USECOND;
}

static GstFlowReturn
clock_sound_transform_ip (GstBaseTransform *transform, GstBuffer *buffer)
{
  ClockSound *self = BENCH_CLOCK_SOUND (transform);
  gint64 at = captured_at (GST_ELEMENT (transform), GST_BUFFER_PTS (buffer));
  GstMapInfo map;
  gint16 *samples;

  if (!gst_buffer_map (buffer, &map, GST_MAP_WRITE))
    return GST_FLOW_ERROR;
  samples = (gint16 *) map.data;
  for (gsize i = 0; i < map.size / sizeof (gint16); i++) {
    gint64 ms = (at + (gint64) i * G_USEC_PER_SEC / RATE) / 1000;

    samples[i] = (gint16) (8000 * sin (self->phase));
    self->phase = fmod (self->phase + 2 * G_PI
        * tone_hz (ms / CLOCK_TONE_MS % CLOCK_TONES) / RATE, 2 * G_PI);
  }
  gst_buffer_unmap (buffer, &map);
  return GST_FLOW_OK;
}

static void
clock_sound_class_init (ClockSoundClass *klass)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string ("audio/x-raw,"
      "format=S16LE,rate=48000,channels=1,layout=interleaved");

  gst_audio_filter_class_add_pad_templates (GST_AUDIO_FILTER_CLASS (klass),
      caps);
  gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass),
      "Clock in sound", "Filter/Audio", "Tells the time by its tone",
      "meshroom");
  GST_BASE_TRANSFORM_CLASS (klass)->transform_ip = clock_sound_transform_ip;
}

static void
clock_sound_init (ClockSound *self)
{
}

/* --------------------------------------------------------------- receiver */

/* A received stream, used by the pad's streaming thread only. */
typedef struct {
  char *name;                   /* of the peer */
  gboolean is_video;
  GstVideoInfo video;
  GstAudioInfo audio;
  float window[WINDOW];
  guint filled;
  int tone;                     /* that is heard; -1 = none */
  guint hops;                   /* for how long */
} Stream;

static void
stream_free (gpointer data)
{
  g_free (((Stream *) data)->name);
  g_free (data);
}

static void
take_event (Stream *self, GstEvent *event)
{
  GstCaps *caps;

  if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS) {
    gst_event_parse_caps (event, &caps);
    if (self->is_video)
      gst_video_info_from_caps (&self->video, caps);
    else
      gst_audio_info_from_caps (&self->audio, caps);
  } else if (gst_event_has_name (event, "meshroom/peer")) {
    g_free (self->name);
    self->name = g_strdelimit (g_strdup (gst_structure_get_string
            (gst_event_get_structure (event), "name")), " ", '-');
  }
}

static void
look (Stream *self, const char *kind, GstBuffer *buffer)
{
  gint64 now = time_of_day ();
  GstVideoFrame frame, part;

  if (!gst_video_frame_map (&frame, &self->video, buffer, GST_MAP_READ))
    return;
  part = frame;
  part.info.height = CLOCK_PART (frame.info.height);
  printf ("%s %s %" G_GINT64_FORMAT " %d %d %d\n", kind, self->name, now,
      camera_read (&part), frame.info.width, frame.info.height);
  gst_video_frame_unmap (&frame);
}

/* Returns: the share of a window's power that is of one frequency (Goertzel's
 * algorithm) */
static double
share_of (const float *x, double hz)
{
  double k = 2 * cos (2 * G_PI * hz / RATE);
  double a = 0, b = 0, all = 1;

  for (guint i = 0; i < WINDOW; i++) {
    double c = x[i] + k * a - b;

    b = a;
    a = c;
    all += x[i] * x[i];
  }
  return (a * a + b * b - k * a * b) * 2 / (all * WINDOW);
}

/* Looks at a window of which the last sample is due at a time, and has a
 * timestamp. A tone counts when two windows in a row have it. */
static void
hear_window (Stream *self, gint64 at, gint64 pts)
{
  double best = 0;
  int heard = -1;

  for (guint tone = 0; tone < CLOCK_TONES; tone++) {
    double share = share_of (self->window, tone_hz (tone));

    if (share > best) {
      best = share;
      heard = (int) tone;
    }
  }
  if (best < 0.5)
    heard = -1;
  if (heard != self->tone) {
    self->tone = heard;
    self->hops = 0;
  }
  if (heard >= 0 && ++self->hops == 2)
    printf ("sound %s %" G_GINT64_FORMAT " %d %" G_GINT64_FORMAT "\n",
        self->name, at - 1000 * (WINDOW + HOP) / RATE, heard, pts);
}

static void
hear (Stream *self, GstBuffer *buffer)
{
  gint64 now = time_of_day ();
  int channels = GST_AUDIO_INFO_CHANNELS (&self->audio);
  GstMapInfo map;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return;
  for (gsize i = 0; i < map.size / GST_AUDIO_INFO_BPF (&self->audio); i++) {
    self->window[self->filled++] =
        GST_AUDIO_INFO_FORMAT (&self->audio) == GST_AUDIO_FORMAT_S16LE
        ? ((const gint16 *) map.data)[i * channels]
        : ((const float *) map.data)[i * channels] * 32768;
    if (self->filled < WINDOW)
      continue;
    hear_window (self, now + (gint64) i * 1000 / RATE,
        (gint64) (GST_BUFFER_PTS (buffer) / GST_MSECOND + i * 1000 / RATE));
    memmove (self->window, self->window + HOP, (WINDOW - HOP) * sizeof (float));
    self->filled = WINDOW - HOP;
  }
  gst_buffer_unmap (buffer, &map);
}

static GstPadProbeReturn
on_event (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  take_event (user_data, GST_PAD_PROBE_INFO_EVENT (info));
  return GST_PAD_PROBE_OK;
}

/* What is due now: a sink that keeps to the clock has waited for it. */
static void
on_played (GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer user_data)
{
  Stream *self = user_data;

  if (self->is_video)
    look (self, "video", buffer);
  else if (GST_AUDIO_INFO_IS_VALID (&self->audio))
    hear (self, buffer);
}

static GstPadProbeReturn
on_picture (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  look (user_data, "video", GST_PAD_PROBE_INFO_BUFFER (info));
  return GST_PAD_PROBE_OK;
}

static void
on_shown (GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer user_data)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  Stream stream = { .name = (char *) "all" };

  if (caps && gst_video_info_from_caps (&stream.video, caps))
    look (&stream, "shown", buffer);
}

/* Without a view each stream is played for itself. With one, the pictures are
 * looked at on their way to it; tones cost more to tell than all else where
 * there are many. */
static void
on_pad_added (GstElement *room, GstPad *pad, gpointer bin)
{
  g_autoptr (GstElement) sink = gst_bin_get_by_name (bin, "view");
  Stream *stream;

  if (!GST_PAD_IS_SRC (pad))
    return;
  stream = g_new0 (Stream, 1);
  stream->name = g_strdup ("?");
  stream->is_video = g_str_has_prefix (GST_PAD_NAME (pad), "video");
  stream->tone = -1;
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_event, stream,
      stream_free);
  if (sink) {
    if (stream->is_video)
      gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_picture, stream,
          NULL);
  } else {
    sink = gst_object_ref (gst_element_factory_make ("fakesink", NULL));
    g_object_set (sink, "async", FALSE, "sync", TRUE, "signal-handoffs", TRUE,
        NULL);
    g_signal_connect (sink, "handoff", G_CALLBACK (on_played), stream);
    gst_bin_add (bin, sink);
    gst_element_sync_state_with_parent (sink);
  }
  gst_element_link_pads (room, GST_PAD_NAME (pad), sink, NULL);
}

/* ------------------------------------------------------------------------- */

static void
obey (GstBin *pipeline, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);
  g_autoptr (GstElement) element = NULL;
  g_auto (GValue) value = G_VALUE_INIT;
  g_autofree char *text = NULL;

  if (g_str_equal (line, "again")) {
    gst_element_set_state (GST_ELEMENT (pipeline), GST_STATE_NULL);
    gst_element_set_state (GST_ELEMENT (pipeline), GST_STATE_PLAYING);
  }
  if (g_strv_length (words) != 3)
    return;
  element = gst_bin_get_by_name (pipeline, words[1]);
  if (element && g_object_class_find_property (G_OBJECT_GET_CLASS (element),
          words[2])) {
    g_object_get_property (G_OBJECT (element), words[2], &value);
    text = gst_value_serialize (&value);
  }
  printf ("value %s %s %s\n", words[1], words[2], text ? text : "");
}

static void
recalculate (GstElement *pipeline, gpointer user_data)
{
  gst_bin_recalculate_latency (GST_BIN (pipeline));
}

static GstBusSyncReply
on_message (GstBus *bus, GstMessage *message, gpointer pipeline)
{
  g_autoptr (GError) error = NULL;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_LATENCY)
    gst_element_call_async (pipeline, recalculate, NULL, NULL);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    gst_message_parse_error (message, &error, NULL);
  else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING)
    gst_message_parse_warning (message, &error, NULL);
  if (error)
    fprintf (stderr, "%s: %s\n", GST_MESSAGE_TYPE_NAME (message),
        error->message);
  return GST_BUS_DROP;
}

int
main (int argc, char **argv)
{
  g_autoptr (GstElement) pipeline = NULL, room = NULL, shown = NULL;
  GstElement *content;
  g_autoptr (GError) error = NULL;
  g_autoptr (GstBus) bus = NULL;
  char line[256];

  gst_init (&argc, &argv);
  setvbuf (stdout, NULL, _IOLBF, 0);
  gst_element_register (NULL, "clockpicture", GST_RANK_NONE,
      clock_picture_get_type ());
  gst_element_register (NULL, "clocksound", GST_RANK_NONE,
      clock_sound_get_type ());
  pipeline = gst_pipeline_new (NULL);
  content = gst_parse_launchv ((const char **) argv + 1, &error);
  if (error)
    g_error ("%s", error->message);
  gst_bin_add (GST_BIN (pipeline), content);
  room = gst_bin_get_by_name (GST_BIN (pipeline), "room");
  if (!room)
    g_error ("there is no room");
  bus = gst_element_get_bus (pipeline);
  gst_bus_set_sync_handler (bus, on_message, pipeline, NULL);
  shown = gst_bin_get_by_name (GST_BIN (pipeline), "shown");
  if (shown)
    g_signal_connect (shown, "handoff", G_CALLBACK (on_shown), NULL);
  g_signal_connect (room, "pad-added", G_CALLBACK (on_pad_added), pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (fgets (line, sizeof line, stdin))
    obey (GST_BIN (pipeline), g_strstrip (line));
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return 0;
}
