/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "signalling/connection.h"

#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "signalling/worker.h"

/* Together with the time that cancelling takes, this is a second. */
#define STOP_WAIT (750 * G_TIME_SPAN_MILLISECOND)

struct _MeshConnection {
  GObject parent;

  MeshWorker *worker;           /* atomic rc box */
  GMutex lock;                  /* guards thread; taken before the worker's */
  GThread *thread;
};

G_DEFINE_FINAL_TYPE (MeshConnection, mesh_connection, G_TYPE_OBJECT)

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

  g_clear_pointer (&self->worker, mesh_worker_unref);
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

/**
 * mesh_connection_new:
 * @link: a room's link
 * @peer_id: (nullable): our peer id
 * @error: return location for a #MESH_ERROR
 *
 * Returns: (transfer full) (nullable): a connection that is not started, or
 *   %NULL with @error set
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
  self->worker = mesh_worker_new (self, parsed, peer_id);
  return self;
}

/**
 * mesh_connection_set_peer_id:
 * @peer_id: our peer id
 *
 * Returns: %FALSE when @peer_id is none, or the connection has another one
 */
gboolean
mesh_connection_set_peer_id (MeshConnection *connection, const char *peer_id)
{
  MeshWorker *worker = connection->worker;
  gboolean done;

  g_mutex_lock (&worker->lock);
  done = mesh_client_set_id (worker->client, peer_id, g_get_monotonic_time ());
  mesh_worker_wake_locked (worker);
  g_mutex_unlock (&worker->lock);
  return done;
}

/**
 * mesh_connection_dup_peer_id:
 * Returns: (transfer full) (nullable): our peer id, as far as it is known
 */
char *
mesh_connection_dup_peer_id (MeshConnection *connection)
{
  MeshWorker *worker = connection->worker;
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
 */
void
mesh_connection_set_transport (MeshConnection *connection,
    MeshTransportFunc func, gpointer user_data, GDestroyNotify destroy)
{
  MeshWorker *worker = connection->worker;

  g_return_if_fail (!connection->thread && !worker->make_transport);
  worker->make_transport = func;
  worker->transport_data = user_data;
  worker->transport_destroy = destroy;
}

/**
 * mesh_connection_set_callbacks:
 * @message: (nullable): is given each message
 * @error: (nullable): is given each error
 * @user_data: for both
 * @destroy: (nullable): frees @user_data, once no call is under way any more
 *
 * With both callbacks %NULL, messages wait again.
 */
void
mesh_connection_set_callbacks (MeshConnection *connection,
    MeshConnectionMessageFunc message, MeshConnectionErrorFunc error,
    gpointer user_data, GDestroyNotify destroy)
{
  MeshWorker *worker = connection->worker;
  MeshReceiver *receiver = NULL;
  MeshReceiver *old;

  if (message || error) {
    receiver = g_atomic_rc_box_new0 (MeshReceiver);
    receiver->message = message;
    receiver->error = error;
    receiver->user_data = user_data;
    receiver->destroy = destroy;
  }
  g_mutex_lock (&worker->lock);
  old = g_steal_pointer (&worker->receiver);
  worker->receiver = receiver;
  mesh_worker_wake_locked (worker);
  g_mutex_unlock (&worker->lock);
  g_clear_pointer (&old, mesh_receiver_unref);
}

/**
 * mesh_connection_start:
 *
 * Connects, as soon as the peer id is known. A connection starts once.
 */
void
mesh_connection_start (MeshConnection *connection)
{
  MeshWorker *worker = connection->worker;

  g_mutex_lock (&connection->lock);
  g_mutex_lock (&worker->lock);
  if (!connection->thread && worker->stop_at == 0) {
    mesh_client_start (worker->client, g_get_monotonic_time ());
    mesh_worker_wake_locked (worker);
    connection->thread = g_thread_new ("mesh-signalling", mesh_worker_run,
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
 * Returns: %FALSE when @json is no such message, or too many wait for the
 *   server
 */
gboolean
mesh_connection_send (MeshConnection *connection, const char *json,
    gssize length, GError **error)
{
  MeshWorker *worker = connection->worker;
  gboolean done;

  g_mutex_lock (&worker->lock);
  done = mesh_client_send (worker->client, json,
      length < 0 ? strlen (json) : (gsize) length, error);
  mesh_worker_wake_locked (worker);
  g_mutex_unlock (&worker->lock);
  return done;
}

/**
 * mesh_connection_stop:
 *
 * Says bye and ends the thread; no callback comes after it. Takes a second at
 * most. From within a callback it only sets the end going.
 */
void
mesh_connection_stop (MeshConnection *connection)
{
  MeshWorker *worker = connection->worker;
  GThread *thread;

  if (!worker)
    return;
  g_mutex_lock (&worker->lock);
  if (worker->stop_at == 0) {
    worker->stop_at = g_get_monotonic_time () + STOP_WAIT;
    mesh_client_leave (worker->client);
  }
  mesh_worker_wake_locked (worker);
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
