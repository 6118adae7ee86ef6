/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The cost of imageswitch: of a visible 1080p60 frame in comparison with
 * identity, and of a hidden second with videotestsrc pattern=black.
 *
 *   tests/run bench
 *
 * The two of a pair take turns, so that other load on the machine hits both.
 */
#include <gst/gst.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define CAPS "video/x-raw,format=I420,width=1920,height=1080,framerate=60/1"
#define FRAME_SIZE (1920 * 1080 * 3 / 2)
#define FRAMES 20000
#define TURNS 15
#define SECONDS 3

static gint
compare (gconstpointer a, gconstpointer b)
{
  gdouble x = *(const gdouble *) a, y = *(const gdouble *) b;

  return x < y ? -1 : x > y;
}

static gdouble
median (gdouble *values, guint n)
{
  qsort (values, n, sizeof *values, compare);
  return values[n / 2];
}

static gdouble
thread_time (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * 1e9 + now.tv_nsec;
}

static GstFlowReturn
take_frame (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

/* An element that is linked to two pads of the benchmark. */
typedef struct {
  GstElement *element;
  GstPad *in, *out;
  GstClockTime pts;
} Line;

static void
line_init (Line *line, const gchar *factory)
{
  GstElement *element = gst_element_factory_make (factory, NULL);
  GstPad *sink, *src;
  GstClock *clock = gst_system_clock_obtain ();
  GstSegment segment;
  GstCaps *caps = gst_caps_from_string (CAPS);

  if (!element)
    g_error ("there is no %s", factory);
  sink = gst_element_get_static_pad (element, "sink");
  src = gst_element_get_static_pad (element, "src");
  line->element = element;
  line->pts = 0;
  line->in = gst_pad_new ("in", GST_PAD_SRC);
  line->out = gst_pad_new ("out", GST_PAD_SINK);
  gst_pad_set_chain_function (line->out, take_frame);
  gst_pad_link (line->in, sink);
  gst_pad_link (src, line->out);
  gst_pad_set_active (line->in, TRUE);
  gst_pad_set_active (line->out, TRUE);
  gst_element_set_clock (element, clock);
  gst_element_set_base_time (element, gst_clock_get_time (clock));
  gst_element_set_state (element, GST_STATE_PLAYING);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (line->in, gst_event_new_stream_start ("bench"));
  gst_pad_push_event (line->in, gst_event_new_caps (caps));
  gst_pad_push_event (line->in, gst_event_new_segment (&segment));
  gst_caps_unref (caps);
  gst_object_unref (clock);
  gst_object_unref (sink);
  gst_object_unref (src);
}

static void
line_clear (Line *line)
{
  gst_element_set_state (line->element, GST_STATE_NULL);
  gst_pad_set_active (line->in, FALSE);
  gst_pad_set_active (line->out, FALSE);
  gst_object_unref (line->in);
  gst_object_unref (line->out);
  gst_object_unref (line->element);
}

/* Returns: nanoseconds a frame */
static gdouble
pass_frames (Line *line, GstMemory *memory)
{
  gdouble start = thread_time ();
  guint i;

  for (i = 0; i < FRAMES; i++) {
    GstBuffer *buffer = gst_buffer_new ();

    gst_buffer_append_memory (buffer, gst_memory_ref (memory));
    GST_BUFFER_PTS (buffer) = line->pts;
    GST_BUFFER_DURATION (buffer) = GST_SECOND / 60;
    line->pts += GST_SECOND / 60;
    gst_pad_push (line->in, buffer);
  }
  return (thread_time () - start) / FRAMES;
}

static void
bench_visible (void)
{
  GstMemory *memory = gst_allocator_alloc (NULL, FRAME_SIZE, NULL);
  gdouble ours[TURNS], theirs[TURNS], ratio[TURNS];
  Line switching, identity;
  guint i;

  line_init (&switching, "imageswitch");
  line_init (&identity, "identity");
  for (i = 0; i < TURNS; i++) {
    ours[i] = pass_frames (&switching, memory);
    theirs[i] = pass_frames (&identity, memory);
    ratio[i] = ours[i] / theirs[i];
  }
  line_clear (&switching);
  line_clear (&identity);
  gst_memory_unref (memory);
  g_print ("\nA visible 1080p frame: CPU, medians of %d turns\n\n"
      "| imageswitch | identity | ratio | imageswitch at 60 frames/s |\n"
      "|---|---|---|---|\n", TURNS);
  g_print ("| %.0f ns | %.0f ns | %.2f ", median (ours, TURNS),
      median (theirs, TURNS), median (ratio, TURNS));
  g_print ("| %.4f %% of a core |\n", median (ours, TURNS) * 60 / 1e7);
}

static gdouble
process_time (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
      + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Returns: milliseconds of CPU a second, once the pipeline runs */
static gdouble
play (const gchar *source)
{
  gchar *line = g_strdup_printf ("%s ! " CAPS " ! fakesink sync=true", source);
  GstElement *pipeline = gst_parse_launch (line, NULL);
  gdouble start;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_usleep (G_USEC_PER_SEC);    /* the start is not counted */
  start = process_time ();
  g_usleep (SECONDS * G_USEC_PER_SEC);
  start = process_time () - start;
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  g_free (line);
  return start * 1000 / SECONDS;
}

static void
bench_hidden (void)
{
  gdouble ours[TURNS], theirs[TURNS];
  guint i, turns = TURNS / 3;

  for (i = 0; i < turns; i++) {
    ours[i] = play ("imageswitch hidden=true");
    theirs[i] = play ("videotestsrc is-live=true pattern=black");
  }
  g_print ("\nA hidden second of 1080p60: CPU, medians of %u turns of %d s\n\n"
      "| imageswitch hidden=true | videotestsrc pattern=black |\n|---|---|\n"
      "| %.1f ms | %.1f ms |\n", turns, SECONDS, median (ours, turns),
      median (theirs, turns));
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  bench_visible ();
  bench_hidden ();
  return 0;
}
