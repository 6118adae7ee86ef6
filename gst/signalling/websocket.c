/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The WebSocket transport, over libsoup. */

#include "signalling/websocket.h"

#include <libsoup/soup.h>

#include "core/error.h"
#include "core/json.h"

/* docs/protocol.md, "The envelope": two of these unanswered are a lost
 * connection, which the core decides. */
#define KEEPALIVE_SECONDS 4
/* A frame of ours comes back with a longer head. */
#define MAX_PAYLOAD_BYTES (MESH_JSON_MAX_BYTES + 256)
/* What may wait for a server that does not read: all that the core lets wait,
 * and what it says besides. libsoup itself has no limit. */
#define MAX_UNPROVEN_BYTES (16 * 1024 * 1024)

struct _MeshWebsocket {
  GObject parent;

  char *url;
  SoupSession *session;
  SoupMessage *message;         /* the handshake */
  SoupWebsocketConnection *socket;
  GCancellable *cancellable;
  gsize unproven_bytes;         /* sent since the last pong */
  gboolean finishing;
  gboolean over;                /* nothing more is emitted */
};

static void transport_init (MeshTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MeshWebsocket, mesh_websocket, G_TYPE_OBJECT,
    G_IMPLEMENT_INTERFACE (MESH_TYPE_TRANSPORT, transport_init))

static gboolean
do_nothing (gpointer user_data)
{
  return G_SOURCE_REMOVE;
}

/* libsoup goes on using a connection after its signals: it must not be gone
 * before they have returned. */
static void
drop_socket (MeshWebsocket *self)
{
  g_autoptr (GSource) source = NULL;

  if (!self->socket)
    return;
  g_signal_handlers_disconnect_by_data (self->socket, self);
  source = g_idle_source_new ();
  g_source_set_callback (source, do_nothing, g_steal_pointer (&self->socket),
      g_object_unref);
  g_source_attach (source, g_main_context_get_thread_default ());
}

/* Said once, and only to those who still want to hear it. */
static void
report_closed (MeshWebsocket *self, const GError *error)
{
  if (self->over)
    return;
  self->over = TRUE;
  mesh_transport_emit_closed (MESH_TRANSPORT (self), error);
}

static const char *
describe_certificate (GTlsCertificateFlags flags)
{
  if (flags & G_TLS_CERTIFICATE_UNKNOWN_CA)
    return "signed by itself, or by an authority that this system does not "
           "know";
  if (flags & G_TLS_CERTIFICATE_BAD_IDENTITY)
    return "made out to another host";
  if (flags & G_TLS_CERTIFICATE_EXPIRED)
    return "expired";
  if (flags & G_TLS_CERTIFICATE_NOT_ACTIVATED)
    return "not valid yet";
  if (flags & G_TLS_CERTIFICATE_REVOKED)
    return "revoked";
  return "invalid";
}

static GError *
describe_answer (SoupMessage *message)
{
  SoupStatus status = soup_message_get_status (message);
  const char *phrase = soup_status_get_phrase (status);
  MeshError code = MESH_ERROR_FAILED;
  const char *what = "it is no meshroom server";

  if (status == SOUP_STATUS_UNAUTHORIZED || status == SOUP_STATUS_FORBIDDEN) {
    code = MESH_ERROR_REFUSED;
    what = "it does not let us in";
  } else if (status == SOUP_STATUS_REQUEST_TIMEOUT
             || status == 429 /* too many requests */
             || SOUP_STATUS_IS_SERVER_ERROR (status)) {
    code = MESH_ERROR_UNREACHABLE;
    what = "it is out of order";
  }
  return g_error_new (MESH_ERROR, code, "%s (HTTP %d %s)", what, status,
      phrase);
}

/* What a person, and the core, should make of a handshake that failed. */
static GError *
describe_failure (SoupMessage *message, const GError *error)
{
  if (g_error_matches (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE))
    return g_error_new (MESH_ERROR, MESH_ERROR_FAILED,
        "its certificate is not trusted: it is %s",
        describe_certificate (
            soup_message_get_tls_peer_certificate_errors (message)));
  if (g_error_matches (error, G_TLS_ERROR, G_TLS_ERROR_NOT_TLS))
    return g_error_new_literal (MESH_ERROR, MESH_ERROR_FAILED,
        "it does not speak TLS");
  if (error->domain == SOUP_WEBSOCKET_ERROR)
    return describe_answer (message);
  return g_error_new_literal (MESH_ERROR, MESH_ERROR_UNREACHABLE,
      error->message);
}

static void
on_message (SoupWebsocketConnection *socket, gint type, GBytes *bytes,
    gpointer user_data)
{
  MeshWebsocket *self = user_data;

  if (type == SOUP_WEBSOCKET_DATA_TEXT && !self->finishing)
    mesh_transport_emit_frame (MESH_TRANSPORT (self), bytes);
}

static void
on_pong (SoupWebsocketConnection *socket, GBytes *bytes, gpointer user_data)
{
  MeshWebsocket *self = user_data;

  self->unproven_bytes = 0;
  if (!self->finishing)
    mesh_transport_emit_heard (MESH_TRANSPORT (self));
}

/* The closing comes by a signal of its own. */
static void
on_error (SoupWebsocketConnection *socket, GError *error, gpointer user_data)
{
  g_debug ("websocket: %s", error->message);
}

static void
on_closed (SoupWebsocketConnection *socket, gpointer user_data)
{
  g_autoptr (MeshWebsocket) self = g_object_ref (user_data);

  drop_socket (self);
  report_closed (self, NULL);
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (MeshWebsocket) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (SoupWebsocketConnection) socket
      = soup_session_websocket_connect_finish (SOUP_SESSION (source), result,
          &error);

  if (self->over)
    return;
  if (!socket) {
    g_autoptr (GError) reason = describe_failure (self->message, error);

    report_closed (self, reason);
    return;
  }
  self->socket = g_steal_pointer (&socket);
  soup_websocket_connection_set_max_incoming_payload_size (self->socket,
      MAX_PAYLOAD_BYTES);
  soup_websocket_connection_set_keepalive_interval (self->socket,
      KEEPALIVE_SECONDS);
  g_signal_connect (self->socket, "message", G_CALLBACK (on_message), self);
  g_signal_connect (self->socket, "pong", G_CALLBACK (on_pong), self);
  g_signal_connect (self->socket, "error", G_CALLBACK (on_error), self);
  g_signal_connect (self->socket, "closed", G_CALLBACK (on_closed), self);
  mesh_transport_emit_opened (MESH_TRANSPORT (self));
}

static void
mesh_websocket_open (MeshTransport *transport)
{
  MeshWebsocket *self = MESH_WEBSOCKET (transport);

  /* made here, since a session belongs to a context */
  self->session = soup_session_new_with_options ("user-agent",
      "meshroom/" MESH_VERSION, "timeout", 0, NULL);
  soup_session_remove_feature_by_type (self->session,
      SOUP_TYPE_WEBSOCKET_EXTENSION_MANAGER);
  self->message = soup_message_new (SOUP_METHOD_GET, self->url);
  soup_message_add_flags (self->message, SOUP_MESSAGE_NO_REDIRECT);
  soup_session_websocket_connect_async (self->session, self->message, NULL,
      NULL, G_PRIORITY_DEFAULT, self->cancellable, on_connected,
      g_object_ref (self));
}

static void
mesh_websocket_send (MeshTransport *transport, const char *frame)
{
  MeshWebsocket *self = MESH_WEBSOCKET (transport);

  if (!self->socket
      || soup_websocket_connection_get_state (self->socket)
             != SOUP_WEBSOCKET_STATE_OPEN)
    return;
  self->unproven_bytes += strlen (frame);
  if (self->unproven_bytes > MAX_UNPROVEN_BYTES) {
    g_autoptr (GError) error = g_error_new_literal (MESH_ERROR,
        MESH_ERROR_UNREACHABLE, "it does not read what we send");

    drop_socket (self);
    report_closed (self, error);
    return;
  }
  soup_websocket_connection_send_text (self->socket, frame);
}

static void
mesh_websocket_close (MeshTransport *transport, gboolean finish)
{
  MeshWebsocket *self = MESH_WEBSOCKET (transport);

  if (finish && self->socket
      && soup_websocket_connection_get_state (self->socket)
             == SOUP_WEBSOCKET_STATE_OPEN) {
    self->finishing = TRUE;
    soup_websocket_connection_close (self->socket,
        SOUP_WEBSOCKET_CLOSE_NORMAL, NULL);
    return;
  }
  if (finish) {
    report_closed (self, NULL);
    return;
  }
  self->over = TRUE;
  g_cancellable_cancel (self->cancellable);
  drop_socket (self);
}

static void
transport_init (MeshTransportInterface *iface)
{
  iface->open = mesh_websocket_open;
  iface->send = mesh_websocket_send;
  iface->close = mesh_websocket_close;
}

static void
mesh_websocket_dispose (GObject *object)
{
  MeshWebsocket *self = MESH_WEBSOCKET (object);

  self->over = TRUE;
  drop_socket (self);
  g_clear_object (&self->message);
  g_clear_object (&self->session);
  G_OBJECT_CLASS (mesh_websocket_parent_class)->dispose (object);
}

static void
mesh_websocket_finalize (GObject *object)
{
  MeshWebsocket *self = MESH_WEBSOCKET (object);

  g_object_unref (self->cancellable);
  g_free (self->url);
  G_OBJECT_CLASS (mesh_websocket_parent_class)->finalize (object);
}

static void
mesh_websocket_class_init (MeshWebsocketClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = mesh_websocket_dispose;
  object_class->finalize = mesh_websocket_finalize;
}

static void
mesh_websocket_init (MeshWebsocket *self)
{
  self->cancellable = g_cancellable_new ();
}

/**
 * mesh_websocket_new:
 * @link: a room's link
 *
 * Returns: (transfer full): a transport to the server of @link
 *
 * Since: 0.1
 */
MeshTransport *
mesh_websocket_new (const MeshLink *link)
{
  MeshWebsocket *self = g_object_new (MESH_TYPE_WEBSOCKET, NULL);

  self->url = g_uri_join (G_URI_FLAGS_NONE,
      g_str_equal (link->scheme, "https") ? "wss" : "ws", NULL, link->host,
      link->port, "/v1/socket", NULL, NULL);
  return MESH_TRANSPORT (self);
}
