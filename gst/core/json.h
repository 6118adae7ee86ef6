/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* The largest frame and the deepest nesting that anybody may send us
 * (docs/protocol.md, "The envelope"). */
#define MESH_JSON_MAX_BYTES (64 * 1024)
#define MESH_JSON_MAX_DEPTH 8
/* The largest integer that JavaScript counts exactly. */
#define MESH_JSON_MAX_COUNT G_GINT64_CONSTANT (9007199254740991)

JsonObject *mesh_json_parse (const char *text, gsize length, GError **error);
char *mesh_json_to_string (JsonObject *object);

gboolean mesh_json_get_string (JsonObject *object, const char *name,
    gsize max_bytes, const char **value, GError **error);
gboolean mesh_json_get_int (JsonObject *object, const char *name, gint64 min,
    gint64 max, gint64 *value, GError **error);
gboolean mesh_json_get_bool (JsonObject *object, const char *name,
    gboolean *value, GError **error);

gboolean mesh_is_uuid (const char *text);

G_END_DECLS
