/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is shown while the camera is hidden: which picture, read from its file
 * by a thread of its own, and rendered once for the caps in use.
 */
#include "imageswitch.h"

GST_DEBUG_CATEGORY_EXTERN (imageswitch_debug);
#define GST_CAT_DEFAULT imageswitch_debug

/* Returns the clip that was shown so far: letting go of it may take a while,
 * and is for when `lock` is free. */
static Clip *
take_picture_locked (ImageSwitch *self, Picture *picture, Clip *clip)
{
  Clip *old = self->clip;

  g_clear_pointer (&self->picture, picture_unref);
  self->picture = picture;
  self->clip = clip;
  gst_clear_buffer (&self->slide);
  self->slide_tried = FALSE;
  output_wake_locked (self);
  return old;
}

static void
warn (ImageSwitch *self, const gchar *location, const GError *error)
{
  GST_ELEMENT_WARNING (self, RESOURCE, READ,
      ("Cannot show \"%s\", the built-in picture takes its place.", location),
      ("%s", error->message));
}

static GCancellable *
begin_locked (ImageSwitch *self)
{
  self->loading.cancellable = g_cancellable_new ();
  g_mutex_unlock (&self->lock);
  return self->loading.cancellable;
}

/* FALSE: nobody wants to know any more. */
static gboolean
end_locked (ImageSwitch *self)
{
  g_mutex_lock (&self->lock);
  g_clear_object (&self->loading.cancellable);
  self->loading.busy = FALSE;
  g_cond_broadcast (&self->cond);
  return !self->loading.wanted && !self->loading.stop;
}

static void
load_one_locked (ImageSwitch *self)
{
  g_autofree gchar *location = g_strdup (self->location);
  g_autoptr (GError) error = NULL;
  GCancellable *cancellable;
  Picture *picture = NULL;
  gboolean current;
  Clip *clip = NULL;

  self->loading.wanted = FALSE;
  self->loading.busy = TRUE;    /* the first frame out waits for this */
  cancellable = begin_locked (self);
  if (location)
    picture = picture_new_from_file (location, &clip, cancellable, &error);
  current = end_locked (self);
  if (current)
    clip = take_picture_locked (self, g_steal_pointer (&picture), clip);
  g_mutex_unlock (&self->lock);
  if (current && error)
    warn (self, location, error);
  picture_unref (picture);
  clip_unref (clip);
  g_mutex_lock (&self->lock);
}

/* Decodes one more frame of the clip. */
static void
step_locked (ImageSwitch *self)
{
  Clip *clip = clip_ref (self->clip), *broken = NULL;
  g_autofree gchar *location = g_strdup (self->location);
  g_autoptr (GError) error = NULL;

  clip_step (clip, begin_locked (self), &error);
  if (end_locked (self) && error)
    broken = take_picture_locked (self, NULL, NULL);
  g_mutex_unlock (&self->lock);
  if (broken)
    warn (self, location, error);
  clip_unref (broken);
  clip_unref (clip);
  g_mutex_lock (&self->lock);
}

static gboolean
clip_is_due_locked (ImageSwitch *self)
{
  return self->clip && clip_wants_step (self->clip,
      self->showing == SHOWING_PICTURE);
}

static gpointer
load_thread (gpointer data)
{
  g_autoptr (ImageSwitch) self = data;

  g_mutex_lock (&self->lock);
  while (!self->loading.stop) {
    if (self->loading.wanted)
      load_one_locked (self);
    else if (clip_is_due_locked (self))
      step_locked (self);
    else
      g_cond_wait (&self->cond, &self->lock);
  }
  if (self->loading.thread == g_thread_self ())
    g_clear_pointer (&self->loading.thread, g_thread_unref);
  g_mutex_unlock (&self->lock);
  return NULL;
}

/* The built-in picture needs no loading, and a decoder that is still at work
 * on the former file may as well stop. */
static Clip *
load_locked (ImageSwitch *self)
{
  Clip *old = NULL;

  if (self->loading.cancellable)
    g_cancellable_cancel (self->loading.cancellable);
  self->loading.wanted = TRUE;
  if (!self->location)
    old = take_picture_locked (self, NULL, NULL);
  if (!self->loading.thread && self->location)
    self->loading.thread = g_thread_new ("imageswitch-load", load_thread,
        g_object_ref (self));
  g_cond_broadcast (&self->cond);
  return old;
}

void
slide_set_location (ImageSwitch *self, const gchar *location)
{
  Clip *old = NULL;

  g_mutex_lock (&self->lock);
  g_free (self->location);
  self->location = g_strdup (location);
  if (!self->loading.stop)
    old = load_locked (self);
  g_mutex_unlock (&self->lock);
  clip_unref (old);
}

void
slide_start (ImageSwitch *self)
{
  Clip *old;

  g_mutex_lock (&self->lock);
  self->loading.stop = FALSE;
  old = load_locked (self);
  g_mutex_unlock (&self->lock);
  clip_unref (old);
}

/* The thread itself may have come here, by way of the application's handler of
 * a message: it ends by itself then. */
void
slide_stop (ImageSwitch *self)
{
  GThread *thread = NULL;
  Clip *old;

  g_mutex_lock (&self->lock);
  self->loading.stop = TRUE;
  if (self->loading.cancellable)
    g_cancellable_cancel (self->loading.cancellable);
  g_cond_broadcast (&self->cond);
  if (self->loading.thread != g_thread_self ())
    thread = g_steal_pointer (&self->loading.thread);
  g_mutex_unlock (&self->lock);
  if (thread)
    g_thread_join (thread);
  g_mutex_lock (&self->lock);
  old = take_picture_locked (self, NULL, NULL);
  g_mutex_unlock (&self->lock);
  clip_unref (old);
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

  /* Kept, also across states: who is stopped and started over and over shows
   * something each time. */
  if (builtin && !self->builtin)
    self->builtin = picture_new_builtin ();
  if (builtin)
    picture = picture_ref (self->builtin);
  slide = picture_render (picture, &info, &error);

  g_mutex_lock (&self->lock);
  if (builtin && !self->picture)
    self->picture = picture_ref (picture);
  if (self->picture == picture) {
    gst_buffer_replace (&self->slide, slide);
    self->slide_info = info;
    self->slide_tried = TRUE;
    if (self->clip)
      clip_set_info (self->clip, &info);
    g_cond_broadcast (&self->cond);
  }
  g_mutex_unlock (&self->lock);
  if (error)
    GST_WARNING_OBJECT (self, "%s", error->message);
}

/**
 * slide_take_locked:
 * @self: an #ImageSwitch whose slide is up to date
 * @time: running time at which it will be shown
 *
 * Returns: (transfer full): what to send, its pixels shared and not writable
 */
GstBuffer *
slide_take_locked (ImageSwitch *self, GstClockTime time)
{
  gboolean restart = self->showing == SHOWING_CAMERA
      || !GST_CLOCK_TIME_IS_VALID (self->last_time);
  g_autoptr (GstBuffer) frame = NULL;

  frame = image_take_locked (self);
  if (!frame && self->clip)
    frame = clip_take (self->clip, time, restart);
  return gst_buffer_copy (frame ? frame : self->slide);
}
