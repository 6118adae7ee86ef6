/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "signalling/export.h"

G_BEGIN_DECLS

/* Asks STUN and TURN servers whether they serve us, since the ICE agent does
 * not tell: a server that is not there or does not know the password only means
 * one candidate less. Any thread may make a probe; it calls back on the thread
 * that runs the context, and is freed there or when nobody runs the context any
 * more. */

typedef struct _MeshIceProbe MeshIceProbe;

/**
 * MeshIceProbeFunc:
 * @server: which one, without its user and password
 * @why: (nullable): what is wrong with it, in words; %NULL: it serves us
 * @user_data: as given
 *
 * Called once for each server, within 10 s.
 */
typedef void (*MeshIceProbeFunc) (const char *server, const char *why,
    gpointer user_data);

MESH_API
MeshIceProbe *mesh_ice_probe_new (GMainContext *context,
    const char *stun_server, const char *const *turn_servers,
    MeshIceProbeFunc func, gpointer user_data);
MESH_API
void mesh_ice_probe_free (MeshIceProbe *probe);

G_END_DECLS
