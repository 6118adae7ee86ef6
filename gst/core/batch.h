/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Several frames in the body of one HTTP message, as a JSON text sequence (RFC
 * 7464): each frame stands between RS and LF. Neither byte can occur inside a
 * JSON string, so frames need not be parsed to be split; a body that was cut
 * off does not end in LF. */

void mesh_batch_append (GByteArray *batch, const char *frame, gsize length);
gboolean mesh_batch_next (const char **rest, gsize *rest_length,
    const char **frame, gsize *length);

G_END_DECLS
