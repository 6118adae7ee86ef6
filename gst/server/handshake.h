/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "server/http.h"

G_BEGIN_DECLS

gboolean mesh_origin_is_allowed (const char *origin, const char *host,
    char **allowed);
gboolean mesh_origin_admit (const MeshHttpRequest *request, char **allowed,
    MeshHttpResponse *response);
void mesh_origin_add_headers (MeshHttpResponse *response, const char *origin);
gboolean mesh_origin_check (const char *text, GError **error);
void mesh_handshake_answer (const MeshHttpRequest *request, char **allowed,
    MeshHttpResponse *response);

G_END_DECLS
