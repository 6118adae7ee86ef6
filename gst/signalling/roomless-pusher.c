/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The wire of Pusher Channels, and of whatever speaks its protocol.
 *
 *     MeshRoomless ─→ MeshTriggerOutbox ─ HTTP ─→ service
 *                  ←── events ←──── WebSocket ───┘
 */

#include "signalling/roomless-pusher.h"

#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "host/timer.h"
#include "pusher/client.h"
#include "signalling/post.h"
#include "signalling/roomless.h"
#include "signalling/trigger-outbox.h"
#include "signalling/websocket.h"

/* After such a silence the service is pinged, unless it names a shorter one. */
#define ACTIVITY_SECONDS 120
#define PONG_SECONDS 30
#define LATER_MS 1000
#define AUTH_PATIENCE_MS 5000
#define MAX_AUTH_BYTES 8192

struct _MeshRoomlessPusher {
  MeshRoomless parent;

  MeshTransport *socket;
  MeshTriggerOutbox *outbox;
  SoupSession *session;         /* for the link's auth URL; NULL: not used */
  GCancellable *cancellable;
  gboolean tls;
  char *socket_id;              /* once the connection is established */
  guint activity_seconds;
  GSource *activity;            /* the timer of a silent connection */
  GSource *later;               /* the delay before `closed` is emitted */
  gboolean pinged;              /* the silence was met with a ping */
  guint code;                   /* of the last error */
  char *text;
};

G_DEFINE_FINAL_TYPE (MeshRoomlessPusher, mesh_roomless_pusher,
    MESH_TYPE_ROOMLESS)

static const MeshLink *
get_link (MeshRoomlessPusher *self)
{
  return mesh_roomless_get_link (MESH_ROOMLESS (self));
}

static void
drop_socket (MeshRoomlessPusher *self)
{
  g_autoptr (MeshTransport) socket = g_steal_pointer (&self->socket);

  mesh_timer_clear (&self->activity);
  if (!socket)
    return;
  g_signal_handlers_disconnect_by_data (socket, self);
  mesh_transport_close (socket, FALSE);
}

static void
mesh_roomless_pusher_stop (MeshRoomless *roomless)
{
  MeshRoomlessPusher *self = MESH_ROOMLESS_PUSHER (roomless);

  drop_socket (self);
  mesh_timer_clear (&self->later);
  g_cancellable_cancel (self->cancellable);
  g_clear_pointer (&self->outbox, mesh_trigger_outbox_free);
}

static void
report_unreachable (MeshRoomlessPusher *self, const char *text)
{
  g_autoptr (GError) error = g_error_new_literal (MESH_ERROR,
      MESH_ERROR_UNREACHABLE, text);

  mesh_roomless_closed (MESH_ROOMLESS (self), error);
}

static void
report_refused (MeshRoomlessPusher *self, const char *text)
{
  mesh_roomless_refused (MESH_ROOMLESS (self), text);
}


static void
say (MeshRoomlessPusher *self, const char *event)
{
  if (self->socket)
    mesh_transport_send (self->socket, event);
}

typedef struct {
  MeshRoomlessPusher *self;
  char *channel;
} Asking;

static void
on_auth (guint status, GBytes *answer, const GError *error,
    gpointer user_data)
{
  Asking *asking = user_data;
  g_autoptr (MeshRoomlessPusher) self = asking->self;
  g_autofree char *channel = asking->channel;
  g_autofree char *event = NULL;
  g_autoptr (JsonObject) object = NULL;
  const char *auth = NULL, *data = NULL;

  g_free (asking);
  if (mesh_roomless_is_over (MESH_ROOMLESS (self)))
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

/* Asks the link's auth URL for a signature: its owner has the app's secret. */
static void
ask_for_auth (MeshRoomlessPusher *self, const char *channel)
{
  g_autofree char *form = g_strdup_printf ("socket_id=%s&channel_name=%s",
      self->socket_id, channel);
  g_autoptr (GBytes) body = g_bytes_new (form, strlen (form));
  Asking *asking = g_new0 (Asking, 1);

  if (!self->session)
    self->session = mesh_post_session_new ();
  asking->self = g_object_ref (self);
  asking->channel = g_strdup (channel);
  mesh_post (self->session, get_link (self)->auth,
      "application/x-www-form-urlencoded", body, MAX_AUTH_BYTES,
      AUTH_PATIENCE_MS, self->cancellable, on_auth, asking);
}

static void
mesh_roomless_pusher_listen (MeshRoomless *roomless, const char *id)
{
  MeshRoomlessPusher *self = MESH_ROOMLESS_PUSHER (roomless);
  const MeshLink *link = get_link (self);
  g_autofree char *channel = g_strconcat (link->prefix, id, NULL);
  g_autofree char *data = NULL, *auth = NULL, *event = NULL;

  if (*link->prefix && !link->secret) {
    ask_for_auth (self, channel);
    return;
  }
  if (g_str_equal (link->prefix, "presence-"))
    data = g_strdup_printf ("{\"user_id\":\"%s\"}",
        mesh_roomless_get_id (roomless));
  if (*link->prefix)
    auth = mesh_pusher_authorise (link->app_key, link->secret,
        self->socket_id, channel, data);
  event = mesh_pusher_subscribe (channel, auth, data);
  say (self, event);
}

static void
take_message (MeshRoomlessPusher *self, const MeshPusherEvent *event)
{
  const char *prefix = get_link (self)->prefix;

  if (g_str_has_prefix (event->channel, prefix))
    mesh_roomless_message (MESH_ROOMLESS (self),
        event->channel + strlen (prefix), event->data);
}


static void connect_socket (MeshRoomlessPusher *self);

static char *
close_reason (MeshRoomlessPusher *self)
{
  return g_strdup_printf ("%s (%u)",
      self->text ? self->text : "it closed the connection", self->code);
}

static gboolean
on_later (gpointer user_data)
{
  g_autoptr (MeshRoomlessPusher) self = g_object_ref (user_data);
  g_autofree char *text = close_reason (self);

  report_unreachable (self, text);
  return G_SOURCE_REMOVE;
}

/* Follows the code with which the service closes, or is about to. */
static void
obey (MeshRoomlessPusher *self, guint code, gboolean closed)
{
  MeshPusherVerdict verdict = mesh_pusher_judge (code);
  g_autofree char *text = NULL;

  if (verdict == MESH_PUSHER_GO_ON && closed)
    verdict = MESH_PUSHER_STOP;
  if (verdict == MESH_PUSHER_GO_ON || self->later)
    return;
  self->code = code;
  text = close_reason (self);
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

static void
mesh_roomless_pusher_ping (MeshRoomless *roomless)
{
  say (MESH_ROOMLESS_PUSHER (roomless),
      "{\"event\":\"pusher:ping\",\"data\":{}}");
}

static gboolean
on_no_activity (gpointer user_data)
{
  g_autoptr (MeshRoomlessPusher) self = g_object_ref (user_data);

  if (self->pinged) {
    report_unreachable (self, "no answer");
    return G_SOURCE_REMOVE;
  }
  self->pinged = TRUE;
  mesh_roomless_pusher_ping (MESH_ROOMLESS (self));
  g_source_set_ready_time (self->activity,
      g_get_monotonic_time () + PONG_SECONDS * G_TIME_SPAN_SECOND);
  return G_SOURCE_CONTINUE;
}

static void
note_activity (MeshRoomlessPusher *self)
{
  self->pinged = FALSE;
  if (!self->activity)
    self->activity = mesh_timer_new_unset (
        g_main_context_get_thread_default (), on_no_activity, self);
  g_source_set_ready_time (self->activity, g_get_monotonic_time ()
      + self->activity_seconds * G_TIME_SPAN_SECOND);
}

static void
on_established (MeshRoomlessPusher *self, const MeshPusherEvent *event)
{
  if (self->socket_id)
    return;
  self->socket_id = g_strdup (event->socket_id);
  if (event->activity_timeout > 0)
    self->activity_seconds = MIN (event->activity_timeout, ACTIVITY_SECONDS);
  note_activity (self);
  mesh_roomless_opened (MESH_ROOMLESS (self));
}

static void
take_event (MeshRoomlessPusher *self, const MeshPusherEvent *event)
{
  switch (event->type) {
    case MESH_PUSHER_ESTABLISHED:
      on_established (self, event);
      break;
    case MESH_PUSHER_SUBSCRIBED:
      mesh_roomless_listening (MESH_ROOMLESS (self));
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
      mesh_roomless_pong (MESH_ROOMLESS (self));
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
  g_autoptr (MeshRoomlessPusher) self = g_object_ref (user_data);
  g_autoptr (MeshPusherEvent) event = NULL;
  gsize length;
  const char *text = g_bytes_get_data (frame, &length);

  event = mesh_pusher_event_parse (text, length, NULL);
  note_activity (self);
  mesh_roomless_heard (MESH_ROOMLESS (self));
  if (event && !mesh_roomless_is_over (MESH_ROOMLESS (self)))
    take_event (self, event);
}

static void
on_heard (MeshTransport *socket, gpointer user_data)
{
  mesh_roomless_heard (MESH_ROOMLESS (user_data));
}

static void
on_closed (MeshTransport *socket, const GError *error, gpointer user_data)
{
  g_autoptr (MeshRoomlessPusher) self = g_object_ref (user_data);
  guint code = mesh_websocket_get_close_code (MESH_WEBSOCKET (socket));

  if (self->later)
    return;
  if (code >= 4000)
    obey (self, code, TRUE);
  else
    mesh_roomless_closed (MESH_ROOMLESS (self), error);
}

static void
connect_socket (MeshRoomlessPusher *self)
{
  const MeshLink *link = get_link (self);
  g_autofree char *path = mesh_pusher_path (link->app_key);

  self->socket = mesh_websocket_new_at (link, path, self->tls);
  g_signal_connect (self->socket, "frame", G_CALLBACK (on_frame), self);
  g_signal_connect (self->socket, "heard", G_CALLBACK (on_heard), self);
  g_signal_connect (self->socket, "closed", G_CALLBACK (on_closed), self);
  mesh_transport_open (self->socket);
}

static void
mesh_roomless_pusher_open (MeshRoomless *roomless)
{
  MeshRoomlessPusher *self = MESH_ROOMLESS_PUSHER (roomless);

  self->outbox = mesh_trigger_outbox_new (get_link (self), roomless);
  connect_socket (self);
}

static void
mesh_roomless_pusher_send (MeshRoomless *roomless, gint64 mid, const char *to,
    const char *payload, gsize length)
{
  MeshRoomlessPusher *self = MESH_ROOMLESS_PUSHER (roomless);

  mesh_trigger_outbox_send (self->outbox, mid, to, payload, length,
      self->socket_id);
}

static gboolean
mesh_roomless_pusher_is_idle (MeshRoomless *roomless)
{
  MeshRoomlessPusher *self = MESH_ROOMLESS_PUSHER (roomless);

  return !self->outbox || mesh_trigger_outbox_is_empty (self->outbox);
}

static char *
mesh_roomless_pusher_dup_way (MeshRoomless *roomless)
{
  MeshRoomlessPusher *self = MESH_ROOMLESS_PUSHER (roomless);

  return self->socket ? mesh_transport_dup_way (MESH_TRANSPORT (self->socket))
      : NULL;
}

static void
mesh_roomless_pusher_finalize (GObject *object)
{
  MeshRoomlessPusher *self = MESH_ROOMLESS_PUSHER (object);

  g_clear_object (&self->session);
  g_object_unref (self->cancellable);
  g_free (self->socket_id);
  g_free (self->text);
  G_OBJECT_CLASS (mesh_roomless_pusher_parent_class)->finalize (object);
}

static void
mesh_roomless_pusher_class_init (MeshRoomlessPusherClass *klass)
{
  MeshRoomlessClass *roomless_class = MESH_ROOMLESS_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = mesh_roomless_pusher_finalize;
  roomless_class->open = mesh_roomless_pusher_open;
  roomless_class->listen = mesh_roomless_pusher_listen;
  roomless_class->send = mesh_roomless_pusher_send;
  roomless_class->ping = mesh_roomless_pusher_ping;
  roomless_class->is_idle = mesh_roomless_pusher_is_idle;
  roomless_class->stop = mesh_roomless_pusher_stop;
  roomless_class->dup_way = mesh_roomless_pusher_dup_way;
}

static void
mesh_roomless_pusher_init (MeshRoomlessPusher *self)
{
  self->cancellable = g_cancellable_new ();
  self->activity_seconds = ACTIVITY_SECONDS;
}

/**
 * mesh_roomless_pusher_new:
 * @link: a room's link, of scheme pusher
 *
 * Returns: (transfer full): a transport to the service of @link
 */
MeshTransport *
mesh_roomless_pusher_new (const MeshLink *link)
{
  MeshRoomlessPusher *self = g_object_new (MESH_TYPE_ROOMLESS_PUSHER, NULL);

  mesh_roomless_set_link (MESH_ROOMLESS (self), link);
  self->tls = link->tls;
  return MESH_TRANSPORT (self);
}
