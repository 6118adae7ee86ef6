/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads messages as trees. Their size is bounded, and the type of every field
 * is checked, since json-glib's getters log a g_critical about a wrong type. */

#include "core/json.h"

#include <string.h>

#include "core/error.h"
#include "core/json-scan.h"

/**
 * mesh_json_parse:
 * @text: JSON as it arrived; need not end in a NUL
 * @length: bytes in @text
 * @error: return location for a #MESH_ERROR
 *
 * Parses one JSON object of at most %MESH_JSON_MAX_BYTES, nested at most
 * %MESH_JSON_MAX_DEPTH deep, in valid UTF-8 without NUL bytes.
 *
 * Returns: (transfer full) (nullable): the object, or %NULL with @error set
 */
JsonObject *
mesh_json_parse (const char *text, gsize length, GError **error)
{
  JsonObject *object;

  if (length > MESH_JSON_MAX_BYTES) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_TOO_BIG,
        "message of %" G_GSIZE_FORMAT " bytes is over the limit of %d", length,
        MESH_JSON_MAX_BYTES);
    return NULL;
  }
  object = mesh_json_read (text, length, MESH_JSON_MAX_DEPTH);
  if (!object)
    g_set_error (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
        "message is not one JSON object, or is nested deeper than %d",
        MESH_JSON_MAX_DEPTH);
  return object;
}

/**
 * mesh_json_to_string:
 * @object: any object
 *
 * Returns: (transfer full): @object as compact JSON
 */
char *
mesh_json_to_string (JsonObject *object)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);

  json_node_set_object (node, object);
  return json_to_string (node, FALSE);
}

static gboolean
set_wrong (GError **error, const char *name, const char *what)
{
  g_set_error (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
      "field \"%s\" of a message is not %s", name, what);
  return FALSE;
}

/* The member's node when it holds a value of the type; %NULL with @missing
 * set where there is no such member, or null. */
static JsonNode *
get_value (JsonObject *object, const char *name, GType type, gboolean *missing)
{
  JsonNode *node = json_object_get_member (object, name);

  *missing = !node || JSON_NODE_HOLDS_NULL (node);
  if (*missing || !JSON_NODE_HOLDS_VALUE (node)
      || json_node_get_value_type (node) != type)
    return NULL;
  return node;
}

/**
 * mesh_json_get_string:
 * @object: where to look
 * @max_bytes: the longest string allowed
 * @value: (out) (transfer none) (nullable): the string, owned by @object;
 *   %NULL where there is no such member
 * @error: return location for a #MESH_ERROR
 *
 * Returns: %FALSE when the member is there and is not such a string
 */
gboolean
mesh_json_get_string (JsonObject *object, const char *name, gsize max_bytes,
    const char **value, GError **error)
{
  gboolean missing;
  JsonNode *node = get_value (object, name, G_TYPE_STRING, &missing);

  *value = node ? json_node_get_string (node) : NULL;
  if (missing)
    return TRUE;
  if (!node)
    return set_wrong (error, name, "a string");
  if (strlen (*value) > max_bytes) {
    *value = NULL;
    g_set_error (error, MESH_ERROR, MESH_ERROR_TOO_BIG,
        "field \"%s\" of a message is longer than %" G_GSIZE_FORMAT " bytes",
        name, max_bytes);
    return FALSE;
  }
  return TRUE;
}

/**
 * mesh_json_get_int:
 * @object: where to look
 * @min: smallest value allowed
 * @max: largest value allowed
 * @value: (inout): the number; left alone where there is no such member
 * @error: return location for a #MESH_ERROR
 *
 * Returns: %FALSE when the member is there and is not such an integer
 */
gboolean
mesh_json_get_int (JsonObject *object, const char *name, gint64 min,
    gint64 max, gint64 *value, GError **error)
{
  gboolean missing;
  JsonNode *node = get_value (object, name, G_TYPE_INT64, &missing);

  if (missing)
    return TRUE;
  if (!node || json_node_get_int (node) < min || json_node_get_int (node) > max)
    return set_wrong (error, name, "an integer in range");
  *value = json_node_get_int (node);
  return TRUE;
}

/**
 * mesh_json_get_bool:
 * @object: where to look
 * @value: (inout): the value; left alone where there is no such member
 * @error: return location for a #MESH_ERROR
 *
 * Returns: %FALSE when the member is there and is not a boolean
 */
gboolean
mesh_json_get_bool (JsonObject *object, const char *name, gboolean *value,
    GError **error)
{
  gboolean missing;
  JsonNode *node = get_value (object, name, G_TYPE_BOOLEAN, &missing);

  if (missing)
    return TRUE;
  if (!node)
    return set_wrong (error, name, "true or false");
  *value = json_node_get_boolean (node);
  return TRUE;
}

/**
 * mesh_is_uuid:
 * @text: (nullable): anything
 *
 * Returns: whether @text is a UUID in lower case, as peer and room ids are
 */
gboolean
mesh_is_uuid (const char *text)
{
  if (!text || strlen (text) != 36)
    return FALSE;
  for (guint i = 0; i < 36; i++) {
    gboolean dash = i == 8 || i == 13 || i == 18 || i == 23;
    char c = text[i];

    if (dash ? c != '-' : !(g_ascii_isdigit (c) || (c >= 'a' && c <= 'f')))
      return FALSE;
  }
  return TRUE;
}
