/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/encoding.h"

/* Bits per pixel that libvpx in realtime mode needs for a decent picture;
 * within what a mesh's uplink can carry several times. */
static int
get_bitrate (const MeshPictureFormat *format)
{
  double fps = format->fps_n > 0 && format->fps_d > 0
      ? (double) format->fps_n / format->fps_d : 30;

  return CLAMP (format->width * format->height * MIN (fps, 60) * 0.1, 150000,
      2500000);
}

/**
 * mesh_encoding_tune:
 * @encoding: an encoding
 * @format: what its input is now
 *
 * Gives a video encoder the bitrate that fits its input.
 *
 * Since: 0.1
 */
void
mesh_encoding_tune (MeshEncoding *encoding, const MeshPictureFormat *format)
{
  GObjectClass *klass;

  if (!encoding->encoder || encoding->codec->kind != MESH_VIDEO
      || format->width <= 0)
    return;
  klass = G_OBJECT_GET_CLASS (encoding->encoder);
  /* vp8enc counts bits, x264enc kilobits */
  if (g_object_class_find_property (klass, "target-bitrate"))
    g_object_set (encoding->encoder, "target-bitrate", get_bitrate (format),
        NULL);
  else
    g_object_set (encoding->encoder, "bitrate",
        g_object_class_find_property (klass, "vbv-buf-capacity")
        ? get_bitrate (format) / 1000 : get_bitrate (format), NULL);
}

/**
 * mesh_encoding_make_bin:
 * @encoding: an encoding that has none yet
 * @hidden: whether a picture comes in place of the camera
 * @error: return location for a #MESH_ERROR
 *
 * Makes everything between the tee and the fan-out from one description, so
 * that it is either all there or not at all.
 *
 * Returns: (transfer full) (nullable): the bin, with pads sink and src
 *
 * Since: 0.1
 */
GstElement *
mesh_encoding_make_bin (MeshEncoding *encoding, gboolean hidden,
    GError **error)
{
  const MeshCodec *codec = encoding->codec;
  g_autoptr (GstElement) encoder = mesh_codec_make (codec->encoders, error);
  const char *head = codec->kind == MESH_VIDEO
      ? "queue name=head leaky=downstream max-size-buffers=2 max-size-bytes=0 "
      "max-size-time=0 ! videoconvertscale ! capsfilter name=tail "
      "caps=video/x-raw,format=I420,pixel-aspect-ratio=1/1"
      : "queue name=head leaky=downstream max-size-buffers=0 max-size-bytes=0 "
      "max-size-time=200000000 ! audioconvert ! audioresample ! capsfilter "
      "name=tail caps=audio/x-raw,rate=48000,channels=[1,2]";
  g_autoptr (GstElement) bin = NULL;
  g_autoptr (GstElement) first = NULL, tail = NULL, last = NULL;
  g_autoptr (GstPad) sink = NULL, src = NULL;

  if (!encoder)
    return NULL;
  gst_object_ref_sink (encoder);
  bin = gst_parse_bin_from_description (head, FALSE, error);
  if (!bin)
    return NULL;
  gst_object_ref_sink (bin);
  first = gst_bin_get_by_name (GST_BIN (bin), "head");
  tail = gst_bin_get_by_name (GST_BIN (bin), "tail");
  gst_bin_add (GST_BIN (bin), encoder);
  gst_element_link (tail, encoder);
  last = gst_object_ref (encoder);
  if (codec->parser) {
    GstElement *parser = mesh_codec_make (codec->parser, error);
    GstElement *profile;

    if (!parser)
      return NULL;
    profile = gst_element_factory_make ("capsfilter", NULL);
    gst_util_set_object_arg (G_OBJECT (profile), "caps",
        "video/x-h264,profile=constrained-baseline");
    gst_bin_add_many (GST_BIN (bin), profile, parser, NULL);
    gst_element_link_many (encoder, profile, parser, NULL);
    gst_object_replace ((GstObject **) &last, GST_OBJECT (parser));
  }
  sink = gst_element_get_static_pad (first, "sink");
  src = gst_element_get_static_pad (last, "src");
  gst_element_add_pad (bin, gst_ghost_pad_new ("sink", sink));
  gst_element_add_pad (bin, gst_ghost_pad_new ("src", src));
  encoding->encoder = encoder;
  if (codec->kind == MESH_VIDEO) {
    encoding->still = mesh_still_new (sink, encoder);
    mesh_still_set_active (encoding->still, hidden);
  }
  return g_steal_pointer (&bin);
}

/**
 * mesh_encoding_new:
 * @codec: a codec
 *
 * Returns: (transfer full): an encoding whose fan-out carries nothing yet
 *
 * Since: 0.1
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
 * @encoding: an encoding
 *
 * Since: 0.1
 */
void
mesh_encoding_free (gpointer encoding)
{
  MeshEncoding *self = encoding;

  gst_clear_object (&self->fanout);
  g_clear_pointer (&self->still, mesh_still_unref);
  g_free (self);
}
