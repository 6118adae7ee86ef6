/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sealing (docs/protocol.md, "Sealing"): each message is encrypted and
 * authenticated with a key of its sender, recipient and sender's incarnation,
 * all of them derived from the key in the room's link. */

#include "signalling/seal.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

#include "core/base64url.h"
#include "core/error.h"
#include "core/json.h"

#define SALT "meshroom-v1"
#define SECRET_BYTES 32
#define NONCE_BYTES 12
#define TAG_BYTES 16

/* So many numbers below the largest are still told apart; lower ones are
 * refused. */
#define WINDOW 64

/* Members come and go under ever new ids; beyond this many, the one that was
 * dealt with least recently is forgotten. */
#define MAX_REMOTES 256

/* Which numbers of one sender have been accepted. */
typedef struct {
  guint64 largest;
  guint64 before;               /* bit i: largest - 1 - i was accepted */
} Window;

/* The state of one peer id, or of the room's id. */
typedef struct {
  guint64 last_used;
  guint64 sent;                 /* the number of our last message to it */
  char inc[17];                 /* the newest that was accepted; "": none */
  Window to_us;
  Window to_room;
} Remote;

struct _MeshSealer {
  guint8 secret[SECRET_BYTES];  /* HKDF's pseudorandom key */
  char *room;
  char *id;
  char *inc;
  GHashTable *remotes;          /* id -> Remote */
  guint64 uses;
  guint64 sent_floor;           /* no forgotten remote was sent a larger one */
};

/**
 * mesh_sealer_new:
 * @key: the key from the room's link
 * @room: the room's id
 * @id: our peer id
 * @inc: our incarnation. Never use one for two sealers: their numbers would
 *   repeat under the same key
 *
 * Returns: (transfer full): a sealer for one participation
 */
MeshSealer *
mesh_sealer_new (const guint8 key[MESH_SEAL_KEY_BYTES], const char *room,
    const char *id, const char *inc)
{
  const gnutls_datum_t input = { (guint8 *) key, MESH_SEAL_KEY_BYTES };
  const gnutls_datum_t salt = { (guint8 *) SALT, strlen (SALT) };
  MeshSealer *self;
  int res;

  g_return_val_if_fail (key && room && id && inc, NULL);

  self = g_new0 (MeshSealer, 1);
  res = gnutls_hkdf_extract (GNUTLS_MAC_SHA256, &input, &salt, self->secret);
  if (res < 0)
    g_error ("HKDF-SHA256 is not available: %s", gnutls_strerror (res));
  self->room = g_strdup (room);
  self->id = g_strdup (id);
  self->inc = g_strdup (inc);
  self->remotes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      g_free);
  return self;
}

/**
 * mesh_sealer_free:
 * @sealer: (nullable) (transfer full): a sealer
 */
void
mesh_sealer_free (MeshSealer *sealer)
{
  if (!sealer)
    return;
  gnutls_memset (sealer->secret, 0, sizeof sealer->secret);
  g_free (sealer->room);
  g_free (sealer->id);
  g_free (sealer->inc);
  g_hash_table_unref (sealer->remotes);
  g_free (sealer);
}

/* Forgets the remote that was used least recently. No number may serve twice
 * under one key, so messages to a forgotten remote are numbered on from the
 * largest number of any such one. */
static void
forget_oldest (MeshSealer *self)
{
  GHashTableIter iter;
  const char *id, *oldest_id = NULL;
  Remote *remote, *oldest = NULL;

  g_hash_table_iter_init (&iter, self->remotes);
  while (g_hash_table_iter_next (&iter, (gpointer *) &id,
      (gpointer *) &remote)) {
    if (!oldest || remote->last_used < oldest->last_used) {
      oldest = remote;
      oldest_id = id;
    }
  }
  self->sent_floor = MAX (self->sent_floor, oldest->sent);
  g_hash_table_remove (self->remotes, oldest_id);
}

static Remote *
remember (MeshSealer *self, const char *id)
{
  Remote *remote = g_hash_table_lookup (self->remotes, id);

  if (!remote) {
    if (g_hash_table_size (self->remotes) >= MAX_REMOTES)
      forget_oldest (self);
    remote = g_new0 (Remote, 1);
    remote->sent = self->sent_floor;
    g_hash_table_insert (self->remotes, g_strdup (id), remote);
  }
  remote->last_used = ++self->uses;
  return remote;
}

static gboolean
window_takes (const Window *window, guint64 n)
{
  if (n > window->largest)
    return TRUE;
  if (n == window->largest || window->largest - n > WINDOW)
    return FALSE;
  return !(window->before & (G_GUINT64_CONSTANT (1)
               << (window->largest - n - 1)));
}

static void
window_add (Window *window, guint64 n)
{
  guint64 step;

  if (n < window->largest) {
    window->before |= G_GUINT64_CONSTANT (1) << (window->largest - n - 1);
    return;
  }
  step = n - window->largest;
  window->before = step < WINDOW ? window->before << step : 0;
  if (window->largest > 0 && step <= WINDOW)
    window->before |= G_GUINT64_CONSTANT (1) << (step - 1);
  window->largest = n;
}

static gnutls_aead_cipher_hd_t
open_cipher (MeshSealer *self, const char *from, const char *to,
    const char *inc, GError **error)
{
  g_autofree char *info = g_strdup_printf ("seal\n%s\n%s\n%s\n%s", self->room,
      from, to, inc);
  const gnutls_datum_t secret = { self->secret, SECRET_BYTES };
  const gnutls_datum_t purpose = { (guint8 *) info, strlen (info) };
  guint8 bytes[32];
  const gnutls_datum_t key = { bytes, sizeof bytes };
  gnutls_aead_cipher_hd_t cipher = NULL;
  int res;

  res = gnutls_hkdf_expand (GNUTLS_MAC_SHA256, &secret, &purpose, bytes,
      sizeof bytes);
  if (res >= 0)
    res = gnutls_aead_cipher_init (&cipher, GNUTLS_CIPHER_AES_256_GCM, &key);
  gnutls_memset (bytes, 0, sizeof bytes);
  if (res < 0) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED,
        "cannot make a key for sealing: %s", gnutls_strerror (res));
    return NULL;
  }
  return cipher;
}

/* Returns the data that is authenticated beside the text, and writes the nonce;
 * both follow from the message's open fields. */
static char *
authenticated_data (const MeshMessage *sealed, guint8 nonce[NONCE_BYTES])
{
  guint64 n = GUINT64_TO_BE (sealed->n);

  memset (nonce, 0, NONCE_BYTES);
  memcpy (nonce + NONCE_BYTES - sizeof n, &n, sizeof n);
  return g_strdup_printf ("%s\n%s\n%s\n%s\n%" G_GUINT64_FORMAT, sealed->from,
      sealed->to, sealed->inc, sealed->re, sealed->n);
}

static char *
encrypt (MeshSealer *self, const MeshMessage *sealed, const char *text,
    GError **error)
{
  gsize text_length = strlen (text);
  gsize length = text_length + TAG_BYTES;
  g_autofree guint8 *box = g_malloc (length);
  guint8 nonce[NONCE_BYTES];
  g_autofree char *data = authenticated_data (sealed, nonce);
  gnutls_aead_cipher_hd_t cipher;
  int res;

  cipher = open_cipher (self, sealed->from, sealed->to, sealed->inc, error);
  if (!cipher)
    return NULL;
  res = gnutls_aead_cipher_encrypt (cipher, nonce, NONCE_BYTES, data,
      strlen (data), TAG_BYTES, text, text_length, box, &length);
  gnutls_aead_cipher_deinit (cipher);
  if (res < 0) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED,
        "cannot seal a message: %s", gnutls_strerror (res));
    return NULL;
  }
  return mesh_base64url_encode (box, length);
}

/**
 * mesh_sealer_reaches:
 * @message: a message of ours
 *
 * One whose incarnation we don't know, because nothing of it has come yet,
 * refuses whatever does not begin a conversation. And nobody takes what an
 * incarnation says that we have given up.
 *
 * Returns: whether its recipient will take it
 */
gboolean
mesh_sealer_reaches (MeshSealer *sealer, const MeshMessage *message)
{
  const Remote *remote = g_hash_table_lookup (sealer->remotes, message->to);

  if (g_strcmp0 (message->inc, sealer->inc) != 0)
    return FALSE;
  return message->type == MESH_MESSAGE_JOINROOM
      || message->type == MESH_MESSAGE_CALL
      || message->type == MESH_MESSAGE_OUTDATED || (remote && *remote->inc);
}

/**
 * mesh_sealer_seal:
 * @message: a message of ours, with `to`; its `from` and `inc` are ours
 * @error: return location for a #MESH_ERROR
 *
 * Returns: (transfer full) (nullable): the sealed message as JSON, or %NULL
 *   with @error set
 */
char *
mesh_sealer_seal (MeshSealer *sealer, const MeshMessage *message,
    GError **error)
{
  g_autoptr (MeshMessage) sealed = NULL;
  g_autofree char *text = NULL;
  g_autofree char *json = NULL;
  Remote *remote;

  g_return_val_if_fail (g_strcmp0 (message->from, sealer->id) == 0, NULL);
  g_return_val_if_fail (g_strcmp0 (message->inc, sealer->inc) == 0, NULL);
  g_return_val_if_fail (message->to, NULL);

  text = mesh_message_to_json (message);
  g_return_val_if_fail (text, NULL);

  remote = remember (sealer, message->to);
  sealed = mesh_message_new (MESH_MESSAGE_SEALED);
  sealed->from = g_strdup (sealer->id);
  sealed->to = g_strdup (message->to);
  sealed->inc = g_strdup (sealer->inc);
  /* The life that is told to be outdated is not the one that we know. */
  sealed->re = g_strdup (message->type == MESH_MESSAGE_OUTDATED
          ? message->yours : remote->inc);
  sealed->n = ++remote->sent;
  sealed->box = encrypt (sealer, sealed, text, error);
  if (!sealed->box)
    return NULL;

  json = mesh_message_to_json (sealed);
  if (strlen (json) > MESH_JSON_MAX_BYTES) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_TOO_BIG,
        "message of %" G_GSIZE_FORMAT " bytes is too big to be sealed",
        strlen (text));
    return NULL;
  }
  return g_steal_pointer (&json);
}

static gboolean
refuse (const MeshMessage *sealed, const char *why, GError **error)
{
  g_set_error (error, MESH_ERROR, MESH_ERROR_BAD_SEAL,
      "sealed message from %s refused: %s", sealed->from, why);
  return FALSE;
}

static Window *
window_of (MeshSealer *self, Remote *remote, const char *to)
{
  return g_str_equal (to, self->id) ? &remote->to_us : &remote->to_room;
}

/* Checks what the open fields tell before the box is opened. */
static gboolean
check_outside (MeshSealer *self, const MeshMessage *sealed, GError **error)
{
  Remote *remote = g_hash_table_lookup (self->remotes, sealed->from);

  if (g_str_equal (sealed->from, self->id))
    return refuse (sealed, "it is our own", error);
  if (!g_str_equal (sealed->to, self->id)
      && !g_str_equal (sealed->to, self->room))
    return refuse (sealed, "it is for somebody else", error);
  if (*sealed->re && !g_str_equal (sealed->re, self->inc))
    return refuse (sealed, "it answers another incarnation of ours", error);
  if (remote && g_str_equal (sealed->inc, remote->inc)
      && !window_takes (window_of (self, remote, sealed->to), sealed->n))
    return refuse (sealed, "it has been here before", error);
  return TRUE;
}

static MeshMessage *
decrypt (MeshSealer *self, const MeshMessage *sealed, GError **error)
{
  gsize box_length, length;
  g_autofree guint8 *box = mesh_base64url_decode (sealed->box, &box_length);
  g_autofree char *text = NULL;
  guint8 nonce[NONCE_BYTES];
  g_autofree char *data = authenticated_data (sealed, nonce);
  gnutls_aead_cipher_hd_t cipher;
  int res;

  if (box_length <= TAG_BYTES) {
    refuse (sealed, "its box is too short", error);
    return NULL;
  }
  cipher = open_cipher (self, sealed->from, sealed->to, sealed->inc, error);
  if (!cipher)
    return NULL;
  length = box_length - TAG_BYTES;
  text = g_malloc (length);
  res = gnutls_aead_cipher_decrypt (cipher, nonce, NONCE_BYTES, data,
      strlen (data), TAG_BYTES, box, box_length, text, &length);
  gnutls_aead_cipher_deinit (cipher);
  if (res < 0) {
    refuse (sealed, "it does not open (wrong key?)", error);
    return NULL;
  }
  return mesh_message_parse (text, length, error);
}

/* Checks that the message inside has the sender, the recipient and the
 * incarnation of the sealed one. */
static gboolean
check_inside (const MeshMessage *sealed, const MeshMessage *message,
    GError **error)
{
  if (g_strcmp0 (message->from, sealed->from) != 0
      || g_strcmp0 (message->to, sealed->to) != 0
      || g_strcmp0 (message->inc, sealed->inc) != 0)
    return refuse (sealed, "another name is inside", error);
  if (message->type == MESH_MESSAGE_SEALED)
    return refuse (sealed, "a sealed one is inside", error);
  if (!*sealed->re && message->type != MESH_MESSAGE_JOINROOM
      && message->type != MESH_MESSAGE_CALL)
    return refuse (sealed, "it does not say whom of us it answers", error);
  return TRUE;
}

/**
 * mesh_sealer_renew:
 * @inc: our incarnation from now on, one that no sealer has had before
 *
 * What was accepted before does not open again under the new one either.
 */
void
mesh_sealer_renew (MeshSealer *sealer, const char *inc)
{
  g_return_if_fail (inc && strcmp (inc, sealer->inc) > 0);

  g_free (sealer->inc);
  sealer->inc = g_strdup (inc);
}

/**
 * mesh_sealer_open:
 * @sealed: a message of type %MESH_MESSAGE_SEALED, as it was parsed
 * @error: return location for a #MESH_ERROR
 *
 * Opens @sealed and remembers that it did, so that the same one does not open
 * again. One that is refused changes nothing.
 *
 * What an older incarnation says may be the word of a member whose clock has
 * gone back: it is given with the newest incarnation of its sender as `newest`,
 * for the room to answer and not to act upon.
 *
 * Returns: (transfer full) (nullable): the message inside, or %NULL with
 *   @error set
 */
MeshMessage *
mesh_sealer_open (MeshSealer *sealer, const MeshMessage *sealed,
    GError **error)
{
  g_autoptr (MeshMessage) message = NULL;
  Remote *remote;

  g_return_val_if_fail (sealed->type == MESH_MESSAGE_SEALED, NULL);

  if (!check_outside (sealer, sealed, error))
    return NULL;
  message = decrypt (sealer, sealed, error);
  if (!message || !check_inside (sealed, message, error))
    return NULL;

  remote = remember (sealer, sealed->from);
  if (strcmp (sealed->inc, remote->inc) < 0) {
    if (message->type == MESH_MESSAGE_OUTDATED) {
      refuse (sealed, "its incarnation is an old one", error);
      return NULL;
    }
    message->newest = g_strdup (remote->inc);
    return g_steal_pointer (&message);
  }
  if (!g_str_equal (remote->inc, sealed->inc)) {
    g_strlcpy (remote->inc, sealed->inc, sizeof remote->inc);
    memset (&remote->to_us, 0, sizeof remote->to_us);
    memset (&remote->to_room, 0, sizeof remote->to_room);
  }
  window_add (window_of (sealer, remote, sealed->to), sealed->n);
  return g_steal_pointer (&message);
}
