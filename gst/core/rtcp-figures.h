/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Reads what the RTCP of one connection says of it (RFC 3550 §6.4, RFC 4585
 * §6.3.1, RFC 5104 §4.3.1): losses each way, the round trip, and the key frames
 * that the peer asks for. Report blocks are kept apart by the SSRC that they
 * are about, since one RTCP session of a BUNDLE has those of sound, picture
 * and retransmissions. */

typedef struct _MeshRtcpFigures MeshRtcpFigures;

MeshRtcpFigures *mesh_rtcp_figures_new (void);
void mesh_rtcp_figures_free (MeshRtcpFigures *figures);
void mesh_rtcp_figures_sent (MeshRtcpFigures *figures, const guint8 *data,
    gsize size, gint64 now);
void mesh_rtcp_figures_received (MeshRtcpFigures *figures, const guint8 *data,
    gsize size, gint64 now);
double mesh_rtcp_figures_get_loss_sent (const MeshRtcpFigures *figures,
    gint64 now);
double mesh_rtcp_figures_get_loss_received (const MeshRtcpFigures *figures,
    gint64 now);
gint64 mesh_rtcp_figures_get_rtt (const MeshRtcpFigures *figures);
guint64 mesh_rtcp_figures_get_keys_asked (const MeshRtcpFigures *figures);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshRtcpFigures, mesh_rtcp_figures_free)

G_END_DECLS
