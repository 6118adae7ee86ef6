/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/twcc-packets.h"

/* The header of RTP with the extension for transport-wide feedback, which
 * rtpsession leaves out of a packet's size. */
#define HEADER (12 + 8)

/* A report of packets that were sent so long ago, or are still to be sent, is
 * none of ours. */
#define LATEST_REPORT (10 * G_TIME_SPAN_SECOND)

/* Returns: whether the packet is one of ours that has been sent lately */
static gboolean
read_packet (const GstStructure *s, guint overhead, gint64 now,
    MeshBwePacket *packet)
{
  guint64 local = GST_CLOCK_TIME_NONE, remote = GST_CLOCK_TIME_NONE;
  gboolean lost = FALSE;
  guint size = 0;

  gst_structure_get (s, "local-ts", G_TYPE_UINT64, &local, "remote-ts",
      G_TYPE_UINT64, &remote, "size", G_TYPE_UINT, &size, "lost",
      G_TYPE_BOOLEAN, &lost, NULL);
  if (!GST_CLOCK_TIME_IS_VALID (local)
      || (!lost && !GST_CLOCK_TIME_IS_VALID (remote)))
    return FALSE;
  *packet = (MeshBwePacket) {
    .sent_at = local / 1000,
    .arrived_at = lost ? MESH_BWE_LOST : (gint64) (remote / 1000),
    .size = size + HEADER + overhead,
  };
  return packet->sent_at <= now && now - packet->sent_at < LATEST_REPORT;
}

/**
 * mesh_twcc_read_packets:
 * @report: the event `RTPTWCCPackets` of rtpsession
 * @overhead: what each packet costs beyond its RTP header and payload
 * @now: the time
 * @packets: (element-type MeshBwePacket): what is replaced by the packets that
 *   were sent lately; none if @report is not understood
 */
void
mesh_twcc_read_packets (const GstStructure *report, guint overhead, gint64 now,
    GArray *packets)
{
  const GValue *list = gst_structure_get_value (report, "packets");

  g_array_set_size (packets, 0);
G_GNUC_BEGIN_IGNORE_DEPRECATIONS
  if (list && G_VALUE_HOLDS (list, g_value_array_get_type ())) {
    GValueArray *values = g_value_get_boxed (list);

    for (guint i = 0; values && i < values->n_values; i++) {
      MeshBwePacket packet;

      if (read_packet (gst_value_get_structure (g_value_array_get_nth (values,
                      i)), overhead, now, &packet))
        g_array_append_val (packets, packet);
    }
  }
G_GNUC_END_IGNORE_DEPRECATIONS
}
