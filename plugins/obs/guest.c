/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The source "Meshroom guest": one person of a call. OBS' threads only read the
 * settings; what is done about them the worker does. */

#include "guest.h"

#include "module.h"
#include "worker.h"

/* A link is typed letter by letter, and each is an update. */
#define TYPING_MS 700

typedef struct {
  char *link;
  char *guest;
  char *name;
  CallSelf self;                /* its name is ours above */
  gboolean low_delay;
} Wish;

struct _Guest {
  gatomicrefcount refs;
  Outlet *outlet;

  GMutex lock;                  /* guards: */
  Call *call;                   /* set by the worker; NULL: no link */

  /* the worker's */
  Wish *wish;                   /* what is carried out */
  Wish *later;                  /* what is not yet */
  GSource *timer;
  gboolean gone;
};

static GPtrArray *guests;       /* the worker's; no references */

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
  Guest *self = data;

  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  wish_free (self->wish);
  wish_free (self->later);
  outlet_unref (self->outlet);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static Guest *
guest_ref (Guest *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

/* --- the worker's side --- */

static void
set_call (Guest *self, Call *call)
{
  Call *old;

  g_mutex_lock (&self->lock);
  old = self->call;
  self->call = call;
  g_mutex_unlock (&self->lock);
  if (!old)
    return;
  call_detach (old, self->outlet);
  call_release (old);
}

/* There is one own side of a call, so every dialog of it shows the same. */
static void
tell_others (Guest *self)
{
  for (guint i = 0; i < guests->len; i++) {
    Guest *other = g_ptr_array_index (guests, i);

    if (other == self || !other->wish || other->call != self->call)
      continue;
    outlet_set_setting (other->outlet, GUEST_NAME, self->wish->name);
    outlet_set_flag (other->outlet, GUEST_MUTED, self->wish->self.muted);
    outlet_set_flag (other->outlet, GUEST_HIDDEN, self->wish->self.hidden);
    outlet_set_flag (other->outlet, GUEST_RELEASE_CAMERA,
        self->wish->self.release_camera);
  }
}

static void
join (Guest *self)
{
  Call *call = call_get (self->wish->link, &self->wish->self);

  if (call == self->call)
    call_release (call);
  else
    set_call (self, call);
  call_attach (self->call, self->outlet, self->wish->guest);
  tell_others (self);
}

static void
carry_out (Guest *self, Wish *wish)
{
  gboolean first = !self->wish;

  wish_free (self->wish);
  self->wish = wish;
  outlet_set_unbuffered (self->outlet, wish->low_delay);
  if (first)
    outlet_show_placeholder (self->outlet);
  if (*wish->link) {
    join (self);
    return;
  }
  set_call (self, NULL);
  if (!first)
    outlet_show_placeholder (self->outlet);
  outlet_set_status (self->outlet, "Enter the link of a room", FALSE);
}

static void
stop_waiting (Guest *self)
{
  if (!self->timer)
    return;
  g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
}

static gboolean
on_typed (gpointer user_data)
{
  Guest *self = user_data;

  g_clear_pointer (&self->timer, g_source_unref);
  if (!self->gone)
    carry_out (self, g_steal_pointer (&self->later));
  return G_SOURCE_REMOVE;
}

typedef struct {
  Guest *guest;
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
  Guest *self = task->guest;
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
    self->timer = worker_after (TYPING_MS, on_typed, guest_ref (self),
        guest_unref);
  }
  return G_SOURCE_REMOVE;
}

static gboolean
on_gone (gpointer user_data)
{
  Guest *self = ((Task *) user_data)->guest;

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
post (Guest *self, GSourceFunc func, Wish *wish)
{
  Task *task = g_new0 (Task, 1);

  task->guest = guest_ref (self);
  task->wish = wish;
  worker_invoke (func, task, task_free);
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
  Guest *self = g_new0 (Guest, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->lock);
  self->outlet = outlet_new (source);
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
  Guest *self = data;

  outlet_close (self->outlet);
  post (self, on_gone, NULL);
  guest_unref (self);
}

Outlet *
guest_get_outlet (Guest *guest)
{
  return guest->outlet;
}

/**
 * guest_dup_people:
 * @guest: a guest source
 *
 * Returns: (transfer full) (nullable) (element-type CallPerson): who is in its
 * call
 */
GPtrArray *
guest_dup_people (Guest *guest)
{
  GPtrArray *people;

  g_mutex_lock (&guest->lock);
  people = guest->call ? call_dup_people (guest->call) : NULL;
  g_mutex_unlock (&guest->lock);
  return people;
}

struct obs_source_info guest_info = {
  .id = "meshroom_guest",
  .type = OBS_SOURCE_TYPE_INPUT,
  .output_flags = OBS_SOURCE_ASYNC_VIDEO | OBS_SOURCE_AUDIO
      | OBS_SOURCE_DO_NOT_DUPLICATE,
  .icon_type = OBS_ICON_TYPE_CAMERA,
  .get_name = guest_get_name,
  .create = guest_create,
  .destroy = guest_destroy,
  .update = guest_update,
  .get_defaults = guest_defaults,
  .get_properties = guest_properties,
};
