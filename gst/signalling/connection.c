/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs a MeshClient on a thread of its own, and carries out what it decides:
 *
 *     any thread ──send──→ ┌────────┐ ──actions──→ worker ──→ transport
 *                          │ client │                │
 *      transport ──feed──→ └────────┘                └─inbox─→ callbacks
 *
 * The worker outlives the object where it must: when a callback drops the last
 * reference, the thread cannot wait for itself. */

#include "signalling/connection.h"

#include <gnutls/crypto.h>
#include <string.h>

#include "core/client.h"
#include "core/error.h"
#include "core/json.h"
#include "core/link.h"
#include "signalling/websocket.h"

/* Together a second, at most. */
#define STOP_WAIT (750 * G_TIME_SPAN_MILLISECOND)
#define CANCEL_WAIT_MS 250
/* What waits for a receiver. The oldest count most: `welcome` is the first. */
#define MAX_INBOX 1024

typedef struct {
  MeshConnectionMessageFunc message;
  MeshConnectionErrorFunc error;
  gpointer user_data;
  GDestroyNotify destroy;
} Receiver;

typedef struct {
  GWeakRef owner;
  MeshLink *link;
  MeshTransportFunc make_transport;
  gpointer transport_data;
  GDestroyNotify transport_destroy;
  GMainContext *context;
  GMainLoop *loop;
  GSource *source;              /* dispatched when there is work, or at the
                                 * client's deadline */

  GMutex lock;                  /* guards what follows, taken last of all */
  MeshClient *client;
  GQueue inbox;                 /* MeshClientAction for the receiver */
  Receiver *receiver;           /* atomic rc box */
  gint64 stop_at;               /* 0: it goes on */

  MeshTransport *transport;     /* worker thread only */
  gboolean carrying;            /* worker thread only */
} Worker;

struct _MeshConnection {
  GObject parent;

  Worker *worker;               /* atomic rc box */
  GMutex lock;                  /* guards thread; taken before the worker's */
  GThread *thread;
};

G_DEFINE_FINAL_TYPE (MeshConnection, mesh_connection, G_TYPE_OBJECT)

static void
receiver_clear (gpointer data)
{
  Receiver *receiver = data;

  if (receiver->destroy)
    receiver->destroy (receiver->user_data);
}

static void
receiver_unref (Receiver *receiver)
{
  g_atomic_rc_box_release_full (receiver, receiver_clear);
}

static void
action_free (MeshClientAction *action)
{
  mesh_client_action_clear (action);
  g_free (action);
}

static void
worker_clear (gpointer data)
{
  Worker *self = data;

  g_queue_clear_full (&self->inbox, (GDestroyNotify) action_free);
  g_clear_pointer (&self->receiver, receiver_unref);
  mesh_client_free (self->client);
  g_source_destroy (self->source);
  g_source_unref (self->source);
  g_main_loop_unref (self->loop);
  g_main_context_unref (self->context);
  if (self->transport_destroy)
    self->transport_destroy (self->transport_data);
  mesh_link_free (self->link);
  g_weak_ref_clear (&self->owner);
  g_mutex_clear (&self->lock);
}

static void
worker_unref (Worker *self)
{
  g_atomic_rc_box_release_full (self, worker_clear);
}

/* Under the lock, or a wake-up could get lost in worker_carry_out(). */
static void
worker_wake_locked (Worker *self)
{
  g_source_set_ready_time (self->source, 0);
}

static void
worker_sleep_locked (Worker *self)
{
  gint64 until = self->stop_at;

  if (until == 0)
    until = mesh_client_deadline (self->client);
  g_source_set_ready_time (self->source, until == G_MAXINT64 ? -1 : until);
}

static void worker_carry_out (Worker *self);

static void
on_opened (MeshTransport *transport, gpointer user_data)
{
  Worker *self = user_data;

  g_mutex_lock (&self->lock);
  mesh_client_opened (self->client, g_get_monotonic_time ());
  g_mutex_unlock (&self->lock);
  worker_carry_out (self);
}

static void
on_frame (MeshTransport *transport, GBytes *frame, gpointer user_data)
{
  Worker *self = user_data;
  gsize length;
  const char *text = g_bytes_get_data (frame, &length);

  g_mutex_lock (&self->lock);
  mesh_client_feed (self->client, text, length, g_get_monotonic_time ());
  g_mutex_unlock (&self->lock);
  worker_carry_out (self);
}

static void
on_heard (MeshTransport *transport, gpointer user_data)
{
  Worker *self = user_data;

  g_mutex_lock (&self->lock);
  mesh_client_heard (self->client, g_get_monotonic_time ());
  g_mutex_unlock (&self->lock);
}

static void
worker_drop_transport (Worker *self)
{
  if (!self->transport)
    return;
  g_signal_handlers_disconnect_by_data (self->transport, self);
  g_clear_object (&self->transport);
}

static void
on_closed (MeshTransport *transport, const GError *error, gpointer user_data)
{
  Worker *self = user_data;

  worker_drop_transport (self);
  g_mutex_lock (&self->lock);
  mesh_client_closed (self->client, error, g_get_monotonic_time ());
  g_mutex_unlock (&self->lock);
  worker_carry_out (self);
}

static void
worker_connect (Worker *self)
{
  worker_drop_transport (self);
  self->transport = self->make_transport
                        ? self->make_transport (self->transport_data)
                        : mesh_websocket_new (self->link);
  g_signal_connect (self->transport, "opened", G_CALLBACK (on_opened), self);
  g_signal_connect (self->transport, "frame", G_CALLBACK (on_frame), self);
  g_signal_connect (self->transport, "heard", G_CALLBACK (on_heard), self);
  g_signal_connect (self->transport, "closed", G_CALLBACK (on_closed), self);
  mesh_transport_open (self->transport);
}

/* Takes the action over. */
static void
worker_post (Worker *self, MeshClientAction *action)
{
  g_mutex_lock (&self->lock);
  if (self->inbox.length < MAX_INBOX)
    g_queue_push_tail (&self->inbox, g_memdup2 (action, sizeof *action));
  else
    mesh_client_action_clear (action);
  g_mutex_unlock (&self->lock);
}

static void
worker_do (Worker *self, MeshClientAction *action)
{
  switch (action->type) {
    case MESH_CLIENT_CONNECT:
      worker_connect (self);
      break;
    case MESH_CLIENT_SEND:
      if (self->transport)
        mesh_transport_send (self->transport, action->text);
      break;
    case MESH_CLIENT_CLOSE:
      if (self->transport)
        mesh_transport_close (self->transport, FALSE);
      worker_drop_transport (self);
      break;
    case MESH_CLIENT_FINISH:
      if (self->transport)
        mesh_transport_close (self->transport, TRUE);
      break;
    default:
      worker_post (self, action);
      return;
  }
  mesh_client_action_clear (action);
}

/* Called without the lock, so that a callback may call us. */
static void
receiver_call (Receiver *receiver, MeshConnection *owner,
    const MeshClientAction *action)
{
  if (action->type == MESH_CLIENT_MESSAGE) {
    if (receiver->message)
      receiver->message (owner, action->text, receiver->user_data);
  } else if (receiver->error) {
    receiver->error (owner, action->error,
        action->type == MESH_CLIENT_FAILED, receiver->user_data);
  }
}

static void
worker_deliver (Worker *self)
{
  for (;;) {
    g_autoptr (MeshConnection) owner = g_weak_ref_get (&self->owner);
    MeshClientAction *action = NULL;
    Receiver *receiver = NULL;

    g_mutex_lock (&self->lock);
    if (owner && self->receiver && self->stop_at == 0)
      action = g_queue_pop_head (&self->inbox);
    if (action)
      receiver = g_atomic_rc_box_acquire (self->receiver);
    g_mutex_unlock (&self->lock);
    if (!action)
      return;
    receiver_call (receiver, owner, action);
    action_free (action);
    receiver_unref (receiver);
  }
}

/* Does all there is to do, and sees to it that we are called when there is
 * more. What it does can call it again: the outer one goes on then. */
static void
worker_carry_out (Worker *self)
{
  MeshClientAction action;
  gboolean more, over;

  if (self->carrying)
    return;
  self->carrying = TRUE;
  do {
    g_mutex_lock (&self->lock);
    more = mesh_client_pop_action (self->client, &action);
    over = self->stop_at != 0
           && (!self->transport || g_get_monotonic_time () >= self->stop_at);
    if (!more)
      worker_sleep_locked (self);
    g_mutex_unlock (&self->lock);
    if (more)
      worker_do (self, &action);
    worker_deliver (self);
  } while (more);
  self->carrying = FALSE;
  if (over)
    g_main_loop_quit (self->loop);
}

static gboolean
on_work (gpointer user_data)
{
  Worker *self = user_data;

  g_mutex_lock (&self->lock);
  mesh_client_tick (self->client, g_get_monotonic_time ());
  g_mutex_unlock (&self->lock);
  worker_carry_out (self);
  return G_SOURCE_CONTINUE;
}

static gboolean
dispatch_work (GSource *source, GSourceFunc callback, gpointer user_data)
{
  return callback (user_data);
}

static GSourceFuncs work_funcs = { .dispatch = dispatch_work };

static gboolean
set_flag (gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
  return G_SOURCE_REMOVE;
}

/* Waits for what still holds on to the transport: the cancelling of an attempt
 * to connect, and what closing a connection leaves to do. */
static void
worker_finish_transport (Worker *self)
{
  gpointer transport = self->transport;
  g_autoptr (GSource) timeout = g_timeout_source_new (CANCEL_WAIT_MS);
  gboolean late = FALSE;

  g_source_set_callback (timeout, set_flag, &late, NULL);
  g_source_attach (timeout, self->context);
  if (transport) {
    g_object_add_weak_pointer (transport, &transport);
    mesh_transport_close (transport, FALSE);
    worker_drop_transport (self);
    while (transport && !late)
      g_main_context_iteration (self->context, TRUE);
    if (transport)
      g_object_remove_weak_pointer (transport, &transport);
  }
  while (!late && g_main_context_iteration (self->context, FALSE))
    ;
  g_source_destroy (timeout);
}

static gpointer
worker_run (gpointer data)
{
  Worker *self = data;

  g_main_context_push_thread_default (self->context);
  g_source_attach (self->source, self->context);
  g_main_loop_run (self->loop);
  g_source_destroy (self->source);
  worker_finish_transport (self);
  g_main_context_pop_thread_default (self->context);
  worker_unref (self);
  return NULL;
}

static void
mesh_connection_dispose (GObject *object)
{
  mesh_connection_stop (MESH_CONNECTION (object));
  G_OBJECT_CLASS (mesh_connection_parent_class)->dispose (object);
}

static void
mesh_connection_finalize (GObject *object)
{
  MeshConnection *self = MESH_CONNECTION (object);

  g_clear_pointer (&self->worker, worker_unref);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (mesh_connection_parent_class)->finalize (object);
}

static void
mesh_connection_class_init (MeshConnectionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = mesh_connection_dispose;
  object_class->finalize = mesh_connection_finalize;
}

static void
mesh_connection_init (MeshConnection *self)
{
  g_mutex_init (&self->lock);
}

/* 128 bits in base64url, as docs/protocol.md, "Identifiers" has it */
static char *
make_token (void)
{
  guint8 bytes[16];
  char *token;

  /* it fails only where the system has no randomness at all */
  if (gnutls_rnd (GNUTLS_RND_KEY, bytes, sizeof bytes) < 0)
    g_error ("no random numbers");
  token = g_base64_encode (bytes, sizeof bytes);
  g_strdelimit (token, "+", '-');
  g_strdelimit (token, "/", '_');
  token[22] = '\0';             /* the padding */
  return token;
}

static Worker *
worker_new (MeshConnection *owner, MeshLink *link, const char *peer_id)
{
  Worker *self = g_atomic_rc_box_new0 (Worker);
  g_autofree char *token = make_token ();
  g_autofree char *server = g_strdup_printf (
      strchr (link->host, ':') ? "[%s]:%u" : "%s:%u", link->host, link->port);
  MeshClientConfig config = {
    .server = server,
    .room = link->room,
    .id = peer_id,
    .token = token,
    .seed = g_random_int (),
  };

  g_weak_ref_init (&self->owner, owner);
  g_mutex_init (&self->lock);
  g_queue_init (&self->inbox);
  self->link = link;
  self->client = mesh_client_new (&config);
  self->context = g_main_context_new ();
  self->loop = g_main_loop_new (self->context, FALSE);
  self->source = g_source_new (&work_funcs, sizeof (GSource));
  g_source_set_callback (self->source, on_work, self, NULL);
  return self;
}

/**
 * mesh_connection_new:
 * @link: a room's link
 * @peer_id: (nullable): our peer id
 * @error: return location for a #MESH_ERROR
 *
 * Returns: (transfer full) (nullable): a connection that is not started, or
 *   %NULL with @error set
 *
 * Since: 0.1
 */
MeshConnection *
mesh_connection_new (const char *link, const char *peer_id, GError **error)
{
  MeshLink *parsed = mesh_link_parse (link, error);
  MeshConnection *self;

  if (!parsed)
    return NULL;
  if (peer_id && !mesh_is_uuid (peer_id)) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
        "peer id is not a UUID in lower case");
    mesh_link_free (parsed);
    return NULL;
  }
  self = g_object_new (MESH_TYPE_CONNECTION, NULL);
  self->worker = worker_new (self, parsed, peer_id);
  return self;
}

/**
 * mesh_connection_set_peer_id:
 * @connection: a connection
 * @peer_id: our peer id
 *
 * Returns: %FALSE when @peer_id is none, or the connection has another one
 *
 * Since: 0.1
 */
gboolean
mesh_connection_set_peer_id (MeshConnection *connection, const char *peer_id)
{
  Worker *worker = connection->worker;
  gboolean done;

  g_mutex_lock (&worker->lock);
  done = mesh_client_set_id (worker->client, peer_id, g_get_monotonic_time ());
  worker_wake_locked (worker);
  g_mutex_unlock (&worker->lock);
  return done;
}

/**
 * mesh_connection_dup_peer_id:
 * @connection: a connection
 *
 * Returns: (transfer full) (nullable): our peer id, as far as it is known
 *
 * Since: 0.1
 */
char *
mesh_connection_dup_peer_id (MeshConnection *connection)
{
  Worker *worker = connection->worker;
  char *id;

  g_mutex_lock (&worker->lock);
  id = g_strdup (mesh_client_get_id (worker->client));
  g_mutex_unlock (&worker->lock);
  return id;
}

/**
 * mesh_connection_set_transport:
 * @connection: a connection that is not started
 * @func: makes its transports
 * @user_data: for @func
 * @destroy: (nullable): frees @user_data
 *
 * Since: 0.1
 */
void
mesh_connection_set_transport (MeshConnection *connection,
    MeshTransportFunc func, gpointer user_data, GDestroyNotify destroy)
{
  Worker *worker = connection->worker;

  g_return_if_fail (!connection->thread && !worker->make_transport);
  worker->make_transport = func;
  worker->transport_data = user_data;
  worker->transport_destroy = destroy;
}

/**
 * mesh_connection_set_callbacks:
 * @connection: a connection
 * @message: (nullable): is given each message
 * @error: (nullable): is given each error
 * @user_data: for both
 * @destroy: (nullable): frees @user_data, once no call is under way any more
 *
 * With both callbacks %NULL, messages wait again.
 *
 * Since: 0.1
 */
void
mesh_connection_set_callbacks (MeshConnection *connection,
    MeshConnectionMessageFunc message, MeshConnectionErrorFunc error,
    gpointer user_data, GDestroyNotify destroy)
{
  Worker *worker = connection->worker;
  Receiver *receiver = NULL;
  Receiver *old;

  if (message || error) {
    receiver = g_atomic_rc_box_new0 (Receiver);
    receiver->message = message;
    receiver->error = error;
    receiver->user_data = user_data;
    receiver->destroy = destroy;
  }
  g_mutex_lock (&worker->lock);
  old = g_steal_pointer (&worker->receiver);
  worker->receiver = receiver;
  worker_wake_locked (worker);
  g_mutex_unlock (&worker->lock);
  g_clear_pointer (&old, receiver_unref);
}

/**
 * mesh_connection_start:
 * @connection: a connection
 *
 * Connects, as soon as the peer id is known. A connection starts once.
 *
 * Since: 0.1
 */
void
mesh_connection_start (MeshConnection *connection)
{
  Worker *worker = connection->worker;

  g_mutex_lock (&connection->lock);
  g_mutex_lock (&worker->lock);
  if (!connection->thread && worker->stop_at == 0) {
    mesh_client_start (worker->client, g_get_monotonic_time ());
    worker_wake_locked (worker);
    connection->thread = g_thread_new ("mesh-signalling", worker_run,
        g_atomic_rc_box_acquire (worker));
  }
  g_mutex_unlock (&worker->lock);
  g_mutex_unlock (&connection->lock);
}

/**
 * mesh_connection_send:
 * @connection: a connection whose peer id is known
 * @json: one message, from us, with the recipient in "to"
 * @length: bytes in @json, or -1 if it ends in a NUL
 * @error: return location for a #MESH_ERROR
 *
 * Returns: %FALSE when @json is no such message, or too many wait for the server
 *
 * Since: 0.1
 */
gboolean
mesh_connection_send (MeshConnection *connection, const char *json,
    gssize length, GError **error)
{
  Worker *worker = connection->worker;
  gboolean done;

  g_mutex_lock (&worker->lock);
  done = mesh_client_send (worker->client, json,
      length < 0 ? strlen (json) : (gsize) length, error);
  worker_wake_locked (worker);
  g_mutex_unlock (&worker->lock);
  return done;
}

/**
 * mesh_connection_stop:
 * @connection: a connection
 *
 * Says bye and ends the thread; no callback comes after it. Takes a second at
 * most. From within a callback it only sets the end going.
 *
 * Since: 0.1
 */
void
mesh_connection_stop (MeshConnection *connection)
{
  Worker *worker = connection->worker;
  GThread *thread;

  if (!worker)
    return;
  g_mutex_lock (&worker->lock);
  if (worker->stop_at == 0) {
    worker->stop_at = g_get_monotonic_time () + STOP_WAIT;
    mesh_client_leave (worker->client);
  }
  worker_wake_locked (worker);
  g_mutex_unlock (&worker->lock);

  g_mutex_lock (&connection->lock);
  thread = g_steal_pointer (&connection->thread);
  g_mutex_unlock (&connection->lock);
  if (!thread)
    return;
  if (thread == g_thread_self ())
    g_thread_unref (thread);
  else
    g_thread_join (thread);
}
