/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A service that passes messages on and knows nothing of rooms, made to look
 * like a server that says who we are and nothing else: a `welcome` without host
 * and members comes when our channels are subscribed, and what the channels
 * bring is numbered here.
 *
 *     frames of the core ─→ MeshPusherOutbox ─ HTTP ─→ service
 *                       ←── events ←──── WebSocket ───┘
 *
 * Each connection is a new mailbox to the core, since the service keeps
 * nothing for us: what was under way when it broke begins anew. We listen at
 * our own address and at the room's, as everybody does: so whoever hosts by
 * now hears those who ask (docs/protocol.md, "Over Pusher Channels"). */

#include "signalling/pusher.h"

#include <string.h>

#include "core/envelope.h"
#include "core/error.h"
#include "core/json.h"
#include "core/message.h"
#include "pusher/client.h"
#include "signalling/post.h"
#include "signalling/pusher-outbox.h"
#include "signalling/timer.h"
#include "signalling/websocket.h"

/* Ours, where the service does not want to hear of us sooner. */
#define ACTIVITY_SECONDS 120
#define PONG_SECONDS 30
#define LATER_MS 1000
#define AUTH_PATIENCE_MS 5000
#define MAX_AUTH_BYTES 8192

struct _MeshPusher {
  GObject parent;

  MeshLink *link;
  MeshTransport *socket;
  MeshPusherOutbox *outbox;
  SoupSession *session;         /* NULL: nobody else lets us in */
  GCancellable *cancellable;
  gboolean tls;
  char *socket_id;              /* once the connection is established */
  char *id;                     /* ours, from the hello */
  guint n_channels;             /* subscribed */
  gint64 seq;                   /* of what we handed over */
  guint activity_seconds;
  GSource *activity;            /* nothing was heard for long */
  GSource *later;               /* until `closed` is emitted */
  gboolean pinged;              /* for want of activity */
  gboolean finishing;
  gboolean over;                /* nothing more is emitted */
  guint code;                   /* of the last error */
  char *text;
};

static void transport_init (MeshTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MeshPusher, mesh_pusher, G_TYPE_OBJECT,
    G_IMPLEMENT_INTERFACE (MESH_TYPE_TRANSPORT, transport_init))

static void
drop_socket (MeshPusher *self)
{
  g_autoptr (MeshTransport) socket = g_steal_pointer (&self->socket);

  mesh_timer_clear (&self->activity);
  if (!socket)
    return;
  g_signal_handlers_disconnect_by_data (socket, self);
  mesh_transport_close (socket, FALSE);
}

static void
stop (MeshPusher *self)
{
  self->over = TRUE;
  drop_socket (self);
  mesh_timer_clear (&self->later);
  g_cancellable_cancel (self->cancellable);
  g_clear_pointer (&self->outbox, mesh_pusher_outbox_free);
}

/* (transfer full) on @error */
static void
report_closed (MeshPusher *self, GError *error)
{
  g_autoptr (GError) reason = error;

  if (self->over)
    return;
  stop (self);
  mesh_transport_emit_closed (MESH_TRANSPORT (self), reason);
}

static void G_GNUC_PRINTF (2, 3)
emit_frame (MeshPusher *self, const char *format, ...)
{
  g_autoptr (GBytes) frame = NULL;
  va_list args;
  char *text;

  if (self->over || self->finishing)
    return;
  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  frame = g_bytes_new_take (text, strlen (text));
  mesh_transport_emit_frame (MESH_TRANSPORT (self), frame);
}

/* That is no server for us, however often we try. */
static void
report_refused (MeshPusher *self, const char *text)
{
  g_autoptr (JsonObject) frame = json_object_new ();
  g_autofree char *json = NULL;

  if (!self->socket_id) {
    report_closed (self, g_error_new_literal (MESH_ERROR, MESH_ERROR_REFUSED,
            text));
    return;
  }
  json_object_set_string_member (frame, "type", "error");
  json_object_set_string_member (frame, "code", "refused");
  json_object_set_string_member (frame, "message", text);
  json = mesh_json_to_string (frame);
  emit_frame (self, "%s", json);
  report_closed (self, NULL);
}

/* --- channels --- */

static char *
make_channel (MeshPusher *self, const char *id)
{
  return g_strconcat (self->link->prefix, id, NULL);
}

static void
say (MeshPusher *self, const char *event)
{
  if (self->socket)
    mesh_transport_send (self->socket, event);
}

typedef struct {
  MeshPusher *self;
  char *channel;
} Asking;

static void
on_auth (guint status, GBytes *answer, const GError *error,
    gpointer user_data)
{
  Asking *asking = user_data;
  g_autoptr (MeshPusher) self = asking->self;
  g_autofree char *channel = asking->channel;
  g_autofree char *event = NULL;
  g_autoptr (JsonObject) object = NULL;
  const char *auth = NULL, *data = NULL;

  g_free (asking);
  if (self->over)
    return;
  if (status == SOUP_STATUS_OK)
    object = mesh_json_parse (g_bytes_get_data (answer, NULL),
        g_bytes_get_size (answer), NULL);
  if (!object
      || !mesh_json_get_string (object, "auth", MAX_AUTH_BYTES, &auth, NULL)
      || !mesh_json_get_string (object, "channel_data", MAX_AUTH_BYTES, &data,
          NULL)
      || !auth) {
    report_refused (self, "nobody lets us into the room's channels");
    return;
  }
  event = mesh_pusher_subscribe (channel, auth, data);
  say (self, event);
}

/* Somebody who has the app's secret is to let us in. */
static void
ask_for_auth (MeshPusher *self, const char *channel)
{
  g_autofree char *form = g_strdup_printf ("socket_id=%s&channel_name=%s",
      self->socket_id, channel);
  g_autoptr (GBytes) body = g_bytes_new (form, strlen (form));
  Asking *asking = g_new0 (Asking, 1);

  if (!self->session)
    self->session = mesh_post_session_new ();
  asking->self = g_object_ref (self);
  asking->channel = g_strdup (channel);
  mesh_post (self->session, self->link->auth,
      "application/x-www-form-urlencoded", body, MAX_AUTH_BYTES,
      AUTH_PATIENCE_MS, self->cancellable, on_auth, asking);
}

static void
subscribe (MeshPusher *self, const char *id)
{
  const MeshLink *link = self->link;
  g_autofree char *channel = make_channel (self, id);
  g_autofree char *data = NULL, *auth = NULL, *event = NULL;

  if (*link->prefix && !link->secret) {
    ask_for_auth (self, channel);
    return;
  }
  if (g_str_equal (link->prefix, "presence-"))
    data = g_strdup_printf ("{\"user_id\":\"%s\"}", self->id);
  if (*link->prefix)
    auth = mesh_pusher_authorise (link->app_key, link->secret,
        self->socket_id, channel, data);
  event = mesh_pusher_subscribe (channel, auth, data);
  say (self, event);
}

static gboolean
are_host (MeshPusher *self)
{
  return g_str_equal (self->id, self->link->room);
}

/* When nothing of what is said to us is missed any more, we are there. */
static void
on_subscribed (MeshPusher *self)
{
  if (!self->id || ++self->n_channels != (are_host (self) ? 1 : 2))
    return;
  emit_frame (self, "{\"type\":\"welcome\",\"id\":\"%s\",\"room\":\"%s\","
      "\"epoch\":\"%08x%08x\",\"resumed\":false,\"mid\":0}", self->id,
      self->link->room, g_random_int (), g_random_int ());
}

/* Whose message came on @channel: ours, or one to the room? */
static const char *
find_recipient (MeshPusher *self, const char *channel)
{
  const char *id = channel + strlen (self->link->prefix);

  if (!g_str_has_prefix (channel, self->link->prefix) || !self->id)
    return NULL;
  if (g_str_equal (id, self->id))
    return self->id;
  return g_str_equal (id, self->link->room) ? self->link->room : NULL;
}

/* Of what is sent to the room's address, another member has to do with those
 * who ask only; the rest is for somebody whose own address it is. */
static gboolean
is_for_us (MeshPusher *self, const MeshMessage *message, const char *to)
{
  if (!message->from || g_str_equal (message->from, self->id)
      || (message->to && !g_str_equal (message->to, to)))
    return FALSE;
  return to == self->id || message->type == MESH_MESSAGE_JOINROOM
      || message->type == MESH_MESSAGE_SEALED;
}

/* Anybody can send to anybody, so what makes no sense is not worth a word. An
 * older app does not say to whom it speaks; the channel does. */
static void
take_message (MeshPusher *self, const MeshPusherEvent *event)
{
  const char *to = find_recipient (self, event->channel);
  g_autoptr (MeshMessage) message
      = mesh_message_parse (event->data, strlen (event->data), NULL);

  if (!to || !message || message->type == MESH_MESSAGE_UNKNOWN
      || !is_for_us (self, message, to))
    return;
  if (message->to)
    emit_frame (self, "{\"seq\":%" G_GINT64_FORMAT ",\"from\":\"%s\","
        "\"payload\":%s}", ++self->seq, message->from, event->data);
  else
    emit_frame (self, "{\"seq\":%" G_GINT64_FORMAT ",\"from\":\"%s\","
        "\"payload\":{\"to\":\"%s\",%s}", ++self->seq, message->from, to,
        event->data + 1);
}

/* --- the connection --- */

static void connect_socket (MeshPusher *self);

static gboolean
on_later (gpointer user_data)
{
  g_autoptr (MeshPusher) self = g_object_ref (user_data);

  report_closed (self, g_error_new (MESH_ERROR, MESH_ERROR_UNREACHABLE,
          "%s (%u)", self->text ? self->text : "it closed the connection",
          self->code));
  return G_SOURCE_REMOVE;
}

/* The service closes, or is about to, with a code. */
static void
obey (MeshPusher *self, guint code, gboolean closed)
{
  MeshPusherVerdict verdict = mesh_pusher_judge (code);
  g_autofree char *text = g_strdup_printf ("%s (%u)",
      self->text ? self->text : "it closed the connection", code);

  if (verdict == MESH_PUSHER_GO_ON && closed)
    verdict = MESH_PUSHER_STOP;
  if (verdict == MESH_PUSHER_GO_ON || self->later)
    return;
  self->code = code;
  drop_socket (self);
  if (verdict == MESH_PUSHER_USE_TLS && !self->tls && !self->socket_id) {
    self->tls = TRUE;
    connect_socket (self);
  } else if (verdict == MESH_PUSHER_LATER) {
    self->later = mesh_timer_new (g_main_context_get_thread_default (),
        LATER_MS, on_later, self);
  } else if (verdict == MESH_PUSHER_AGAIN) {
    on_later (self);
  } else {
    report_refused (self, text);
  }
}

static gboolean
on_no_activity (gpointer user_data)
{
  g_autoptr (MeshPusher) self = g_object_ref (user_data);

  if (self->pinged) {
    report_closed (self, g_error_new_literal (MESH_ERROR,
            MESH_ERROR_UNREACHABLE, "no answer"));
    return G_SOURCE_REMOVE;
  }
  self->pinged = TRUE;
  say (self, "{\"event\":\"pusher:ping\",\"data\":{}}");
  g_source_set_ready_time (self->activity,
      g_get_monotonic_time () + PONG_SECONDS * G_TIME_SPAN_SECOND);
  return G_SOURCE_CONTINUE;
}

static gboolean
dispatch_work (GSource *source, GSourceFunc callback, gpointer user_data)
{
  return callback (user_data);
}

static GSourceFuncs timer_funcs = { .dispatch = dispatch_work };

static void
note_activity (MeshPusher *self)
{
  self->pinged = FALSE;
  if (!self->activity) {
    self->activity = g_source_new (&timer_funcs, sizeof (GSource));
    g_source_set_callback (self->activity, on_no_activity, self, NULL);
    g_source_attach (self->activity, g_main_context_get_thread_default ());
  }
  g_source_set_ready_time (self->activity, g_get_monotonic_time ()
      + self->activity_seconds * G_TIME_SPAN_SECOND);
}

static void
on_established (MeshPusher *self, const MeshPusherEvent *event)
{
  if (self->socket_id)
    return;
  self->socket_id = g_strdup (event->socket_id);
  if (event->activity_timeout > 0)
    self->activity_seconds = MIN (event->activity_timeout, ACTIVITY_SECONDS);
  note_activity (self);
  mesh_transport_emit_opened (MESH_TRANSPORT (self));
}

static void
take_event (MeshPusher *self, const MeshPusherEvent *event)
{
  switch (event->type) {
    case MESH_PUSHER_ESTABLISHED:
      on_established (self, event);
      break;
    case MESH_PUSHER_SUBSCRIBED:
      on_subscribed (self);
      break;
    case MESH_PUSHER_NOT_SUBSCRIBED:
      report_refused (self, event->text ? event->text
          : "we are not let into the room's channels");
      break;
    case MESH_PUSHER_MESSAGE:
      take_message (self, event);
      break;
    case MESH_PUSHER_PING:
      say (self, "{\"event\":\"pusher:pong\",\"data\":{}}");
      break;
    case MESH_PUSHER_PONG:
      emit_frame (self, "{\"type\":\"pong\"}");
      break;
    case MESH_PUSHER_ERROR:
      g_free (self->text);
      self->text = g_strdup (event->text);
      if (event->code >= 4000)
        obey (self, event->code, FALSE);
      break;
    case MESH_PUSHER_OTHER:
    default:
      break;
  }
}

static void
on_frame (MeshTransport *socket, GBytes *frame, gpointer user_data)
{
  g_autoptr (MeshPusher) self = g_object_ref (user_data);
  g_autoptr (MeshPusherEvent) event = NULL;
  gsize length;
  const char *text = g_bytes_get_data (frame, &length);

  event = mesh_pusher_event_parse (text, length, NULL);
  note_activity (self);
  if (!self->finishing)
    mesh_transport_emit_heard (MESH_TRANSPORT (self));
  if (event && !self->over)
    take_event (self, event);
}

static void
on_heard (MeshTransport *socket, gpointer user_data)
{
  if (!MESH_PUSHER (user_data)->finishing)
    mesh_transport_emit_heard (user_data);
}

static void
on_closed (MeshTransport *socket, const GError *error, gpointer user_data)
{
  g_autoptr (MeshPusher) self = g_object_ref (user_data);
  guint code = mesh_websocket_get_close_code (MESH_WEBSOCKET (socket));

  if (self->later)
    return;
  if (code >= 4000)
    obey (self, code, TRUE);
  else
    report_closed (self, error ? g_error_copy (error) : NULL);
}

static void
connect_socket (MeshPusher *self)
{
  g_autofree char *path = mesh_pusher_path (self->link->app_key);

  self->socket = mesh_websocket_new_at (self->link, path, self->tls);
  g_signal_connect (self->socket, "frame", G_CALLBACK (on_frame), self);
  g_signal_connect (self->socket, "heard", G_CALLBACK (on_heard), self);
  g_signal_connect (self->socket, "closed", G_CALLBACK (on_closed), self);
  mesh_transport_open (self->socket);
}

/* --- what goes out --- */

static void
finish_if_done (MeshPusher *self)
{
  if (self->finishing && mesh_pusher_outbox_is_empty (self->outbox))
    report_closed (self, NULL);
}

static void
on_taken (gint64 mid, gpointer owner)
{
  g_autoptr (MeshPusher) self = g_object_ref (owner);

  emit_frame (self, "{\"mid\":%" G_GINT64_FORMAT "}", mid);
  if (!self->over)
    finish_if_done (self);
}

static void
on_lost (const char *to, gpointer owner)
{
  MeshPusher *self = owner;

  emit_frame (self, "{\"seq\":%" G_GINT64_FORMAT ",\"event\":{\"type\":"
      "\"undeliverable\",\"to\":\"%s\",\"reason\":\"gone\"}}", ++self->seq,
      to);
}

static void
on_refused (const char *text, gpointer owner)
{
  g_autoptr (MeshPusher) self = g_object_ref (owner);

  report_refused (self, text);
}

static const MeshPusherOutboxEvents outbox_events = {
  .taken = on_taken,
  .lost = on_lost,
  .refused = on_refused,
};

static void
start (MeshPusher *self, const MeshEnvelope *hello)
{
  if (self->id)
    return;
  self->id = g_strdup (hello->id);
  subscribe (self, self->id);
  if (!are_host (self))
    subscribe (self, self->link->room);
}

static void
mesh_pusher_open (MeshTransport *transport)
{
  MeshPusher *self = MESH_PUSHER (transport);

  self->outbox = mesh_pusher_outbox_new (self->link, &outbox_events,
      G_OBJECT (self));
  connect_socket (self);
}

static void
mesh_pusher_send (MeshTransport *transport, const char *frame)
{
  MeshPusher *self = MESH_PUSHER (transport);
  MeshEnvelope envelope;

  if (self->over || self->finishing
      || !mesh_envelope_parse (frame, strlen (frame), &envelope, NULL))
    return;
  switch (envelope.type) {
    case MESH_ENVELOPE_HELLO:
      start (self, &envelope);
      break;
    case MESH_ENVELOPE_SEND:
      mesh_pusher_outbox_send (self->outbox, envelope.mid, envelope.to,
          envelope.payload, envelope.payload_length, self->socket_id);
      break;
    case MESH_ENVELOPE_PING:
      say (self, "{\"event\":\"pusher:ping\",\"data\":{}}");
      break;
    case MESH_ENVELOPE_ACK:
    case MESH_ENVELOPE_BYE:
    default:
      break;
  }
}

static void
mesh_pusher_close (MeshTransport *transport, gboolean finish)
{
  g_autoptr (MeshPusher) self = g_object_ref (MESH_PUSHER (transport));

  if (self->over)
    return;
  if (!finish || !self->outbox) {
    stop (self);
    return;
  }
  self->finishing = TRUE;
  finish_if_done (self);
}

static char *
mesh_pusher_dup_way (MeshTransport *transport)
{
  MeshPusher *self = MESH_PUSHER (transport);

  return self->socket ? mesh_transport_dup_way (MESH_TRANSPORT (self->socket))
      : NULL;
}

static void
transport_init (MeshTransportInterface *iface)
{
  iface->open = mesh_pusher_open;
  iface->send = mesh_pusher_send;
  iface->close = mesh_pusher_close;
  iface->dup_way = mesh_pusher_dup_way;
}

static void
mesh_pusher_dispose (GObject *object)
{
  stop (MESH_PUSHER (object));
  G_OBJECT_CLASS (mesh_pusher_parent_class)->dispose (object);
}

static void
mesh_pusher_finalize (GObject *object)
{
  MeshPusher *self = MESH_PUSHER (object);

  g_clear_object (&self->session);
  g_object_unref (self->cancellable);
  mesh_link_free (self->link);
  g_free (self->socket_id);
  g_free (self->id);
  g_free (self->text);
  G_OBJECT_CLASS (mesh_pusher_parent_class)->finalize (object);
}

static void
mesh_pusher_class_init (MeshPusherClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = mesh_pusher_dispose;
  object_class->finalize = mesh_pusher_finalize;
}

static void
mesh_pusher_init (MeshPusher *self)
{
  self->cancellable = g_cancellable_new ();
  self->activity_seconds = ACTIVITY_SECONDS;
}

/**
 * mesh_pusher_new:
 * @link: a room's link, of scheme pusher
 *
 * Returns: (transfer full): a transport to the service of @link
 *
 * Since: 0.1
 */
MeshTransport *
mesh_pusher_new (const MeshLink *link)
{
  MeshPusher *self = g_object_new (MESH_TYPE_PUSHER, NULL);

  self->link = mesh_link_copy (link);
  self->tls = link->tls;
  return MESH_TRANSPORT (self);
}
