/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "pusher/auth.h"

#include <string.h>

/* Beside letters and digits, a channel's name may have these. */
#define NAME "_-=@,.;"

static gboolean
is_one_of (const char *text, const char *further)
{
  gsize length = strlen (text);

  if (length == 0 || length > MESH_PUSHER_MAX_NAME)
    return FALSE;
  for (; *text; text++)
    if (!g_ascii_isalnum (*text) && !strchr (further, *text))
      return FALSE;
  return TRUE;
}

/**
 * mesh_pusher_channel_kind:
 * @name: anything
 *
 * Returns: what kind of channel has this name
 */
MeshPusherKind
mesh_pusher_channel_kind (const char *name)
{
  if (g_str_has_prefix (name, MESH_PUSHER_USER_PREFIX))
    return is_one_of (name + strlen (MESH_PUSHER_USER_PREFIX), NAME)
        ? MESH_PUSHER_USER : MESH_PUSHER_INVALID;
  if (!is_one_of (name, NAME))
    return MESH_PUSHER_INVALID;
  if (g_str_has_prefix (name, "presence-"))
    return MESH_PUSHER_PRESENCE;
  if (g_str_has_prefix (name, "private-encrypted-"))
    return MESH_PUSHER_ENCRYPTED;
  if (g_str_has_prefix (name, "private-"))
    return MESH_PUSHER_PRIVATE;
  return MESH_PUSHER_PUBLIC;
}

/**
 * mesh_pusher_is_event_name:
 * @name: anything in UTF-8
 *
 * Returns: whether an application may call its events so: those of the
 *   protocol itself are not for it
 */
gboolean
mesh_pusher_is_event_name (const char *name)
{
  return *name && g_utf8_strlen (name, -1) <= MESH_PUSHER_MAX_NAME
      && !g_str_has_prefix (name, "pusher:")
      && !g_str_has_prefix (name, "pusher_internal:");
}

/**
 * mesh_pusher_is_socket_id:
 * @text: anything
 *
 * Returns: whether it is two numbers with a point between them
 */
gboolean
mesh_pusher_is_socket_id (const char *text)
{
  gsize whole = strspn (text, "0123456789"), part;

  if (whole == 0 || text[whole] != '.')
    return FALSE;
  part = strspn (text + whole + 1, "0123456789");
  return part > 0 && text[whole + 1 + part] == 0;
}

/**
 * mesh_pusher_sign_channel:
 * @secret: the application's
 * @socket_id: of the connection that is to be let in
 * @channel: where
 * @channel_data: (nullable): what it says of itself in a presence channel
 *
 * Returns: (transfer full): the signature, which follows "KEY:" in `auth`
 */
char *
mesh_pusher_sign_channel (const char *secret, const char *socket_id,
    const char *channel, const char *channel_data)
{
  g_autofree char *text = g_strjoin (":", socket_id, channel, channel_data,
      NULL);

  return g_compute_hmac_for_string (G_CHECKSUM_SHA256,
      (const guchar *) secret, strlen (secret), text, -1);
}

/**
 * mesh_pusher_sign_request:
 * @secret: the application's
 * @method: "GET" or "POST"
 * @path: "/apps/ID/…"
 * @query: the parameters, names in lower case and sorted, values as they are,
 *   joined by "=" and "&"; among them, for a request with a body, `body_md5`
 *
 * Returns: (transfer full): what `auth_signature` must be
 */
char *
mesh_pusher_sign_request (const char *secret, const char *method,
    const char *path, const char *query)
{
  g_autofree char *text = g_strjoin ("\n", method, path, query, NULL);

  return g_compute_hmac_for_string (G_CHECKSUM_SHA256,
      (const guchar *) secret, strlen (secret), text, -1);
}

/**
 * mesh_pusher_is_signature:
 * @given: by whoever wants something
 * @expected: what it must be
 *
 * Compares them in a time that does not say how much of @given is right.
 */
gboolean
mesh_pusher_is_signature (const char *given, const char *expected)
{
  gsize length = strlen (expected);
  guint differences = 0;

  if (strlen (given) != length)
    return FALSE;
  for (gsize i = 0; i < length; i++)
    differences |= given[i] ^ expected[i];
  return differences == 0;
}
