/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The imitated server says who we are and nothing else: a `welcome` without a
 * host and members comes once we listen at our addresses, and messages that
 * come there are numbered here. Each connection is a new mailbox to the core,
 * since the service keeps nothing for us: an exchange that was under way when
 * the connection broke begins anew. We listen at our own address and at the
 * room's, as everybody does, so that whichever member hosts by now hears those
 * who ask (docs/protocol.md, "Over Pusher Channels"). */

#include "signalling/roomless.h"

#include <string.h>

#include "core/envelope.h"
#include "core/error.h"
#include "core/json.h"
#include "core/message.h"

typedef struct {
  MeshLink *link;
  char *id;                     /* our peer id, from the hello */
  guint n_addresses;            /* the addresses we listen at */
  gint64 seq;                   /* of the last frame handed over */
  gboolean opened;
  gboolean finishing;
  gboolean over;                /* nothing more is emitted */
} MeshRoomlessPrivate;

static void transport_init (MeshTransportInterface *iface);

G_DEFINE_ABSTRACT_TYPE_WITH_CODE (MeshRoomless, mesh_roomless, G_TYPE_OBJECT,
    G_ADD_PRIVATE (MeshRoomless)
    G_IMPLEMENT_INTERFACE (MESH_TYPE_TRANSPORT, transport_init))

static MeshRoomlessPrivate *
get (MeshRoomless *self)
{
  return mesh_roomless_get_instance_private (self);
}

static void
stop (MeshRoomless *self)
{
  get (self)->over = TRUE;
  MESH_ROOMLESS_GET_CLASS (self)->stop (self);
}

static void G_GNUC_PRINTF (2, 3)
emit_frame (MeshRoomless *self, const char *format, ...)
{
  g_autoptr (GBytes) frame = NULL;
  va_list args;
  char *text;

  if (get (self)->over || get (self)->finishing)
    return;
  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  frame = g_bytes_new_take (text, strlen (text));
  mesh_transport_emit_frame (MESH_TRANSPORT (self), frame);
}

/*
 * mesh_roomless_closed:
 * @error: (nullable): why, as #MeshTransport::closed has it
 */
void
mesh_roomless_closed (MeshRoomless *self, const GError *error)
{
  if (get (self)->over)
    return;
  stop (self);
  mesh_transport_emit_closed (MESH_TRANSPORT (self), error);
}

/* Ends with an error that no further attempt can mend. */
void
mesh_roomless_refused (MeshRoomless *self, const char *text)
{
  g_autoptr (JsonObject) frame = json_object_new ();
  g_autofree char *json = NULL;

  if (!get (self)->opened) {
    g_autoptr (GError) error = g_error_new_literal (MESH_ERROR,
        MESH_ERROR_REFUSED, text);

    mesh_roomless_closed (self, error);
    return;
  }
  json_object_set_string_member (frame, "type", "error");
  json_object_set_string_member (frame, "code", "refused");
  json_object_set_string_member (frame, "message", text);
  json = mesh_json_to_string (frame);
  emit_frame (self, "%s", json);
  mesh_roomless_closed (self, NULL);
}

void
mesh_roomless_opened (MeshRoomless *self)
{
  get (self)->opened = TRUE;
  mesh_transport_emit_opened (MESH_TRANSPORT (self));
}

void
mesh_roomless_heard (MeshRoomless *self)
{
  if (!get (self)->finishing)
    mesh_transport_emit_heard (MESH_TRANSPORT (self));
}

void
mesh_roomless_pong (MeshRoomless *self)
{
  emit_frame (self, "{\"type\":\"pong\"}");
}

static gboolean
are_host (MeshRoomlessPrivate *priv)
{
  return g_str_equal (priv->id, priv->link->room);
}

/* One more address is listened at. With the last one no message to us is missed
 * any more, so the welcome follows. */
void
mesh_roomless_listening (MeshRoomless *self)
{
  MeshRoomlessPrivate *priv = get (self);

  if (!priv->id || ++priv->n_addresses != (are_host (priv) ? 1 : 2))
    return;
  emit_frame (self, "{\"type\":\"welcome\",\"id\":\"%s\",\"room\":\"%s\","
      "\"epoch\":\"%08x%08x\",\"resumed\":false,\"mid\":0}", priv->id,
      priv->link->room, g_random_int (), g_random_int ());
}

/* Of messages to the room's address, only a question to join concerns members
 * other than the host; the rest is for the owner of that address. */
static gboolean
is_for_us (MeshRoomlessPrivate *priv, const MeshMessage *message,
    const char *to)
{
  if (!message->from || g_str_equal (message->from, priv->id)
      || (message->to && !g_str_equal (message->to, to)))
    return FALSE;
  return g_str_equal (to, priv->id) || message->type == MESH_MESSAGE_JOINROOM
      || message->type == MESH_MESSAGE_SEALED;
}

/*
 * mesh_roomless_message:
 * @address: where it came, an id
 * @json: an object, without a space at its beginning
 *
 * Anybody can send to anybody, so what makes no sense is not worth a word. An
 * older app does not say to whom it speaks; the address does.
 */
void
mesh_roomless_message (MeshRoomless *self, const char *address,
    const char *json)
{
  MeshRoomlessPrivate *priv = get (self);
  g_autoptr (MeshMessage) message
      = mesh_message_parse (json, strlen (json), NULL);

  if (!message || message->type == MESH_MESSAGE_UNKNOWN || !priv->id
      || (!g_str_equal (address, priv->id)
          && !g_str_equal (address, priv->link->room))
      || !is_for_us (priv, message, address))
    return;
  if (message->to)
    emit_frame (self, "{\"seq\":%" G_GINT64_FORMAT ",\"from\":\"%s\","
        "\"payload\":%s}", ++priv->seq, message->from, json);
  else
    emit_frame (self, "{\"seq\":%" G_GINT64_FORMAT ",\"from\":\"%s\","
        "\"payload\":{\"to\":\"%s\",%s}", ++priv->seq, message->from, address,
        json + 1);
}

static void
finish_if_done (MeshRoomless *self)
{
  if (get (self)->finishing && MESH_ROOMLESS_GET_CLASS (self)->is_idle (self))
    mesh_roomless_closed (self, NULL);
}

/* All messages up to @mid are sent, or lost. */
void
mesh_roomless_taken (MeshRoomless *self, gint64 mid)
{
  g_autoptr (MeshRoomless) alive = g_object_ref (self);

  emit_frame (self, "{\"mid\":%" G_GINT64_FORMAT "}", mid);
  if (!get (self)->over)
    finish_if_done (self);
}

/* Nobody would take a message to @to. */
void
mesh_roomless_lost (MeshRoomless *self, const char *to)
{
  emit_frame (self, "{\"seq\":%" G_GINT64_FORMAT ",\"event\":{\"type\":"
      "\"undeliverable\",\"to\":\"%s\",\"reason\":\"gone\"}}",
      ++get (self)->seq, to);
}

static void
start (MeshRoomless *self, const MeshEnvelope *hello)
{
  MeshRoomlessPrivate *priv = get (self);

  if (priv->id)
    return;
  priv->id = g_strdup (hello->id);
  MESH_ROOMLESS_GET_CLASS (self)->listen (self, priv->id);
  if (!are_host (priv))
    MESH_ROOMLESS_GET_CLASS (self)->listen (self, priv->link->room);
}

static void
mesh_roomless_open (MeshTransport *transport)
{
  MESH_ROOMLESS_GET_CLASS (transport)->open (MESH_ROOMLESS (transport));
}

static void
mesh_roomless_send (MeshTransport *transport, const char *frame)
{
  MeshRoomless *self = MESH_ROOMLESS (transport);
  MeshRoomlessClass *klass = MESH_ROOMLESS_GET_CLASS (self);
  MeshEnvelope envelope;

  if (get (self)->over || get (self)->finishing
      || !mesh_envelope_parse (frame, strlen (frame), &envelope, NULL))
    return;
  switch (envelope.type) {
    case MESH_ENVELOPE_HELLO:
      start (self, &envelope);
      break;
    case MESH_ENVELOPE_SEND:
      klass->send (self, envelope.mid, envelope.to, envelope.payload,
          envelope.payload_length);
      break;
    case MESH_ENVELOPE_PING:
      klass->ping (self);
      break;
    case MESH_ENVELOPE_ACK:
    case MESH_ENVELOPE_BYE:
    default:
      break;
  }
}

static void
mesh_roomless_close (MeshTransport *transport, gboolean finish)
{
  g_autoptr (MeshRoomless) self = g_object_ref (MESH_ROOMLESS (transport));

  if (get (self)->over)
    return;
  if (!finish) {
    stop (self);
    return;
  }
  get (self)->finishing = TRUE;
  finish_if_done (self);
}

static char *
mesh_roomless_dup_way (MeshTransport *transport)
{
  return MESH_ROOMLESS_GET_CLASS (transport)->dup_way (
      MESH_ROOMLESS (transport));
}

static void
transport_init (MeshTransportInterface *iface)
{
  iface->open = mesh_roomless_open;
  iface->send = mesh_roomless_send;
  iface->close = mesh_roomless_close;
  iface->dup_way = mesh_roomless_dup_way;
}

static void
mesh_roomless_dispose (GObject *object)
{
  stop (MESH_ROOMLESS (object));
  G_OBJECT_CLASS (mesh_roomless_parent_class)->dispose (object);
}

static void
mesh_roomless_finalize (GObject *object)
{
  MeshRoomlessPrivate *priv = get (MESH_ROOMLESS (object));

  mesh_link_free (priv->link);
  g_free (priv->id);
  G_OBJECT_CLASS (mesh_roomless_parent_class)->finalize (object);
}

static void
mesh_roomless_class_init (MeshRoomlessClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = mesh_roomless_dispose;
  G_OBJECT_CLASS (klass)->finalize = mesh_roomless_finalize;
}

static void
mesh_roomless_init (MeshRoomless *self)
{
}

/* @link: a room's link; set once, before the transport is opened */
void
mesh_roomless_set_link (MeshRoomless *self, const MeshLink *link)
{
  get (self)->link = mesh_link_copy (link);
}

const MeshLink *
mesh_roomless_get_link (MeshRoomless *self)
{
  return get (self)->link;
}

/* Returns our peer id; NULL: it is not known yet. */
const char *
mesh_roomless_get_id (MeshRoomless *self)
{
  return get (self)->id;
}

gboolean
mesh_roomless_is_over (MeshRoomless *self)
{
  return get (self)->over;
}
