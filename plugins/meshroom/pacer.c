/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The pads, events and states of the pacer (pacer.h); pacer-time.c has the time
 * of a buffer. clocksync would not do: it waits for the clock alone, so buffers
 * that came while nobody was there would be late for ever, and a seek would be
 * a jump for the encoders and peers behind it. */

#include "meshroom/pacer-private.h"

#include <gst/audio/audio.h>

/* A buffer of sound that is longer than LONG_PARTS parts is cut up. */
#define PARTS_PER_SECOND 50
#define LONG_PARTS 3

G_DEFINE_FINAL_TYPE (MeshPacer, mesh_pacer, GST_TYPE_ELEMENT)

static GstStaticPadTemplate sink_template =
GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template =
GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS_ANY);

/* Sends a QoS event, so that a decoder which is behind skips frames. */
static void
send_qos (MeshPacer *self, GstBuffer *buffer)
{
  guint64 time = gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME,
      GST_BUFFER_PTS (buffer));

  if (GST_CLOCK_TIME_IS_VALID (time))
    gst_pad_push_event (self->sinkpad, gst_event_new_qos
        (GST_QOS_TYPE_UNDERFLOW, 1.2, 100 * GST_MSECOND, time));
}

/* Pushes the one segment that all buffers downstream belong to. */
static void
push_segment (MeshPacer *self)
{
  GstSegment segment;

  if (self->started)
    return;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  self->started =
      gst_pad_push_event (self->srcpad, gst_event_new_segment (&segment));
}

static GstFlowReturn
push_in_turn (MeshPacer *self, GstBuffer *buffer)
{
  GstClockTime out;
  GstFlowReturn result = mesh_pacer_wait_for_turn (self, buffer, &out);

  if (result == GST_FLOW_CUSTOM_SUCCESS)
    send_qos (self, buffer);
  if (result != GST_FLOW_OK || self->refused) {
    gst_buffer_unref (buffer);
    return result == GST_FLOW_FLUSHING ? result : GST_FLOW_OK;
  }
  push_segment (self);
  result = gst_pad_push (self->srcpad, mesh_pacer_stamp (self, buffer,
          out));
  if (result == GST_FLOW_FLUSHING || result >= GST_FLOW_OK)
    return result;
  self->refused = TRUE;
  self->refusal (result, self->user_data);
  return GST_FLOW_OK;
}

/* Returns: (transfer full): @n samples of @buffer from @first on */
static GstBuffer *
cut_out (MeshPacer *self, GstBuffer *buffer, gsize first, gsize n)
{
  /* a copy, since GStreamer 1.22 changes the meta of a planar buffer that is
   * shared; the samples are not copied */
  GstBuffer *part = gst_audio_buffer_truncate (gst_buffer_copy (buffer),
      self->bytes_per_frame, first, n);
  GstClockTime pts = GST_BUFFER_PTS (buffer);

  part = gst_buffer_make_writable (part);
  if (GST_CLOCK_TIME_IS_VALID (pts))
    pts += gst_util_uint64_scale (first, GST_SECOND, self->rate);
  GST_BUFFER_PTS (part) = pts;
  GST_BUFFER_DURATION (part) =
      gst_util_uint64_scale (n, GST_SECOND, self->rate);
  if (first > 0)
    GST_BUFFER_FLAG_UNSET (part, GST_BUFFER_FLAG_DISCONT
        | GST_BUFFER_FLAG_RESYNC);
  return part;
}

/* Pushes a long buffer of sound in parts, each in its turn: the whole would
 * reach the encoder and the peers as one burst, of which they drop what they
 * take for lag. Sound that is played backwards is not cut up, since its parts
 * would have to be as well. */
static GstFlowReturn
pacer_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  MeshPacer *self = MESH_PACER (parent);
  GstFlowReturn result = GST_FLOW_OK;
  gsize n = mesh_pacer_count_samples (self, buffer);
  gsize step = MAX (self->rate / PARTS_PER_SECOND, 1);

  self->is_part = n > LONG_PARTS * step && self->segment.rate > 0;
  if (!self->is_part)
    return push_in_turn (self, buffer);
  for (gsize done = 0; result == GST_FLOW_OK && done < n; done += step)
    result = push_in_turn (self, cut_out (self, buffer, done, MIN (step,
                n - done)));
  gst_buffer_unref (buffer);
  return result;
}

/* --- events --- */

/* Changes the sample rate in the caps of raw audio that is played at another
 * rate, as GStreamer's audio sinks do: played faster, sound becomes higher. */
static void
push_caps (MeshPacer *self)
{
  g_autoptr (GstCaps) caps = gst_caps_copy (self->caps);
  double rate = self->rate * ABS (self->segment.rate);

  if (self->rate > 0 && rate >= 1 && rate <= G_MAXINT)
    gst_caps_set_simple (caps, "rate", G_TYPE_INT, (int) (rate + 0.5), NULL);
  gst_pad_push_event (self->srcpad, gst_event_new_caps (caps));
}

static void
take_caps (MeshPacer *self, GstCaps *caps)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  const char *name = gst_structure_get_name (s);
  GstAudioInfo info;
  int n = 0, d = 0;

  gst_caps_replace (&self->caps, caps);
  self->refused = FALSE;
  self->is_video = g_str_has_prefix (name, "video/");
  self->is_raw = g_str_has_suffix (name, "/x-raw");
  self->rate = self->bytes_per_frame = 0;
  self->frame_duration = GST_CLOCK_TIME_NONE;
  if (g_str_equal (name, "audio/x-raw")
      && gst_audio_info_from_caps (&info, caps)) {
    self->rate = info.rate;
    self->bytes_per_frame = info.bpf;
  }
  if (gst_structure_get_fraction (s, "framerate", &n, &d) && n > 0 && d > 0)
    self->frame_duration = gst_util_uint64_scale (GST_SECOND, d, n);
  push_caps (self);
}

static void
take_segment (MeshPacer *self, GstEvent *event)
{
  double rate = self->segment.rate;

  gst_event_copy_segment (event, &self->segment);
  self->last_start = GST_CLOCK_TIME_NONE;
  if (self->caps && self->rate > 0 && rate != self->segment.rate)
    push_caps (self);
  mesh_timeline_lock (self->timeline);
  mesh_track_restart_locked (self->track);
  mesh_timeline_unlock (self->timeline);
}

static void
start_stream (MeshPacer *self)
{
  self->started = FALSE;
  self->last = self->last_start = GST_CLOCK_TIME_NONE;
  mesh_pacer_flow_reset (&self->flow);
  mesh_timeline_lock (self->timeline);
  self->live = -1;
  mesh_track_restart_locked (self->track);
  mesh_timeline_unlock (self->timeline);
}

static void
finish_flush (MeshPacer *self)
{
  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  self->discont = TRUE;
  self->last = self->last_start = GST_CLOCK_TIME_NONE;
  mesh_pacer_flow_reset (&self->flow);
  mesh_timeline_lock (self->timeline);
  mesh_track_forget_locked (self->track);
  self->flushing = FALSE;
  mesh_timeline_unlock (self->timeline);
}

static gboolean
pacer_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  MeshPacer *self = MESH_PACER (parent);
  GstCaps *caps;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      start_stream (self);
      return gst_pad_push_event (self->srcpad, event);
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      take_caps (self, caps);
      break;
    case GST_EVENT_SEGMENT:
      take_segment (self, event);
      break;
    case GST_EVENT_FLUSH_START:
      mesh_pacer_set_flushing (self, TRUE);
      break;
    case GST_EVENT_FLUSH_STOP:
      finish_flush (self);
      break;
    case GST_EVENT_GAP:
    case GST_EVENT_SEGMENT_DONE:
      break;
    default:
      return gst_pad_push_event (self->srcpad, event);
  }
  gst_event_unref (event);
  return TRUE;
}

/* Passes only those events upstream that concern the source: requests for a key
 * frame, and keys. QoS events have the room's times, which mean nothing to it,
 * and RECONFIGURE events of one branch must not change its format. */
static gboolean
pacer_src_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  MeshPacer *self = MESH_PACER (parent);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_QOS:
    case GST_EVENT_RECONFIGURE:
    case GST_EVENT_LATENCY:
      gst_event_unref (event);
      return TRUE;
    default:
      return gst_pad_push_event (self->sinkpad, event);
  }
}

static gboolean
pacer_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  MeshPacer *self = MESH_PACER (parent);
  GstCaps *filter, *caps;

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CAPS:
      if (!self->accepts)
        return gst_pad_peer_query (self->srcpad, query);
      gst_query_parse_caps (query, &filter);
      caps = filter ? gst_caps_intersect_full (filter, self->accepts,
          GST_CAPS_INTERSECT_FIRST) : gst_caps_ref (self->accepts);
      gst_query_set_caps_result (query, caps);
      gst_caps_unref (caps);
      return TRUE;
    case GST_QUERY_ACCEPT_CAPS:
      if (!self->accepts)
        return gst_pad_peer_query (self->srcpad, query);
      gst_query_parse_accept_caps (query, &caps);
      gst_query_set_accept_caps_result (query,
          gst_caps_can_intersect (caps, self->accepts));
      return TRUE;
    case GST_QUERY_ALLOCATION:
      return gst_pad_peer_query (self->srcpad, query);
    case GST_QUERY_DRAIN:
      return TRUE;
    default:
      return gst_pad_query_default (pad, parent, query);
  }
}

/* --- the element --- */

/**
 * mesh_pacer_set_flushing:
 * @flushing: whether its streaming thread must not wait
 */
void
mesh_pacer_set_flushing (MeshPacer *pacer, gboolean flushing)
{
  mesh_timeline_lock (pacer->timeline);
  pacer->flushing = flushing;
  mesh_timeline_unlock (pacer->timeline);
  if (flushing)
    mesh_pacer_let_go (pacer);
}

/**
 * mesh_pacer_get_position:
 * @position: (out): how far the input has been played, in stream time
 *
 * Returns: whether it is known
 */
gboolean
mesh_pacer_get_position (MeshPacer *pacer, gint64 *position)
{
  mesh_timeline_lock (pacer->timeline);
  *position = pacer->position;
  mesh_timeline_unlock (pacer->timeline);
  return *position >= 0;
}

static void
set_playing (MeshPacer *self, gboolean playing)
{
  mesh_timeline_lock (self->timeline);
  self->playing = playing;
  mesh_timeline_unlock (self->timeline);
  mesh_pacer_let_go (self);
}

static GstStateChangeReturn
mesh_pacer_change_state (GstElement *element, GstStateChange transition)
{
  MeshPacer *self = MESH_PACER (element);

  switch (transition) {
    case GST_STATE_CHANGE_READY_TO_PAUSED:
      gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
      self->last = self->last_start = self->end = GST_CLOCK_TIME_NONE;
      mesh_pacer_flow_reset (&self->flow);
      self->started = FALSE;
      self->live = -1;
      self->position = -1;
      mesh_pacer_set_flushing (self, FALSE);
      break;
    case GST_STATE_CHANGE_PAUSED_TO_PLAYING:
      set_playing (self, TRUE);
      break;
    case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
      set_playing (self, FALSE);
      break;
    case GST_STATE_CHANGE_PAUSED_TO_READY:
      mesh_pacer_set_flushing (self, TRUE);
      break;
    default:
      break;
  }
  return GST_ELEMENT_CLASS (mesh_pacer_parent_class)->change_state (element,
      transition);
}

/**
 * mesh_pacer_new:
 * @timeline: the room's timeline
 * @accepts: (nullable): the formats that may come; %NULL = what is downstream
 *   says
 * @refusal: what to call when what comes cannot be used
 * @user_data: for @refusal
 *
 * Returns: (transfer floating): the element
 */
MeshPacer *
mesh_pacer_new (MeshTimeline *timeline, GstCaps *accepts,
    MeshPacerRefusal refusal, gpointer user_data)
{
  MeshPacer *self = g_object_new (MESH_TYPE_PACER, NULL);

  self->timeline = mesh_timeline_ref (timeline);
  self->track = mesh_track_new (timeline);
  self->accepts = accepts ? gst_caps_ref (accepts) : NULL;
  self->refusal = refusal;
  self->user_data = user_data;
  return self;
}

static void
mesh_pacer_finalize (GObject *object)
{
  MeshPacer *self = MESH_PACER (object);

  mesh_track_free (self->track);
  mesh_timeline_unref (self->timeline);
  gst_clear_caps (&self->accepts);
  gst_clear_caps (&self->caps);
  G_OBJECT_CLASS (mesh_pacer_parent_class)->finalize (object);
}

static void
mesh_pacer_init (MeshPacer *self)
{
  self->live = -1;
  self->position = -1;
  self->last = self->last_start = self->end = GST_CLOCK_TIME_NONE;
  mesh_pacer_flow_reset (&self->flow);
  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad, pacer_chain);
  gst_pad_set_event_function (self->sinkpad, pacer_event);
  gst_pad_set_query_function (self->sinkpad, pacer_query);
  GST_PAD_SET_PROXY_ALLOCATION (self->sinkpad);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);
  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_event_function (self->srcpad, pacer_src_event);
  gst_pad_use_fixed_caps (self->srcpad);
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);
}

static void
mesh_pacer_class_init (MeshPacerClass *klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = mesh_pacer_finalize;
  element_class->change_state = mesh_pacer_change_state;
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Mesh pacer",
      "Generic", "Plays an input by the room's clock",
      "The meshroom developers");
}
