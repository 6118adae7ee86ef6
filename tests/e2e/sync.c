/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* e2e-sync send LINK [PROPERTIES]
 * e2e-sync receive LINK [PROPERTIES]
 *
 * One sends a flash and a beep at the same moment of each second, the other
 * writes the running times at which its room's pads bring them, in ms, one JSON
 * object a line, and what becomes of the sound's samples in between:
 *
 *   {"kind":"flash","time":MS,"now":MS}
 *   {"kind":"beep","time":MS,"now":MS}
 *   {"kind":"jump","ms":MS}       between two buffers of sound
 *   {"kind":"stats","delay":MS,"freezes":N,"frozen":MS,"rtt":MS,"loss":F}
 *
 * The end of stdin ends the program. */

#include <gst/audio/audio.h>
#include <gst/video/video.h>
#include <stdio.h>
#include <string.h>

#define LENGTH (100 * GST_MSECOND)
#define LOUD 3000
#define QUIET (300 * GST_MSECOND)

#define SEND "meshroom name=room display-name=sender link=%s %s " \
    "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420," \
    "width=320,height=240,framerate=30/1 ! identity name=picture ! " \
    "room.video_sink audiotestsrc is-live=true samplesperbuffer=480 " \
    "freq=1000 volume=0.5 ! audio/x-raw,format=S16LE,rate=48000,channels=1 ! " \
    "identity name=sound ! room.audio_sink"
#define RECEIVE "pipeline. ( meshroom name=room display-name=receiver " \
    "link=%s %s )"

static GMainLoop *loop;
static GstElement *room;

/* of the pictures and the sound that come, each by one thread */
static gboolean lit, heard;
static GstClockTime loud_until, expected = GST_CLOCK_TIME_NONE;

/* Flash and beep begin with a frame. */
static GstClockTime origin = GST_CLOCK_TIME_NONE;

static gboolean
is_on (GstClockTime time)
{
  return GST_CLOCK_TIME_IS_VALID (origin) && time >= origin
      && (time - origin) % GST_SECOND < LENGTH;
}

/* --- sending --- */

static GstPadProbeReturn
draw (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstBuffer *buffer = gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER
      (info));
  GstMapInfo map;

  GST_PAD_PROBE_INFO_DATA (info) = buffer;
  if (!GST_CLOCK_TIME_IS_VALID (origin))
    origin = GST_BUFFER_PTS (buffer);
  /* the picture stays busy, so that frames have several packets */
  if (!is_on (GST_BUFFER_PTS (buffer))
      || !gst_buffer_map (buffer, &map, GST_MAP_WRITE))
    return GST_PAD_PROBE_OK;
  memset (map.data, 235, 320 * 240);
  gst_buffer_unmap (buffer, &map);
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
beep (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstBuffer *buffer = gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER
      (info));
  GstClockTime time = GST_BUFFER_PTS (buffer);
  GstMapInfo map;

  GST_PAD_PROBE_INFO_DATA (info) = buffer;
  if (!gst_buffer_map (buffer, &map, GST_MAP_READWRITE))
    return GST_PAD_PROBE_OK;
  for (gsize i = 0; i < map.size / 2; i++) {
    gint16 *sample = (gint16 *) map.data + i;

    /* never so quiet that nothing is sent */
    if (!is_on (time + i * GST_SECOND / 48000))
      *sample /= 64;
  }
  gst_buffer_unmap (buffer, &map);
  return GST_PAD_PROBE_OK;
}

static void
watch (GstBin *pipeline, const char *name, GstPadProbeCallback probe)
{
  g_autoptr (GstElement) element = gst_bin_get_by_name (pipeline, name);
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, "src");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, probe, NULL, NULL);
}

/* --- receiving --- */

static void
tell (const char *kind, GstClockTime time)
{
  printf ("{\"kind\":\"%s\",\"time\":%.1f,\"now\":%.1f}\n", kind, time / 1e6,
      gst_element_get_current_running_time (room) / 1e6);
  fflush (stdout);
}

static GstPadProbeReturn
look (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  GstVideoInfo video;
  GstVideoFrame frame;
  guint64 sum = 0;
  int width, height;
  gboolean now;

  if (!caps || !gst_video_info_from_caps (&video, caps)
      || !gst_video_frame_map (&frame, &video, buffer, GST_MAP_READ))
    return GST_PAD_PROBE_OK;
  width = GST_VIDEO_FRAME_WIDTH (&frame);
  height = GST_VIDEO_FRAME_HEIGHT (&frame);
  for (int y = 0; y < height; y += 4) {
    const guint8 *line = (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&frame, 0)
        + y * GST_VIDEO_FRAME_PLANE_STRIDE (&frame, 0);

    for (int x = 0; x < width; x += 4)
      sum += line[x];
  }
  gst_video_frame_unmap (&frame);
  now = sum / MAX (((height + 3) / 4) * ((width + 3) / 4), 1) > 150;
  if (now && !lit)
    tell ("flash", GST_BUFFER_PTS (buffer));
  lit = now;
  return GST_PAD_PROBE_OK;
}

static void
note_jump (GstBuffer *buffer, GstClockTime duration)
{
  GstClockTimeDiff jump = GST_CLOCK_TIME_IS_VALID (expected)
      ? GST_CLOCK_DIFF (expected, GST_BUFFER_PTS (buffer)) : 0;

  expected = GST_BUFFER_PTS (buffer) + duration;
  if (ABS (jump) < (GstClockTimeDiff) GST_MSECOND)
    return;
  printf ("{\"kind\":\"jump\",\"ms\":%.1f}\n", jump / 1e6);
  fflush (stdout);
}

static GstPadProbeReturn
listen (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  GstAudioInfo audio;
  GstMapInfo map;
  gsize n;

  if (!caps || !gst_audio_info_from_caps (&audio, caps)
      || !gst_buffer_map (buffer, &map, GST_MAP_READ))
    return GST_PAD_PROBE_OK;
  n = map.size / audio.bpf;
  for (gsize i = 0; i < n; i++) {
    GstClockTime time = GST_BUFFER_PTS (buffer) + i * GST_SECOND / audio.rate;

    if (ABS (((gint16 *) map.data)[i * audio.channels]) < LOUD)
      continue;
    if (!heard || time > loud_until + QUIET)
      tell ("beep", time);
    heard = TRUE;
    loud_until = time;
  }
  gst_buffer_unmap (buffer, &map);
  note_jump (buffer, n * GST_SECOND / audio.rate);
  return GST_PAD_PROBE_OK;
}

static void
on_pad (GstElement *element, GstPad *pad, gpointer pipeline)
{
  GstElement *sink = gst_element_factory_make ("fakesink", NULL);
  g_autoptr (GstPad) sink_pad = gst_element_get_static_pad (sink, "sink");
  gboolean video = g_str_has_prefix (GST_PAD_NAME (pad), "video");

  if (!GST_PAD_IS_SRC (pad) || g_str_has_prefix (GST_PAD_NAME (pad), "signal"))
    return;
  g_object_set (sink, "sync", FALSE, "async", FALSE, NULL);
  gst_bin_add (pipeline, sink);
  gst_element_sync_state_with_parent (sink);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, video ? look : listen,
      NULL, NULL);
  gst_pad_link (pad, sink_pad);
}

static gboolean
tell_peer (GQuark id, const GValue *value, gpointer user_data)
{
  const GstStructure *s;
  guint64 delay = 0, freezes = 0, frozen = 0, rtt = 0;
  double loss = 0;

  if (!GST_VALUE_HOLDS_STRUCTURE (value))
    return TRUE;
  s = gst_value_get_structure (value);
  gst_structure_get (s, "playout-delay", G_TYPE_UINT64, &delay, "freezes",
      G_TYPE_UINT64, &freezes, "frozen-time", G_TYPE_UINT64, &frozen, "rtt",
      G_TYPE_UINT64, &rtt, "loss-received", G_TYPE_DOUBLE, &loss, NULL);
  printf ("{\"kind\":\"stats\",\"delay\":%.1f,\"freezes\":%" G_GUINT64_FORMAT
      ",\"frozen\":%.0f,\"rtt\":%.1f,\"loss\":%.3f}\n", delay / 1e6, freezes,
      frozen / 1e6, rtt / 1e6, loss);
  fflush (stdout);
  return TRUE;
}

static gboolean
tell_stats (gpointer user_data)
{
  g_autoptr (GstStructure) stats = NULL;

  g_object_get (room, "stats", &stats, NULL);
  gst_structure_foreach (stats, tell_peer, NULL);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_stdin (GIOChannel *channel, GIOCondition condition, gpointer user_data)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

int
main (int argc, char **argv)
{
  g_autofree char *line = NULL;
  GIOChannel *in = g_io_channel_unix_new (0);
  GstElement *pipeline;

  gst_init (&argc, &argv);
  loop = g_main_loop_new (NULL, FALSE);
  line = g_strdup_printf (g_str_equal (argv[1], "send") ? SEND : RECEIVE,
      argv[2], argc > 3 ? argv[3] : "");
  pipeline = gst_parse_launch (line, NULL);
  room = gst_bin_get_by_name (GST_BIN (pipeline), "room");
  if (g_str_equal (argv[1], "send")) {
    watch (GST_BIN (pipeline), "picture", draw);
    watch (GST_BIN (pipeline), "sound", beep);
  } else {
    g_signal_connect (room, "pad-added", G_CALLBACK (on_pad), pipeline);
    g_timeout_add_seconds (1, tell_stats, NULL);
  }
  g_io_add_watch (in, G_IO_HUP, on_stdin, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_main_loop_run (loop);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return 0;
}
