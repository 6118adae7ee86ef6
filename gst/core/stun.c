/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/stun.h"

#include <string.h>

/* RFC 8489, section 5 */
static const guint8 cookie[] = { 0x21, 0x12, 0xa4, 0x42 };

#define SUCCESS 0x100
#define FAILURE 0x110

/* RFC 8489, section 18.3; RFC 8656, section 18 */
#define USERNAME 0x0006
#define MESSAGE_INTEGRITY 0x0008
#define ERROR_CODE 0x0009
#define LIFETIME 0x000d
#define REALM 0x0014
#define NONCE 0x0015
#define REQUESTED_TRANSPORT 0x0019

#define HMAC_BYTES 20
#define UDP 17                  /* IANA's number of the protocol */

static void
append_16 (GByteArray *out, guint value)
{
  guint8 bytes[] = { value >> 8, value };

  g_byte_array_append (out, bytes, sizeof bytes);
}

static guint
read_16 (const guint8 *data)
{
  return data[0] << 8 | data[1];
}

/* Attributes begin at multiples of four bytes. */
static void
append (GByteArray *out, guint type, gconstpointer data, gsize size)
{
  static const guint8 padding[3];

  append_16 (out, type);
  append_16 (out, size);
  g_byte_array_append (out, data, size);
  g_byte_array_append (out, padding, -size & 3);
}

static void
set_length (GByteArray *out, gsize length)
{
  out->data[2] = length >> 8;
  out->data[3] = length;
}

/* RFC 8489, section 14.5: the length already counts this attribute, which is
 * the last one. */
static void
append_integrity (GByteArray *out, const MeshStunLogin *login)
{
  g_autofree char *text = g_strdup_printf ("%s:%s:%s", login->user,
      login->realm, login->password);
  g_autoptr (GChecksum) md5 = g_checksum_new (G_CHECKSUM_MD5);
  g_autoptr (GHmac) hmac = NULL;
  guint8 key[16], digest[HMAC_BYTES];
  gsize key_size = sizeof key, digest_size = sizeof digest;

  g_checksum_update (md5, (const guchar *) text, -1);
  g_checksum_get_digest (md5, key, &key_size);
  set_length (out, out->len - MESH_STUN_HEAD_BYTES + 4 + HMAC_BYTES);
  hmac = g_hmac_new (G_CHECKSUM_SHA1, key, key_size);
  g_hmac_update (hmac, out->data, out->len);
  g_hmac_get_digest (hmac, digest, &digest_size);
  append (out, MESSAGE_INTEGRITY, digest, sizeof digest);
}

/**
 * mesh_stun_request:
 * @method: the method; a refresh frees the allocation
 * @id: of the transaction, random
 * @login: (nullable): the login, once the server has named its realm
 *
 * Returns: (transfer full): the request
 */
GBytes *
mesh_stun_request (MeshStunMethod method,
    const guint8 id[MESH_STUN_ID_BYTES], const MeshStunLogin *login)
{
  static const guint8 transport[] = { UDP, 0, 0, 0 };
  static const guint8 no_time[4];
  GByteArray *out = g_byte_array_new ();

  append_16 (out, method);
  append_16 (out, 0);
  g_byte_array_append (out, cookie, sizeof cookie);
  g_byte_array_append (out, id, MESH_STUN_ID_BYTES);
  if (method == MESH_STUN_ALLOCATE)
    append (out, REQUESTED_TRANSPORT, transport, sizeof transport);
  if (method == MESH_STUN_REFRESH)
    append (out, LIFETIME, no_time, sizeof no_time);
  if (login) {
    append (out, USERNAME, login->user, strlen (login->user));
    append (out, NONCE, login->nonce, strlen (login->nonce));
    append (out, REALM, login->realm, strlen (login->realm));
    append_integrity (out, login);
  }
  set_length (out, out->len - MESH_STUN_HEAD_BYTES);
  return g_byte_array_free_to_bytes (out);
}

/**
 * mesh_stun_length:
 * @data: what has come of a stream
 * @size: how much that is
 *
 * Returns: the length of the message that @data begins with; 0 = more data is
 *   needed; -1 = this is no message, or it is too long
 */
gssize
mesh_stun_length (const guint8 *data, gsize size)
{
  gsize length;

  if (size < MESH_STUN_HEAD_BYTES)
    return 0;
  length = MESH_STUN_HEAD_BYTES + read_16 (data + 2);
  if ((data[0] & 0xc0) || memcmp (data + 4, cookie, sizeof cookie) != 0
      || (length & 3) || length > MESH_STUN_MAX_BYTES)
    return -1;
  return length;
}

/* Returns NULL when the data is no text. */
static char *
read_text (const guint8 *data, gsize size)
{
  if (size > MESH_STUN_MAX_TEXT || memchr (data, 0, size)
      || !g_utf8_validate ((const char *) data, size, NULL))
    return NULL;
  return g_strndup ((const char *) data, size);
}

static void
read_attribute (MeshStunAnswer *answer, guint type, const guint8 *data,
    gsize size)
{
  if (type == ERROR_CODE && size >= 4) {
    answer->code = (data[2] & 7) * 100 + data[3] % 100;
  } else if (type == REALM) {
    g_free (answer->realm);
    answer->realm = read_text (data, size);
  } else if (type == NONCE) {
    g_free (answer->nonce);
    answer->nonce = read_text (data, size);
  }
}

/**
 * mesh_stun_parse:
 * @data: what has come
 * @size: how much
 * @id: of the request
 * @answer: (out caller-allocates): set to what it says, to be cleared
 *
 * Anybody can send such data, so data that does not answer the request is
 * ignored.
 *
 * Returns: whether it is an answer to the request
 */
gboolean
mesh_stun_parse (const guint8 *data, gsize size,
    const guint8 id[MESH_STUN_ID_BYTES], MeshStunAnswer *answer)
{
  guint type;

  *answer = (MeshStunAnswer) { 0 };
  if (mesh_stun_length (data, size) != (gssize) size || size == 0
      || memcmp (data + 8, id, MESH_STUN_ID_BYTES) != 0)
    return FALSE;
  type = read_16 (data);
  if ((type & FAILURE) != SUCCESS && (type & FAILURE) != FAILURE)
    return FALSE;
  answer->method = type & ~FAILURE;
  for (gsize at = MESH_STUN_HEAD_BYTES; at + 4 <= size;) {
    gsize length = read_16 (data + at + 2);

    if (length > size - at - 4) {
      mesh_stun_answer_clear (answer);
      return FALSE;
    }
    read_attribute (answer, read_16 (data + at), data + at + 4, length);
    at += 4 + ((length + 3) & ~(gsize) 3);
  }
  if ((type & FAILURE) == SUCCESS)
    answer->code = 0;
  else if (answer->code < 300)
    answer->code = 500;
  return TRUE;
}

/**
 * mesh_stun_answer_clear:
 */
void
mesh_stun_answer_clear (MeshStunAnswer *answer)
{
  g_clear_pointer (&answer->realm, g_free);
  g_clear_pointer (&answer->nonce, g_free);
}
