/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The address to listen on as people write it, and the addresses and names by
 * which others are told to come. */

gboolean mesh_address_parse (const char *text, char **host, guint16 *port,
    GError **error);
GPtrArray *mesh_address_resolve (const char *host, guint16 port,
    GError **error);
gboolean mesh_address_is_name (const char *host);
GSocketAddress *mesh_address_with_port (GInetSocketAddress *address,
    guint16 port);
char *mesh_address_to_url_host (GInetSocketAddress *address);
char **mesh_address_list_hosts (GPtrArray *bound);
char **mesh_address_list_names (const char *listen, GError **error);

G_END_DECLS
