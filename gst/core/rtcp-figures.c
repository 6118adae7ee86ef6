/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/rtcp-figures.h"

#include <string.h>

/* The time that losses are counted over. */
#define WINDOW (2 * G_TIME_SPAN_SECOND)

/* A stream counts for so long after its last report. Chromium reports on sound
 * every 2.5 to 7.5 seconds. */
#define VALID (8 * G_TIME_SPAN_SECOND)

/* Reports that follow each other faster replace each other, so that those that
 * are kept cover the window. */
#define SPACING (G_TIME_SPAN_SECOND / 2)
#define REPORTS 6

#define STREAMS 8               /* that are reported on, each way */
#define SENDER_REPORTS 8        /* of ours, of which the round trip is taken */

#define SENDER_REPORT 200
#define RECEIVER_REPORT 201
#define PAYLOAD_FEEDBACK 206
#define PICTURE_LOSS 1          /* the formats of PAYLOAD_FEEDBACK */
#define FULL_INTRA 4

#define BLOCK_SIZE 24

typedef struct {
  gint64 at;
  guint32 highest;              /* extended sequence number */
  gint32 lost;                  /* since the stream began */
} Report;

typedef struct {
  guint32 ssrc;
  guint n;
  Report reports[REPORTS];      /* the oldest first */
} Stream;

typedef struct {
  Stream streams[STREAMS];
} Direction;

struct _MeshRtcpFigures {
  Direction sent, received;     /* what the peer gets of us, and we of it */
  struct {
    guint32 time;               /* the middle of the report's NTP time */
    gint64 at;
  } sender_reports[SENDER_REPORTS];
  guint n_sender_reports;
  gint64 rtt;
  guint64 keys_asked;
  int last_full_intra;          /* its number, which repetitions have, too;
                                 * -1: none came */
};

/**
 * mesh_rtcp_figures_new:
 * Returns: (transfer full): the figures of a connection that has just begun
 */
MeshRtcpFigures *
mesh_rtcp_figures_new (void)
{
  MeshRtcpFigures *self = g_new0 (MeshRtcpFigures, 1);

  self->last_full_intra = -1;
  return self;
}

/**
 * mesh_rtcp_figures_free:
 * @figures: (nullable) (transfer full): the figures
 */
void
mesh_rtcp_figures_free (MeshRtcpFigures *figures)
{
  g_free (figures);
}

static guint32
read32 (const guint8 *data)
{
  return (guint32) data[0] << 24 | data[1] << 16 | data[2] << 8 | data[3];
}

/* A number of 24 bits with a sign: duplicates may make the losses negative. */
static gint32
read_lost (const guint8 *data)
{
  gint32 lost = data[0] << 16 | data[1] << 8 | data[2];

  return lost >= 0x800000 ? lost - 0x1000000 : lost;
}

static gint64
last_report_at (const Stream *stream)
{
  return stream->n ? stream->reports[stream->n - 1].at : G_MININT64;
}

/* Returns: the place of the stream with @ssrc, which is that of the stream that
 * has not been reported on for longest if it is a new one */
static Stream *
find_stream (Direction *direction, guint32 ssrc)
{
  Stream *oldest = &direction->streams[0];

  for (guint i = 0; i < STREAMS; i++) {
    Stream *stream = &direction->streams[i];

    if (stream->n && stream->ssrc == ssrc)
      return stream;
    if (last_report_at (stream) < last_report_at (oldest))
      oldest = stream;
  }
  oldest->ssrc = ssrc;
  oldest->n = 0;
  return oldest;
}

static void
take_report (Direction *direction, const guint8 *block, gint64 now)
{
  Stream *stream = find_stream (direction, read32 (block));
  Report report = { now, read32 (block + 8), read_lost (block + 5) };

  /* a sender that starts its sequence anew */
  if (stream->n
      && report.highest < stream->reports[stream->n - 1].highest)
    stream->n = 0;
  if (stream->n > 1 && stream->reports[stream->n - 1].at
      - stream->reports[stream->n - 2].at < SPACING)
    stream->n--;
  if (stream->n == REPORTS) {
    memmove (stream->reports, stream->reports + 1,
        (REPORTS - 1) * sizeof (Report));
    stream->n--;
  }
  stream->reports[stream->n++] = report;
}

/* The round trip, without clocks that agree (RFC 3550 §6.4.1): a report names
 * the last sender report that came, and for how long it was held since. */
static void
take_rtt (MeshRtcpFigures *self, const guint8 *block, gint64 now)
{
  guint32 time = read32 (block + 16);
  gint64 held = (gint64) read32 (block + 20) * G_USEC_PER_SEC / 65536;

  for (guint i = 0; i < SENDER_REPORTS; i++) {
    if (self->sender_reports[i].at == 0
        || self->sender_reports[i].time != time)
      continue;
    /* a loopback's is shorter than what the fields can say */
    self->rtt = MAX (now - self->sender_reports[i].at - held, 1);
  }
}

static void
note_sender_report (MeshRtcpFigures *self, const guint8 *packet, gint64 now)
{
  guint i = self->n_sender_reports++ % SENDER_REPORTS;

  self->sender_reports[i].time = read32 (packet + 10);
  self->sender_reports[i].at = now;
}

static void
take_feedback (MeshRtcpFigures *self, guint format, const guint8 *packet,
    gsize size)
{
  if (format == PICTURE_LOSS && size >= 12)
    self->keys_asked++;
  if (format != FULL_INTRA || size < 20
      || self->last_full_intra == packet[16])
    return;
  self->last_full_intra = packet[16];
  self->keys_asked++;
}

/* @direction: what is reported on */
static void
take_packet (MeshRtcpFigures *self, Direction *direction,
    const guint8 *packet, gsize size, gint64 now)
{
  guint count = packet[0] & 0x1f;
  gsize head = packet[1] == SENDER_REPORT ? 28 : 8;
  gboolean of_peer = direction == &self->sent;

  if (packet[1] == PAYLOAD_FEEDBACK && of_peer)
    take_feedback (self, count, packet, size);
  if ((packet[1] != SENDER_REPORT && packet[1] != RECEIVER_REPORT)
      || size < head + count * BLOCK_SIZE)
    return;
  if (packet[1] == SENDER_REPORT && !of_peer)
    note_sender_report (self, packet, now);
  for (guint i = 0; i < count; i++) {
    take_report (direction, packet + head + i * BLOCK_SIZE, now);
    if (of_peer)
      take_rtt (self, packet + head + i * BLOCK_SIZE, now);
  }
}

static void
take_compound (MeshRtcpFigures *self, Direction *direction,
    const guint8 *data, gsize size, gint64 now)
{
  while (size >= 4) {
    gsize length = 4 * (((gsize) data[2] << 8 | data[3]) + 1);

    if (data[0] >> 6 != 2 || length > size)
      return;
    take_packet (self, direction, data, length, now);
    data += length;
    size -= length;
  }
}

/**
 * mesh_rtcp_figures_sent:
 * @figures: the figures
 * @data: a compound packet that goes to the peer
 * @size: of @data
 * @now: the time, in µs, more than 0
 */
void
mesh_rtcp_figures_sent (MeshRtcpFigures *figures, const guint8 *data,
    gsize size, gint64 now)
{
  take_compound (figures, &figures->received, data, size, now);
}

/**
 * mesh_rtcp_figures_received:
 * @figures: the figures
 * @data: a compound packet of the peer's, of which anything may be wrong
 * @size: of @data
 * @now: as for mesh_rtcp_figures_sent()
 */
void
mesh_rtcp_figures_received (MeshRtcpFigures *figures, const guint8 *data,
    gsize size, gint64 now)
{
  take_compound (figures, &figures->sent, data, size, now);
}

/* Returns: the report that the window of the last one begins with */
static const Report *
window_start (const Stream *stream)
{
  const Report *last = &stream->reports[stream->n - 1];
  const Report *start = &stream->reports[0];

  for (const Report *report = start; report < last; report++) {
    if (last->at - report->at >= WINDOW)
      start = report;
  }
  return start;
}

static double
get_loss (const Direction *direction, gint64 now)
{
  gint64 expected = 0, lost = 0;

  for (guint i = 0; i < STREAMS; i++) {
    const Stream *stream = &direction->streams[i];
    const Report *last, *start;

    if (stream->n < 2 || now - last_report_at (stream) > VALID)
      continue;
    last = &stream->reports[stream->n - 1];
    start = window_start (stream);
    expected += last->highest - start->highest;
    lost += CLAMP ((gint64) last->lost - start->lost, 0,
        (gint64) (last->highest - start->highest));
  }
  return expected ? (double) lost / expected : 0;
}

/**
 * mesh_rtcp_figures_get_loss_sent:
 * @figures: the figures
 * @now: the time
 *
 * Returns: which part of what we sent did not reach the peer, 0 to 1, over the
 *   last two seconds before its last report; 0 if that is not known
 */
double
mesh_rtcp_figures_get_loss_sent (const MeshRtcpFigures *figures, gint64 now)
{
  return get_loss (&figures->sent, now);
}

/**
 * mesh_rtcp_figures_get_loss_received:
 * Returns: as mesh_rtcp_figures_get_loss_sent(), of what the peer sent
 */
double
mesh_rtcp_figures_get_loss_received (const MeshRtcpFigures *figures,
    gint64 now)
{
  return get_loss (&figures->received, now);
}

/**
 * mesh_rtcp_figures_get_rtt:
 * Returns: the last round trip, in µs; 0 if it is not known, as where nothing
 *   is sent
 */
gint64
mesh_rtcp_figures_get_rtt (const MeshRtcpFigures *figures)
{
  return figures->rtt;
}

/**
 * mesh_rtcp_figures_get_keys_asked:
 * Returns: how many key frames the peer has asked for
 */
guint64
mesh_rtcp_figures_get_keys_asked (const MeshRtcpFigures *figures)
{
  return figures->keys_asked;
}
