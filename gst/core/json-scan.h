/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * MeshJsonSpan:
 * @text: where the value starts, in the text that was scanned
 * @length: its bytes; 0 where the object has no such member
 *
 * One value of an object, as it was written. Strings keep their quotes.
 */
typedef struct {
  const char *text;
  gsize length;
} MeshJsonSpan;

gboolean mesh_json_scan (const char *text, gsize length, guint max_depth,
    const char *const *names, MeshJsonSpan *spans);
gboolean mesh_json_span_string (const MeshJsonSpan *span, gsize max_length,
    char *value);
gboolean mesh_json_span_number (const MeshJsonSpan *span, guint64 *value);
gboolean mesh_json_span_decode (const MeshJsonSpan *span, GString *text);
char *mesh_json_span_dup (const MeshJsonSpan *span, gsize max_length);
gboolean mesh_json_span_next (MeshJsonSpan *rest, MeshJsonSpan *item);

JsonObject *mesh_json_read (const char *text, gsize length, guint max_depth);

G_END_DECLS
