/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The source "Meshroom guest" shows one member of a call. OBS' threads only
 * read the settings; the worker's thread carries them out. */

#include "guest.h"

#include "infos.h"
#include "worker.h"

/* OBS updates the source at every letter that is typed, so a link is used only
 * when it has stayed the same for this long. */
#define TYPING_MS 700

typedef struct {
  char *link;
  char *guest;
  char *name;
  MeshObsCallSelf self;         /* its name points to the name above */
  gboolean low_delay;
} Wish;

struct _MeshObsGuest {
  gatomicrefcount refs;
  MeshObsHandle *handle;

  GMutex lock;                  /* guards: */
  MeshObsCall *call;            /* set by the worker's thread; NULL without a
                                 * link */

  /* the worker's */
  Wish *wish;                   /* the settings in force */
  Wish *later;                  /* settings that wait until the link is typed */
  GSource *timer;
  gboolean gone;
};

static GPtrArray *guests;       /* belongs to the worker's thread; holds no
                                 * references */

static void
wish_free (gpointer data)
{
  Wish *wish = data;

  if (!wish)
    return;
  g_free (wish->link);
  g_free (wish->guest);
  g_free (wish->name);
  g_free (wish);
}

static char *
get_text (obs_data_t *settings, const char *key)
{
  return g_strstrip (g_strdup (obs_data_get_string (settings, key)));
}

static Wish *
wish_new (obs_data_t *settings)
{
  Wish *wish = g_new0 (Wish, 1);

  wish->link = get_text (settings, GUEST_LINK);
  wish->guest = get_text (settings, GUEST_GUEST);
  wish->name = get_text (settings, GUEST_NAME);
  wish->low_delay = obs_data_get_bool (settings, GUEST_LOW_DELAY);
  wish->self.name = wish->name;
  wish->self.muted = obs_data_get_bool (settings, GUEST_MUTED);
  wish->self.hidden = obs_data_get_bool (settings, GUEST_HIDDEN);
  wish->self.release_camera =
      obs_data_get_bool (settings, GUEST_RELEASE_CAMERA);
  wish->self.latency = CLAMP (obs_data_get_int (settings, GUEST_LATENCY), 0,
      10000);
  wish->self.leave_when_unused =
      obs_data_get_bool (settings, GUEST_LEAVE_WHEN_UNUSED);
  return wish;
}

static void
guest_unref (gpointer data)
{
  MeshObsGuest *self = data;

  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  wish_free (self->wish);
  wish_free (self->later);
  mesh_obs_handle_unref (self->handle);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static MeshObsGuest *
guest_ref (MeshObsGuest *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

/* --- the worker's side --- */

static void
set_call (MeshObsGuest *self, MeshObsCall *call)
{
  MeshObsCall *old;

  g_mutex_lock (&self->lock);
  old = self->call;
  self->call = call;
  g_mutex_unlock (&self->lock);
  if (!old)
    return;
  mesh_obs_call_detach (old, self->handle);
  mesh_obs_call_release (old);
}

/* All guest sources of a call share our own side of it, so the dialogs of all
 * of them show the same settings. */
static void
tell_others (MeshObsGuest *self)
{
  for (guint i = 0; i < guests->len; i++) {
    MeshObsGuest *other = g_ptr_array_index (guests, i);

    if (other == self || !other->wish || other->call != self->call)
      continue;
    mesh_obs_handle_set_setting (other->handle, GUEST_NAME, self->wish->name);
    mesh_obs_handle_set_flag (other->handle, GUEST_MUTED,
        self->wish->self.muted);
    mesh_obs_handle_set_flag (other->handle, GUEST_HIDDEN,
        self->wish->self.hidden);
    mesh_obs_handle_set_flag (other->handle, GUEST_RELEASE_CAMERA,
        self->wish->self.release_camera);
  }
}

static void
join (MeshObsGuest *self)
{
  MeshObsCall *call = mesh_obs_call_get (self->wish->link, &self->wish->self);

  if (call == self->call)
    mesh_obs_call_release (call);
  else
    set_call (self, call);
  mesh_obs_call_attach (self->call, self->handle, self->wish->guest);
  tell_others (self);
}

static void
carry_out (MeshObsGuest *self, Wish *wish)
{
  gboolean first = !self->wish;

  wish_free (self->wish);
  self->wish = wish;
  mesh_obs_handle_set_unbuffered (self->handle, wish->low_delay);
  if (first)
    mesh_obs_handle_show_placeholder (self->handle);
  if (*wish->link) {
    join (self);
    return;
  }
  set_call (self, NULL);
  if (!first)
    mesh_obs_handle_show_placeholder (self->handle);
  mesh_obs_handle_set_status (self->handle, "Enter the link of a room", FALSE);
}

static void
stop_waiting (MeshObsGuest *self)
{
  if (!self->timer)
    return;
  g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
}

static gboolean
on_typed (gpointer user_data)
{
  MeshObsGuest *self = user_data;

  g_clear_pointer (&self->timer, g_source_unref);
  if (!self->gone)
    carry_out (self, g_steal_pointer (&self->later));
  return G_SOURCE_REMOVE;
}

typedef struct {
  MeshObsGuest *guest;
  Wish *wish;
} Task;

static void
task_free (gpointer data)
{
  Task *task = data;

  guest_unref (task->guest);
  wish_free (task->wish);
  g_free (task);
}

static gboolean
on_wish (gpointer user_data)
{
  Task *task = user_data;
  MeshObsGuest *self = task->guest;
  Wish *wish = g_steal_pointer (&task->wish);

  if (!self->wish) {
    if (!guests)
      guests = g_ptr_array_new ();
    g_ptr_array_add (guests, self);
  }
  stop_waiting (self);
  g_clear_pointer (&self->later, wish_free);
  if (!self->wish || g_str_equal (wish->link, self->wish->link)) {
    carry_out (self, wish);
  } else {
    self->later = wish;
    self->timer = mesh_obs_worker_after (TYPING_MS, on_typed, guest_ref (self),
        guest_unref);
  }
  return G_SOURCE_REMOVE;
}

static gboolean
on_gone (gpointer user_data)
{
  MeshObsGuest *self = ((Task *) user_data)->guest;

  self->gone = TRUE;
  stop_waiting (self);
  set_call (self, NULL);
  if (guests)
    g_ptr_array_remove (guests, self);
  if (guests && guests->len == 0)
    g_clear_pointer (&guests, g_ptr_array_unref);
  return G_SOURCE_REMOVE;
}

static void
post (MeshObsGuest *self, GSourceFunc func, Wish *wish)
{
  Task *task = g_new0 (Task, 1);

  task->guest = guest_ref (self);
  task->wish = wish;
  mesh_obs_worker_invoke (func, task, task_free);
}

/* --- OBS' side --- */

static const char *
guest_get_name (void *type_data)
{
  return "Meshroom guest";
}

static void *
guest_create (obs_data_t *settings, obs_source_t *source)
{
  MeshObsGuest *self = g_new0 (MeshObsGuest, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->lock);
  self->handle = mesh_obs_handle_new (source);
  post (self, on_wish, wish_new (settings));
  return self;
}

static void
guest_update (void *data, obs_data_t *settings)
{
  post (data, on_wish, wish_new (settings));
}

static void
guest_destroy (void *data)
{
  MeshObsGuest *self = data;

  mesh_obs_handle_close (self->handle);
  post (self, on_gone, NULL);
  guest_unref (self);
}

MeshObsHandle *
mesh_obs_guest_get_handle (MeshObsGuest *guest)
{
  return guest->handle;
}

/**
 * mesh_obs_guest_dup_people:
 * @guest: a guest source
 *
 * Returns: (transfer full) (nullable) (element-type MeshObsCallPerson): the
 *   members of its call
 */
GPtrArray *
mesh_obs_guest_dup_people (MeshObsGuest *guest)
{
  GPtrArray *people;

  g_mutex_lock (&guest->lock);
  people = guest->call ? mesh_obs_call_dup_people (guest->call) : NULL;
  g_mutex_unlock (&guest->lock);
  return people;
}

struct obs_source_info mesh_obs_guest_info = {
  .id = "meshroom_guest",
  .type = OBS_SOURCE_TYPE_INPUT,
  .output_flags = OBS_SOURCE_ASYNC_VIDEO | OBS_SOURCE_AUDIO
      | OBS_SOURCE_DO_NOT_DUPLICATE,
  .icon_type = OBS_ICON_TYPE_CAMERA,
  .get_name = guest_get_name,
  .create = guest_create,
  .destroy = guest_destroy,
  .update = guest_update,
  .get_defaults = mesh_obs_guest_defaults,
  .get_properties = mesh_obs_guest_properties,
};
