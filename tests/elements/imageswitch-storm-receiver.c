/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The storm's receiver, and its judge. It stalls, refuses frames, and hides
 * and shows the camera from within.
 */
#include "imageswitch-storm.h"

void
storm_note_locked (Storm *storm, const gchar *what, gint64 value)
{
  guint i = storm->n_history++ % G_N_ELEMENTS (storm->history);

  storm->history[i].at = storm->now;
  storm->history[i].what = what;
  storm->history[i].value = value;
}

void
storm_print_history_locked (Storm *storm)
{
  guint i, n = G_N_ELEMENTS (storm->history);

  for (i = MAX (storm->n_history, n) - n; i < storm->n_history; i++)
    g_printerr ("%.9f %s %" G_GINT64_FORMAT "\n",
        storm->history[i % n].at / 1e9, storm->history[i % n].what,
        storm->history[i % n].value);
}

/* Only the first one counts: the others may well follow from it. */
void
storm_violation_locked (Storm *storm, const gchar *format, ...)
{
  g_autofree gchar *text = NULL;
  va_list args;

  if (storm->violation)
    return;
  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  storm_print_history_locked (storm);
  storm->violation = g_strdup_printf ("%s (MESH_SEED=%u, at %" GST_TIME_FORMAT
      ", %u frames of the camera and %u pictures out, after number %u)", text,
      storm->seed, GST_TIME_ARGS (storm->now), storm->cameras, storm->pictures,
      storm->last_number);
}

static void
judge_camera_locked (Storm *storm, guint32 number)
{
  storm->cameras++;
  storm_note_locked (storm, "frame", number);
  if (storm->off)
    storm_violation_locked (storm, "frame %u left while hidden", number);
  if (number <= storm->last_number)
    storm_violation_locked (storm, "frame %u left again", number);
  storm->last_number = number;
}

static void
judge_picture_locked (Storm *storm, GstBuffer *buffer, GstClockTime time)
{
  GstClockTime step = time - storm->last_time;

  storm->pictures++;
  storm_note_locked (storm, "picture of", time);
  if (gst_buffer_get_size (buffer) != storm->info.size)
    storm_violation_locked (storm, "a picture of %" G_GSIZE_FORMAT
        " bytes in place of %" G_GSIZE_FORMAT, gst_buffer_get_size (buffer),
        storm->info.size);
  if (!GST_CLOCK_TIME_IS_VALID (time))
    storm_violation_locked (storm, "a picture without a time");
  else if (storm->last_was_picture && storm->upset == 0 && !storm->loose
      && !storm->jumped && storm->last_time != GST_CLOCK_TIME_NONE
      && time > storm->last_time && step > 2 * storm->interval + 10)
    storm_violation_locked (storm, "pictures %" GST_TIME_FORMAT " apart, the "
        "interval being %" GST_TIME_FORMAT, GST_TIME_ARGS (step),
        GST_TIME_ARGS (storm->interval));
}

static GstClockTime
stream_interval (Storm *storm)
{
  /* what the element takes where caps leave it open */
  if (storm->info.fps_n == 0)
    return GST_SECOND / 30;
  return gst_util_uint64_scale_ceil (GST_SECOND, storm->info.fps_d,
      storm->info.fps_n);
}

static void
judge_locked (Storm *storm, GstBuffer *buffer)
{
  guint32 number = 0;
  gboolean camera = storm_camera_is (buffer, &number);
  GstClockTime time = gst_segment_to_running_time (&storm->segment,
      GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));

  if (camera)
    judge_camera_locked (storm, number);
  else
    judge_picture_locked (storm, buffer, time);
  storm_note_locked (storm, "of", time);
  if (GST_CLOCK_TIME_IS_VALID (time)) {
    if ((gint64) time < 0)
      storm_violation_locked (storm, "a %s before all time", camera ? "frame" :
          "picture");
    if (storm->last_time != GST_CLOCK_TIME_NONE && time < storm->last_time)
      storm_violation_locked (storm, "a %s at %" GST_TIME_FORMAT " after %"
          GST_TIME_FORMAT, camera ? "frame" : "picture", GST_TIME_ARGS (time),
          GST_TIME_ARGS (storm->last_time));
    storm->last_time = time;
  }
  storm->last_was_picture = !camera;
  storm->loose = storm->jumped;
  storm->jumped = FALSE;
  storm->interval = stream_interval (storm);
  storm->dark = 0;
  storm->progress = g_get_monotonic_time ();
}

/* What becomes of the frame. A picture's failure ends the output until the
 * next camera frame, flush or restart. */
static GstFlowReturn
draw_result_locked (Storm *storm)
{
  GstFlowReturn ret = GST_FLOW_OK;

  switch (g_rand_int_range (storm->rand, 0, 20000)) {
    case 0:
      ret = GST_FLOW_ERROR;
      break;
    case 1:
      ret = GST_FLOW_EOS;
      break;
    case 2:
    case 3:
      ret = GST_FLOW_FLUSHING;
      break;
    case 4:
    case 5:
      ret = GST_FLOW_NOT_LINKED;
      break;
    default:
      break;
  }
  storm->failures += ret != GST_FLOW_OK;
  if (ret != GST_FLOW_OK)
    storm_note_locked (storm, "refused", ret);
  if (storm->last_was_picture)
    storm->failed = ret == GST_FLOW_ERROR || ret == GST_FLOW_EOS;
  else if (ret == GST_FLOW_OK)
    storm->failed = FALSE;
  if (storm->failed)
    storm->last_was_picture = FALSE;
  return ret;
}

/* A moment by the machine's clock, for other threads to run into; now and
 * then a long time by the storm's. */
static void
stall (Storm *storm, guint real, GstClockTime span)
{
  g_mutex_lock (&storm->lock);
  storm->stalled = TRUE;
  storm_note_locked (storm, "stall for", span);
  storm_clock_advance_locked (storm);
  storm->now += span;
  g_mutex_unlock (&storm->lock);
  g_usleep (real);
  g_mutex_lock (&storm->lock);
  storm->stalled = storm->last_was_picture = FALSE;
  storm->dark = 0;
  storm_clock_advance_locked (storm);
  g_mutex_unlock (&storm->lock);
}

static GstFlowReturn
receiver_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  Storm *storm = gst_pad_get_element_private (pad);
  GstClockTime span = 0;
  GstFlowReturn ret;
  guint what, real;

  g_mutex_lock (&storm->lock);
  judge_locked (storm, buffer);
  ret = draw_result_locked (storm);
  what = g_rand_int_range (storm->rand, 0, 300);
  real = g_rand_int_range (storm->rand, 0, 2000);
  if (g_rand_int_range (storm->rand, 0, 4) == 0)
    span = g_rand_int_range (storm->rand, 0, 1000) * 2 * GST_MSECOND;
  storm_clock_advance_locked (storm);
  g_mutex_unlock (&storm->lock);
  gst_buffer_unref (buffer);
  if (what == 0)
    stall (storm, real, span);
  else if (what < 10)
    storm_toggle (storm, NULL);
  return ret;
}

static void
take_caps (Storm *storm, GstCaps *caps)
{
  GstVideoInfo info;

  fail_unless (gst_video_info_from_caps (&info, caps));
  g_mutex_lock (&storm->lock);
  if (!gst_video_info_is_equal (&info, &storm->info))
    storm->changes++;
  storm_note_locked (storm, "caps, frames a second:", info.fps_n);
  storm->info = info;
  /* the last frame was one of the former rate */
  storm->interval = MAX (storm->interval, stream_interval (storm));
  g_mutex_unlock (&storm->lock);
}

static void
take_flush (Storm *storm, gboolean flushing, gboolean reset_time)
{
  g_mutex_lock (&storm->lock);
  storm->flushes += flushing;
  storm_note_locked (storm, "flush", flushing);
  storm->flushing = flushing;
  storm->last_was_picture = FALSE;
  if (!flushing) {
    storm->interval = LONGEST_INTERVAL; /* as after an upset */
    storm->ended = storm->failed = FALSE;
    if (reset_time)
      storm->last_time = GST_CLOCK_TIME_NONE;
  }
  storm_clock_advance_locked (storm);
  g_mutex_unlock (&storm->lock);
}

static void
take_end (Storm *storm, gboolean ended)
{
  g_mutex_lock (&storm->lock);
  storm->ends += ended;
  storm_note_locked (storm, "end", ended);
  storm->ended = ended;
  if (ended)
    storm->last_was_picture = FALSE;
  storm_clock_advance_locked (storm);
  g_mutex_unlock (&storm->lock);
}

static gboolean
receiver_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  Storm *storm = gst_pad_get_element_private (pad);
  gboolean reset_time;
  GstCaps *caps;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      take_end (storm, FALSE);
      break;
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      take_caps (storm, caps);
      break;
    case GST_EVENT_SEGMENT:
      g_mutex_lock (&storm->lock);
      gst_event_copy_segment (event, &storm->segment);
      storm_note_locked (storm, "segment from", storm->segment.base);
      g_mutex_unlock (&storm->lock);
      break;
    case GST_EVENT_EOS:
      take_end (storm, TRUE);
      break;
    case GST_EVENT_FLUSH_START:
      take_flush (storm, TRUE, FALSE);
      break;
    case GST_EVENT_FLUSH_STOP:
      gst_event_parse_flush_stop (event, &reset_time);
      take_flush (storm, FALSE, reset_time);
      break;
    default:
      break;
  }
  gst_event_unref (event);
  return TRUE;
}

static GstStaticPadTemplate template = GST_STATIC_PAD_TEMPLATE ("receiver",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-raw"));

GstPad *
storm_receiver_new (Storm *storm, const gchar *name)
{
  GstPad *pad = gst_pad_new_from_static_template (&template, name);

  gst_pad_set_element_private (pad, storm);
  gst_pad_set_chain_function (pad, receiver_chain);
  gst_pad_set_event_function (pad, receiver_event);
  return pad;
}
