/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file's frames, by whatever decoders GStreamer has. They run in a pipeline
 * of its own, so a file that is no picture is that pipeline's error and not
 * ours. While nobody asks for a frame the sink is full, and nothing is decoded.
 */
#include "reader.h"

#include <gst/app/gstappsink.h>
#include <string.h>

/* A frame takes no longer than this to decode, or counts as broken. */
#define LOAD_TIMEOUT (5 * G_TIME_SPAN_SECOND)

/* A decoder with more threads keeps more frames. */
#define MAX_DECODER_THREADS 2

typedef struct {
  Reader reader;
  GstElement *pipeline;
  GstElement *decode;
  GstElement *convert;
  GstElement *sink;
  GstBus *bus;
  GstClockTime offset;          /* running time of the first frame, or NONE */
  GstClockTime end;             /* of the last frame */
  gint demuxed;                 /* streams in the file, atomic */
  GMutex lock;
  gchar *problem;               /* under lock: why the stream was refused */
} Loader;

static void
refuse (Loader *loader, gchar *problem)
{
  g_mutex_lock (&loader->lock);
  if (!loader->problem)
    loader->problem = g_steal_pointer (&problem);
  g_mutex_unlock (&loader->lock);
  g_free (problem);
  gst_bus_post (loader->bus, gst_message_new_application (NULL,
          gst_structure_new_empty ("refused")));
}

/* A pool that has no buffers. A decoder whose caps are refused allocates a
 * frame of its own, but one that was offered a pool uses it and takes no for an
 * answer. */
struct _NoPool {
  GstBufferPool parent;
};
#define TYPE_NO_POOL (imageswitch_no_pool_get_type ())
G_DECLARE_FINAL_TYPE (NoPool, imageswitch_no_pool, NO, POOL, GstBufferPool)
G_DEFINE_TYPE (NoPool, imageswitch_no_pool, GST_TYPE_BUFFER_POOL)

static GstFlowReturn
imageswitch_no_pool_alloc (GstBufferPool *pool, GstBuffer **buffer,
    GstBufferPoolAcquireParams *params)
{
  return GST_FLOW_ERROR;
}

static void
imageswitch_no_pool_class_init (NoPoolClass *klass)
{
  GST_BUFFER_POOL_CLASS (klass)->alloc_buffer = imageswitch_no_pool_alloc;
}

static void
imageswitch_no_pool_init (NoPool *self)
{
}

static gboolean
is_raw (GstCaps *caps)
{
  return gst_structure_has_name (gst_caps_get_structure (caps, 0),
      "video/x-raw");
}

/* Returns TRUE if pictures of these caps are too large. */
static gboolean
refuse_size (Loader *loader, GstCaps *caps)
{
  GstStructure *structure = gst_caps_get_structure (caps, 0);
  gboolean moving = !is_raw (caps)
      && g_str_has_prefix (gst_structure_get_name (structure), "video/");
  gint width = 0, height = 0;

  gst_structure_get_int (structure, "width", &width);
  gst_structure_get_int (structure, "height", &height);
  if (width <= READER_MAX_SIDE && height <= READER_MAX_SIDE
      && (gint64) width * height <= (moving ? READER_MAX_MOVING_PIXELS
          : READER_MAX_PIXELS))
    return FALSE;
  refuse (loader, g_strdup_printf ("%dx%d pixels are too many", width,
          height));
  return TRUE;
}

/* Sees the size before there is memory for a frame: a parser tells it in the
 * caps for the decoder, the decoder when it asks for buffers. */
static GstPadProbeReturn
check_size (GstPad *pad, GstPadProbeInfo *info, gpointer loader)
{
  GstPadProbeReturn ret = GST_PAD_PROBE_OK;
  g_autoptr (GstBufferPool) pool = NULL;
  GstCaps *caps = NULL;

  if (GST_IS_EVENT (info->data)) {
    if (GST_EVENT_TYPE (info->data) == GST_EVENT_CAPS)
      gst_event_parse_caps (info->data, &caps);
    if (caps && !is_raw (caps) && refuse_size (loader, caps))
      ret = GST_PAD_PROBE_DROP;
  } else if (GST_QUERY_TYPE (info->data) == GST_QUERY_ALLOCATION) {
    gst_query_parse_allocation (info->data, &caps, NULL);
    if (caps && refuse_size (loader, caps)) {
      pool = gst_object_ref_sink (g_object_new (TYPE_NO_POOL, NULL));
      gst_query_add_allocation_pool (info->data, pool, 1, 0, 1);
      ret = GST_PAD_PROBE_HANDLED;
    }
  }
  return ret;
}

static gboolean
add_check (GstElement *element, GstPad *pad, gpointer loader)
{
  if (GST_PAD_IS_SRC (pad))
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM
        | GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, check_size, loader, NULL);
  return TRUE;
}

static void
set_if_known (GstElement *element, const gchar *name, gint value)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS
      (element), name);

  if (pspec && G_IS_PARAM_SPEC_INT (pspec))
    g_object_set (element, name, value, NULL);
}

static void
on_demuxed (GstElement *demuxer, GstPad *pad, Loader *loader)
{
  g_atomic_int_inc (&loader->demuxed);
}

/* Has decoders fail at what they cannot decode: they would leave it out, and go
 * on. */
static void
on_inner_element_added (GstBin *decodebin, GstElement *element, Loader *loader)
{
  const gchar *klass = gst_element_get_metadata (element,
      GST_ELEMENT_METADATA_KLASS);

  if (GST_IS_VIDEO_DECODER (element)) {
    set_if_known (element, "max-errors", 0);
    set_if_known (element, "max-threads", MAX_DECODER_THREADS);
  }
  gst_element_foreach_src_pad (element, add_check, loader);
  g_signal_connect (element, "pad-added", G_CALLBACK (add_check), loader);
  if (klass && strstr (klass, "Demux"))
    g_signal_connect (element, "pad-added", G_CALLBACK (on_demuxed), loader);
}

static void
on_pad_added (GstElement *decodebin, GstPad *pad, Loader *loader)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  g_autoptr (GstPad) sinkpad =
      gst_element_get_static_pad (loader->convert, "sink");

  if (caps && is_raw (caps) && !gst_pad_is_linked (sinkpad)
      && !refuse_size (loader, caps)
      && gst_pad_link (pad, sinkpad) != GST_PAD_LINK_OK)
    refuse (loader, g_strdup ("its format cannot be converted"));
}

static void
on_no_more_pads (GstElement *decodebin, Loader *loader)
{
  g_autoptr (GstPad) sinkpad =
      gst_element_get_static_pad (loader->convert, "sink");

  if (!gst_pad_is_linked (sinkpad))
    refuse (loader, g_strdup ("there is no picture in it"));
}

static void
on_cancelled (GCancellable *cancellable, GstBus *bus)
{
  gst_bus_post (bus, gst_message_new_application (NULL,
          gst_structure_new_empty ("cancelled")));
}

/* Has the waiting thread look at the sink. */
static GstFlowReturn
on_sample (GstAppSink *sink, gpointer data)
{
  Loader *loader = data;

  gst_bus_post (loader->bus, gst_message_new_application (NULL,
          gst_structure_new_empty ("sample")));
  return GST_FLOW_OK;
}

static void
on_eos (GstAppSink *sink, gpointer data)
{
  on_sample (sink, data);
}

/* Sound, and what else there may be, is not decoded. Photos say which way up
 * they are: without videoflip they lie sideways. */
static gboolean
build (Loader *loader, const gchar *path, GError **error)
{
  GstAppSinkCallbacks callbacks = {
    .eos = on_eos,
    .new_sample = on_sample,
  };
  g_autoptr (GstPluginFeature) turn = gst_registry_lookup_feature
      (gst_registry_get (), "videoflip");
  g_autofree gchar *text = g_strdup_printf ("filesrc name=source "
      "! decodebin name=decode caps=\"video/x-raw(ANY)\" "
      "expose-all-streams=false force-sw-decoders=true "
      "videoconvertscale name=convert %s "
      "! appsink name=sink sync=false max-buffers=1 caps=video/x-raw",
      turn ? "! videoflip video-direction=auto" : "");
  g_autoptr (GstElement) source = NULL;

  loader->pipeline = gst_parse_launch_full (text, NULL,
      GST_PARSE_FLAG_FATAL_ERRORS, error);
  if (!loader->pipeline)
    return FALSE;
  source = gst_bin_get_by_name (GST_BIN (loader->pipeline), "source");
  g_object_set (source, "location", path, NULL);
  loader->decode = gst_bin_get_by_name (GST_BIN (loader->pipeline), "decode");
  loader->convert = gst_bin_get_by_name (GST_BIN (loader->pipeline),
      "convert");
  loader->sink = gst_bin_get_by_name (GST_BIN (loader->pipeline), "sink");
  loader->bus = gst_element_get_bus (loader->pipeline);
  gst_app_sink_set_callbacks (GST_APP_SINK (loader->sink), &callbacks, loader,
      NULL);
  g_signal_connect (loader->decode, "element-added",
      G_CALLBACK (on_inner_element_added), loader);
  g_signal_connect (loader->decode, "pad-added", G_CALLBACK (on_pad_added),
      loader);
  g_signal_connect (loader->decode, "no-more-pads",
      G_CALLBACK (on_no_more_pads), loader);
  return TRUE;
}

static gboolean
take_sample (Loader *loader, GstSample *sample, Frame *frame, GError **error)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  GstClockTime time = GST_CLOCK_TIME_NONE;

  if (!buffer || !gst_video_info_from_caps (&frame->info,
          gst_sample_get_caps (sample))) {
    picture_error (error, "a frame of it cannot be read");
    return FALSE;
  }
  if (GST_BUFFER_PTS_IS_VALID (buffer)
      && gst_sample_get_segment (sample)->format == GST_FORMAT_TIME)
    time = gst_segment_to_running_time (gst_sample_get_segment (sample),
        GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
  if (!GST_CLOCK_TIME_IS_VALID (loader->offset)
      && GST_CLOCK_TIME_IS_VALID (time))
    loader->offset = time;
  frame->duration = GST_BUFFER_DURATION (buffer);
  if (GST_CLOCK_TIME_IS_VALID (time) && time >= loader->offset)
    frame->start = time - loader->offset;
  else
    frame->start = loader->end;
  loader->end = frame->start;
  if (GST_CLOCK_TIME_IS_VALID (frame->duration))
    loader->end += frame->duration;
  frame->buffer = gst_buffer_ref (buffer);
  return TRUE;
}

/* Some demuxers end at what they cannot read. Where there are only pictures,
 * they must last for about as long as the file says. */
static gboolean
is_complete (Loader *loader, GError **error)
{
  gint64 duration;

  if (g_atomic_int_get (&loader->demuxed) != 1
      || !gst_element_query_duration (loader->pipeline, GST_FORMAT_TIME,
          &duration) || duration <= 0
      || loader->end + GST_SECOND / 4 >= (guint64) duration / 4 * 3)
    return TRUE;
  picture_error (error, "it breaks half-way");
  return FALSE;
}

static gboolean
take_problem (Loader *loader, GstMessage *message, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&loader->lock);

  if (loader->problem)
    picture_error (error, "%s", loader->problem);
  else if (!message)
    picture_error (error, "decoding it takes too long");
  else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    gst_message_parse_error (message, error, NULL);
  else
    return FALSE;
  return TRUE;
}

static gboolean
decode_next (Reader *reader, Frame *frame, GCancellable *cancellable,
    GError **error)
{
  Loader *loader = (Loader *) reader;
  gint64 until = g_get_monotonic_time () + LOAD_TIMEOUT;

  for (;;) {
    g_autoptr (GstSample) sample =
        gst_app_sink_try_pull_sample (GST_APP_SINK (loader->sink), 0);
    g_autoptr (GstMessage) message = NULL;
    gint64 left = until - g_get_monotonic_time ();

    if (sample)
      return take_sample (loader, sample, frame, error);
    message = gst_bus_timed_pop_filtered (loader->bus, MAX (left, 0) * 1000,
        GST_MESSAGE_ERROR | GST_MESSAGE_APPLICATION);
    if (g_cancellable_set_error_if_cancelled (cancellable, error)
        || take_problem (loader, message, error))
      return FALSE;
    /* asked after the message: the samples that came before it are there by
     * now */
    if (gst_app_sink_is_eos (GST_APP_SINK (loader->sink))) {
      is_complete (loader, error);
      return FALSE;
    }
  }
}

static gboolean
decode_next_cancellable (Reader *reader, Frame *frame,
    GCancellable *cancellable, GError **error)
{
  Loader *loader = (Loader *) reader;
  gulong handler;
  gboolean ok;

  handler = g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled),
      loader->bus, NULL);
  ok = decode_next (reader, frame, cancellable, error);
  g_cancellable_disconnect (cancellable, handler);
  return ok;
}

/* Takes one element down for good, whatever state its pipeline is still on the
 * way to. */
static void
shut (GstElement *element)
{
  gst_element_set_locked_state (element, TRUE);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_object_unref (element);
}

/* First the sink, for which decodebin may be waiting, then decodebin, and only
 * then the rest: 1.22 complains aloud of a loop when a pad is linked while it
 * sorts a bin's elements. */
static void
decode_close (Reader *reader)
{
  Loader *loader = (Loader *) reader;

  if (loader->pipeline) {
    shut (loader->sink);
    shut (loader->decode);
    gst_element_set_state (loader->pipeline, GST_STATE_NULL);
    gst_object_unref (loader->convert);
    gst_object_unref (loader->bus);
    gst_object_unref (loader->pipeline);
  }
  g_free (loader->problem);
  g_mutex_clear (&loader->lock);
  g_free (loader);
}

Reader *
imageswitch_decode_open (const gchar *path, GError **error)
{
  Loader *loader = g_new0 (Loader, 1);
  g_autoptr (Reader) reader = &loader->reader;

  reader->next = decode_next_cancellable;
  reader->close = decode_close;
  loader->offset = GST_CLOCK_TIME_NONE;
  g_mutex_init (&loader->lock);
  if (!build (loader, path, error))
    return NULL;
  /* a failure is an error on the bus */
  gst_element_set_state (loader->pipeline, GST_STATE_PLAYING);
  return g_steal_pointer (&reader);
}
