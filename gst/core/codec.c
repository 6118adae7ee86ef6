/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One row a codec. To speak another one, add a row (docs/architecture.md tells
 * what else there is to do). */

#include "core/codec.h"

#include <string.h>

#include "core/opus-packet.h"

/* --- what of a codec we speak --- */

/* Returns: whether @fmtp has the parameter @name, and in *@value (transfer
 * full) its value */
static gboolean
find_parameter (const char *fmtp, const char *name, char **value)
{
  g_auto (GStrv) fields = g_strsplit (fmtp ? fmtp : "", ";", 32);

  for (guint i = 0; fields[i]; i++) {
    char *equals = strchr (fields[i], '=');

    if (!equals)
      continue;
    *equals = '\0';
    if (g_ascii_strcasecmp (g_strstrip (fields[i]), name) == 0) {
      *value = g_strdup (g_strstrip (equals + 1));
      return TRUE;
    }
  }
  return FALSE;
}

/* H.264 has many shapes; every decoder of ours and of the browsers takes
 * constrained baseline in single-NAL-or-FU mode (RFC 6184, RFC 7742). */
static gboolean
takes_h264 (const char *fmtp)
{
  static const char *const profiles[] = { "42e0", "42c0", "4200" };
  g_autofree char *mode = NULL, *profile = NULL;

  if (!find_parameter (fmtp, "packetization-mode", &mode)
      || strcmp (mode, "1") != 0
      || !find_parameter (fmtp, "profile-level-id", &profile))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (profiles); i++) {
    if (g_ascii_strncasecmp (profile, profiles[i], 4) == 0)
      return TRUE;
  }
  return FALSE;
}

/* 0 is 8 bits in 4:2:0, and goes without saying (RFC 9628). */
static gboolean
takes_vp9 (const char *fmtp)
{
  g_autofree char *profile = NULL;

  return !find_parameter (fmtp, "profile-id", &profile)
      || strcmp (profile, "0") == 0;
}

/* 0 is Main, 4:2:0, and goes without saying (RTP Payload Format For AV1). */
static gboolean
takes_av1 (const char *fmtp)
{
  g_autofree char *profile = NULL;

  return !find_parameter (fmtp, "profile", &profile)
      || strcmp (profile, "0") == 0;
}

/* --- the table --- */

/* One thread for libvpx: with more it spins, and costs five times as much at
 * the sizes of a call. deadline=1 is libvpx's realtime mode; cpu-used a fixed
 * speed, -8 for VP8 and 8 for VP9 (docs/performance.md has the measurements). A
 * key frame comes when somebody asks, and otherwise every ten seconds or so; it
 * may be 4.5 times as large as a frame of the rate, 150 ms of it at 30 frames a
 * second (libwebrtc allows 9 times, and 3 at least). */
#define LIBVPX "deadline=1 threads=1 lag-in-frames=0 end-usage=cbr " \
    "undershoot=95 buffer-size=600 buffer-initial-size=400 " \
    "buffer-optimal-size=500 keyframe-max-dist=300 " \
    "min-quantizer=4 max-quantizer=56 static-threshold=1 " \
    "max-intra-bitrate=450 "

/* Two temporal layers: the upper one's frames refer to the last frame of the
 * lower one, and nothing refers to them, so each of them can be left out. */
#define LAYERS "temporal-scalability-number-layers=2 " \
    "temporal-scalability-periodicity=2 " \
    "temporal-scalability-layer-sync-flags=\"<false,true>\" " \
    "temporal-scalability-layer-flags=\"<" \
    "no-ref-golden+no-ref-alt+no-upd-golden+no-upd-alt," \
    "no-ref-golden+no-ref-alt+no-upd-last+no-upd-golden+no-upd-alt" \
    "+no-upd-entropy>\" "

static const MeshCodec codecs[] = {
  {
    .name = "OPUS",
    .kind = MESH_AUDIO,
    .media_type = "audio/x-opus",
    .caps = "audio/x-opus,channel-mapping-family=(int)0",
    .passable = "audio/x-opus,channel-mapping-family=(int)0",
    .clock_rate = 48000,
    .channels = 2,
    .payload_type = 111,
    .fmtp = "minptime=10;useinbandfec=1;usedtx=1",
    .payloader = "rtpopuspay dtx=true",
    .depayloader = "rtpopusdepay",
    .encoders = {
      /* how much is repeated follows the loss that peers report */
      { "opusenc inband-fec=true packet-loss-percentage=0 dtx=true "
            "bitrate=48000 bitrate-type=vbr frame-size=20", NULL, 0 },
    },
    /* use-inband-fec holds a frame back, and is set with the first loss */
    .decoders = "opusdec plc=true",
    /* rtpopusdepay 1.22 leaves out the rate, which muxers need */
    .completed = "opusparse|identity",
    .is_valid = mesh_opus_packet_is_valid,
  },
  {
    .name = "VP8",
    .kind = MESH_VIDEO,
    .media_type = "video/x-vp8",
    .caps = "video/x-vp8",
    .passable = "video/x-vp8",
    .clock_rate = 90000,
    .payload_type = 96,
    .payloader = "rtpvp8pay picture-id-mode=15-bit mtu=1200",
    .depayloader = "rtpvp8depay request-keyframe=true wait-for-keyframe=true",
    .encoders = {
      { "vp8enc cpu-used=-8 error-resilient=default " LAYERS LIBVPX,
            "target-bitrate", 1, 2 },
    },
    .decoders = "vp8dec|avdec_vp8",
    .read_size = mesh_vp8_read_size,
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
    .wished = "video/x-h264,profile=(string){constrained-baseline,baseline}",
    .advice = "Set the encoder to profile constrained-baseline, which takes 8 "
        "bits in 4:2:0 (videoconvert before it), or give raw video",
    .clock_rate = 90000,
    .payload_type = 102,
    .fmtp = "packetization-mode=1;profile-level-id=42e01f",
    .takes = takes_h264,
    .payloader = "rtph264pay config-interval=-1 aggregate-mode=zero-latency "
        "mtu=1200",
    .depayloader = "rtph264depay request-keyframe=true wait-for-keyframe=true",
    .encoders = {
      /* by its buffer of 300 ms, it follows a new rate within a second */
      { "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=300 "
            "threads=1 byte-stream=true vbv-buf-capacity=300", "bitrate",
            1000 },
      /* without a bound of its own, the first rate would be one, and a lower
       * rate would cost a key frame */
      { "openh264enc complexity=low gop-size=300 max-bitrate=4000000",
            "bitrate", 1 },
    },
    .encoded = "video/x-h264,profile=constrained-baseline",
    .parser = "h264parse config-interval=-1",
    .decoders = "avdec_h264|openh264dec",
    .min_side = 16,             /* openh264enc's */
    .max_side = 8688,           /* table A-1: sqrt (8 MaxFS) macroblocks */
    .even = TRUE,
  },
  {
    .name = "VP9",
    .kind = MESH_VIDEO,
    .media_type = "video/x-vp9",
    .caps = "video/x-vp9,alignment=(string)super-frame",
    .passable = "video/x-vp9,profile=(string)0",
    .advice = "Give its encoder 8 bits in 4:2:0 (video/x-raw,format=I420), or "
        "give raw video",
    .clock_rate = 90000,
    .payload_type = 98,
    .fmtp = "profile-id=0",
    .takes = takes_vp9,
    .payloader = "rtpvp9pay picture-id-mode=15-bit mtu=1200",
    .depayloader = "rtpvp9depay request-keyframe=true wait-for-keyframe=true",
    .encoders = {
      { "vp9enc cpu-used=8 aq-mode=cyclic-refresh "
            "frame-parallel-decoding=false " LIBVPX, "target-bitrate", 1 },
    },
    .parser = "vp9parse",
    .decoders = "vp9dec|avdec_vp9",
    .read_size = mesh_vp9_read_size,
    .make_tail = mesh_vp9_make_tail,
    .min_side = 1,
    .max_side = 16832,          /* level 6 */
  },
  /* Its RTP elements are GStreamer's, but come with gst-plugins-rs, which
   * Debian does not have. */
  {
    .name = "AV1",
    .kind = MESH_VIDEO,
    .media_type = "video/x-av1",
    /* of smaller pieces, only the one with the picture is marked a key frame */
    .caps = "video/x-av1,stream-format=(string)obu-stream,"
        "alignment=(string)tu",
    .passable = "video/x-av1,profile=(string)main",
    .advice = "Give its encoder 4:2:0 (video/x-raw,format=I420), or give raw "
        "video",
    .clock_rate = 90000,
    .payload_type = 104,
    .fmtp = "level-idx=5;profile=0;tier=0",
    .takes = takes_av1,
    .payloader = "rtpav1pay mtu=1200",
    .splitter = "av1parse",
    .depayloader = "rtpav1depay request-keyframe=true wait-for-keyframe=true",
    /* av1enc 1.22 makes no key frame when it is asked for one */
    .encoders = {
      { "av1enc usage-profile=realtime cpu-used=10 threads=1 row-mt=false "
            "lag-in-frames=0 end-usage=cbr buf-sz=600 buf-initial-sz=400 "
            "buf-optimal-sz=500 keyframe-max-dist=60 min-quantizer=4 "
            "max-quantizer=56", "target-bitrate", 1000 },
    },
    .parser = "av1parse",
    .decoders = "dav1ddec|av1dec",
    .min_side = 16,
    .max_side = 8704,           /* level 6, in height */
  },
  /* What may come in, but is not spoken between peers. */
  {
    .name = "H265",
    .kind = MESH_VIDEO,
    .media_type = "video/x-h265",
    .caps = "video/x-h265",
    .parser = "h265parse",
    .decoders = "avdec_h265|libde265dec",
  },
};

/**
 * mesh_codec_get_all:
 * @n: (out): how many there are
 *
 * Returns: (array length=n): the table
 */
const MeshCodec *
mesh_codec_get_all (guint *n)
{
  *n = G_N_ELEMENTS (codecs);
  return codecs;
}

/**
 * mesh_codec_get_first:
 * @kind: a kind of media
 *
 * Returns: the first codec of @kind in the table, which is offered where no
 *   property names codecs of that kind
 */
const MeshCodec *
mesh_codec_get_first (MeshKind kind)
{
  const MeshCodec *codec = codecs;

  while (codec->kind != kind)
    codec++;
  return codec;
}

/**
 * mesh_codec_find:
 * @name: (nullable): a codec's name, in any case
 *
 * Returns: (nullable): the codec, if it can be spoken between peers
 */
const MeshCodec *
mesh_codec_find (const char *name)
{
  for (guint i = 0; name && i < G_N_ELEMENTS (codecs); i++) {
    if (codecs[i].payloader && g_ascii_strcasecmp (codecs[i].name, name) == 0)
      return &codecs[i];
  }
  return NULL;
}

/**
 * mesh_codec_for_media_type:
 * @media_type: the name of caps
 *
 * Returns: (nullable): the codec; it may be one that peers do not speak
 */
const MeshCodec *
mesh_codec_for_media_type (const char *media_type)
{
  for (guint i = 0; i < G_N_ELEMENTS (codecs); i++) {
    if (strcmp (codecs[i].media_type, media_type) == 0)
      return &codecs[i];
  }
  return NULL;
}

/**
 * mesh_codec_make_rtpmap:
 * Returns: (transfer full): what a=rtpmap says of it, behind the payload type
 */
char *
mesh_codec_make_rtpmap (const MeshCodec *codec)
{
  return codec->channels
      ? g_strdup_printf ("%s/%d/%d", codec->name, codec->clock_rate,
      codec->channels)
      : g_strdup_printf ("%s/%d", codec->name, codec->clock_rate);
}
