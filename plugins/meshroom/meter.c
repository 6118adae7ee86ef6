/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* webrtcbin's own statistics are not used: 1.22 mixes up sound and picture of a
 * BUNDLE in them, keeps one report block of a peer, and makes field names that
 * GLib never frees. */

#include "meshroom/meter.h"

#include "core/rtcp-figures.h"

/* Rates are those of the last two spans, each at least this long. */
#define SPAN (900 * G_TIME_SPAN_MILLISECOND)
/* Nothing can be said of less. */
#define MIN_ELAPSED (200 * G_TIME_SPAN_MILLISECOND)

/* One way. The probes count modulo 2^32, which is more than comes between two
 * readings. */
typedef struct {
  guint bytes, frames, keys;    /* atomic */
  guint size;                   /* of the picture: width << 16 | height;
                                 * atomic */
  const MeshCodec *codec;       /* that frames are read in; NULL: not read */
} Way;

typedef struct {
  gint64 at;
  guint64 bytes, frames;
} Sample;

/* What the reader keeps of a way. */
typedef struct {
  guint64 bytes, frames, keys;
  Sample samples[2];            /* the starts of the spans, the older first */
  guint n_samples;
} Sum;

struct _MeshMeter {
  Way sent, received;
  Sum sent_sum, received_sum;   /* the reader's alone */
  GMutex lock;                  /* guards what follows */
  MeshRtcpFigures *rtcp;
};

static MeshMeter *
meter_ref (MeshMeter *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
meter_clear (gpointer data)
{
  MeshMeter *self = data;

  mesh_rtcp_figures_free (self->rtcp);
  g_mutex_clear (&self->lock);
}

/**
 * mesh_meter_unref:
 * @meter: (nullable) (transfer full): the meter; its probes keep it as long as
 *   their pads are there
 */
void
mesh_meter_unref (MeshMeter *meter)
{
  if (meter)
    g_atomic_rc_box_release_full (meter, meter_clear);
}

/* --- packets --- */

static gsize
get_size (GstPadProbeInfo *info)
{
  return info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST
      ? gst_buffer_list_calculate_size (GST_PAD_PROBE_INFO_BUFFER_LIST (info))
      : gst_buffer_get_size (GST_PAD_PROBE_INFO_BUFFER (info));
}

static GstPadProbeReturn
on_sent (GstPad *pad, GstPadProbeInfo *info, gpointer meter)
{
  g_atomic_int_add (&((MeshMeter *) meter)->sent.bytes, get_size (info));
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
on_received (GstPad *pad, GstPadProbeInfo *info, gpointer meter)
{
  g_atomic_int_add (&((MeshMeter *) meter)->received.bytes, get_size (info));
  return GST_PAD_PROBE_OK;
}

typedef void (*TakeRtcp) (MeshRtcpFigures *figures, const guint8 *data,
    gsize size, gint64 now);

static GstPadProbeReturn
take_rtcp (MeshMeter *self, GstPadProbeInfo *info, TakeRtcp take)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  GstMapInfo map;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return GST_PAD_PROBE_OK;
  g_mutex_lock (&self->lock);
  take (self->rtcp, map.data, map.size, g_get_monotonic_time ());
  g_mutex_unlock (&self->lock);
  gst_buffer_unmap (buffer, &map);
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
on_sent_rtcp (GstPad *pad, GstPadProbeInfo *info, gpointer meter)
{
  return take_rtcp (meter, info, mesh_rtcp_figures_sent);
}

static GstPadProbeReturn
on_received_rtcp (GstPad *pad, GstPadProbeInfo *info, gpointer meter)
{
  return take_rtcp (meter, info, mesh_rtcp_figures_received);
}

static const struct {
  const char *pads;
  GstPadProbeType type;
  GstPadProbeCallback probe;
} probes[] = {
  /* behind the session: retransmissions have been added */
  { "send_rtp_src_", GST_PAD_PROBE_TYPE_BUFFER
        | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_sent },
  { "recv_rtp_sink_", GST_PAD_PROBE_TYPE_BUFFER
        | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_received },
  { "send_rtcp_src_", GST_PAD_PROBE_TYPE_BUFFER, on_sent_rtcp },
  { "recv_rtcp_sink_", GST_PAD_PROBE_TYPE_BUFFER, on_received_rtcp },
};

static void
on_rtpbin_pad (GstElement *rtpbin, GstPad *pad, gpointer meter)
{
  for (guint i = 0; i < G_N_ELEMENTS (probes); i++) {
    if (g_str_has_prefix (GST_OBJECT_NAME (pad), probes[i].pads))
      gst_pad_add_probe (pad, probes[i].type, probes[i].probe,
          meter_ref (meter), (GDestroyNotify) mesh_meter_unref);
  }
}

static void
forget_rtpbin (gpointer meter, GClosure *closure)
{
  mesh_meter_unref (meter);
}

/**
 * mesh_meter_new:
 * @rtpbin: (nullable): the one of a fresh webrtcbin
 *
 * Returns: (transfer full): a meter of what goes through @rtpbin
 */
MeshMeter *
mesh_meter_new (GstElement *rtpbin)
{
  MeshMeter *self = g_atomic_rc_box_new0 (MeshMeter);

  g_mutex_init (&self->lock);
  self->rtcp = mesh_rtcp_figures_new ();
  if (rtpbin)
    g_signal_connect_data (rtpbin, "pad-added", G_CALLBACK (on_rtpbin_pad),
        meter_ref (self), forget_rtpbin, 0);
  return self;
}

/* --- pictures --- */

static void
set_size (Way *way, int width, int height)
{
  g_atomic_int_set (&way->size, (guint) width << 16 | height);
}

static void
read_caps (Way *way, GstEvent *event)
{
  GstCaps *caps;
  const GstStructure *s;
  int width, height;

  gst_event_parse_caps (event, &caps);
  s = gst_caps_get_structure (caps, 0);
  if (gst_structure_get_int (s, "width", &width)
      && gst_structure_get_int (s, "height", &height))
    set_size (way, width, height);
}

/* Reads the size of a key frame, since the caps of an encoded stream need not
 * have it. */
static void
read_size (Way *way, GstBuffer *buffer)
{
  GstMapInfo map;
  int width, height;

  if (!way->codec || !way->codec->read_size
      || !gst_buffer_map (buffer, &map, GST_MAP_READ))
    return;
  if (way->codec->read_size (map.data, map.size, &width, &height))
    set_size (way, width, height);
  gst_buffer_unmap (buffer, &map);
}

static GstPadProbeReturn
on_picture (Way *way, GstPadProbeInfo *info)
{
  if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);

    if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS)
      read_caps (way, event);
    return GST_PAD_PROBE_OK;
  }
  g_atomic_int_inc (&way->frames);
  if (!GST_BUFFER_FLAG_IS_SET (GST_PAD_PROBE_INFO_BUFFER (info),
          GST_BUFFER_FLAG_DELTA_UNIT)) {
    g_atomic_int_inc (&way->keys);
    read_size (way, GST_PAD_PROBE_INFO_BUFFER (info));
  }
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
on_picture_sent (GstPad *pad, GstPadProbeInfo *info, gpointer meter)
{
  return on_picture (&((MeshMeter *) meter)->sent, info);
}

static GstPadProbeReturn
on_picture_received (GstPad *pad, GstPadProbeInfo *info, gpointer meter)
{
  return on_picture (&((MeshMeter *) meter)->received, info);
}

static void
watch (MeshMeter *self, GstPad *pad, GstPadProbeCallback probe)
{
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER
      | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, probe, meter_ref (self),
      (GDestroyNotify) mesh_meter_unref);
}

/**
 * mesh_meter_watch_sent:
 * @pad: through which the encoded frames come that are sent
 * @codec: theirs
 */
void
mesh_meter_watch_sent (MeshMeter *meter, GstPad *pad, const MeshCodec *codec)
{
  meter->sent.codec = codec;
  watch (meter, pad, on_picture_sent);
}

/**
 * mesh_meter_watch_received:
 * @pad: through which the frames come that were received
 * @codec: (nullable): theirs; %NULL: they are decoded
 */
void
mesh_meter_watch_received (MeshMeter *meter, GstPad *pad,
    const MeshCodec *codec)
{
  meter->received.codec = codec;
  watch (meter, pad, on_picture_received);
}

/* --- reading --- */

static void
add_up (guint64 *sum, guint *count)
{
  *sum += (guint) g_atomic_int_get (count) - (guint) *sum;
}

static void
read_way (Way *way, Sum *sum, gint64 now, MeshFlow *flow)
{
  guint size = g_atomic_int_get (&way->size);
  const Sample *first = &sum->samples[0];
  double seconds;

  add_up (&sum->bytes, &way->bytes);
  add_up (&sum->frames, &way->frames);
  add_up (&sum->keys, &way->keys);
  /* the first span begins when something comes */
  if (sum->n_samples == 0 || (sum->bytes == 0 && sum->frames == 0))
    sum->samples[0] = (Sample) { now, sum->bytes, sum->frames };
  sum->n_samples = MAX (sum->n_samples, 1);
  flow->width = size >> 16;
  flow->height = size & 0xffff;
  if (now - first->at >= MIN_ELAPSED) {
    seconds = (double) (now - first->at) / G_USEC_PER_SEC;
    flow->bitrate = 8 * (sum->bytes - first->bytes) / seconds;
    flow->framerate = (sum->frames - first->frames) / seconds;
  }
  if (now - sum->samples[sum->n_samples - 1].at < SPAN)
    return;
  if (sum->n_samples == 2)
    sum->samples[0] = sum->samples[1];
  sum->samples[1] = (Sample) { now, sum->bytes, sum->frames };
  sum->n_samples = 2;
}

/**
 * mesh_meter_read:
 * @meter: the meter
 * @now: g_get_monotonic_time()
 * @figures: (inout): where to put what the meter knows
 *
 * To be called about once a second, always by the same thread.
 */
void
mesh_meter_read (MeshMeter *meter, gint64 now, MeshFigures *figures)
{
  read_way (&meter->sent, &meter->sent_sum, now, &figures->sent);
  read_way (&meter->received, &meter->received_sum, now, &figures->received);
  figures->counts.key_frames_sent = meter->sent_sum.keys;
  g_mutex_lock (&meter->lock);
  figures->sent.loss = mesh_rtcp_figures_get_loss_sent (meter->rtcp, now);
  figures->received.loss =
      mesh_rtcp_figures_get_loss_received (meter->rtcp, now);
  figures->rtt = mesh_rtcp_figures_get_rtt (meter->rtcp) * 1000;
  figures->counts.key_frames_asked =
      mesh_rtcp_figures_get_keys_asked (meter->rtcp);
  g_mutex_unlock (&meter->lock);
}
