/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The server's own hub, without a thread: whoever has something to say runs
 * it, and wakes those who got something.
 *
 *     participant's thread            hub->lock            participant's thread
 *     send ──→ mesh_hub_feed ──→ inbox of the recipient ──→ frame
 */

#include "memory-transport.h"

#include <string.h>

#include "core/hub.h"
#include "host/timer.h"

struct _MeshMemoryHub {
  GMutex lock;                  /* guards all of it, and what says so below */
  MeshHub *hub;
  guint64 last_number;
  GHashTable *open;             /* number → MeshMemory, not owned */
};

struct _MeshMemory {
  GObject parent;

  MeshMemoryHub *hub;
  GSource *source;              /* on the context that opened it */
  gboolean announced;           /* `opened` was emitted */

  guint64 number;               /* under the hub's lock; 0 = not open */
  GQueue inbox;                 /* GBytes; under the hub's lock */
  gboolean hung_up;             /* by the hub; under its lock */
};

static void transport_init (MeshTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MeshMemory, mesh_memory, G_TYPE_OBJECT,
    G_IMPLEMENT_INTERFACE (MESH_TYPE_TRANSPORT, transport_init))

/**
 * mesh_memory_hub_new:
 *
 * Returns: (transfer full): a server for whoever is given it
 *
 * Since: 0.1
 */
MeshMemoryHub *
mesh_memory_hub_new (void)
{
  MeshMemoryHub *self = g_atomic_rc_box_new0 (MeshMemoryHub);
  MeshHubLimits limits;

  mesh_hub_limits_init (&limits);
  limits.rate = limits.burst = G_MAXINT;        /* we trust ourselves */
  g_mutex_init (&self->lock);
  self->hub = mesh_hub_new (&limits,
      (guint64) g_random_int () << 32 | g_random_int ());
  self->open = g_hash_table_new (g_int64_hash, g_int64_equal);
  return self;
}

/**
 * mesh_memory_hub_ref:
 * @hub: a hub
 *
 * Returns: (transfer full): @hub
 *
 * Since: 0.1
 */
MeshMemoryHub *
mesh_memory_hub_ref (MeshMemoryHub *hub)
{
  return g_atomic_rc_box_acquire (hub);
}

static void
hub_clear (gpointer data)
{
  MeshMemoryHub *self = data;

  g_hash_table_unref (self->open);
  mesh_hub_free (self->hub);
  g_mutex_clear (&self->lock);
}

/**
 * mesh_memory_hub_unref:
 * @hub: (nullable) (transfer full): a hub
 *
 * Since: 0.1
 */
void
mesh_memory_hub_unref (MeshMemoryHub *hub)
{
  if (hub)
    g_atomic_rc_box_release_full (hub, hub_clear);
}

/* Hands over what the hub has to say. */
static void
distribute_locked (MeshMemoryHub *self)
{
  MeshHubAction action;

  while (mesh_hub_pop_action (self->hub, &action)) {
    MeshMemory *to = NULL;

    if (action.type != MESH_HUB_LOG)
      to = g_hash_table_lookup (self->open, &action.client);
    if (to && action.type == MESH_HUB_SEND)
      g_queue_push_tail (&to->inbox, g_bytes_ref (action.frame));
    else if (to)
      to->hung_up = TRUE;
    if (to)
      g_source_set_ready_time (to->source, 0);
    mesh_hub_action_clear (&action);
  }
}

static void
leave_locked (MeshMemory *self)
{
  if (self->number == 0)
    return;
  g_hash_table_remove (self->hub->open, &self->number);
  mesh_hub_disconnected (self->hub->hub, self->number);
  self->number = 0;
  distribute_locked (self->hub);
}

static void
hang_up (MeshMemory *self)
{
  g_mutex_lock (&self->hub->lock);
  leave_locked (self);
  g_mutex_unlock (&self->hub->lock);
  if (self->source)
    g_source_destroy (self->source);
}

/* The first of the transports to wake does what is due for all of them. */
static GBytes *
next_frame (MeshMemory *self, gboolean *hung_up)
{
  MeshMemoryHub *hub = self->hub;
  GBytes *frame;
  gint64 deadline;

  g_mutex_lock (&hub->lock);
  mesh_hub_tick (hub->hub, g_get_monotonic_time ());
  distribute_locked (hub);
  frame = g_queue_pop_head (&self->inbox);
  *hung_up = !frame && self->hung_up;
  deadline = mesh_hub_deadline (hub->hub);
  if (!frame)
    g_source_set_ready_time (self->source,
        deadline == G_MAXINT64 ? -1 : deadline);
  g_mutex_unlock (&hub->lock);
  return frame;
}

static gboolean
on_work (gpointer user_data)
{
  g_autoptr (MeshMemory) self = g_object_ref (user_data);
  MeshTransport *transport = MESH_TRANSPORT (self);
  gboolean hung_up = FALSE;
  GBytes *frame;

  if (!self->announced) {
    self->announced = TRUE;
    mesh_transport_emit_opened (transport);
  }
  while (!g_source_is_destroyed (self->source)
         && (frame = next_frame (self, &hung_up))) {
    mesh_transport_emit_frame (transport, frame);
    g_bytes_unref (frame);
  }
  if (hung_up && !g_source_is_destroyed (self->source)) {
    hang_up (self);
    mesh_transport_emit_closed (transport, NULL);
  }
  return G_SOURCE_CONTINUE;
}

static void
mesh_memory_open (MeshTransport *transport)
{
  MeshMemory *self = MESH_MEMORY (transport);
  MeshMemoryHub *hub = self->hub;

  self->source = mesh_timer_new_unset (g_main_context_get_thread_default (),
      on_work, self);
  g_mutex_lock (&hub->lock);
  self->number = ++hub->last_number;
  g_hash_table_insert (hub->open, &self->number, self);
  mesh_hub_connected (hub->hub, self->number, g_get_monotonic_time ());
  g_mutex_unlock (&hub->lock);
  g_source_set_ready_time (self->source, 0);
}

static void
mesh_memory_send (MeshTransport *transport, const char *frame)
{
  MeshMemory *self = MESH_MEMORY (transport);
  MeshMemoryHub *hub = self->hub;

  g_mutex_lock (&hub->lock);
  if (self->number != 0)
    mesh_hub_feed (hub->hub, self->number, frame, strlen (frame),
        g_get_monotonic_time ());
  distribute_locked (hub);
  g_mutex_unlock (&hub->lock);
}

static void
mesh_memory_close (MeshTransport *transport, gboolean finish)
{
  MeshMemory *self = MESH_MEMORY (transport);

  hang_up (self);
  if (finish)                   /* what was sent is there already */
    mesh_transport_emit_closed (transport, NULL);
}

static void
transport_init (MeshTransportInterface *iface)
{
  iface->open = mesh_memory_open;
  iface->send = mesh_memory_send;
  iface->close = mesh_memory_close;
}

static void
mesh_memory_dispose (GObject *object)
{
  hang_up (MESH_MEMORY (object));
  G_OBJECT_CLASS (mesh_memory_parent_class)->dispose (object);
}

static void
mesh_memory_finalize (GObject *object)
{
  MeshMemory *self = MESH_MEMORY (object);

  g_queue_clear_full (&self->inbox, (GDestroyNotify) g_bytes_unref);
  g_clear_pointer (&self->source, g_source_unref);
  mesh_memory_hub_unref (self->hub);
  G_OBJECT_CLASS (mesh_memory_parent_class)->finalize (object);
}

static void
mesh_memory_class_init (MeshMemoryClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = mesh_memory_dispose;
  object_class->finalize = mesh_memory_finalize;
}

static void
mesh_memory_init (MeshMemory *self)
{
  g_queue_init (&self->inbox);
}

/**
 * mesh_memory_new:
 * @hub: who shares a hub can be in rooms together
 *
 * Fits mesh_connection_set_transport(), with @hub as its data.
 *
 * Returns: (transfer full): a transport to @hub
 *
 * Since: 0.1
 */
MeshTransport *
mesh_memory_new (MeshMemoryHub *hub)
{
  MeshMemory *self = g_object_new (MESH_TYPE_MEMORY, NULL);

  self->hub = mesh_memory_hub_ref (hub);
  return MESH_TRANSPORT (self);
}
