/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

char *mesh_pem_file_read (const char *path, gboolean regular, GError **error);
GTlsCertificate *mesh_pem_file_load_certificate (const char *certificate,
    const char *key, gboolean regular, GError **error);

G_END_DECLS
