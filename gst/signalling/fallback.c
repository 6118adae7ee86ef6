/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Chooses between the WebSocket and long polling. A proxy can refuse the
 * Upgrade, take it and then cut the connection, or take it and swallow what
 * goes through. So a WebSocket has to prove itself: it counts from its first
 * frame on, which answers the hello, and until then what was sent is kept, to
 * be sent again by the other way.
 *
 *     WebSocket ──first frame──→ used
 *         │ cut, or silent
 *         ↓
 *     long-poll ──first frame──→ used, and for a while asked first
 *         │ fails as well
 *         ↓
 *       closed, for the WebSocket's reason
 */

#include "signalling/fallback.h"

#include <string.h>

#include "core/error.h"
#include "host/timer.h"
#include "signalling/longpoll.h"
#include "signalling/websocket.h"

/* How long a WebSocket may take for each step, from the connection to the first
 * frame; and twice what the connection took, which a satellite makes long. */
#define PATIENCE (2 * G_USEC_PER_SEC)
#define LOOK_MS 250
/* So long no WebSocket is tried after one has failed. */
#define AVOID (5 * 60 * G_USEC_PER_SEC)
/* A WebSocket that lived so short counts as cut by something on the way, and
 * after so many of them in a row long polling is used. */
#define SHORT_LIFE (15 * G_USEC_PER_SEC)
#define MAX_CUTS 2

struct _MeshRoute {
  gint64 avoid_until;           /* no WebSocket before this */
  guint cuts;                   /* of proven WebSockets, in a row */
};

struct _MeshFallback {
  GObject parent;

  MeshRoute *route;
  MeshTransport *websocket;     /* NULL: not used, or not any more */
  MeshTransport *longpoll;      /* NULL: not used any more */
  gboolean proven;              /* the transport in use has answered */
  gboolean announced;           /* `opened` was emitted */
  gboolean finishing;
  gboolean told;                /* the server has said why it ends */
  gboolean over;                /* nothing more is emitted */
  GPtrArray *sent;              /* char *, until it is proven */
  GError *reason;               /* what is wrong with the WebSocket */
  GSource *watchdog;
  gint64 began_at;
  gint64 opened_at;
  gint64 proven_at;
};

static void transport_init (MeshTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MeshFallback, mesh_fallback, G_TYPE_OBJECT,
    G_IMPLEMENT_INTERFACE (MESH_TYPE_TRANSPORT, transport_init))

/**
 * mesh_route_new:
 * Returns: (transfer full): nothing is known yet
 */
MeshRoute *
mesh_route_new (void)
{
  return g_atomic_rc_box_new0 (MeshRoute);
}

/**
 * mesh_route_unref:
 * @route: (transfer full): a route
 */
void
mesh_route_unref (MeshRoute *route)
{
  g_atomic_rc_box_release (route);
}

/**
 * mesh_route_forget:
 *
 * We are in another network: what was in the way there may not be here.
 */
void
mesh_route_forget (MeshRoute *route)
{
  *route = (MeshRoute) { 0 };
}

static void
drop (MeshFallback *self, MeshTransport **transport)
{
  g_autoptr (MeshTransport) dropped = g_steal_pointer (transport);

  if (!dropped)
    return;
  g_signal_handlers_disconnect_by_data (dropped, self);
  mesh_transport_close (dropped, FALSE);
}

/* Counts WebSockets that are cut although they were proven. An end that our
 * server announces is no such cut. */
static void
judge_end (MeshFallback *self)
{
  gint64 now = g_get_monotonic_time ();

  if (!self->websocket || !self->proven || self->finishing)
    return;
  if (self->told || now >= self->proven_at + SHORT_LIFE) {
    self->route->cuts = 0;
  } else if (++self->route->cuts >= MAX_CUTS) {
    self->route->cuts = 0;
    self->route->avoid_until = now + AVOID;
  }
}

static void
end (MeshFallback *self)
{
  self->over = TRUE;
  mesh_timer_clear (&self->watchdog);
  drop (self, &self->websocket);
  drop (self, &self->longpoll);
}

static void
report_closed (MeshFallback *self, const GError *error)
{
  g_autoptr (GError) reason = error ? g_error_copy (error) : NULL;

  if (self->over)
    return;
  end (self);
  mesh_transport_emit_closed (MESH_TRANSPORT (self), reason);
}

static void
on_opened (MeshTransport *transport, gpointer user_data)
{
  g_autoptr (MeshFallback) self = g_object_ref (user_data);

  for (guint i = 0; i < self->sent->len; i++)
    mesh_transport_send (transport, self->sent->pdata[i]);
  self->opened_at = g_get_monotonic_time ();
  if (self->announced)
    return;
  self->announced = TRUE;
  mesh_transport_emit_opened (MESH_TRANSPORT (self));
}

static void
prove (MeshFallback *self)
{
  self->proven = TRUE;
  self->proven_at = g_get_monotonic_time ();
  mesh_timer_clear (&self->watchdog);
  g_ptr_array_set_size (self->sent, 0);
  if (self->longpoll && self->reason)
    self->route->avoid_until = self->proven_at + AVOID;
}

static gboolean
is_last_word (GBytes *frame)
{
  static const char error[] = "{\"type\":\"error\"";
  gsize length;
  const char *text = g_bytes_get_data (frame, &length);

  return length >= strlen (error) && memcmp (text, error, strlen (error)) == 0;
}

static void
on_frame (MeshTransport *transport, GBytes *frame, gpointer user_data)
{
  MeshFallback *self = user_data;

  if (!self->proven)
    prove (self);
  self->told |= is_last_word (frame);
  mesh_transport_emit_frame (MESH_TRANSPORT (self), frame);
}

static void
on_heard (MeshTransport *transport, gpointer user_data)
{
  mesh_transport_emit_heard (user_data);
}

static void
on_longpoll_closed (MeshTransport *transport, const GError *error,
    gpointer user_data)
{
  g_autoptr (MeshFallback) self = g_object_ref (user_data);

  if (!self->proven)            /* then it is no better: ask anew */
    mesh_route_forget (self->route);
  report_closed (self, !self->proven && self->reason ? self->reason : error);
}

static void
connect_signals (MeshFallback *self, MeshTransport *transport,
    gpointer on_closed)
{
  g_signal_connect (transport, "opened", G_CALLBACK (on_opened), self);
  g_signal_connect (transport, "frame", G_CALLBACK (on_frame), self);
  g_signal_connect (transport, "heard", G_CALLBACK (on_heard), self);
  g_signal_connect (transport, "closed", G_CALLBACK (on_closed), self);
}

static void
start_longpoll (MeshFallback *self)
{
  connect_signals (self, self->longpoll, on_longpoll_closed);
  mesh_transport_open (self->longpoll);
}

/* Long polling takes over; @error says what is wrong with the WebSocket. */
static void
fall_back (MeshFallback *self, const GError *error)
{
  self->reason = g_error_copy (error);
  mesh_timer_clear (&self->watchdog);
  drop (self, &self->websocket);
  start_longpoll (self);
}

/* Where not even a connection could be made, or where its certificate is no
 * good, HTTP requests have no better chance; but a proxy that makes no tunnel
 * may well pass requests on. */
static void
on_websocket_closed (MeshTransport *transport, const GError *error,
    gpointer user_data)
{
  g_autoptr (MeshFallback) self = g_object_ref (user_data);
  g_autoptr (GError) cut = g_error_new_literal (MESH_ERROR,
      MESH_ERROR_UNREACHABLE, "it hung up");

  if (self->proven || self->finishing
      || (!mesh_websocket_get_reached (MESH_WEBSOCKET (transport))
          && !mesh_websocket_is_barred (MESH_WEBSOCKET (transport)))) {
    judge_end (self);
    report_closed (self, error);
  } else {
    fall_back (self, error ? error : cut);
  }
}

static gboolean
on_watchdog (gpointer user_data)
{
  MeshFallback *self = user_data;
  g_autoptr (GError) error = NULL;
  gint64 reached
      = mesh_websocket_get_reached (MESH_WEBSOCKET (self->websocket));
  gint64 patience = PATIENCE + 2 * (reached - self->began_at);

  if (!reached || g_get_monotonic_time ()
                      < MAX (reached, self->opened_at) + patience)
    return G_SOURCE_CONTINUE;
  error = g_error_new_literal (MESH_ERROR, MESH_ERROR_UNREACHABLE,
      "no answer");
  fall_back (self, error);
  return G_SOURCE_REMOVE;
}

static void
mesh_fallback_open (MeshTransport *transport)
{
  MeshFallback *self = MESH_FALLBACK (transport);

  if (g_get_monotonic_time () < self->route->avoid_until) {
    g_clear_object (&self->websocket);
    start_longpoll (self);
    return;
  }
  self->began_at = g_get_monotonic_time ();
  self->watchdog = mesh_timer_new (g_main_context_get_thread_default (),
      LOOK_MS, on_watchdog, self);
  connect_signals (self, self->websocket, on_websocket_closed);
  mesh_transport_open (self->websocket);
}

static MeshTransport *
get_used (MeshFallback *self)
{
  return self->websocket ? self->websocket : self->longpoll;
}

static void
mesh_fallback_send (MeshTransport *transport, const char *frame)
{
  MeshFallback *self = MESH_FALLBACK (transport);

  if (self->over || self->finishing)
    return;
  if (!self->proven)
    g_ptr_array_add (self->sent, g_strdup (frame));
  mesh_transport_send (get_used (self), frame);
}

static void
mesh_fallback_close (MeshTransport *transport, gboolean finish)
{
  MeshFallback *self = MESH_FALLBACK (transport);

  if (self->over)
    return;
  if (finish) {
    self->finishing = TRUE;
    mesh_transport_close (get_used (self), TRUE);
    return;
  }
  judge_end (self);
  end (self);
}

static char *
mesh_fallback_dup_way (MeshTransport *transport)
{
  MeshTransport *used = get_used (MESH_FALLBACK (transport));

  return used ? mesh_transport_dup_way (used) : NULL;
}

static void
transport_init (MeshTransportInterface *iface)
{
  iface->open = mesh_fallback_open;
  iface->send = mesh_fallback_send;
  iface->close = mesh_fallback_close;
  iface->dup_way = mesh_fallback_dup_way;
}

static void
mesh_fallback_dispose (GObject *object)
{
  MeshFallback *self = MESH_FALLBACK (object);

  end (self);
  G_OBJECT_CLASS (mesh_fallback_parent_class)->dispose (object);
}

static void
mesh_fallback_finalize (GObject *object)
{
  MeshFallback *self = MESH_FALLBACK (object);

  g_ptr_array_unref (self->sent);
  g_clear_error (&self->reason);
  mesh_route_unref (self->route);
  G_OBJECT_CLASS (mesh_fallback_parent_class)->finalize (object);
}

static void
mesh_fallback_class_init (MeshFallbackClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = mesh_fallback_dispose;
  object_class->finalize = mesh_fallback_finalize;
}

static void
mesh_fallback_init (MeshFallback *self)
{
  self->sent = g_ptr_array_new_with_free_func (g_free);
}

/**
 * mesh_fallback_new:
 * @link: a room's link
 * @route: what is known, and is learnt, of the way to its server
 *
 * Returns: (transfer full): a transport to the server of @link
 */
MeshTransport *
mesh_fallback_new (const MeshLink *link, MeshRoute *route)
{
  MeshFallback *self = g_object_new (MESH_TYPE_FALLBACK, NULL);

  self->route = g_atomic_rc_box_acquire (route);
  self->websocket = mesh_websocket_new (link);
  self->longpoll = mesh_longpoll_new (link);
  return MESH_TRANSPORT (self);
}

/**
 * mesh_fallback_is_polling:
 * @fallback: an open transport
 *
 * Returns: whether it has no WebSocket
 */
gboolean
mesh_fallback_is_polling (MeshFallback *fallback)
{
  return fallback->websocket == NULL;
}
