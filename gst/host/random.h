/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/link.h"

G_BEGIN_DECLS

/* Random values that must not be guessed, from GnuTLS' generator. May be called
 * on any thread. */

void mesh_random_fill (gpointer bytes, gsize length);
char *mesh_random_token (void);
char *mesh_random_uuid (void);
char *mesh_random_incarnation (void);
char *mesh_random_incarnation_after (const char *newest);
MeshLink *mesh_random_link (const char *base_url, GError **error);

G_END_DECLS
