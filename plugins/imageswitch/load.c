/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The first picture of a file, by whatever decoders GStreamer has. It runs in
 * a pipeline of its own, so a file that is no picture is that pipeline's error
 * and not ours.
 */
#include "picture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

/* A file takes no longer than this to decode, or counts as broken. */
#define LOAD_TIMEOUT (5 * GST_SECOND)

typedef struct {
  GstElement *pipeline;
  GstElement *convert;
  GstElement *sink;
  GstBus *bus;
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

/* Has no buffers to give. A decoder whose caps are refused allocates a frame
 * of its own, but one that was offered a pool uses it and takes no for an
 * answer. */
struct _NoPool {
  GstBufferPool parent;
};
#define TYPE_NO_POOL (no_pool_get_type ())
G_DECLARE_FINAL_TYPE (NoPool, no_pool, NO, POOL, GstBufferPool)
G_DEFINE_TYPE (NoPool, no_pool, GST_TYPE_BUFFER_POOL)

static GstFlowReturn
no_pool_alloc (GstBufferPool *pool, GstBuffer **buffer,
    GstBufferPoolAcquireParams *params)
{
  return GST_FLOW_ERROR;
}

static void
no_pool_class_init (NoPoolClass *klass)
{
  GST_BUFFER_POOL_CLASS (klass)->alloc_buffer = no_pool_alloc;
}

static void
no_pool_init (NoPool *self)
{
}

static gboolean
is_too_large (GstCaps *caps, gint *width, gint *height)
{
  GstStructure *structure = gst_caps_get_structure (caps, 0);

  *width = *height = 0;
  gst_structure_get_int (structure, "width", width);
  gst_structure_get_int (structure, "height", height);
  return *width > PICTURE_MAX_SIDE || *height > PICTURE_MAX_SIDE
      || (gint64) *width * *height > PICTURE_MAX_PIXELS;
}

static void
refuse_size (Loader *loader, gint width, gint height)
{
  refuse (loader, g_strdup_printf ("%dx%d pixels are too many", width,
          height));
}

/* Sees the size before there is memory for a frame: a parser tells it in the
 * caps for the decoder, the decoder when it asks for buffers. */
static GstPadProbeReturn
check_size (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  g_autoptr (GstBufferPool) pool = NULL;
  gint width, height;
  GstQuery *query;
  GstCaps *caps;

  if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
    if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_CAPS)
      return GST_PAD_PROBE_OK;
    gst_event_parse_caps (GST_PAD_PROBE_INFO_EVENT (info), &caps);
    if (!is_too_large (caps, &width, &height)
        || gst_structure_has_name (gst_caps_get_structure (caps, 0),
            "video/x-raw"))
      return GST_PAD_PROBE_OK;
    refuse_size (data, width, height);
    return GST_PAD_PROBE_DROP;
  }
  query = GST_PAD_PROBE_INFO_QUERY (info);
  if (!query || GST_QUERY_TYPE (query) != GST_QUERY_ALLOCATION)
    return GST_PAD_PROBE_OK;
  gst_query_parse_allocation (query, &caps, NULL);
  if (!caps || !is_too_large (caps, &width, &height))
    return GST_PAD_PROBE_OK;
  pool = g_object_new (TYPE_NO_POOL, NULL);
  gst_object_ref_sink (pool);
  gst_query_add_allocation_pool (query, pool, 1, 0, 1);
  refuse_size (data, width, height);
  return GST_PAD_PROBE_HANDLED;
}

static void
on_inner_pad_added (GstElement *element, GstPad *pad, Loader *loader)
{
  if (GST_PAD_IS_SRC (pad))
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM
        | GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, check_size, loader, NULL);
}

static gboolean
add_check (GstElement *element, GstPad *pad, gpointer data)
{
  on_inner_pad_added (element, pad, data);
  return TRUE;
}

static void
on_inner_element_added (GstBin *decodebin, GstElement *element, Loader *loader)
{
  gst_element_foreach_src_pad (element, add_check, loader);
  g_signal_connect (element, "pad-added", G_CALLBACK (on_inner_pad_added),
      loader);
}

static void
on_pad_added (GstElement *decodebin, GstPad *pad, Loader *loader)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  g_autoptr (GstPad) sinkpad =
      gst_element_get_static_pad (loader->convert, "sink");
  gint width, height;

  if (!caps || gst_pad_is_linked (sinkpad)
      || !gst_structure_has_name (gst_caps_get_structure (caps, 0),
          "video/x-raw"))
    return;
  if (is_too_large (caps, &width, &height))
    refuse_size (loader, width, height);
  else if (gst_pad_link (pad, sinkpad) != GST_PAD_LINK_OK)
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

static gboolean
build (Loader *loader, const gchar *path, GError **error)
{
  GstElement *source = gst_element_factory_make ("filesrc", NULL);
  GstElement *decode = gst_element_factory_make ("decodebin", NULL);
  GstElement *filter = gst_element_factory_make ("capsfilter", NULL);
  GstElement *turn = gst_element_factory_make ("videoflip", NULL);
  g_autoptr (GstCaps) caps = NULL;
  gboolean ok;

  loader->convert = gst_element_factory_make ("videoconvertscale", NULL);
  loader->sink = gst_element_factory_make ("fakesink", NULL);
  /* photos say which way up they are; without videoflip they lie sideways */
  if (!turn)
    turn = gst_element_factory_make ("identity", NULL);
  else
    gst_util_set_object_arg (G_OBJECT (turn), "video-direction", "auto");
  if (!source || !decode || !filter || !turn || !loader->convert
      || !loader->sink) {
    g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
        "filesrc, decodebin, videoconvertscale or fakesink is missing");
    gst_clear_object (&source);
    gst_clear_object (&decode);
    gst_clear_object (&filter);
    gst_clear_object (&turn);
    gst_clear_object (&loader->convert);
    gst_clear_object (&loader->sink);
    return FALSE;
  }
  caps = gst_caps_from_string ("video/x-raw, format=BGRA");
  g_object_set (filter, "caps", caps, NULL);
  g_object_set (source, "location", path, NULL);
  g_object_set (loader->sink, "sync", FALSE, NULL);
  gst_bin_add_many (GST_BIN (loader->pipeline), source, decode,
      loader->convert, filter, turn, loader->sink, NULL);
  ok = gst_element_link (source, decode)
      && gst_element_link_many (loader->convert, filter, turn, loader->sink,
      NULL);
  g_warn_if_fail (ok);
  g_signal_connect (decode, "element-added",
      G_CALLBACK (on_inner_element_added), loader);
  g_signal_connect (decode, "pad-added", G_CALLBACK (on_pad_added), loader);
  g_signal_connect (decode, "no-more-pads", G_CALLBACK (on_no_more_pads),
      loader);
  return ok;
}

/* Waits until the sink has a picture, or something says that it never will. */
static gboolean
wait_for_picture (Loader *loader, GCancellable *cancellable, GError **error)
{
  g_autoptr (GstMessage) message = NULL;

  if (gst_element_set_state (loader->pipeline, GST_STATE_PAUSED)
      != GST_STATE_CHANGE_FAILURE || gst_bus_have_pending (loader->bus))
    message = gst_bus_timed_pop_filtered (loader->bus, LOAD_TIMEOUT,
        GST_MESSAGE_ASYNC_DONE | GST_MESSAGE_ERROR | GST_MESSAGE_EOS
        | GST_MESSAGE_APPLICATION);
  if (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ASYNC_DONE)
    return TRUE;
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  g_mutex_lock (&loader->lock);
  if (loader->problem)
    g_set_error_literal (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        loader->problem);
  else if (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    gst_message_parse_error (message, error, NULL);
  else
    g_set_error_literal (error, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE,
        message ? "it ends before the first picture"
        : "decoding it takes too long");
  g_mutex_unlock (&loader->lock);
  return FALSE;
}

static Picture *
take_picture (Loader *loader, GError **error)
{
  g_autoptr (GstSample) sample = NULL;
  GstVideoFrame frame;
  GstVideoInfo info;
  Picture *picture;

  g_object_get (loader->sink, "last-sample", &sample, NULL);
  if (!sample || !gst_sample_get_buffer (sample)
      || !gst_video_info_from_caps (&info, gst_sample_get_caps (sample))
      || !gst_video_frame_map (&frame, &info, gst_sample_get_buffer (sample),
          GST_MAP_READ)) {
    g_set_error_literal (error, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE,
        "it ends before the first picture");
    return NULL;
  }
  picture = picture_new_from_frame (&frame, error);
  gst_video_frame_unmap (&frame);
  return picture;
}

static gchar *
to_path (const gchar *location, GError **error)
{
  g_autofree gchar *scheme = g_uri_parse_scheme (location);
  g_autofree gchar *path = NULL;
  GStatBuf info;

  if (scheme && g_ascii_strcasecmp (scheme, "file") == 0)
    path = g_filename_from_uri (location, NULL, error);
  else
    path = g_strdup (location);
  if (!path)
    return NULL;
  if (g_stat (path, &info) != 0) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
        "%s", g_strerror (errno));
    return NULL;
  }
  /* opening a pipe or a device could block, or never end */
  if (!S_ISREG (info.st_mode)) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ,
        "it is not a file");
    return NULL;
  }
  return g_steal_pointer (&path);
}

/**
 * picture_new_from_file:
 * @location: a file name, or a `file:` URI
 * @cancellable: (nullable): gives up at once when cancelled
 * @error: return location for a #GError
 *
 * Decodes the first picture of a file. Blocks while it does, for a few seconds
 * at most.
 *
 * Returns: (transfer full) (nullable): the picture
 */
Picture *
picture_new_from_file (const gchar *location, GCancellable *cancellable,
    GError **error)
{
  g_autofree gchar *path = to_path (location, error);
  Picture *picture = NULL;
  Loader loader = { 0 };
  gulong handler;

  if (!path || g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;
  g_mutex_init (&loader.lock);
  loader.pipeline = gst_pipeline_new ("picture");
  loader.bus = gst_element_get_bus (loader.pipeline);
  if (build (&loader, path, error)) {
    handler = g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled),
        loader.bus, NULL);
    if (wait_for_picture (&loader, cancellable, error))
      picture = take_picture (&loader, error);
    g_cancellable_disconnect (cancellable, handler);
  }
  gst_element_set_state (loader.pipeline, GST_STATE_NULL);
  gst_object_unref (loader.bus);
  gst_object_unref (loader.pipeline);
  g_free (loader.problem);
  g_mutex_clear (&loader.lock);
  return picture;
}
