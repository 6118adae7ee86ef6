/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "core/link.h"

G_BEGIN_DECLS

/* The HTTP request that asks for a WebSocket, and its answer (RFC 6455, section
 * 4.1), as text. */

#define MESH_WS_MAX_ANSWER (16 * 1024)

char *mesh_ws_make_key (void);
char *mesh_ws_make_request (const MeshLink *link, const char *path,
    const char *key);
gssize mesh_ws_answer_length (const char *text, gsize length);
gboolean mesh_ws_check_answer (const char *answer, gsize length,
    const char *key, GError **error);

G_END_DECLS
