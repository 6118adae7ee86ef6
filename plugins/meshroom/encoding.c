/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/encoding.h"

#include "meshroom/common.h"

/* How often each installed encoder is tried with one input: one that ran and
 * then failed may well run again. */
#define ROUNDS 2

/* The queue drops where the encoder is too slow for the input. It takes what the
 * pacer lets pass at once: 50 ms, which are three frames of 60 a second. */
#define VIDEO_HEAD "queue leaky=downstream max-size-buffers=4 " \
    "max-size-bytes=0 max-size-time=0"
#define AUDIO_HEAD "queue leaky=downstream max-size-buffers=0 " \
    "max-size-bytes=0 max-size-time=200000000"

static GstElement *
append (MeshCompartment *compartment, const char *description, GError **error)
{
  GstElement *element = mesh_codec_make (description, error);

  if (!element || !mesh_compartment_append (compartment, element, error))
    return NULL;
  return element;
}

static GstElement *
append_encoder (MeshCompartment *compartment, const MeshCodec *codec,
    guint failures, const MeshCodecEncoder **row, GError **error)
{
  guint n = MAX (mesh_codec_count_encoders (codec), 1);
  g_autofree char *filter = codec->encoded
      ? g_strdup_printf ("capsfilter caps=\"%s\"", codec->encoded) : NULL;
  GstElement *encoder =
      mesh_codec_make_encoder (codec, failures % n, row, error);

  return encoder && mesh_compartment_append (compartment, encoder, error)
      && (!filter || append (compartment, filter, error))
      && (!codec->parser || append (compartment, codec->parser, error))
      ? encoder : NULL;
}

static gboolean
fill_video (MeshCompartment *compartment, guint failures, MeshTuning *tuning,
    MeshRepeatFilter **filter, GError **error)
{
  GstElement *head = append (compartment, VIDEO_HEAD, error), *converter;
  g_autoptr (GstPad) sink = NULL, src = NULL, frames = NULL;

  if (!head)
    return FALSE;
  converter = append (compartment, "videoconvertscale", error);
  if (!converter)
    return FALSE;
  tuning->filter = append (compartment, "capsfilter caps=video/x-raw", error);
  if (!tuning->filter)
    return FALSE;
  tuning->box = append (compartment, "videobox fill=black", error);
  if (!tuning->box)
    return FALSE;
  tuning->encoder = append_encoder (compartment, tuning->codec, failures,
      &tuning->row, error);
  if (!tuning->encoder)
    return FALSE;
  src = gst_element_get_static_pad (head, "src");
  frames = gst_element_get_static_pad (converter, "sink");
  mesh_tuning_watch (tuning, src, frames);
  sink = gst_element_get_static_pad (head, "sink");
  *filter = mesh_repeat_filter_new (sink, tuning->encoder);
  return TRUE;
}

static gboolean
fill_audio (MeshCompartment *compartment, const MeshCodec *codec,
    guint failures, GError **error)
{
  const MeshCodecEncoder *row;

  return append (compartment, AUDIO_HEAD, error)
      && append (compartment, "audioconvert", error)
      && append (compartment, "audioresample", error)
      && append (compartment,
      "capsfilter caps=audio/x-raw,rate=48000,channels=[1,2]", error)
      && append_encoder (compartment, codec, failures, &row, error);
}

/**
 * mesh_encoding_fill:
 * @codec: the codec to encode in
 * @failures: how often an encoder has failed with the present input
 * @tuning: (nullable): for the rung of a picture, a new one
 * @compartment: (transfer none): an empty compartment
 * @filter: (out) (transfer full) (optional): for a picture, the filter before
 *   its encoder
 * @error: set to a #MESH_ERROR if an element is missing
 *
 * Puts everything between the tee and the fan-out into @compartment: with the
 * best encoder that is installed or, when encoders have failed, the one whose
 * turn it is.
 *
 * Returns: whether the compartment is complete
 */
gboolean
mesh_encoding_fill (const MeshCodec *codec, guint failures, MeshTuning *tuning,
    MeshCompartment *compartment, MeshRepeatFilter **filter, GError **error)
{
  gboolean ok = tuning
      ? fill_video (compartment, failures, tuning, filter, error)
      : fill_audio (compartment, codec, failures, error);

  if (ok)
    mesh_compartment_expose (compartment);
  return ok;
}

/**
 * mesh_encoding_can_retry:
 * @rung: a rung whose encoder has failed
 *
 * Returns: whether another encoder, or the same once more, is still to be tried
 */
gboolean
mesh_encoding_can_retry (MeshEncoding *encoding, guint rung)
{
  return encoding->rungs[rung].failures
      < ROUNDS * mesh_codec_count_encoders (encoding->codec);
}

/**
 * mesh_encoding_empty:
 * @rung: one of its rungs
 *
 * Forgets the rung's compartment, which the caller shuts down.
 */
void
mesh_encoding_empty (MeshEncoding *encoding, guint rung)
{
  MeshEncodedRung *self = &encoding->rungs[rung];

  self->compartment = NULL;
  g_clear_pointer (&self->broken, g_free);
  g_clear_pointer (&self->repeat_filter, mesh_repeat_filter_unref);
  g_clear_pointer (&self->tuning, mesh_tuning_unref);
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
  for (guint i = 0; i < MESH_RUNGS; i++) {
    encoding->rungs[i].failures = 0;
    g_clear_pointer (&encoding->rungs[i].failure, g_free);
  }
}

/**
 * mesh_encoding_new:
 * Returns: (transfer full): an encoding whose fan-out carries nothing yet, and
 *   of which the first rung is wanted
 */
MeshEncoding *
mesh_encoding_new (const MeshCodec *codec)
{
  MeshEncoding *self = g_new0 (MeshEncoding, 1);
  g_autoptr (GstCaps) caps = gst_caps_from_string (codec->caps);

  self->codec = codec;
  self->fanout = gst_object_ref_sink (mesh_fanout_new (caps));
  self->rungs[0].wanted = TRUE;
  return self;
}

/**
 * mesh_encoding_free:
 */
void
mesh_encoding_free (gpointer encoding)
{
  MeshEncoding *self = encoding;

  for (guint i = 0; i < MESH_RUNGS; i++)
    mesh_encoding_empty (self, i);
  mesh_encoding_forgive (self);
  gst_clear_object (&self->fanout);
  g_free (self);
}
