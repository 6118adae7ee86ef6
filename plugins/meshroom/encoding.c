/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/encoding.h"

#include <gst/video/video.h>

#include "meshroom/common.h"
#include "meshroom/encoder-size.h"

/* How often each installed encoder is tried with one input: one that ran and
 * then failed may well run again. */
#define ROUNDS 2

#define VIDEO_HEAD "queue leaky=downstream max-size-buffers=2 " \
    "max-size-bytes=0 max-size-time=0"
#define AUDIO_HEAD "queue leaky=downstream max-size-buffers=0 " \
    "max-size-bytes=0 max-size-time=200000000"
#define SQUARE_I420 "video/x-raw,format=I420,pixel-aspect-ratio=1/1"

/* The elements that are set by the input's caps. They are in the compartment
 * whose pad has the probe. */
typedef struct {
  const MeshCodec *codec;
  GstElement *filter;           /* capsfilter behind the converter */
  GstElement *box;              /* adds rows and columns */
  GstElement *encoder;
  const MeshCodecEncoder *row;  /* what the table says of it */
} Tuning;

/* Bits per pixel that libvpx in realtime mode needs for a decent picture;
 * within what a mesh's uplink can carry several times. */
static int
get_bitrate (const MeshEncoderSize *size, const GstCaps *caps)
{
  int n = 0, d = 0;
  double fps;

  gst_structure_get_fraction (gst_caps_get_structure (caps, 0), "framerate",
      &n, &d);
  fps = n > 0 && d > 0 ? (double) n / d : 30;
  return CLAMP ((double) size->width * size->height * MIN (fps, 60) * 0.1,
      150000, 2500000);
}

/* Sets the elements before the caps reach the converter, which then asks the
 * filter for the format to convert to. */
static GstPadProbeReturn
on_caps (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Tuning *tuning = user_data;
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  g_autoptr (GstCaps) wanted = NULL;
  GstCaps *caps;
  MeshEncoderSize size;

  if (GST_EVENT_TYPE (event) != GST_EVENT_CAPS)
    return GST_PAD_PROBE_OK;
  gst_event_parse_caps (event, &caps);
  mesh_encoder_size_choose (tuning->codec, caps, &size);
  wanted = gst_caps_from_string (SQUARE_I420);
  gst_caps_set_simple (wanted, "width", G_TYPE_INT, size.width, "height",
      G_TYPE_INT, size.height, NULL);
  g_object_set (tuning->filter, "caps", wanted, NULL);
  g_object_set (tuning->box, "right", -size.right, "bottom", -size.bottom,
      NULL);
  if (tuning->row->bitrate)
    g_object_set (tuning->encoder, tuning->row->bitrate,
        get_bitrate (&size, caps) / (int) tuning->row->bitrate_unit, NULL);
  return GST_PAD_PROBE_OK;
}

/* Fails where a frame is smaller than its caps say, since some encoders would
 * read beyond its end. Applications may send one, and a leaky queue may pass on
 * a frame behind the caps of the next one. */
static GstPadProbeReturn
on_frame (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  GstVideoMeta *meta = gst_buffer_get_video_meta (buffer);
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  GstVideoInfo video;

  if (!caps || !gst_video_info_from_caps (&video, caps)
      || (meta ? meta->width >= (guint) GST_VIDEO_INFO_WIDTH (&video)
          && meta->height >= (guint) GST_VIDEO_INFO_FIELD_HEIGHT (&video)
          : gst_buffer_get_size (buffer) >= GST_VIDEO_INFO_SIZE (&video)))
    return GST_PAD_PROBE_OK;
  GST_ELEMENT_ERROR (GST_OBJECT_PARENT (pad), STREAM, FORMAT,
      ("a frame is smaller than its caps say"), (NULL));
  return GST_PAD_PROBE_DROP;
}

static GstElement *
append (MeshCompartment *compartment, const char *description, GError **error)
{
  GstElement *element = mesh_codec_make (description, error);

  if (!element || !mesh_compartment_append (compartment, element, error))
    return NULL;
  return element;
}

static gboolean
append_encoder (MeshCompartment *compartment, guint failures, Tuning *tuning,
    GError **error)
{
  const MeshCodec *codec = tuning->codec;
  guint n = MAX (mesh_codec_count_encoders (codec), 1);
  g_autofree char *filter = codec->encoded
      ? g_strdup_printf ("capsfilter caps=\"%s\"", codec->encoded) : NULL;

  tuning->encoder = mesh_codec_make_encoder (codec, failures % n, &tuning->row,
      error);
  return tuning->encoder
      && mesh_compartment_append (compartment, tuning->encoder, error)
      && (!filter || append (compartment, filter, error))
      && (!codec->parser || append (compartment, codec->parser, error));
}

static MeshRepeatFilter *
fill_video (MeshCompartment *compartment, guint failures, Tuning *tuning,
    GError **error)
{
  GstElement *head = append (compartment, VIDEO_HEAD, error), *converter;
  g_autoptr (GstPad) sink = NULL, src = NULL, frames = NULL;

  if (!head)
    return NULL;
  converter = append (compartment, "videoconvertscale", error);
  if (!converter)
    return NULL;
  tuning->filter = append (compartment, "capsfilter caps=" SQUARE_I420, error);
  if (!tuning->filter)
    return NULL;
  tuning->box = append (compartment, "videobox fill=black", error);
  if (!tuning->box || !append_encoder (compartment, failures, tuning, error))
    return NULL;
  src = gst_element_get_static_pad (head, "src");
  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_caps,
      g_memdup2 (tuning, sizeof *tuning), g_free);
  frames = gst_element_get_static_pad (converter, "sink");
  gst_pad_add_probe (frames, GST_PAD_PROBE_TYPE_BUFFER, on_frame, NULL, NULL);
  sink = gst_element_get_static_pad (head, "sink");
  return mesh_repeat_filter_new (sink, tuning->encoder);
}

static gboolean
fill_audio (MeshCompartment *compartment, guint failures, Tuning *tuning,
    GError **error)
{
  return append (compartment, AUDIO_HEAD, error)
      && append (compartment, "audioconvert", error)
      && append (compartment, "audioresample", error)
      && append (compartment,
      "capsfilter caps=audio/x-raw,rate=48000,channels=[1,2]", error)
      && append_encoder (compartment, failures, tuning, error);
}

/**
 * mesh_encoding_fill:
 * @codec: the codec to encode in
 * @failures: how often an encoder has failed with the present input
 * @compartment: (transfer none): an empty compartment
 * @error: set to a #MESH_ERROR if an element is missing
 *
 * Puts everything between the tee and the fan-out into @compartment: with the
 * best encoder that is installed or, when encoders have failed, the one whose
 * turn it is.
 *
 * Returns: (transfer full) (nullable): the filter before a video encoder
 */
MeshRepeatFilter *
mesh_encoding_fill (const MeshCodec *codec, guint failures,
    MeshCompartment *compartment, GError **error)
{
  Tuning tuning = { .codec = codec };
  MeshRepeatFilter *filter = NULL;
  gboolean ok;

  if (codec->kind == MESH_VIDEO)
    ok = (filter = fill_video (compartment, failures, &tuning, error)) != NULL;
  else
    ok = fill_audio (compartment, failures, &tuning, error);
  if (ok)
    mesh_compartment_expose (compartment);
  return filter;
}

/**
 * mesh_encoding_can_retry:
 * @encoding: an encoding whose encoder has failed
 *
 * Returns: whether another encoder, or the same once more, is still to be tried
 */
gboolean
mesh_encoding_can_retry (MeshEncoding *encoding)
{
  return encoding->failures
      < ROUNDS * mesh_codec_count_encoders (encoding->codec);
}

/**
 * mesh_encoding_empty:
 *
 * Forgets the compartment, which the caller shuts down.
 */
void
mesh_encoding_empty (MeshEncoding *encoding)
{
  encoding->compartment = NULL;
  g_clear_pointer (&encoding->broken, g_free);
  g_clear_pointer (&encoding->repeat_filter, mesh_repeat_filter_unref);
}

/**
 * mesh_encoding_forgive:
 * @encoding: an encoding whose input has changed
 *
 * Forgets that encoders failed with what came in before.
 */
void
mesh_encoding_forgive (MeshEncoding *encoding)
{
  encoding->failures = 0;
  g_clear_pointer (&encoding->failure, g_free);
}

/**
 * mesh_encoding_new:
 * Returns: (transfer full): an encoding whose fan-out carries nothing yet
 */
MeshEncoding *
mesh_encoding_new (const MeshCodec *codec)
{
  MeshEncoding *self = g_new0 (MeshEncoding, 1);
  g_autoptr (GstCaps) caps = gst_caps_from_string (codec->caps);

  self->codec = codec;
  self->fanout = gst_object_ref_sink (mesh_fanout_new (caps));
  return self;
}

/**
 * mesh_encoding_free:
 */
void
mesh_encoding_free (gpointer encoding)
{
  MeshEncoding *self = encoding;

  mesh_encoding_empty (self);
  mesh_encoding_forgive (self);
  gst_clear_object (&self->fanout);
  g_free (self);
}
