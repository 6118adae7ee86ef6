/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "slide.h"

#include "../debug.h"
#include "clip.h"
#include "reader.h"

typedef struct {
  GThread *thread;
  gboolean stop;
  gboolean wanted;              /* location has changed */
  gboolean busy;
  GCancellable *cancellable;    /* of the file being decoded */
} Loading;

struct _Slide {
  GstElement *element;          /* owns us */
  void (*changed) (GstElement *element);
  Picture *builtin;             /* output thread only; once it was needed */

  GMutex lock;                  /* guards everything below */
  GCond cond;                   /* what the thread waits on */
  gchar *location;
  Loading loading;
  Picture *picture;             /* NULL: the built-in one */
  Clip *clip;                   /* what comes after the picture, if it moves */
  gboolean shown;
  gboolean tried;               /* still is up to date, NULL if it failed */
  GstBuffer *still;             /* picture, rendered as info */
  GstVideoInfo info;
};

static Picture *
picture_of (const Frame *frame, GError **error)
{
  Picture *picture = NULL;
  GstVideoFrame mapped;

  if (gst_video_frame_map (&mapped, &frame->info, frame->buffer,
          GST_MAP_READ)) {
    picture = imageswitch_picture_new_from_frame (&mapped, error);
    gst_video_frame_unmap (&mapped);
  } else {
    picture_error (error, "its first picture cannot be read");
  }
  return picture;
}

/* Whether there is more than one picture; also FALSE when there is an error. */
static gboolean
is_moving (Reader *reader, GCancellable *cancellable, GError **error)
{
  Frame second;
  gboolean moving = reader_next (reader, &second, cancellable, error);

  if (moving && (gint64) second.info.width * second.info.height
      > READER_MAX_MOVING_PIXELS) {
    picture_error (error, "%dx%d pixels are too many for moving pictures",
        second.info.width, second.info.height);
    moving = FALSE;
  }
  gst_clear_buffer (&second.buffer);
  return moving;
}

/* Decodes the first picture of a file, which takes a few seconds at most. @clip
 * becomes what moves, where there is more than one. */
static Picture *
read_file (const gchar *location, Clip **clip, GCancellable *cancellable,
    GError **error)
{
  g_autoptr (Reader) reader = imageswitch_reader_open (location, error);
  g_autoptr (Picture) picture = NULL;
  g_autoptr (GError) problem = NULL;
  Frame first;

  if (!reader)
    return NULL;
  if (reader_next (reader, &first, cancellable, &problem))
    picture = picture_of (&first, &problem);
  else if (!problem)
    picture_error (&problem, "it ends before the first picture");
  gst_clear_buffer (&first.buffer);
  if (picture && is_moving (reader, cancellable, &problem))
    *clip = imageswitch_clip_new (location);
  if (!problem)
    return g_steal_pointer (&picture);
  g_propagate_error (error, g_steal_pointer (&problem));
  return NULL;
}

/* Returns the clip that was shown so far, to be let go of without the lock,
 * since that may take a while. */
static Clip *
take_picture_locked (Slide *self, Picture *picture, Clip *clip)
{
  Clip *old = self->clip;

  imageswitch_picture_unref (self->picture);
  self->picture = picture;
  self->clip = clip;
  gst_clear_buffer (&self->still);
  self->tried = FALSE;
  return old;
}

static GCancellable *
begin_locked (Slide *self)
{
  self->loading.cancellable = g_cancellable_new ();
  g_mutex_unlock (&self->lock);
  return self->loading.cancellable;
}

/* Returns FALSE if the result is no longer wanted. */
static gboolean
end_locked (Slide *self)
{
  g_mutex_lock (&self->lock);
  g_clear_object (&self->loading.cancellable);
  self->loading.busy = FALSE;
  return !self->loading.wanted && !self->loading.stop;
}

/* Tells the element and, where there is an @error, the application, and lets go
 * of @clip. All of that is done while the lock is free. */
static void
finish_locked (Slide *self, const gchar *location, const GError *error,
    Clip *clip)
{
  g_mutex_unlock (&self->lock);
  self->changed (self->element);
  if (error)
    GST_ELEMENT_WARNING (self->element, RESOURCE, READ,
        ("Cannot show \"%s\", the built-in picture takes its place.",
            location), ("%s", error->message));
  imageswitch_clip_unref (clip);
  g_mutex_lock (&self->lock);
}

static void
load_one_locked (Slide *self)
{
  g_autofree gchar *location = g_strdup (self->location);
  g_autoptr (GError) error = NULL;
  g_autoptr (Picture) picture = NULL;
  GCancellable *cancellable;
  gboolean current;
  Clip *clip = NULL;

  self->loading.wanted = FALSE;
  self->loading.busy = TRUE;    /* the first frame out waits for this */
  cancellable = begin_locked (self);
  if (location)
    picture = read_file (location, &clip, cancellable, &error);
  current = end_locked (self);
  if (current)
    clip = take_picture_locked (self, g_steal_pointer (&picture), clip);
  finish_locked (self, location, current ? error : NULL, clip);
}

/* Decodes one more frame of the clip. */
static void
step_locked (Slide *self)
{
  Clip *clip = imageswitch_clip_ref (self->clip), *broken;
  g_autofree gchar *location = g_strdup (self->location);
  g_autoptr (GError) error = NULL;

  imageswitch_clip_step (clip, begin_locked (self), &error);
  if (end_locked (self) && error) {
    broken = take_picture_locked (self, NULL, NULL);
    finish_locked (self, location, error, broken);
  }
  g_mutex_unlock (&self->lock);
  imageswitch_clip_unref (clip);
  g_mutex_lock (&self->lock);
}

static gpointer
load_thread (gpointer data)
{
  Slide *self = data;
  GstElement *element = self->element;

  g_mutex_lock (&self->lock);
  while (!self->loading.stop) {
    if (self->loading.wanted)
      load_one_locked (self);
    else if (self->clip
        && imageswitch_clip_wants_step (self->clip, self->shown))
      step_locked (self);
    else
      g_cond_wait (&self->cond, &self->lock);
  }
  if (self->loading.thread == g_thread_self ())
    g_clear_pointer (&self->loading.thread, g_thread_unref);
  g_mutex_unlock (&self->lock);
  gst_object_unref (element);
  return NULL;
}

/* Has the file of `location` loaded, and the decoder of the former file stop.
 * The built-in picture needs no loading. */
static void
load_locked (Slide *self)
{
  g_cancellable_cancel (self->loading.cancellable);
  self->loading.wanted = TRUE;
  if (!self->loading.thread && self->location) {
    gst_object_ref (self->element);
    self->loading.thread = g_thread_new ("imageswitch-load", load_thread, self);
  }
  g_cond_signal (&self->cond);
}

void
imageswitch_slide_set_location (Slide *self, const gchar *location)
{
  Clip *old = NULL;

  g_mutex_lock (&self->lock);
  g_free (self->location);
  self->location = g_strdup (location);
  if (!location)
    old = take_picture_locked (self, NULL, NULL);
  if (!self->loading.stop)
    load_locked (self);
  g_mutex_unlock (&self->lock);
  imageswitch_clip_unref (old);
  self->changed (self->element);
}

gchar *
imageswitch_slide_get_location (Slide *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return g_strdup (self->location);
}

void
imageswitch_slide_start (Slide *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->loading.stop = FALSE;
  load_locked (self);
}

/* The load thread itself may have come here, by way of the application's
 * handler of a message; it then ends by itself. */
void
imageswitch_slide_stop (Slide *self)
{
  GThread *thread = NULL;
  Clip *old;

  g_mutex_lock (&self->lock);
  self->loading.stop = TRUE;
  g_cancellable_cancel (self->loading.cancellable);
  g_cond_signal (&self->cond);
  if (self->loading.thread != g_thread_self ())
    thread = g_steal_pointer (&self->loading.thread);
  g_mutex_unlock (&self->lock);
  if (thread)
    g_thread_join (thread);
  g_mutex_lock (&self->lock);
  old = take_picture_locked (self, NULL, NULL);
  g_mutex_unlock (&self->lock);
  imageswitch_clip_unref (old);
}

/* Whether the picture is what goes out. A clip that is not shown goes back to
 * its beginning. */
void
imageswitch_slide_set_shown (Slide *self, gboolean shown)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->shown = shown;
  g_cond_signal (&self->cond);
}

/* Whether the file is still being read. */
gboolean
imageswitch_slide_is_loading (Slide *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->loading.busy || (self->loading.wanted && self->location);
}

static SlideState
get_state_locked (Slide *self, const GstVideoInfo *info)
{
  if (!self->tried || !gst_video_info_is_equal (&self->info, info))
    return SLIDE_STALE;
  return self->still ? SLIDE_READY : SLIDE_UNSHOWABLE;
}

SlideState
imageswitch_slide_get_state (Slide *self, const GstVideoInfo *info)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return get_state_locked (self, info);
}

/* Renders the picture. Called by the output thread alone, as soon as caps or
 * picture are known and long before the camera is hidden, so that hiding takes
 * no time. */
void
imageswitch_slide_render (Slide *self, const GstVideoInfo *info)
{
  g_autoptr (GstBuffer) still = NULL;
  g_autoptr (Picture) picture = NULL;
  g_autoptr (GError) error = NULL;
  gboolean builtin;

  g_mutex_lock (&self->lock);
  builtin = !self->picture;
  if (!builtin)
    picture = imageswitch_picture_ref (self->picture);
  g_mutex_unlock (&self->lock);

  /* the built-in picture is kept across states: an element that is stopped and
   * started over and over shows something each time */
  if (builtin && !self->builtin)
    self->builtin = imageswitch_picture_new_builtin ();
  if (builtin)
    picture = imageswitch_picture_ref (self->builtin);
  still = imageswitch_picture_render (picture, info, &error);

  g_mutex_lock (&self->lock);
  if (builtin && !self->picture)
    self->picture = imageswitch_picture_ref (picture);
  if (self->picture == picture) {
    gst_buffer_replace (&self->still, still);
    self->info = *info;
    self->tried = TRUE;
    if (self->clip)
      imageswitch_clip_set_info (self->clip, info);
    g_cond_signal (&self->cond);
  }
  g_mutex_unlock (&self->lock);
  if (error)
    GST_WARNING_OBJECT (self->element, "%s", error->message);
}

/* Returns: (transfer full) (nullable): what to send at running time @time, its
 * pixels shared and not writable. @restart: a clip begins at its beginning. */
GstBuffer *
imageswitch_slide_take (Slide *self, const GstVideoInfo *info,
    GstClockTime time, gboolean restart)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  g_autoptr (GstBuffer) frame = NULL;

  if (get_state_locked (self, info) != SLIDE_READY)
    return NULL;
  if (self->clip) {
    frame = imageswitch_clip_take (self->clip, time, restart);
    g_cond_signal (&self->cond);        /* there is room for one more */
  }
  return gst_buffer_copy (frame ? frame : self->still);
}

Slide *
imageswitch_slide_new (GstElement *element,
    void (*changed) (GstElement *element))
{
  Slide *self = g_new0 (Slide, 1);

  self->element = element;
  self->changed = changed;
  self->loading.stop = TRUE;
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  return self;
}

void
imageswitch_slide_free (Slide *self)
{
  gst_clear_buffer (&self->still);
  imageswitch_picture_unref (self->picture);
  imageswitch_picture_unref (self->builtin);
  g_free (self->location);
  g_cond_clear (&self->cond);
  g_mutex_clear (&self->lock);
  g_free (self);
}
