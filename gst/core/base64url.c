/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/base64url.h"

#include <string.h>

/**
 * mesh_base64url_encode:
 * @bytes: any bytes
 * @length: how many
 *
 * Returns: (transfer full): their text
 */
char *
mesh_base64url_encode (const guint8 *bytes, gsize length)
{
  char *text = g_base64_encode (bytes, length);

  g_strdelimit (text, "+", '-');
  g_strdelimit (text, "/", '_');
  text[strcspn (text, "=")] = '\0';
  return text;
}

/**
 * mesh_base64url_decode:
 * @text: base64url
 * @length: (out): how many bytes there are
 *
 * What is no base64url in @text is skipped, and bits that mean nothing are
 * ignored: whoever cares encodes what came out, and compares.
 *
 * Returns: (transfer full): the bytes
 */
guint8 *
mesh_base64url_decode (const char *text, gsize *length)
{
  g_autoptr (GString) padded = g_string_new (text);

  g_strdelimit (padded->str, "-", '+');
  g_strdelimit (padded->str, "_", '/');
  while (padded->len % 4)
    g_string_append_c (padded, '=');
  return g_base64_decode (padded->str, length);
}

/**
 * mesh_is_base64url:
 * @text: (nullable): anything
 *
 * Returns: whether @text is not empty and consists of the alphabet's characters
 */
gboolean
mesh_is_base64url (const char *text)
{
  return text && *text
      && !text[strspn (text, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_")];
}
