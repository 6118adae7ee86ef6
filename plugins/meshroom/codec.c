/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/codec.h"

#include <string.h>

#include "core/error.h"

/* One thread for libvpx: with more it spins, and costs five times as much at
 * the sizes of a call. deadline=1 is libvpx's realtime mode; cpu-used=-8 a
 * fixed speed (docs/performance.md has the measurements). A key frame comes
 * when somebody asks, and otherwise every ten seconds or so. */
static const MeshCodec codecs[] = {
  {
    .name = "OPUS",
    .kind = MESH_AUDIO,
    .media_type = "audio/x-opus",
    .caps = "audio/x-opus,channel-mapping-family=(int)0",
    .passable = "audio/x-opus,channel-mapping-family=(int)0",
    .rtp_fields = "application/x-rtp,useinbandfec=(string)1",
    .clock_rate = 48000,
    .payload_type = 111,
    .encoders = "opusenc inband-fec=true packet-loss-percentage=10 "
        "bitrate=48000 bitrate-type=vbr frame-size=20",
    .payloader = "rtpopuspay",
    .depayloader = "rtpopusdepay",
    .decoders = "opusdec use-inband-fec=true plc=true",
  },
  {
    .name = "VP8",
    .kind = MESH_VIDEO,
    .media_type = "video/x-vp8",
    .caps = "video/x-vp8",
    .passable = "video/x-vp8",
    .rtp_fields = "application/x-rtp",
    .clock_rate = 90000,
    .payload_type = 96,
    .encoders = "vp8enc deadline=1 cpu-used=-8 threads=1 lag-in-frames=0 "
        "end-usage=cbr undershoot=95 buffer-size=600 buffer-initial-size=400 "
        "buffer-optimal-size=500 keyframe-max-dist=300 error-resilient=default "
        "min-quantizer=4 max-quantizer=56 static-threshold=1",
    .payloader = "rtpvp8pay picture-id-mode=15-bit mtu=1200",
    .depayloader = "rtpvp8depay request-keyframe=true wait-for-keyframe=true",
    .decoders = "vp8dec|avdec_vp8",
    .min_side = 1,
    .max_side = 16383,          /* RFC 6386 §9.1 */
  },
  {
    .name = "H264",
    .kind = MESH_VIDEO,
    .media_type = "video/x-h264",
    .caps = "video/x-h264,stream-format=(string)byte-stream,"
        "alignment=(string)au",
    .passable = "video/x-h264,"
        "profile=(string){constrained-baseline,baseline}",
    .rtp_fields = "application/x-rtp,packetization-mode=(string)1,"
        "profile-level-id=(string)42e01f",
    .clock_rate = 90000,
    .payload_type = 102,
    .encoders = "x264enc tune=zerolatency speed-preset=ultrafast "
        "key-int-max=300 threads=1 byte-stream=true|"
        "openh264enc complexity=low gop-size=300",
    .parser = "h264parse config-interval=-1",
    .payloader = "rtph264pay config-interval=-1 aggregate-mode=zero-latency "
        "mtu=1200",
    .depayloader = "rtph264depay request-keyframe=true wait-for-keyframe=true",
    .decoders = "avdec_h264|openh264dec",
    .min_side = 16,             /* openh264enc's */
    .max_side = 8688,           /* table A-1: sqrt (8 MaxFS) macroblocks */
    .even = TRUE,
  },
};

/* What may come in, but is not spoken between peers: it is decoded. */
static const MeshCodec foreign[] = {
  {
    .name = "H265",
    .kind = MESH_VIDEO,
    .media_type = "video/x-h265",
    .caps = "video/x-h265",
    .parser = "h265parse",
    .decoders = "avdec_h265|libde265dec",
  },
  {
    .name = "VP9",
    .kind = MESH_VIDEO,
    .media_type = "video/x-vp9",
    .caps = "video/x-vp9",
    .decoders = "vp9dec|avdec_vp9",
  },
  {
    .name = "AV1",
    .kind = MESH_VIDEO,
    .media_type = "video/x-av1",
    .caps = "video/x-av1",
    .parser = "av1parse",
    .decoders = "dav1ddec|av1dec",
  },
};

/**
 * mesh_codec_find:
 * @name: (nullable): a codec's name, in any case
 *
 * Returns: (nullable): the codec
 *
 * Since: 0.1
 */
const MeshCodec *
mesh_codec_find (const char *name)
{
  for (guint i = 0; name && i < G_N_ELEMENTS (codecs); i++) {
    if (g_ascii_strcasecmp (codecs[i].name, name) == 0)
      return &codecs[i];
  }
  return NULL;
}

/**
 * mesh_codec_for_caps:
 * @caps: caps of an encoded stream, the first of which count
 *
 * Returns: (nullable): the codec of @caps; it may be one that is not spoken
 *   between peers, see mesh_codec_is_foreign()
 *
 * Since: 0.1
 */
const MeshCodec *
mesh_codec_for_caps (const GstCaps *caps)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);

  for (guint i = 0; i < G_N_ELEMENTS (codecs); i++) {
    if (gst_structure_has_name (s, codecs[i].media_type))
      return &codecs[i];
  }
  for (guint i = 0; i < G_N_ELEMENTS (foreign); i++) {
    if (gst_structure_has_name (s, foreign[i].media_type))
      return &foreign[i];
  }
  return NULL;
}

/**
 * mesh_codec_is_foreign:
 * @codec: a codec
 *
 * Returns: whether @codec is none that peers speak, so that what comes in it
 *   must be decoded
 *
 * Since: 0.1
 */
gboolean
mesh_codec_is_foreign (const MeshCodec *codec)
{
  return codec->payloader == NULL;
}

static gboolean
is_installed (const char *description)
{
  g_autofree char *name =
      g_strndup (description, strcspn (description, " "));
  g_autoptr (GstElementFactory) factory = gst_element_factory_find (name);

  return factory != NULL;
}

/* The @n-th of "a x=1|b y=2", of those whose element exists. */
static char *
nth_available (const char *descriptions, guint n)
{
  g_auto (GStrv) list = g_strsplit (descriptions, "|", -1);

  for (guint i = 0; list[i]; i++) {
    if (is_installed (list[i]) && n-- == 0)
      return g_strdup (list[i]);
  }
  return NULL;
}

/**
 * mesh_codec_count:
 * @descriptions: as mesh_codec_make()
 *
 * Returns: how many of the alternatives are installed
 *
 * Since: 0.1
 */
guint
mesh_codec_count (const char *descriptions)
{
  g_auto (GStrv) list = g_strsplit (descriptions, "|", -1);
  guint n = 0;

  for (guint i = 0; list[i]; i++)
    n += is_installed (list[i]);
  return n;
}

/**
 * mesh_codec_make_nth:
 * @descriptions: as mesh_codec_make()
 * @n: which of the alternatives that are installed, from 0
 * @error: return location for a #MESH_ERROR
 *
 * Returns: (transfer floating) (nullable): the element
 *
 * Since: 0.1
 */
GstElement *
mesh_codec_make_nth (const char *descriptions, guint n, GError **error)
{
  g_autofree char *description = nth_available (descriptions, n);

  if (!description) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED,
        "none of these elements is installed: %s", descriptions);
    return NULL;
  }
  return gst_parse_launch_full (description, NULL, GST_PARSE_FLAG_FATAL_ERRORS,
      error);
}

/**
 * mesh_codec_make:
 * @descriptions: elements with their properties as gst-launch reads them, '|'
 *   between alternatives
 * @error: return location for a #MESH_ERROR
 *
 * Returns: (transfer floating) (nullable): the first element that is installed
 *
 * Since: 0.1
 */
GstElement *
mesh_codec_make (const char *descriptions, GError **error)
{
  return mesh_codec_make_nth (descriptions, 0, error);
}

/**
 * mesh_codec_passes:
 * @codec: a codec
 * @caps: caps of a stream in @codec
 *
 * Returns: whether the stream can be handed to peers as it is: in a profile
 *   that all of them decode, and not larger than they take
 *
 * Since: 0.1
 */
gboolean
mesh_codec_passes (const MeshCodec *codec, const GstCaps *caps)
{
  g_autoptr (GstCaps) passable =
      gst_caps_from_string (codec->passable ? codec->passable : "EMPTY");
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  int width = 0, height = 0;

  gst_structure_get_int (s, "width", &width);
  gst_structure_get_int (s, "height", &height);
  return gst_caps_can_intersect (caps, passable)
      && (gint64) width * height <= MESH_MAX_PIXELS;
}

/**
 * mesh_codec_can_send:
 * @codec: a codec
 *
 * Returns: whether there is an encoder for @codec here
 *
 * Since: 0.1
 */
gboolean
mesh_codec_can_send (const MeshCodec *codec)
{
  g_autofree char *found = nth_available (codec->encoders, 0);

  return found != NULL;
}

/**
 * mesh_codec_can_receive:
 * @codec: a codec
 *
 * Returns: whether there is a decoder for @codec here
 *
 * Since: 0.1
 */
gboolean
mesh_codec_can_receive (const MeshCodec *codec)
{
  g_autofree char *found = nth_available (codec->decoders, 0);

  return found != NULL;
}
