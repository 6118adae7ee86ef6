/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is shown while the camera is hidden: which picture, read from its file
 * by a thread of its own, and rendered once for the caps in use.
 */
#include "imageswitch.h"

GST_DEBUG_CATEGORY_EXTERN (imageswitch_debug);
#define GST_CAT_DEFAULT imageswitch_debug

static void
take_picture_locked (ImageSwitch *self, Picture *picture)
{
  g_clear_pointer (&self->picture, picture_unref);
  self->picture = picture;
  gst_clear_buffer (&self->slide);
  self->slide_tried = FALSE;
  output_wake_locked (self);
}

static void
warn (ImageSwitch *self, const gchar *location, const GError *error)
{
  GST_ELEMENT_WARNING (self, RESOURCE, READ,
      ("Cannot show \"%s\", the built-in picture takes its place.", location),
      ("%s", error->message));
}

static void
load_one_locked (ImageSwitch *self)
{
  g_autofree gchar *location = g_strdup (self->location);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  Picture *picture = NULL;
  gboolean current;

  self->loading.wanted = FALSE;
  self->loading.busy = TRUE;
  self->loading.cancellable = cancellable;
  g_mutex_unlock (&self->lock);

  if (location)
    picture = picture_new_from_file (location, cancellable, &error);

  g_mutex_lock (&self->lock);
  self->loading.cancellable = NULL;
  self->loading.busy = FALSE;
  current = !self->loading.wanted && !self->loading.stop;
  if (current)
    take_picture_locked (self, g_steal_pointer (&picture));
  g_cond_broadcast (&self->cond);
  if (current && error) {
    g_mutex_unlock (&self->lock);
    warn (self, location, error);
    g_mutex_lock (&self->lock);
  }
  picture_unref (picture);
}

static gpointer
load_thread (gpointer data)
{
  ImageSwitch *self = data;

  g_mutex_lock (&self->lock);
  while (!self->loading.stop) {
    if (self->loading.wanted)
      load_one_locked (self);
    else
      g_cond_wait (&self->cond, &self->lock);
  }
  g_mutex_unlock (&self->lock);
  return NULL;
}

/* The built-in picture needs no loading, and a decoder that is still at work
 * on the former file may as well stop. */
static void
load_locked (ImageSwitch *self)
{
  if (self->loading.cancellable)
    g_cancellable_cancel (self->loading.cancellable);
  self->loading.wanted = TRUE;
  if (!self->location)
    take_picture_locked (self, NULL);
  if (!self->loading.thread && self->location)
    self->loading.thread = g_thread_new ("imageswitch-load", load_thread, self);
  g_cond_broadcast (&self->cond);
}

void
slide_set_location (ImageSwitch *self, const gchar *location)
{
  g_mutex_lock (&self->lock);
  g_free (self->location);
  self->location = g_strdup (location);
  if (!self->loading.stop)
    load_locked (self);
  g_mutex_unlock (&self->lock);
}

void
slide_start (ImageSwitch *self)
{
  g_mutex_lock (&self->lock);
  self->loading.stop = FALSE;
  load_locked (self);
  g_mutex_unlock (&self->lock);
}

void
slide_stop (ImageSwitch *self)
{
  GThread *thread;

  g_mutex_lock (&self->lock);
  self->loading.stop = TRUE;
  if (self->loading.cancellable)
    g_cancellable_cancel (self->loading.cancellable);
  g_cond_broadcast (&self->cond);
  thread = g_steal_pointer (&self->loading.thread);
  g_mutex_unlock (&self->lock);
  if (thread)
    g_thread_join (thread);
  g_mutex_lock (&self->lock);
  take_picture_locked (self, NULL);
  g_mutex_unlock (&self->lock);
}

gboolean
slide_is_stale_locked (ImageSwitch *self)
{
  return self->out_raw && (!self->slide_tried
      || !gst_video_info_is_equal (&self->slide_info, &self->out_info));
}

/* By the output thread alone. Done as soon as caps or picture are known, long
 * before anybody hides, so that hiding takes no time. */
void
slide_render (ImageSwitch *self)
{
  g_autoptr (GstBuffer) slide = NULL;
  g_autoptr (Picture) picture = NULL;
  g_autoptr (GError) error = NULL;
  gboolean builtin;
  GstVideoInfo info;

  g_mutex_lock (&self->lock);
  info = self->out_info;
  builtin = !self->picture;
  if (!builtin)
    picture = picture_ref (self->picture);
  g_mutex_unlock (&self->lock);

  if (builtin)
    picture = picture_new_builtin ();
  slide = picture_render (picture, &info, &error);

  g_mutex_lock (&self->lock);
  if (builtin && !self->picture)
    self->picture = picture_ref (picture);
  if (self->picture == picture) {
    gst_buffer_replace (&self->slide, slide);
    self->slide_info = info;
    self->slide_tried = TRUE;
  }
  g_mutex_unlock (&self->lock);
  if (error)
    GST_WARNING_OBJECT (self, "%s", error->message);
}
