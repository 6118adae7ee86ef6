/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

gboolean mesh_address_parse (const char *text, char **host, guint16 *port,
    GError **error);
GInetAddress *mesh_address_resolve (const char *host, GError **error);
char *mesh_address_guess_host (GInetAddress *bound);

G_END_DECLS
