/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "server/http.h"

G_BEGIN_DECLS

void mesh_page_answer (const MeshHttpRequest *request,
    MeshHttpResponse *response);

G_END_DECLS
