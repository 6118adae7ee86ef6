/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Has a jitterbuffer give missing packets up in time, and no NACK sent for one
 * that could not come in time any more; and measures how late packets come.
 *
 * The jitterbuffer takes a stream that is later than its latency for a new one,
 * with timestamps that jump. So its latency is large and constant, and what is
 * missing is given up earlier by a negative ts-offset, which is taken off the
 * timestamps again behind it. That offset is changed on the thread that brings
 * the packets out alone, so that it is known which one a packet has had. */

#include "meshroom/playout.h"

#include <gst/rtp/rtp.h>

/* ms */
#define LATENCY 800

/* Smaller changes of the wait are not worth a walk through its timers. */
#define NOTICEABLE (4 * GST_MSECOND)

/* A NACK or its answer may be lost as well, but not for ever. A NACK is sent
 * three times in a round trip, since one that is lost costs as much time as the
 * packet; the sender answers one of them. */
#define MOST_RETRIES 12
#define NACKS 3
#define LEAST_BETWEEN (15 * GST_MSECOND)

/* How late a packet may be before it is asked for, in ms. Left to itself, the
 * jitterbuffer waits for twice the jitter, which the losses add to. */
#define REORDER 10

/* A packet that is further off belongs to a stream that begins anew. */
#define MOST_LATE (2 * GST_SECOND)

/* How many of the latest packets are remembered, and requests. */
#define SEEN 1024
#define ASKED 64

typedef struct {
  guint16 seqnum;
  GstClockTime at;              /* 0: none, or answered */
} Request;

typedef struct {
  gatomicrefcount refs;         /* one for each probe and handler */
  MeshPlayout *playout;
  MeshKind kind;
  GstElement *element;          /* no reference: its pads have the probes */
  guint clock_rate;

  GMutex lock;                  /* guards what follows; a leaf */
  gboolean known;               /* a packet has come out */
  guint32 rtp_time;             /* of that packet */
  GstClockTime time;
  Request asked[ASKED];         /* packets, at first; a ring */
  guint n_asked;

  /* the thread that receives */
  guint32 seen[SEEN];           /* sequence numbers + 1, by their last bits */
  guint16 highest;              /* of them */
  gboolean begun;               /* there is one */

  /* the thread that brings packets out */
  GstClockTimeDiff offset;
  GstClockTime wait, rtt;
} Buffer;

static gpointer
buffer_ref (Buffer *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

static void
buffer_unref (gpointer data)
{
  Buffer *self = data;

  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  mesh_playout_unref (self->playout);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static void
closure_unref (gpointer data, GClosure *closure)
{
  buffer_unref (data);
}

static gboolean
read_header (GstBuffer *packet, guint32 *time, guint16 *seqnum)
{
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;

  if (!gst_rtp_buffer_map (packet, GST_MAP_READ, &rtp))
    return FALSE;
  *time = gst_rtp_buffer_get_timestamp (&rtp);
  *seqnum = gst_rtp_buffer_get_seq (&rtp);
  gst_rtp_buffer_unmap (&rtp);
  return TRUE;
}

/* Whether a packet is the first of its number. Senders repeat old packets as
 * padding, to find out what the path takes: these are not late. */
static gboolean
is_new (Buffer *self, guint16 seqnum)
{
  guint32 *seen = &self->seen[seqnum % SEEN];
  gint16 ahead = self->begun ? (gint16) (seqnum - self->highest) : 1;

  if (*seen == seqnum + 1u || (ahead < 0 && ahead <= -SEEN))
    return FALSE;
  *seen = seqnum + 1u;
  self->begun = TRUE;
  if (ahead > 0)
    self->highest = seqnum;
  return TRUE;
}

/* Returns: (nullable): the request for a packet that has not come yet */
static Request *
find_request_locked (Buffer *self, guint16 seqnum)
{
  for (guint i = 0; i < ASKED; i++) {
    if (self->asked[i].at > 0 && self->asked[i].seqnum == seqnum)
      return &self->asked[i];
  }
  return NULL;
}

/* Notes a request of the jitterbuffer, which comes from its own thread. */
static GstPadProbeReturn
on_request (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Buffer *self = user_data;
  const GstStructure *s =
      gst_event_get_structure (GST_PAD_PROBE_INFO_EVENT (info));
  GstClockTime now = gst_element_get_current_running_time (self->element);
  guint seqnum;

  if (!s || !gst_structure_has_name (s, "GstRTPRetransmissionRequest")
      || !gst_structure_get_uint (s, "seqnum", &seqnum)
      || !GST_CLOCK_TIME_IS_VALID (now))
    return GST_PAD_PROBE_OK;
  g_mutex_lock (&self->lock);
  if (!find_request_locked (self, (guint16) seqnum))
    self->asked[self->n_asked++ % ASKED] = (Request) {
      .seqnum = (guint16) seqnum,
      .at = now,
    };
  g_mutex_unlock (&self->lock);
  return GST_PAD_PROBE_OK;
}

/* Returns: how long after the first request for it a packet has come, 0 if
 * nobody asked */
static GstClockTime
answer (Buffer *self, guint16 seqnum, GstClockTime now)
{
  Request *request;
  GstClockTime time = 0;

  g_mutex_lock (&self->lock);
  request = find_request_locked (self, seqnum);
  if (request) {
    time = now > request->at ? now - request->at : 0;
    request->at = 0;
  }
  g_mutex_unlock (&self->lock);
  return time;
}

static gboolean
measure (GstBuffer **packet, guint i, gpointer user_data)
{
  Buffer *self = user_data;
  GstClockTime now = gst_element_get_current_running_time (self->element);
  gboolean repaired = GST_BUFFER_FLAG_IS_SET (*packet,
      GST_RTP_BUFFER_FLAG_RETRANSMISSION);
  GstClockTimeDiff late = 0;
  gboolean known;
  guint32 time;
  guint16 seqnum;

  if (!GST_CLOCK_TIME_IS_VALID (now) || !read_header (*packet, &time, &seqnum)
      || !is_new (self, seqnum))
    return TRUE;
  g_mutex_lock (&self->lock);
  known = self->known;
  if (known)
    late = GST_CLOCK_DIFF (self->time, now)
        - (gint64) (gint32) (time - self->rtp_time) * (gint64) GST_SECOND
        / self->clock_rate;
  g_mutex_unlock (&self->lock);
  if (known && ABS (late) < (GstClockTimeDiff) MOST_LATE)
    mesh_playout_take_late (self->playout, self->kind, late, repaired);
  if (repaired)
    mesh_playout_take_answer (self->playout, answer (self, seqnum, now));
  return TRUE;
}

static GstPadProbeReturn
on_arrival (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstBuffer *packet;

  if (info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST) {
    gst_buffer_list_foreach (GST_PAD_PROBE_INFO_BUFFER_LIST (info), measure,
        user_data);
  } else {
    packet = GST_PAD_PROBE_INFO_BUFFER (info);
    measure (&packet, 0, user_data);
  }
  return GST_PAD_PROBE_OK;
}

/* Asks for a packet as long as it can come in time, and not again before it can
 * have come. */
static void
bound_retries (Buffer *self)
{
  GstClockTime rtt = self->rtt;
  GstClockTime period = self->wait > rtt ? self->wait - rtt : 0;

  g_object_set (self->element, "rtx-retry-period",
      (gint) (period / GST_MSECOND), "rtx-max-retries", MOST_RETRIES,
      "rtx-delay", REORDER, NULL);
  if (rtt > 0)
    g_object_set (self->element, "rtx-retry-timeout",
        (gint) (MAX (rtt / NACKS, LEAST_BETWEEN) / GST_MSECOND), NULL);
}

static gboolean
differs (GstClockTime a, GstClockTime b)
{
  return ABS (GST_CLOCK_DIFF (a, b)) >= (GstClockTimeDiff) NOTICEABLE;
}

/* Follows the delay. In the first moments of a pipeline the timestamps would be
 * negative, so the wait is the whole latency. */
static void
follow (Buffer *self, GstClockTime time)
{
  GstClockTime wait = mesh_playout_get_wait (self->playout, self->kind);
  GstClockTime rtt = mesh_playout_get_rtt (self->playout);

  if (time < LATENCY * GST_MSECOND
      || (!differs (wait, self->wait) && !differs (rtt, self->rtt)))
    return;
  if (differs (wait, self->wait)) {
    self->wait = wait;
    self->offset = GST_CLOCK_DIFF (LATENCY * GST_MSECOND, wait);
    g_object_set (self->element, "ts-offset", (gint64) self->offset, NULL);
  }
  self->rtt = rtt;
  if (self->kind == MESH_VIDEO)
    bound_retries (self);
}

static GstBuffer *
take_packet (Buffer *self, GstBuffer *packet)
{
  guint32 rtp_time;
  guint16 seqnum;

  packet = gst_buffer_make_writable (packet);
  if (!GST_BUFFER_PTS_IS_VALID (packet))
    return packet;
  GST_BUFFER_PTS (packet) -= self->offset;
  if (read_header (packet, &rtp_time, &seqnum)) {
    g_mutex_lock (&self->lock);
    self->known = TRUE;
    self->rtp_time = rtp_time;
    self->time = GST_BUFFER_PTS (packet);
    g_mutex_unlock (&self->lock);
  }
  follow (self, GST_BUFFER_PTS (packet));
  return packet;
}

static GstEvent *
take_event (Buffer *self, GstEvent *event)
{
  guint64 time;

  if (!gst_event_has_name (event, "GstRTPPacketLost"))
    return event;
  event = GST_EVENT (gst_mini_object_make_writable (GST_MINI_OBJECT (event)));
  if (gst_structure_get_uint64 (gst_event_get_structure (event), "timestamp",
          &time) && GST_CLOCK_TIME_IS_VALID (time))
    gst_structure_set (gst_event_writable_structure (event), "timestamp",
        G_TYPE_UINT64, time - self->offset, NULL);
  return event;
}

static GstPadProbeReturn
on_departure (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER)
    info->data = take_packet (user_data, info->data);
  else
    info->data = take_event (user_data, info->data);
  return GST_PAD_PROBE_OK;
}

/* A sender report tells at which time of the peer's clock a packet was made,
 * and the jitterbuffer which running time it has. */
static void
on_sync (GstElement *element, GstStructure *s, gpointer user_data)
{
  Buffer *self = user_data;
  guint64 base_rtp, base_time, rtp_time, ntp_time;
  guint rate;
  gint64 ticks;

  if (!gst_structure_get (s, "base-rtptime", G_TYPE_UINT64, &base_rtp,
          "base-time", G_TYPE_UINT64, &base_time, "clock-rate", G_TYPE_UINT,
          &rate, "sr-ext-rtptime", G_TYPE_UINT64, &rtp_time, "sr-ntpnstime",
          G_TYPE_UINT64, &ntp_time, NULL) || rate == 0
      || !GST_CLOCK_TIME_IS_VALID (base_time))
    return;
  ticks = (gint64) (rtp_time - base_rtp);
  if (ABS (ticks) > (gint64) rate * 3600 * 24 * 365)
    return;
  mesh_playout_take_sync (self->playout, self->kind, (gint64) base_time
      + (gint64) ((double) ticks / rate * GST_SECOND) - (gint64) ntp_time);
}

/**
 * mesh_playout_watch_buffer:
 * @kind: what it is for
 * @jitterbuffer: an rtpjitterbuffer that nothing has passed yet
 */
void
mesh_playout_watch_buffer (MeshPlayout *playout, MeshKind kind,
    GstElement *jitterbuffer)
{
  g_autoptr (GstPad) sink = gst_element_get_static_pad (jitterbuffer, "sink");
  g_autoptr (GstPad) src = gst_element_get_static_pad (jitterbuffer, "src");
  Buffer *self = g_new0 (Buffer, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->lock);
  self->playout = mesh_playout_ref (playout);
  self->kind = kind;
  self->element = jitterbuffer;
  self->clock_rate = mesh_codec_get_first (kind)->clock_rate;
  g_object_set (jitterbuffer, "latency", LATENCY, NULL);
  gst_pad_add_probe (sink, GST_PAD_PROBE_TYPE_BUFFER
      | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_arrival, buffer_ref (self),
      buffer_unref);
  gst_pad_add_probe (sink, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_request,
      buffer_ref (self), buffer_unref);
  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_BUFFER
      | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_departure, buffer_ref (self),
      buffer_unref);
  g_signal_connect_data (jitterbuffer, "handle-sync", G_CALLBACK (on_sync),
      self, closure_unref, 0);
}
