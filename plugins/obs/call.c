/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "call-private.h"

#include <string.h>

#include "core/link.h"
#include "worker.h"

/* How long a call without users lasts: a scene collection that is loaded anew
 * destroys its sources long before it creates them again. */
#define LEAVE_AFTER_MS 10000

static GMutex pool_lock;
/* Maps a link, or "serve:" and ADDR:PORT, to a call that has not been left. A
 * call that serves is in the table under both. */
static GHashTable *pool;
static GHashTable *rooms;       /* ADDR:PORT -> link of the room made there */

void
mesh_obs_call_person_free (gpointer data)
{
  MeshObsCallPerson *person = data;

  g_free (person->name);
  g_free (person);
}

MeshObsCall *
mesh_obs_call_ref (MeshObsCall *call)
{
  g_atomic_ref_count_inc (&call->refs);
  return call;
}

void
mesh_obs_call_unref (gpointer data)
{
  MeshObsCall *self = data;

  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_ptr_array_unref (self->viewers);
  g_ptr_array_unref (self->members);
  g_ptr_array_unref (self->people);
  mesh_obs_seats_free (self->seats);
  g_mutex_clear (&self->applying);
  g_mutex_clear (&self->lock);
  gst_clear_caps (&self->caps[0]);
  gst_clear_caps (&self->caps[1]);
  g_free (self->trouble);
  g_free (self->status);
  g_free (self->programme_name);
  g_free (self->name);
  g_free (self->serve);
  g_free (self->link);
  g_free (self);
}

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

static char *
make_key (const char *link, const char *serve)
{
  return link ? g_strdup (link) : g_strconcat ("serve:", serve, NULL);
}

/* Returns the link of the room that was made before at the same address: people
 * have that link already. */
static const char *
find_room_locked (const char *link, const char *serve)
{
  return link || !rooms || !serve ? link : g_hash_table_lookup (rooms, serve);
}

/* Port 0 gives another port each time, and so another link: such a link is not
 * kept. */
static gboolean
is_lasting (const char *serve)
{
  return !g_str_has_suffix (serve, ":0");
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
  g_autofree char *own_link = normalise_link (link);
  g_autofree char *key = NULL;
  const char *room;
  MeshObsCall *call;

  g_mutex_lock (&pool_lock);
  if (!pool)
    pool = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
        mesh_obs_call_unref);
  room = find_room_locked (own_link, own_serve);
  key = make_key (room, own_serve ? own_serve : "");
  call = g_hash_table_lookup (pool, key);
  *made = call == NULL;
  if (!call) {
    call = call_new (room, own_serve, self);
    g_hash_table_insert (pool, g_steal_pointer (&key), call);
  }
  call->users++;
  mesh_obs_call_ref (call);
  g_mutex_unlock (&pool_lock);
  return call;
}

/**
 * mesh_obs_call_pool_add_link:
 * @call: a call that serves
 * @link: the link of the room that it has made
 *
 * Makes mesh_obs_call_pool_get() find the call by the room's link.
 */
void
mesh_obs_call_pool_add_link (MeshObsCall *call, const char *link)
{
  g_mutex_lock (&pool_lock);
  g_mutex_lock (&call->lock);
  if (pool && call->runner) {
    if (!g_hash_table_contains (pool, link))
      g_hash_table_insert (pool, g_strdup (link), mesh_obs_call_ref (call));
    if (call->serve && is_lasting (call->serve)) {
      if (!rooms)
        rooms = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
      g_hash_table_insert (rooms, g_strdup (call->serve), g_strdup (link));
    }
  }
  g_free (call->link);
  call->link = g_strdup (link);
  g_mutex_unlock (&call->lock);
  g_mutex_unlock (&pool_lock);
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

static gboolean
is_that (gpointer key, gpointer value, gpointer user_data)
{
  return value == user_data;
}

static void
forget_locked (MeshObsCall *self)
{
  leave_locked (self);
  if (pool)
    g_hash_table_foreach_remove (pool, is_that, self);
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
  GHashTableIter iter;
  gpointer call;

  g_mutex_lock (&pool_lock);
  if (pool) {
    g_hash_table_iter_init (&iter, pool);
    while (g_hash_table_iter_next (&iter, NULL, &call))
      leave_locked (call);
    g_clear_pointer (&pool, g_hash_table_unref);
  }
  g_clear_pointer (&rooms, g_hash_table_unref);
  g_mutex_unlock (&pool_lock);
}

/* --- what is asked of the runner's thread --- */

typedef struct {
  MeshObsCall *call;
  MeshObsHandle *handle;
  char *guest;
} Request;

static void
request_free (gpointer data)
{
  Request *request = data;

  mesh_obs_call_unref (request->call);
  mesh_obs_handle_unref (request->handle);
  g_free (request->guest);
  g_free (request);
}

static void
post_request (MeshObsCall *self, GSourceFunc func, MeshObsHandle *handle,
    const char *guest)
{
  Request *request = g_new0 (Request, 1);
  gboolean posted = FALSE;

  request->call = mesh_obs_call_ref (self);
  request->handle = handle ? mesh_obs_handle_ref (handle) : NULL;
  request->guest = g_strdup (guest);
  g_mutex_lock (&self->lock);
  if (self->runner) {
    mesh_obs_runner_invoke (self->runner, func, request, request_free);
    posted = TRUE;
  }
  g_mutex_unlock (&self->lock);
  if (!posted)
    request_free (request);
}

static gboolean
do_attach (gpointer user_data)
{
  Request *request = user_data;

  mesh_obs_call_set_viewer (request->call, request->handle, request->guest);
  return G_SOURCE_REMOVE;
}

/**
 * mesh_obs_call_attach:
 * @call: a call
 * @handle: where to show a guest, whom it keeps showing when they leave and
 *   return
 * @guest: (nullable): a seat's number, or a display name
 *
 * May be called again, to show another guest.
 */
void
mesh_obs_call_attach (MeshObsCall *call, MeshObsHandle *handle,
    const char *guest)
{
  post_request (call, do_attach, handle, guest);
}

static gboolean
do_detach (gpointer user_data)
{
  Request *request = user_data;

  mesh_obs_call_remove_viewer (request->call, request->handle);
  return G_SOURCE_REMOVE;
}

void
mesh_obs_call_detach (MeshObsCall *call, MeshObsHandle *handle)
{
  post_request (call, do_detach, handle, NULL);
}

/**
 * mesh_obs_call_set_self:
 * @call: a call
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

/* --- what can be asked --- */

/**
 * mesh_obs_call_dup_status:
 * @call: a call
 * @bad: (out): whether the state needs the user's attention
 *
 * Returns: (transfer full): the state of the call, as a text for the user
 */
char *
mesh_obs_call_dup_status (MeshObsCall *call, gboolean *bad)
{
  char *text;

  g_mutex_lock (&call->lock);
  text = g_strdup (call->status ? call->status : "Joining…");
  *bad = call->bad;
  g_mutex_unlock (&call->lock);
  return text;
}

/**
 * mesh_obs_call_dup_people:
 * @call: a call
 *
 * Returns: (transfer full) (element-type MeshObsCallPerson): the members, in
 *   the order of their seats
 */
GPtrArray *
mesh_obs_call_dup_people (MeshObsCall *call)
{
  GPtrArray *people;

  g_mutex_lock (&call->lock);
  people = g_ptr_array_ref (call->people);
  g_mutex_unlock (&call->lock);
  return people;
}
