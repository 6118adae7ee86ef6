/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/metrics.h"

/* No number depends on the language of the process. */
static void
add (GString *text, const char *name, const char *type, const char *help,
    double value)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append_printf (text, "# HELP meshroom_%s %s\n"
      "# TYPE meshroom_%s %s\n"
      "meshroom_%s %s\n", name, help, name, type, name,
      g_ascii_dtostr (number, sizeof number, value));
}

static void
add_counts (GString *text, const MeshCounts *counts)
{
  add (text, "freezes_total", "counter",
      "How often a peer's picture stood still.", counts->freezes);
  add (text, "frozen_seconds_total", "counter",
      "How long peers' pictures stood still.",
      counts->frozen_time / (double) G_TIME_SPAN_SECOND / 1000);
  add (text, "key_frames_asked_total", "counter",
      "Key frames that peers asked for.", counts->key_frames_asked);
  add (text, "key_frames_sent_total", "counter",
      "Key frames sent, each once a peer.", counts->key_frames_sent);
}

/**
 * mesh_call_sums_to_text:
 * Returns: (transfer full): the sums in Prometheus' text format. They tell of
 *   no single peer, since anybody can read them
 */
char *
mesh_call_sums_to_text (const MeshCallSums *sums)
{
  const MeshFigures *figures = &sums->figures;
  GString *text = g_string_new (NULL);

  add (text, "peers", "gauge", "Others that the participant with serve= is "
      "connected with.", sums->connected);
  add (text, "peers_relayed", "gauge", "Those by way of a TURN server.",
      sums->relayed);
  add (text, "estimate_bits_per_second", "gauge",
      "What the paths to them take.", figures->estimate);
  add (text, "sent_bits_per_second", "gauge", "Media sent to them.",
      figures->sent.bitrate);
  add (text, "received_bits_per_second", "gauge", "Media that they send.",
      figures->received.bitrate);
  add (text, "rtt_seconds", "gauge", "Their mean round trip.",
      figures->rtt / (double) G_TIME_SPAN_SECOND / 1000);
  add (text, "playout_delay_seconds", "gauge",
      "For how long their media is held, on average.",
      figures->playout_delay / (double) G_TIME_SPAN_SECOND / 1000);
  add (text, "loss_sent_ratio", "gauge",
      "Part of what is sent that is lost, on average.", figures->sent.loss);
  add (text, "loss_received_ratio", "gauge",
      "Part of what they send that is lost, on average.",
      figures->received.loss);
  add_counts (text, &figures->counts);
  return g_string_free (text, FALSE);
}
