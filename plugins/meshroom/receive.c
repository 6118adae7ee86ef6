/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/receive.h"

/* A VP8 key frame may claim 16383x16383 (RFC 6386 §9.1), and a decoder would
 * allocate it. Nobody sends a tile larger than this. */
#define MAX_WIDTH 4096
#define MAX_HEIGHT 2304

/* A key frame's header: 3 bytes of frame tag, 9d 01 2a, then width and height
 * in 14 bits each, little-endian. */
static gboolean
vp8_frame_is_sane (GstBuffer *buffer)
{
  guint8 head[10];

  if (gst_buffer_extract (buffer, 0, head, sizeof head) < sizeof head)
    return gst_buffer_get_size (buffer) > 0;
  if (head[0] & 1)
    return TRUE;
  return (GST_READ_UINT16_LE (head + 6) & 0x3fff) <= MAX_WIDTH
      && (GST_READ_UINT16_LE (head + 8) & 0x3fff) <= MAX_HEIGHT;
}

static GstPadProbeReturn
drop_giant_vp8 (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  if (vp8_frame_is_sane (GST_PAD_PROBE_INFO_BUFFER (info)))
    return GST_PAD_PROBE_OK;
  GST_WARNING_OBJECT (pad, "a frame larger than %dx%d is not decoded",
      MAX_WIDTH, MAX_HEIGHT);
  return GST_PAD_PROBE_DROP;
}

/* H.264 says its size in parameter sets; the parser puts it into the caps. */
static GstPadProbeReturn
drop_giant_h264 (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  const GstStructure *s = caps ? gst_caps_get_structure (caps, 0) : NULL;
  int width = 0, height = 0;

  if (s && gst_structure_get_int (s, "width", &width)
      && gst_structure_get_int (s, "height", &height)
      && width <= MAX_WIDTH && height <= MAX_HEIGHT)
    return GST_PAD_PROBE_OK;
  return GST_PAD_PROBE_DROP;
}

static void
guard (const MeshCodec *codec, GstElement *before_decoder)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (before_decoder, "src");

  if (g_str_equal (codec->name, "VP8"))
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, drop_giant_vp8, NULL,
        NULL);
  else if (g_str_equal (codec->name, "H264"))
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, drop_giant_h264, NULL,
        NULL);
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
 * @error: return location for a #MESH_ERROR
 *
 * Returns: (transfer full) (nullable): a bin from RTP to raw, or to the
 *   encoded stream
 *
 * Since: 0.1
 */
GstElement *
mesh_receive_new (const MeshCodec *codec, gboolean decode, GError **error)
{
  g_autoptr (GstElement) bin = gst_object_ref_sink (gst_bin_new (NULL));
  g_autoptr (GstPad) sink = NULL, src = NULL;
  GstElement *first, *last = NULL;

  if (!append (GST_BIN (bin), &last, codec->depayloader, error))
    return NULL;
  first = last;
  if (codec->parser && !append (GST_BIN (bin), &last, codec->parser, error))
    return NULL;
  guard (codec, last);
  if (decode && !append (GST_BIN (bin), &last, codec->decoders, error))
    return NULL;
  sink = gst_element_get_static_pad (first, "sink");
  src = gst_element_get_static_pad (last, "src");
  gst_element_add_pad (bin, gst_ghost_pad_new ("sink", sink));
  gst_element_add_pad (bin, gst_ghost_pad_new ("src", src));
  return GST_ELEMENT (g_object_ref (bin));
}
