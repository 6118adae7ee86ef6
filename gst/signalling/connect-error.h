/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What a person, and the core, should make of a server that could not be
 * reached, or did not answer as ours do. */

GError *mesh_connect_error_from_cause (const GError *error,
    GTlsCertificateFlags flags);
GError *mesh_connect_error_from_status (guint status);

G_END_DECLS
