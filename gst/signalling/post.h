/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libsoup/soup.h>

G_BEGIN_DECLS

/* One HTTP request with a body, and its answer, of which neither the size nor
 * the time that it takes is without a limit. The request may reach the server
 * more than once: libsoup repeats it on a new connection where one that it had
 * kept turns out to be closed. */

/* A callback's error says why there is no answer. The status is 0 then, or
 * this, when nobody listens there at all. */
#define MESH_POST_NOBODY 1
typedef void (*MeshPostFunc) (guint status, GBytes *answer,
    const GError *error, gpointer user_data);

SoupSession *mesh_post_session_new (void);
void mesh_post (SoupSession *session, const char *url,
    const char *content_type, GBytes *body, gsize max_answer, guint patience_ms,
    GCancellable *cancellable,
    MeshPostFunc func, gpointer user_data);

G_END_DECLS
