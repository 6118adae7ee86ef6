/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* When a receiver asks for a key frame: one request is on its way at a time,
 * and is repeated only when its key frame should have come by now. Times are in
 * microseconds. */

typedef struct {
  gboolean wanted;
  gint64 asked_at;              /* 0: no request is on its way */
  guint repeated;               /* how often the wait for it was doubled */
  guint64 asked;                /* how many in all */
} MeshKeyRequest;

void mesh_key_request_want (MeshKeyRequest *request);
void mesh_key_request_got (MeshKeyRequest *request);
gboolean mesh_key_request_is_due (MeshKeyRequest *request, gint64 rtt,
    gint64 now);

G_END_DECLS
