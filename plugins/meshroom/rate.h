/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "core/bwe/bwe.h"

G_BEGIN_DECLS

/* How fast one attempt may send: an estimator (core/bwe/bwe.h) with the pacer
 * that keeps to its target. Packets that are sent and reports of the peer come
 * from streaming threads; the call's thread lowers the target to the peer's
 * share of the uplink, and sends the padding of probes.
 *
 * Any thread may call everything. Times are g_get_monotonic_time(), rates bits
 * per second of whole IP packets. */

typedef struct _MeshRate MeshRate;

/* A probe is due, or a second repetition: mesh_rate_take_padding() is to be
 * called. Called by the thread that took the report or the request, without a
 * lock held. */
typedef void (*MeshRateProbing) (gpointer user_data);

/* What RTP packets cost on the path beyond their own bytes: SRTP's tag of
 * AES_CM_128_HMAC_SHA1_80 (RFC 5764, 4.1.2), UDP and IPv4. */
#define MESH_RATE_OVERHEAD (10 + 8 + 20)

/**
 * MESH_RATE_START:
 *
 * The rate at which a peer is begun with: sound and a picture of 360 lines. It
 * is what Chromium (300 kbit/s) has after its first probe.
 */
#define MESH_RATE_START 800000

MeshRate *mesh_rate_new (MeshRateProbing probing, gpointer user_data);
void mesh_rate_begin (MeshRate *rate, gboolean reports);
MeshRate *mesh_rate_ref (MeshRate *rate);
void mesh_rate_unref (MeshRate *rate);

/* What is sent. */
gint64 mesh_rate_when (MeshRate *rate, guint queued);
void mesh_rate_sent_sound (MeshRate *rate, guint size);
void mesh_rate_sent_copy (MeshRate *rate, guint size);
gboolean mesh_rate_copies_sound (MeshRate *rate);
void mesh_rate_sent_picture (MeshRate *rate, guint16 seqnum, guint size);
gboolean mesh_rate_may_repeat (MeshRate *rate, guint16 seqnum);
gboolean mesh_rate_take_padding (MeshRate *rate, guint16 *seqnum,
    gint64 *next);

/* What the peer reports. */
void mesh_rate_take_reports (MeshRate *rate, const GstStructure *packets);
void mesh_rate_take_loss (MeshRate *rate, double loss, gint64 rtt);

/* The call's thread. */
void mesh_rate_tick (MeshRate *rate);
void mesh_rate_want (MeshRate *rate, guint64 bits);
void mesh_rate_set_share (MeshRate *rate, guint64 share, gboolean is_short);
guint64 mesh_rate_get_estimate (MeshRate *rate);
guint64 mesh_rate_get_sound (MeshRate *rate, guint64 *copies);
void mesh_rate_get_figures (MeshRate *rate, MeshBweFigures *figures);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshRate, mesh_rate_unref)

G_END_DECLS
