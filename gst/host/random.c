/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "host/random.h"

#include <gnutls/crypto.h>
#include <string.h>

#include "core/base64url.h"

/* What an incarnation holds of the time, in milliseconds. */
#define MAX_TIME G_GUINT64_CONSTANT (0xffffffffffff)

/**
 * mesh_random_fill:
 * @bytes: (out caller-allocates): where to put them
 * @length: how many
 */
void
mesh_random_fill (gpointer bytes, gsize length)
{
  /* only fails when the system has no randomness at all */
  if (gnutls_rnd (GNUTLS_RND_KEY, bytes, length) < 0)
    g_error ("no random numbers to be had from the system");
}

/**
 * mesh_random_token:
 * Returns: (transfer full): 128 bits in base64url, as docs/protocol.md,
 *   "Identifiers" has it
 */
char *
mesh_random_token (void)
{
  guint8 bytes[16];

  mesh_random_fill (bytes, sizeof bytes);
  return mesh_base64url_encode (bytes, sizeof bytes);
}

/**
 * mesh_random_uuid:
 * Returns: (transfer full): a UUID of version 4 (RFC 9562)
 */
char *
mesh_random_uuid (void)
{
  guint8 b[16];

  mesh_random_fill (b, sizeof b);
  b[6] = (b[6] & 0x0f) | 0x40;
  b[8] = (b[8] & 0x3f) | 0x80;
  return g_strdup_printf ("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
      "%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5], b[6],
      b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

/**
 * mesh_random_incarnation:
 * Returns: (transfer full): an incarnation of now (docs/protocol.md,
 * "Identifiers")
 */
char *
mesh_random_incarnation (void)
{
  guint64 ms = g_get_real_time () / 1000;
  guint16 tail;

  mesh_random_fill (&tail, sizeof tail);
  return g_strdup_printf ("%012" G_GINT64_MODIFIER "x%04x",
      ms & MAX_TIME, tail);
}

/**
 * mesh_random_incarnation_after:
 * @newest: an incarnation, of a life of ours whose clock was ahead of ours
 *
 * The time is taken from the clock where that has caught up, and otherwise made
 * up: above @newest by up to a minute, by chance, since the same incarnation
 * twice would be the same keys twice.
 *
 * Returns: (transfer full) (nullable): an incarnation that is newer than
 *   @newest; %NULL when there is none
 */
char *
mesh_random_incarnation_after (const char *newest)
{
  g_autofree char *ms_text = g_strndup (newest, 12);
  guint64 ms = g_ascii_strtoull (ms_text, NULL, 16);
  char *inc = mesh_random_incarnation ();
  guint16 step, tail;

  if (strcmp (inc, newest) > 0)
    return inc;
  g_free (inc);
  mesh_random_fill (&step, sizeof step);
  mesh_random_fill (&tail, sizeof tail);
  ms += 1 + step;
  if (ms > MAX_TIME)
    return NULL;
  return g_strdup_printf ("%012" G_GINT64_MODIFIER "x%04x", ms, tail);
}

/**
 * mesh_random_link:
 * @base_url: where the server is
 * @error: return location for a #MESH_ERROR
 *
 * Returns: (transfer full) (nullable): a link to a new room with a new key
 */
MeshLink *
mesh_random_link (const char *base_url, GError **error)
{
  g_autofree char *room = mesh_random_uuid ();
  g_autofree char *text = g_strdup_printf ("%s/room/%s", base_url, room);
  MeshLink *link = mesh_link_parse (text, error);

  if (link) {
    mesh_random_fill (link->key, sizeof link->key);
    link->has_key = TRUE;
  }
  return link;
}
