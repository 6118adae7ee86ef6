/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/receive.h"

#include "core/opus-packet.h"

/* Looks at the size of every picture before the decoder does: a VP8 key frame
 * may claim 16383x16383 (RFC 6386 §9.1), and a decoder would allocate it. What
 * counts is the number of pixels, in whatever shape. */
typedef struct {
  MeshReceiveRefused refused;
  gpointer user_data;
  int width, height;            /* of what was refused last; 0: nothing */
} Guard;

static GstPadProbeReturn
let_in (Guard *self, int width, int height)
{
  if ((gint64) width * height <= MESH_MAX_PIXELS) {
    self->width = self->height = 0;
    return GST_PAD_PROBE_OK;
  }
  if (width != self->width || height != self->height)
    self->refused (width, height, self->user_data);
  self->width = width;
  self->height = height;
  return GST_PAD_PROBE_DROP;
}

/* A key frame's header: 3 bytes of frame tag, 9d 01 2a, then width and height
 * in 14 bits each, little-endian. A delta frame has its key frame's size. */
static GstPadProbeReturn
guard_vp8 (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Guard *self = user_data;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  guint8 head[10];

  if (gst_buffer_get_size (buffer) == 0)
    return GST_PAD_PROBE_DROP;
  if (gst_buffer_extract (buffer, 0, head, sizeof head) < sizeof head
      || head[0] & 1)
    return self->width > 0 ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
  return let_in (self, GST_READ_UINT16_LE (head + 6) & 0x3fff,
      GST_READ_UINT16_LE (head + 8) & 0x3fff);
}

/* H.264 says its size in parameter sets; the parser puts it into the caps. */
static GstPadProbeReturn
guard_h264 (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  const GstStructure *s = caps ? gst_caps_get_structure (caps, 0) : NULL;
  int width = 0, height = 0;

  if (!s || !gst_structure_get_int (s, "width", &width)
      || !gst_structure_get_int (s, "height", &height))
    return GST_PAD_PROBE_DROP;
  return let_in (user_data, width, height);
}

static GstPadProbeReturn
guard_opus (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstMapInfo map;
  gboolean valid;

  if (!gst_buffer_map (GST_PAD_PROBE_INFO_BUFFER (info), &map, GST_MAP_READ))
    return GST_PAD_PROBE_DROP;
  valid = mesh_opus_packet_is_valid (map.data, map.size);
  gst_buffer_unmap (GST_PAD_PROBE_INFO_BUFFER (info), &map);
  return valid ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
}

static void
guard (const MeshCodec *codec, GstElement *before_decoder,
    MeshReceiveRefused refused, gpointer user_data)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (before_decoder, "src");
  Guard *self;

  if (codec->kind == MESH_AUDIO) {
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, guard_opus, NULL, NULL);
    return;
  }
  self = g_new0 (Guard, 1);
  self->refused = refused;
  self->user_data = user_data;
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER,
      g_str_equal (codec->name, "VP8") ? guard_vp8 : guard_h264, self, g_free);
}

static gboolean
append (GstBin *bin, GstElement **last, const char *descriptions,
    GError **error)
{
  GstElement *element = mesh_codec_make (descriptions, error);

  if (!element)
    return FALSE;
  gst_bin_add (bin, element);
  if (*last)
    gst_element_link (*last, element);
  *last = element;
  return TRUE;
}

/**
 * mesh_receive_new:
 * @codec: what arrives
 * @decode: whether to decode it
 * @refused: what to call when a picture has more than %MESH_MAX_PIXELS
 * @user_data: for @refused
 * @error: return location for a #MESH_ERROR
 *
 * Returns: (transfer full) (nullable): a bin from RTP to raw, or to the
 *   encoded stream
 *
 * Since: 0.1
 */
GstElement *
mesh_receive_new (const MeshCodec *codec, gboolean decode,
    MeshReceiveRefused refused, gpointer user_data, GError **error)
{
  g_autoptr (GstElement) bin = gst_object_ref_sink (gst_bin_new (NULL));
  g_autoptr (GstPad) sink = NULL, src = NULL;
  GstElement *first, *last = NULL;

  if (!append (GST_BIN (bin), &last, codec->depayloader, error))
    return NULL;
  first = last;
  if (codec->parser && !append (GST_BIN (bin), &last, codec->parser, error))
    return NULL;
  guard (codec, last, refused, user_data);
  if (decode && !append (GST_BIN (bin), &last, codec->decoders, error))
    return NULL;
  /* rtpopusdepay 1.22 leaves out the rate, without which no muxer takes Opus */
  if (!decode && g_str_equal (codec->name, "OPUS")
      && !append (GST_BIN (bin), &last, "opusparse|identity", error))
    return NULL;
  sink = gst_element_get_static_pad (first, "sink");
  src = gst_element_get_static_pad (last, "src");
  gst_element_add_pad (bin, gst_ghost_pad_new ("sink", sink));
  gst_element_add_pad (bin, gst_ghost_pad_new ("src", src));
  return GST_ELEMENT (g_object_ref (bin));
}
