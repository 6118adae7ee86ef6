/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Base64 as links, tokens and seals have it: the alphabet of URLs, without
 * padding (RFC 4648, section 5). */

char *mesh_base64url_encode (const guint8 *bytes, gsize length);
guint8 *mesh_base64url_decode (const char *text, gsize *length);
gboolean mesh_is_base64url (const char *text);

G_END_DECLS
