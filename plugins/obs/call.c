/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "call-private.h"

#include <string.h>

#include "core/link.h"
#include "worker.h"

/* A collection that is loaded anew has destroyed its sources long before the
 * same ones are back. */
#define LEAVE_AFTER_MS 10000

static GMutex pool_lock;
/* link, or "serve:" and ADDR:PORT -> Call that has not been left. What it
 * serves and its link are both there. */
static GHashTable *pool;
static GHashTable *rooms;       /* ADDR:PORT -> link of the room made there */

void
call_person_free (gpointer data)
{
  CallPerson *person = data;

  g_free (person->name);
  g_free (person);
}

Call *
call_ref (Call *call)
{
  g_atomic_ref_count_inc (&call->refs);
  return call;
}

void
call_unref (gpointer data)
{
  Call *self = data;

  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_ptr_array_unref (self->viewers);
  g_ptr_array_unref (self->members);
  g_ptr_array_unref (self->people);
  seats_free (self->seats);
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

/* Whether the latency is another one. */
static gboolean
take_self (Call *self, const CallSelf *own)
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

static Call *
call_new (const char *link, const char *serve, const CallSelf *own)
{
  Call *self = g_new0 (Call, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->applying);
  g_mutex_init (&self->lock);
  self->link = g_strdup (link);
  self->serve = g_strdup (serve);
  self->people = g_ptr_array_new_with_free_func (call_person_free);
  self->members = g_ptr_array_new_with_free_func (member_free);
  self->viewers = g_ptr_array_new_with_free_func (viewer_free);
  self->seats = seats_new ();
  take_self (self, own);
  self->runner = runner_new ("meshroom-call", &call_runner_events,
      call_ref (self));
  runner_start (self->runner);
  return self;
}

/* NULL: there is nothing in it. */
static char *
normalise (const char *text)
{
  g_autofree char *copy = g_strstrip (g_strdup (text ? text : ""));

  return *copy ? g_steal_pointer (&copy) : NULL;
}

/* The same room however its link is spelled, so that it is one call. */
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

/* The room that was made there before is the one that people have the link
 * of. */
static const char *
find_room_locked (const char *link, const char *serve)
{
  return link || !rooms || !serve ? link : g_hash_table_lookup (rooms, serve);
}

/* Any port is another one each time, and so is the room's link. */
static gboolean
is_lasting (const char *serve)
{
  return !g_str_has_suffix (serve, ":0");
}

/**
 * call_pool_get:
 * @link: (nullable): the room's
 * @serve: (nullable): where to run a server, also for the room of @link
 * @self: our own side, if the call is not there yet
 * @made: (out): whether it was not
 *
 * Returns: (transfer full): the one call that is in that room
 */
Call *
call_pool_get (const char *link, const char *serve, const CallSelf *self,
    gboolean *made)
{
  g_autofree char *own_serve = normalise (serve);
  g_autofree char *own_link = normalise_link (link);
  g_autofree char *key = NULL;
  const char *room;
  Call *call;

  g_mutex_lock (&pool_lock);
  if (!pool)
    pool = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, call_unref);
  room = find_room_locked (own_link, own_serve);
  key = make_key (room, own_serve ? own_serve : "");
  call = g_hash_table_lookup (pool, key);
  *made = call == NULL;
  if (!call) {
    call = call_new (room, own_serve, self);
    g_hash_table_insert (pool, g_steal_pointer (&key), call);
  }
  call->users++;
  call_ref (call);
  g_mutex_unlock (&pool_lock);
  return call;
}

/**
 * call_pool_add_link:
 * @call: a call that serves
 * @link: the link of the room that it has made
 *
 * Whoever looks for that room finds the call.
 */
void
call_pool_add_link (Call *call, const char *link)
{
  g_mutex_lock (&pool_lock);
  g_mutex_lock (&call->lock);
  if (pool && call->runner) {
    if (!g_hash_table_contains (pool, link))
      g_hash_table_insert (pool, g_strdup (link), call_ref (call));
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
 * call_get:
 * @link: the room's
 * @self: our own side of it
 *
 * Joins the room behind @link, unless we are in it.
 *
 * Returns: (transfer full): the one call with that link, for call_release()
 */
Call *
call_get (const char *link, const CallSelf *self)
{
  gboolean made;
  Call *call = call_pool_get (link, NULL, self, &made);

  if (!made)
    call_set_self (call, self);
  return call;
}

/* Says goodbye, some time soon; whoever has the call may go on asking. */
static void
leave_locked (Call *self)
{
  Runner *runner;

  g_mutex_lock (&self->lock);
  runner = g_steal_pointer (&self->runner);
  g_mutex_unlock (&self->lock);
  if (runner)
    runner_stop (runner);
}

static gboolean
is_that (gpointer key, gpointer value, gpointer user_data)
{
  return value == user_data;
}

static void
forget_locked (Call *self)
{
  leave_locked (self);
  if (pool)
    g_hash_table_foreach_remove (pool, is_that, self);
}

static gboolean
leave_if_unused (gpointer user_data)
{
  Call *self = user_data;
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
 * call_release:
 * @call: (transfer full) (nullable): a call of call_get()
 */
void
call_release (Call *call)
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
    g_source_unref (worker_after (LEAVE_AFTER_MS, leave_if_unused,
            call_ref (call), call_unref));
  call_unref (call);
}

/**
 * call_release_now:
 * @call: (transfer full): a call of call_pool_get()
 *
 * As call_release(), but whoever says that they are done is not waited for.
 */
void
call_release_now (Call *call)
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
    call_unref (call);
    return;
  }
  g_mutex_unlock (&pool_lock);
  call_release (call);
}

/* OBS ends. */
void
call_leave_all (void)
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
  Call *call;
  Outlet *outlet;
  char *guest;
} Request;

static void
request_free (gpointer data)
{
  Request *request = data;

  call_unref (request->call);
  outlet_unref (request->outlet);
  g_free (request->guest);
  g_free (request);
}

static void
post_request (Call *self, GSourceFunc func, Outlet *outlet, const char *guest)
{
  Request *request = g_new0 (Request, 1);
  gboolean posted = FALSE;

  request->call = call_ref (self);
  request->outlet = outlet ? outlet_ref (outlet) : NULL;
  request->guest = g_strdup (guest);
  g_mutex_lock (&self->lock);
  if (self->runner) {
    runner_invoke (self->runner, func, request, request_free);
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

  call_set_viewer (request->call, request->outlet, request->guest);
  return G_SOURCE_REMOVE;
}

/**
 * call_attach:
 * @call: a call
 * @outlet: where to show a guest, whom it keeps showing when they leave and
 *   return
 * @guest: (nullable): a seat's number, or a display name
 *
 * May be called again, to show another one.
 */
void
call_attach (Call *call, Outlet *outlet, const char *guest)
{
  post_request (call, do_attach, outlet, guest);
}

static gboolean
do_detach (gpointer user_data)
{
  Request *request = user_data;

  call_remove_viewer (request->call, request->outlet);
  return G_SOURCE_REMOVE;
}

void
call_detach (Call *call, Outlet *outlet)
{
  post_request (call, do_detach, outlet, NULL);
}

/**
 * call_set_self:
 * @call: a call
 * @self: our own side
 *
 * Being muted or hidden takes effect before this returns.
 */
void
call_set_self (Call *call, const CallSelf *self)
{
  if (take_self (call, self)) {
    g_mutex_lock (&call->lock);
    if (call->runner)
      runner_restart (call->runner);
    g_mutex_unlock (&call->lock);
  }
  call_apply_self (call);
}

/* --- what can be asked --- */

/**
 * call_dup_status:
 * @call: a call
 * @bad: (out): whether somebody should look into it
 *
 * Returns: (transfer full): how it stands, in words
 */
char *
call_dup_status (Call *call, gboolean *bad)
{
  char *text;

  g_mutex_lock (&call->lock);
  text = g_strdup (call->status ? call->status : "Joining…");
  *bad = call->bad;
  g_mutex_unlock (&call->lock);
  return text;
}

/**
 * call_dup_people:
 * @call: a call
 *
 * Returns: (transfer full) (element-type CallPerson): who is there, as they
 * came
 */
GPtrArray *
call_dup_people (Call *call)
{
  GPtrArray *people;

  g_mutex_lock (&call->lock);
  people = g_ptr_array_ref (call->people);
  g_mutex_unlock (&call->lock);
  return people;
}
