/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/receiver.h"

#include "meshroom/picture-repair.h"

/* The shortest and the usual frame of Opus. */
#define SHORTEST_LOSS (2500 * GST_USECOND)
#define USUAL_LOSS (20 * GST_MSECOND)

/* Looks at the size of every picture before the decoder does: a key frame may
 * claim 16383x16383, and a decoder would allocate it. What counts is the number
 * of pixels, in whatever shape. */
typedef struct {
  const MeshCodec *codec;
  gboolean decode;
  MeshReceiverRefused refused;
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

/* Reads the size from the parser's caps, for codecs without a function that
 * reads it from a frame. The parser has taken it from a parameter set or a
 * sequence header. */
static gboolean
read_caps (GstPad *pad, int *width, int *height)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  const GstStructure *s = caps ? gst_caps_get_structure (caps, 0) : NULL;

  return s && gst_structure_get_int (s, "width", width)
      && gst_structure_get_int (s, "height", height);
}

/* Checks a frame's size. A frame that names none has the size of the frames
 * that it refers to, so it is treated as the last one that named its size. */
static GstPadProbeReturn
guard_picture (GstPad *pad, Guard *self, const GstMapInfo *map)
{
  int width = 0, height = 0;

  if (map->size == 0)
    return GST_PAD_PROBE_DROP;
  if (!self->codec->read_size)
    return read_caps (pad, &width, &height) ? let_in (self, width, height)
        : GST_PAD_PROBE_DROP;
  if (self->codec->read_size (map->data, map->size, &width, &height))
    return let_in (self, width, height);
  return self->width > 0 ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
}

/* Appends the tail that the codec needs. @map: of @buffer, and unmapped here.
 * Returns: (transfer full): the buffer */
static GstBuffer *
add_tail (const MeshCodec *codec, GstBuffer *buffer, GstMapInfo *map)
{
  guint8 tail[MESH_MAX_TAIL];
  gsize size = codec->make_tail (map->data, map->size, tail);

  gst_buffer_unmap (buffer, map);
  if (size == 0)
    return buffer;
  buffer = gst_buffer_make_writable (buffer);
  gst_buffer_append_memory (buffer,
      gst_memory_new_wrapped (0, g_memdup2 (tail, size), size, 0, size, NULL,
          g_free));
  return buffer;
}

static GstPadProbeReturn
guard (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Guard *self = user_data;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  GstPadProbeReturn result = GST_PAD_PROBE_OK;
  GstMapInfo map;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return GST_PAD_PROBE_DROP;
  if (self->codec->is_valid && !self->codec->is_valid (map.data, map.size))
    result = GST_PAD_PROBE_DROP;
  else if (self->codec->kind == MESH_VIDEO)
    result = guard_picture (pad, self, &map);
  if (result == GST_PAD_PROBE_OK && self->decode && self->codec->make_tail)
    GST_PAD_PROBE_INFO_DATA (info) = add_tail (self->codec, buffer, &map);
  else
    gst_buffer_unmap (buffer, &map);
  return result;
}

static void
add_guard (const MeshCodec *codec, gboolean decode, GstElement *before_decoder,
    MeshReceiverRefused refused, gpointer user_data)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (before_decoder, "src");
  Guard *self = g_new0 (Guard, 1);

  self->codec = codec;
  self->decode = decode;
  self->refused = refused;
  self->user_data = user_data;
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, guard, self, g_free);
}

/* Has the decoder take a lost frame out of the packet behind it from the first
 * loss on. It holds every frame back for that, so it does not where nothing is
 * lost. A loss that the jitterbuffer gives no length is that of a usual packet:
 * opusdec 1.22 leaves out what is too short, and is a frame behind ever
 * after. */
static GstPadProbeReturn
use_fec (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  GstClockTime time, duration;

  if (GST_EVENT_TYPE (event) != GST_EVENT_GAP)
    return GST_PAD_PROBE_OK;
  gst_event_parse_gap (event, &time, &duration);
  if (!GST_CLOCK_TIME_IS_VALID (duration) || duration < SHORTEST_LOSS) {
    GST_PAD_PROBE_INFO_DATA (info) = gst_event_new_gap (time, USUAL_LOSS);
    gst_event_unref (event);
  }
  g_object_set (user_data, "use-inband-fec", TRUE, NULL);
  return GST_PAD_PROBE_OK;
}

static void
add_fec (GstElement *depayloader, GstElement *decoder)
{
  g_autoptr (GstPad) src = gst_element_get_static_pad (depayloader, "src");

  if (g_object_class_find_property (G_OBJECT_GET_CLASS (decoder),
          "use-inband-fec"))
    gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, use_fec,
        decoder, NULL);
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
 * mesh_receiver_new:
 * @codec: what arrives
 * @decode: whether to decode it
 * @playout: of the attempt
 * @refused: what to call when a picture has more than %MESH_MAX_PIXELS
 * @user_data: for @refused
 * @error: return location for a #MESH_ERROR
 *
 * Returns: (transfer full) (nullable): a bin from RTP to raw, or to the
 *   encoded stream
 */
GstElement *
mesh_receiver_new (const MeshCodec *codec, gboolean decode,
    MeshPlayout *playout, MeshReceiverRefused refused, gpointer user_data,
    GError **error)
{
  g_autoptr (GstElement) bin = gst_object_ref_sink (gst_bin_new (NULL));
  g_autoptr (GstPad) sink = NULL, src = NULL;
  GstElement *first, *last = NULL;

  if (!append (GST_BIN (bin), &last, codec->depayloader, error))
    return NULL;
  first = last;
  if (codec->parser && !append (GST_BIN (bin), &last, codec->parser, error))
    return NULL;
  add_guard (codec, decode, last, refused, user_data);
  if (decode && !append (GST_BIN (bin), &last, codec->decoders, error))
    return NULL;
  if (codec->kind == MESH_VIDEO)
    mesh_picture_repair_add (first, codec, playout);
  else if (decode)
    add_fec (first, last);
  if (!decode && codec->completed
      && !append (GST_BIN (bin), &last, codec->completed, error))
    return NULL;
  sink = gst_element_get_static_pad (first, "sink");
  src = gst_element_get_static_pad (last, "src");
  mesh_playout_time_output (playout, codec->kind, bin, sink, src);
  gst_element_add_pad (bin, gst_ghost_pad_new ("sink", sink));
  gst_element_add_pad (bin, gst_ghost_pad_new ("src", src));
  return GST_ELEMENT (g_object_ref (bin));
}
