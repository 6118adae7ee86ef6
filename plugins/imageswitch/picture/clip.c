/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clip.h"

#include "reader.h"

/* Converted frames of a clip that are kept: 72 frames of 1280x720 in I420. At
 * least four, whatever their size, so that the clip moves. */
#define BUDGET (96 * 1024 * 1024)
#define MIN_FRAMES 4
#define MAX_HEAD 2048
#define MAX_TAIL 16

/* Used where the stream has no frame rate. */
#define DEFAULT_FPS 30

/* Times are counted in slots, one for each frame that goes out: containers
 * round theirs, and 33 ms are to be a thirtieth of a second. */

/* A frame that is shown until `end`, in each pass (head) or in one (tail). */
typedef struct {
  GstBuffer *buffer;
  guint64 end;
  guint pass;
} Still;

struct _Clip {
  gchar *location;

  /* by imageswitch_clip_step() alone */
  Reader *reader;
  Renderer renderer;
  Frame pending;                /* how long it stays is not known yet */
  guint64 pending_slot;
  guint64 last_span;            /* how many slots the frame before lasted */
  guint index;                  /* stills of this pass that are done */
  guint read_pass;
  guint read_generation;

  GMutex lock;                  /* guards everything below */
  gboolean has_info;
  GstVideoInfo info;            /* what is to come out */
  guint generation;             /* the reader is to start anew if it differs */
  guint head_max, tail_max;     /* stills */
  GPtrArray *head;              /* of Still */
  GQueue tail;                  /* of Still */
  gboolean whole;               /* the head is the whole clip */
  guint64 length;               /* 0 until its end has been seen */

  guint play_pass;
  GstClockTime base;            /* when this pass began */
  guint64 position;             /* what was shown last, in this pass */
  GstBuffer *current;
  gboolean moved_on;            /* something was taken out of the tail */
};

static void
still_free (gpointer data)
{
  gst_buffer_unref (((Still *) data)->buffer);
  g_free (data);
}

static void
clear_tail (Clip *self)
{
  g_queue_clear_full (&self->tail, still_free);
}

/* @location: a file that has been found to have more than one picture */
Clip *
imageswitch_clip_new (const gchar *location)
{
  Clip *self = g_atomic_rc_box_new0 (Clip);

  g_mutex_init (&self->lock);
  self->location = g_strdup (location);
  self->renderer.fast = TRUE;
  self->head = g_ptr_array_new_with_free_func (still_free);
  g_queue_init (&self->tail);
  return self;
}

Clip *
imageswitch_clip_ref (Clip *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
clip_free (gpointer data)
{
  Clip *self = data;

  reader_close (self->reader);
  imageswitch_renderer_clear (&self->renderer);
  gst_clear_buffer (&self->pending.buffer);
  clear_tail (self);
  g_ptr_array_unref (self->head);
  gst_clear_buffer (&self->current);
  g_mutex_clear (&self->lock);
  g_free (self->location);
}

void
imageswitch_clip_unref (Clip *self)
{
  if (self)
    g_atomic_rc_box_release_full (self, clip_free);
}

static void
restart_locked (Clip *self)
{
  self->generation++;
  self->moved_on = FALSE;
  clear_tail (self);
}

/* Sets what frames are to be converted to, and forgets those that have been
 * converted to anything else. */
void
imageswitch_clip_set_info (Clip *self, const GstVideoInfo *info)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  gsize frames = MAX (BUDGET / info->size, MIN_FRAMES);
  GstVideoInfo known = *info;

  if (known.fps_n <= 0 || known.fps_d <= 0) {
    known.fps_n = DEFAULT_FPS;
    known.fps_d = 1;
  }
  if (self->has_info && gst_video_info_is_equal (&self->info, &known))
    return;
  self->info = known;
  self->has_info = TRUE;
  self->tail_max = CLAMP (frames / 4, 2, MAX_TAIL);
  self->head_max = CLAMP (frames - self->tail_max, 1, MAX_HEAD);
  g_ptr_array_set_size (self->head, 0);
  gst_clear_buffer (&self->current);
  self->whole = FALSE;
  self->length = 0;
  self->play_pass = 0;
  self->base = GST_CLOCK_TIME_NONE;
  restart_locked (self);
}

/* Whether there is anything to decode. A clip that is no longer shown goes back
 * to its beginning, and then costs nothing. */
gboolean
imageswitch_clip_wants_step (Clip *self, gboolean shown)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (!shown && self->moved_on)
    restart_locked (self);
  return self->has_info && !self->whole && self->tail.length < self->tail_max;
}

static GstClockTime
from_slot (const GstVideoInfo *info, guint64 slot)
{
  return gst_util_uint64_scale (slot, info->fps_d * GST_SECOND, info->fps_n);
}

static guint64
to_slot (const GstVideoInfo *info, GstClockTime time)
{
  return gst_util_uint64_scale_round (time, info->fps_n,
      info->fps_d * GST_SECOND);
}

static void
append_locked (Clip *self, GstBuffer *buffer, guint64 end)
{
  Still *still = g_new (Still, 1);

  *still = (Still) { buffer, end, self->read_pass };
  if (self->index < self->head_max && self->index == self->head->len
      && self->tail.length == 0)
    g_ptr_array_add (self->head, still);
  else
    g_queue_push_tail (&self->tail, still);
}

/* Converts the pending frame, which lasts until @end. */
static gboolean
emit (Clip *self, const GstVideoInfo *info, guint64 end, GError **error)
{
  GstBuffer *buffer = NULL;
  gboolean known;

  if (!self->pending.buffer)
    return TRUE;
  g_mutex_lock (&self->lock);
  known = self->index < self->head->len;
  g_mutex_unlock (&self->lock);
  if (!known) {
    buffer = imageswitch_renderer_render (&self->renderer, self->pending.buffer,
        &self->pending.info, info, error);
    if (!buffer)
      return FALSE;
    g_mutex_lock (&self->lock);
    if (self->generation == self->read_generation)
      append_locked (self, g_steal_pointer (&buffer), end);
    g_mutex_unlock (&self->lock);
    gst_clear_buffer (&buffer);
  }
  self->index++;
  self->last_span = end - self->pending_slot;
  gst_clear_buffer (&self->pending.buffer);
  return TRUE;
}

/* The clip has been read to its end. */
static gboolean
end_pass (Clip *self, const GstVideoInfo *info, GError **error)
{
  GstClockTime span = self->pending.duration;
  guint64 end = self->pending_slot + MAX (self->last_span, 1);
  gboolean grown;

  if (GST_CLOCK_TIME_IS_VALID (span) && span > 0)
    end = MAX (to_slot (info, self->pending.start + span),
        self->pending_slot + 1);
  if (self->pending.buffer && !emit (self, info, end, error))
    return FALSE;
  g_mutex_lock (&self->lock);
  grown = self->index > self->head->len;
  if (self->generation == self->read_generation) {
    if (!grown && self->read_pass == 0)
      self->whole = TRUE;
    if (self->length == 0)
      self->length = end;
  }
  g_mutex_unlock (&self->lock);
  /* closing takes a while, so the lock is free by now */
  g_clear_pointer (&self->reader, reader_close);
  self->index = 0;
  if (self->read_pass++ == 0 || grown)
    return TRUE;
  picture_error (error, "it has become shorter");
  return FALSE;
}

static gboolean
take_frame (Clip *self, const GstVideoInfo *info, Frame *frame, GError **error)
{
  guint64 slot = to_slot (info, frame->start);

  if (!self->pending.buffer || slot > self->pending_slot) {
    if (!emit (self, info, slot, error))
      return FALSE;
    self->pending_slot = slot;
  }
  gst_clear_buffer (&self->pending.buffer);
  self->pending = *frame;
  frame->buffer = NULL;
  return TRUE;
}

static gboolean
start_anew (Clip *self, guint generation, GError **error)
{
  if (generation != self->read_generation) {
    g_clear_pointer (&self->reader, reader_close);
    self->read_generation = generation;
    self->read_pass = 0;
    self->index = 0;
  }
  if (self->reader)
    return TRUE;
  gst_clear_buffer (&self->pending.buffer);
  self->last_span = 0;
  self->reader = imageswitch_reader_open (self->location, error);
  return self->reader != NULL;
}

/* Decodes one frame. Always called by the same thread. Returns FALSE if the
 * clip cannot be shown. */
gboolean
imageswitch_clip_step (Clip *self, GCancellable *cancellable, GError **error)
{
  GError *problem = NULL;
  GstVideoInfo info;
  guint generation;
  Frame frame;
  gboolean ok;

  g_mutex_lock (&self->lock);
  info = self->info;
  generation = self->generation;
  g_mutex_unlock (&self->lock);
  if (!start_anew (self, generation, error))
    return FALSE;
  if (reader_next (self->reader, &frame, cancellable, &problem)) {
    ok = take_frame (self, &info, &frame, error);
    gst_clear_buffer (&frame.buffer);
    return ok;
  }
  if (!problem)
    return end_pass (self, &info, error);
  g_propagate_error (error, problem);
  return FALSE;
}

static GstBuffer *
find_in_head (Clip *self, guint64 position)
{
  guint low = 0, high = self->head->len, middle;

  while (low < high) {
    middle = (low + high) / 2;
    if (((Still *) g_ptr_array_index (self->head, middle))->end <= position)
      low = middle + 1;
    else
      high = middle;
  }
  return low < self->head->len
      ? ((Still *) g_ptr_array_index (self->head, low))->buffer : NULL;
}

/* Returns the still for @position. Stills that are over are dropped, and so are
 * those that were read for a pass that is over. */
static GstBuffer *
find_in_tail (Clip *self, guint64 position)
{
  Still *still;

  while ((still = g_queue_peek_head (&self->tail))
      && (still->pass < self->play_pass
          || (still->pass == self->play_pass && still->end <= position))) {
    if (still->pass == self->play_pass)
      gst_buffer_replace (&self->current, still->buffer);
    still_free (g_queue_pop_head (&self->tail));
    self->moved_on = TRUE;
  }
  return still && still->pass == self->play_pass ? still->buffer : NULL;
}

static void
play_from (Clip *self, GstClockTime time)
{
  if (self->moved_on || self->play_pass > 0)
    restart_locked (self);
  self->play_pass = 0;
  self->base = time;
  self->position = 0;
  gst_clear_buffer (&self->current);
}

/* Returns where the clip is by now, in its pass. */
static guint64
get_position (Clip *self, GstClockTime time)
{
  guint64 position = to_slot (&self->info, time - self->base), rounds;

  if (self->length == 0 || position < self->length)
    return position;
  rounds = self->whole ? position / self->length : 1;
  self->base += from_slot (&self->info, rounds * self->length);
  if (!self->whole) {
    self->play_pass++;
    self->moved_on = TRUE;
  }
  return position - rounds * self->length;
}

/* Returns: (transfer full) (nullable): the frame for @time. A clip that was not
 * decoded in time stands still until it is. @restart: the frame is the first
 * one since the camera was hidden. */
GstBuffer *
imageswitch_clip_take (Clip *self, GstClockTime time, gboolean restart)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  GstBuffer *buffer;
  guint64 position;

  if (restart || !GST_CLOCK_TIME_IS_VALID (self->base) || time < self->base
      || self->head->len == 0)
    play_from (self, time);
  position = get_position (self, time);
  buffer = find_in_head (self, position);
  if (!buffer)
    buffer = find_in_tail (self, position);
  if (buffer) {
    self->position = position;
    gst_buffer_replace (&self->current, buffer);
  } else {
    self->base = time - from_slot (&self->info, self->position);
    buffer = self->current;
  }
  return buffer ? gst_buffer_ref (buffer) : NULL;
}
