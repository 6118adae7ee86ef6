/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

GTlsCertificate *mesh_certificate_new_self_signed (const char *const *names,
    GError **error);

G_END_DECLS
