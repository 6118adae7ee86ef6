/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs a MeshClient on a thread of its own, and carries out what it decides:
 *
 *     any thread ──send──→ ┌────────┐ ──actions──→ worker ──→ transport
 *                          │ client │                │
 *      transport ──feed──→ └────────┘                └─inbox─→ callbacks
 *
 * The worker outlives the object where it must: when a callback drops the last
 * reference, the thread cannot wait for itself. */

#include "signalling/worker.h"

#include <string.h>

#include "core/message.h"
#include "host/random.h"
#include "host/timer.h"
#include "signalling/roomless-pusher.h"

#define CANCEL_WAIT_MS 250

static void
receiver_clear (gpointer data)
{
  MeshReceiver *receiver = data;

  if (receiver->destroy)
    receiver->destroy (receiver->user_data);
}

void
mesh_receiver_unref (MeshReceiver *receiver)
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
  MeshWorker *self = data;

  g_queue_clear_full (&self->inbox, (GDestroyNotify) action_free);
  g_clear_pointer (&self->receiver, mesh_receiver_unref);
  mesh_client_free (self->client);
  mesh_timer_clear (&self->source);
  g_main_loop_unref (self->loop);
  g_main_context_unref (self->context);
  if (self->transport_destroy)
    self->transport_destroy (self->transport_data);
  mesh_link_free (self->link);
  mesh_route_unref (self->route);
  g_weak_ref_clear (&self->owner);
  g_mutex_clear (&self->lock);
}

void
mesh_worker_unref (MeshWorker *self)
{
  g_atomic_rc_box_release_full (self, worker_clear);
}

/* Called under the lock, or a wake-up could get lost in worker_carry_out(). */
void
mesh_worker_wake_locked (MeshWorker *self)
{
  g_source_set_ready_time (self->source, 0);
}

static void
worker_sleep_locked (MeshWorker *self)
{
  gint64 until = self->stop_at;

  if (until == 0)
    until = mesh_client_deadline (self->client);
  g_source_set_ready_time (self->source, until == G_MAXINT64 ? -1 : until);
}

static void worker_carry_out (MeshWorker *self);

static void
on_opened (MeshTransport *transport, gpointer user_data)
{
  MeshWorker *self = user_data;

  g_mutex_lock (&self->lock);
  mesh_client_opened (self->client, g_get_monotonic_time ());
  g_mutex_unlock (&self->lock);
  worker_carry_out (self);
}

static void
on_frame (MeshTransport *transport, GBytes *frame, gpointer user_data)
{
  MeshWorker *self = user_data;
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
  MeshWorker *self = user_data;

  g_mutex_lock (&self->lock);
  mesh_client_heard (self->client, g_get_monotonic_time ());
  g_mutex_unlock (&self->lock);
}

static void
worker_drop_transport (MeshWorker *self)
{
  if (!self->transport)
    return;
  g_signal_handlers_disconnect_by_data (self->transport, self);
  g_clear_object (&self->transport);
}

static void
on_closed (MeshTransport *transport, const GError *error, gpointer user_data)
{
  MeshWorker *self = user_data;

  worker_drop_transport (self);
  g_mutex_lock (&self->lock);
  mesh_client_closed (self->client, error, g_get_monotonic_time ());
  g_mutex_unlock (&self->lock);
  worker_carry_out (self);
}

static void
worker_connect (MeshWorker *self)
{
  worker_drop_transport (self);
  if (self->make_transport)
    self->transport = self->make_transport (self->transport_data);
  else if (self->link->app_key)
    self->transport = mesh_roomless_pusher_new (self->link);
  else
    self->transport = mesh_fallback_new (self->link, self->route);
  g_signal_connect (self->transport, "opened", G_CALLBACK (on_opened), self);
  g_signal_connect (self->transport, "frame", G_CALLBACK (on_frame), self);
  g_signal_connect (self->transport, "heard", G_CALLBACK (on_heard), self);
  g_signal_connect (self->transport, "closed", G_CALLBACK (on_closed), self);
  mesh_transport_open (self->transport);
}

/* Queues the action for a receiver, and takes it over. When the queue is full,
 * newer ones are dropped: the oldest, `welcome`, counts most. */
static void
worker_post (MeshWorker *self, MeshClientAction *action)
{
  g_mutex_lock (&self->lock);
  if (self->inbox.length < MESH_MESSAGE_MAX_WAITING)
    g_queue_push_tail (&self->inbox, g_memdup2 (action, sizeof *action));
  else
    mesh_client_action_clear (action);
  g_mutex_unlock (&self->lock);
}

static void
worker_do (MeshWorker *self, MeshClientAction *action)
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

/* Called without the lock, so that a callback may call the connection. */
static void
receiver_call (MeshReceiver *receiver, MeshConnection *owner,
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
worker_deliver (MeshWorker *self)
{
  for (;;) {
    g_autoptr (MeshConnection) owner = g_weak_ref_get (&self->owner);
    MeshClientAction *action = NULL;
    MeshReceiver *receiver = NULL;

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
    mesh_receiver_unref (receiver);
  }
}

/* Carries out all actions, and sets the source for when there are more. An
 * action can call this again; the outer call goes on then. */
static void
worker_carry_out (MeshWorker *self)
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
  MeshWorker *self = user_data;
  g_autofree char *way
      = self->transport ? mesh_transport_dup_way (self->transport) : NULL;

  g_mutex_lock (&self->lock);
  mesh_client_set_way (self->client, way);
  mesh_client_tick (self->client, g_get_monotonic_time ());
  g_mutex_unlock (&self->lock);
  worker_carry_out (self);
  return G_SOURCE_CONTINUE;
}

static void
on_network (MeshNetworkChange change, gpointer user_data)
{
  MeshWorker *self = user_data;

  if (change == MESH_NETWORK_MOVED)
    mesh_route_forget (self->route);
  g_mutex_lock (&self->lock);
  mesh_client_reconnect (self->client, change != MESH_NETWORK_GAINED,
      g_get_monotonic_time ());
  g_mutex_unlock (&self->lock);
  worker_carry_out (self);
}

static gboolean
set_flag (gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
  return G_SOURCE_REMOVE;
}

/* Waits for what still holds the transport: a cancelled attempt to connect, and
 * what closing a connection leaves to do. */
static void
worker_finish_transport (MeshWorker *self)
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

gpointer
mesh_worker_run (gpointer data)
{
  MeshWorker *self = data;

  g_main_context_push_thread_default (self->context);
  self->network = mesh_network_new (self->context, on_network, self);
  g_main_loop_run (self->loop);
  g_clear_pointer (&self->network, mesh_network_free);
  g_source_destroy (self->source);
  worker_finish_transport (self);
  g_main_context_pop_thread_default (self->context);
  mesh_worker_unref (self);
  return NULL;
}

MeshWorker *
mesh_worker_new (MeshConnection *owner, MeshLink *link, const char *peer_id)
{
  MeshWorker *self = g_atomic_rc_box_new0 (MeshWorker);
  g_autofree char *token = mesh_random_token ();
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
  self->route = mesh_route_new ();
  self->client = mesh_client_new (&config);
  self->context = g_main_context_new ();
  self->loop = g_main_loop_new (self->context, FALSE);
  self->source = mesh_timer_new_unset (self->context, on_work, self);
  return self;
}
