/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Keeps one call for each room, and leaves the rooms that no source and no
 * programme uses any more. */

#include "call-private.h"

#include "core/link.h"
#include "worker.h"

/* How long a call without users lasts: a scene collection that is loaded anew
 * destroys its sources long before it creates them again. */
#define LEAVE_AFTER_MS 10000

static GMutex pool_lock;
static GPtrArray *pool;         /* MeshObsCall that have not been left */

/* Returns whether the latency has changed. */
static gboolean
take_self (MeshObsCall *self, const MeshObsCallSelf *own)
{
  gboolean anew;

  g_mutex_lock (&self->lock);
  g_free (self->name);
  self->name = g_strdup (own->name && *own->name ? own->name : "OBS");
  self->muted = own->muted;
  self->hidden = own->hidden;
  self->release_camera = own->release_camera;
  anew = self->latency != own->latency;
  self->latency = own->latency;
  self->leave_when_unused = own->leave_when_unused;
  g_mutex_unlock (&self->lock);
  return anew;
}

static MeshObsCall *
call_new (const char *link, const char *serve, const MeshObsCallSelf *own)
{
  MeshObsCall *self = g_new0 (MeshObsCall, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->applying);
  g_mutex_init (&self->lock);
  self->link = g_strdup (link);
  self->serve = g_strdup (serve);
  self->people = g_ptr_array_new_with_free_func (mesh_obs_call_person_free);
  self->members = g_ptr_array_new_with_free_func (mesh_obs_member_free);
  self->viewers = g_ptr_array_new_with_free_func (mesh_obs_viewer_free);
  self->seats = mesh_obs_seats_new ();
  take_self (self, own);
  self->runner = mesh_obs_runner_new ("meshroom-call",
      &mesh_obs_call_runner_events, mesh_obs_call_ref (self));
  mesh_obs_runner_start (self->runner);
  return self;
}

/* Returns NULL for a text of blanks. */
static char *
normalise (const char *text)
{
  g_autofree char *copy = g_strstrip (g_strdup (text ? text : ""));

  return *copy ? g_steal_pointer (&copy) : NULL;
}

/* Returns the canonical spelling of the link, so that all spellings of it lead
 * to one call. */
static char *
normalise_link (const char *text)
{
  g_autoptr (MeshLink) link = mesh_link_parse (text, NULL);

  return link ? mesh_link_to_string (link) : normalise (text);
}

/* Finds the call in the room of @link or, without a link, the call that serves
 * at @serve. */
static MeshObsCall *
find_locked (const char *link, const char *serve)
{
  for (guint i = 0; i < pool->len; i++) {
    MeshObsCall *call = g_ptr_array_index (pool, i);
    gboolean found;

    g_mutex_lock (&call->lock);
    found = link ? g_strcmp0 (call->link, link) == 0
        : g_strcmp0 (call->serve, serve) == 0;
    g_mutex_unlock (&call->lock);
    if (found)
      return call;
  }
  return NULL;
}

/**
 * mesh_obs_call_pool_get:
 * @link: (nullable): the room's
 * @serve: (nullable): where to run a server, also for the room of @link
 * @self: our own side, used if the call has to be created
 * @made: (out): whether the call was created by this
 *
 * Returns: (transfer full): the one call that is in that room
 */
MeshObsCall *
mesh_obs_call_pool_get (const char *link, const char *serve,
    const MeshObsCallSelf *self, gboolean *made)
{
  g_autofree char *own_serve = normalise (serve);
  g_autofree char *room = normalise_link (link);
  MeshObsCall *call;

  if (!room && own_serve)
    room = mesh_obs_call_dup_room (own_serve);
  g_mutex_lock (&pool_lock);
  if (!pool)
    pool = g_ptr_array_new_with_free_func (mesh_obs_call_unref);
  call = find_locked (room, own_serve);
  *made = call == NULL;
  if (!call) {
    call = call_new (room, own_serve, self);
    g_ptr_array_add (pool, call);
  }
  call->users++;
  mesh_obs_call_ref (call);
  g_mutex_unlock (&pool_lock);
  return call;
}

/**
 * mesh_obs_call_get:
 * @link: the room's
 * @self: our own side of the call
 *
 * Joins the room behind @link, unless we are in it.
 *
 * Returns: (transfer full): the one call with that link, for
 *   mesh_obs_call_release()
 */
MeshObsCall *
mesh_obs_call_get (const char *link, const MeshObsCallSelf *self)
{
  gboolean made;
  MeshObsCall *call = mesh_obs_call_pool_get (link, NULL, self, &made);

  if (!made)
    mesh_obs_call_set_self (call, self);
  return call;
}

/* Stops the call's pipeline, which says goodbye. The call's functions may still
 * be called. */
static void
leave_locked (MeshObsCall *self)
{
  MeshObsRunner *runner;

  g_mutex_lock (&self->lock);
  runner = g_steal_pointer (&self->runner);
  g_mutex_unlock (&self->lock);
  if (runner)
    mesh_obs_runner_stop (runner);
}

static void
forget_locked (MeshObsCall *self)
{
  leave_locked (self);
  if (pool)
    g_ptr_array_remove (pool, self);
}

static gboolean
leave_if_unused (gpointer user_data)
{
  MeshObsCall *self = user_data;
  gint64 since = (LEAVE_AFTER_MS - 100) * G_TIME_SPAN_MILLISECOND;
  gboolean may_leave;

  g_mutex_lock (&pool_lock);
  g_mutex_lock (&self->lock);
  may_leave = self->leave_when_unused && self->runner;
  g_mutex_unlock (&self->lock);
  if (may_leave && self->users == 0
      && g_get_monotonic_time () - self->unused_since >= since)
    forget_locked (self);
  g_mutex_unlock (&pool_lock);
  return G_SOURCE_REMOVE;
}

/**
 * mesh_obs_call_release:
 * @call: (transfer full) (nullable): a call of mesh_obs_call_get()
 */
void
mesh_obs_call_release (MeshObsCall *call)
{
  gboolean unused;

  if (!call)
    return;
  g_mutex_lock (&pool_lock);
  unused = --call->users == 0;
  if (unused)
    call->unused_since = g_get_monotonic_time ();
  g_mutex_unlock (&pool_lock);
  if (unused)
    g_source_unref (mesh_obs_worker_after (LEAVE_AFTER_MS, leave_if_unused,
            mesh_obs_call_ref (call), mesh_obs_call_unref));
  mesh_obs_call_unref (call);
}

/**
 * mesh_obs_call_release_now:
 * @call: (transfer full): a call of mesh_obs_call_pool_get()
 *
 * As mesh_obs_call_release(), but the room is left at once: the user has ended
 * the call, and no reload of a scene collection is under way.
 */
void
mesh_obs_call_release_now (MeshObsCall *call)
{
  gboolean may_leave;

  g_mutex_lock (&pool_lock);
  g_mutex_lock (&call->lock);
  may_leave = call->leave_when_unused;
  g_mutex_unlock (&call->lock);
  if (call->users == 1 && may_leave) {
    call->users = 0;
    forget_locked (call);
    g_mutex_unlock (&pool_lock);
    mesh_obs_call_unref (call);
    return;
  }
  g_mutex_unlock (&pool_lock);
  mesh_obs_call_release (call);
}

/* OBS ends. */
void
mesh_obs_call_leave_all (void)
{
  g_mutex_lock (&pool_lock);
  for (guint i = 0; pool && i < pool->len; i++)
    leave_locked (g_ptr_array_index (pool, i));
  g_clear_pointer (&pool, g_ptr_array_unref);
  mesh_obs_call_forget_rooms ();
  g_mutex_unlock (&pool_lock);
}

/**
 * mesh_obs_call_set_self:
 * @self: our own side
 *
 * Being muted or hidden takes effect before this returns.
 */
void
mesh_obs_call_set_self (MeshObsCall *call, const MeshObsCallSelf *self)
{
  if (take_self (call, self)) {
    g_mutex_lock (&call->lock);
    if (call->runner)
      mesh_obs_runner_restart (call->runner);
    g_mutex_unlock (&call->lock);
  }
  mesh_obs_call_apply_self (call);
}
