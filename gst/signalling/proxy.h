/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "signalling/export.h"

G_BEGIN_DECLS

/* Names the proxy that leads to a server as the system does (environment
 * variables, GNOME's settings, PAC), but none for this machine itself. */

#define MESH_TYPE_PROXY_RESOLVER (mesh_proxy_resolver_get_type ())
MESH_API
G_DECLARE_FINAL_TYPE (MeshProxyResolver, mesh_proxy_resolver, MESH,
    PROXY_RESOLVER, GObject)

MESH_API
GProxyResolver *mesh_proxy_resolver_new (GProxyResolver *base);
MESH_API
char *mesh_proxy_resolver_dup_way (MeshProxyResolver *resolver,
    const char *url);
GError *mesh_proxy_resolver_explain (MeshProxyResolver *resolver,
    const char *url, GError *error);
MESH_API
void mesh_proxy_add_own (const char *url);
MESH_API
void mesh_proxy_remove_own (const char *url);
MESH_API
gboolean mesh_proxy_is_this_machine (const char *host);

G_END_DECLS
