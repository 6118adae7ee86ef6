/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tile.h"

#include "elements.h"
#include "orientation.h"

/* No usable latency lets more frames than this wait for their time. If more
 * wait, the timestamps are wrong, and the oldest frame is shown. */
#define MAX_WAITING 32
/* An input that is not live waits when this many frames are queued. */
#define MAX_AHEAD 3

/* A picture counts as stalled after this; a placeholder in a call comes twice a
 * second. */
#define STALLED_AFTER (2 * GST_SECOND)

/* How large a picture is drawn, as upstream is told. */
typedef struct {
  int width;
  int height;
  int fps;
} Drawn;

/* what upstream knows before the first event */
static const Drawn unknown = { -1, -1, -1 };

struct _MeshTile {
  MeshInput parent_instance;

  /* under the scene's lock */
  GQueue waiting;               /* MeshFrame, frames that are not due yet */
  MeshFrame *current;
  MeshLabel *label;
  MeshRect rect;                /* empty while the tile is not shown */
  double aspect;
  gboolean present;             /* from the first frame to the end */
  Drawn told;
  GstClockTime moved;           /* when the current frame was first shown */

  /* streaming thread only */
  GstVideoInfo info;
  gboolean usable;
  MeshOrientation turn;
  MeshScaler scaler;
};

G_DEFINE_FINAL_TYPE (MeshTile, mesh_tile, MESH_TYPE_INPUT)

/* Moves the frames to the trash, to be freed without the lock: freeing one may
 * call the element that made its buffer. */
static void
take_all_locked (MeshTile *self, gboolean current, GQueue *trash)
{
  MeshFrame *frame;

  while ((frame = g_queue_pop_head (&self->waiting)))
    g_queue_push_tail (trash, frame);
  if (current && self->current)
    g_queue_push_tail (trash, g_steal_pointer (&self->current));
}

static void
show_locked (MeshTile *self, MeshFrame *frame, GQueue *trash)
{
  if (self->current)
    g_queue_push_tail (trash, self->current);
  self->current = frame;
  g_cond_broadcast (&MESH_INPUT (self)->room);
}

static void
empty_trash (GQueue *trash)
{
  g_queue_clear_full (trash, (GDestroyNotify) mesh_frame_unref);
}

static void
update_aspect (MeshTile *self)
{
  MeshScene *scene = MESH_INPUT (self)->scene;
  const GstVideoInfo *info = &self->info;

  if (!self->usable)
    return;
  g_mutex_lock (&scene->lock);
  self->aspect = (double) info->width * MAX (info->par_n, 1)
      / ((double) info->height * MAX (info->par_d, 1));
  if (mesh_orientation_swaps_sides (mesh_orientation_get (&self->turn)))
    self->aspect = 1 / self->aspect;
  mesh_scene_arrange_locked (scene);
  g_mutex_unlock (&scene->lock);
}

/* Another stream may come from somebody else, who is told anew. But one who was
 * told to be unseen has to be told otherwise before a picture can come. */
static void
mesh_tile_start (MeshInput *input)
{
  MeshTile *self = MESH_TILE (input);

  g_mutex_lock (&input->scene->lock);
  if (self->present || self->told.width > 0)
    self->told = unknown;
  g_mutex_unlock (&input->scene->lock);
  mesh_orientation_reset (&self->turn);
  update_aspect (self);
}

static void
mesh_tile_take_tags (MeshInput *input, GstTagList *tags)
{
  MeshTile *self = MESH_TILE (input);

  if (mesh_orientation_take_tags (&self->turn, tags))
    update_aspect (self);
}

static void
mesh_tile_set_caps (MeshInput *input, GstCaps *caps)
{
  MeshTile *self = MESH_TILE (input);
  GstVideoInfo *info = &self->info;

  /* interlaced fields in separate buffers are not supported */
  self->usable = gst_video_info_from_caps (info, caps)
      && info->interlace_mode != GST_VIDEO_INTERLACE_MODE_ALTERNATE
      && info->width > 0 && info->height > 0;
  if (!self->usable) {
    mesh_input_warn (input, "cannot be shown: convert it before the view, as "
        "with videoconvert (or deinterlace)", caps);
    return;
  }
  update_aspect (self);
}

/* Returns the tile's rectangle. The first frame makes a place for the tile. */
static MeshRect
get_place (MeshTile *self)
{
  MeshScene *scene = MESH_INPUT (self)->scene;
  MeshRect rect;

  g_mutex_lock (&scene->lock);
  if (!self->present && !MESH_INPUT (self)->flushing) {
    self->present = TRUE;
    mesh_scene_arrange_locked (scene);
  }
  rect = self->rect;
  g_mutex_unlock (&scene->lock);
  return rect;
}

/* Queues a frame. If timestamps have gone back, the waiting frames had wrong
 * ones, and are dropped. */
static void
put_locked (MeshTile *self, MeshFrame *frame, GQueue *trash)
{
  MeshFrame *last;

  while ((last = g_queue_peek_tail (&self->waiting))
      && last->time > frame->time)
    g_queue_push_tail (trash, g_queue_pop_tail (&self->waiting));
  g_queue_push_tail (&self->waiting, frame);
  if (self->waiting.length > MAX_WAITING)
    show_locked (self, g_queue_pop_head (&self->waiting), trash);
}

/* Whether the buffer's video meta agrees with the caps; a buffer whose meta
 * differs would be read beyond its end. */
static gboolean
is_readable (MeshTile *self, GstBuffer *buffer)
{
  GstVideoMeta *meta = gst_buffer_get_video_meta (buffer);

  if (!self->usable || gst_buffer_get_size (buffer) == 0)
    return FALSE;
  if (!meta || (meta->format == GST_VIDEO_INFO_FORMAT (&self->info)
          && (int) meta->width == self->info.width
          && (int) meta->height == self->info.height))
    return TRUE;
  GST_WARNING_OBJECT (self, "dropping a %s buffer of %ux%u in a %s stream of "
      "%dx%d", gst_video_format_to_string (meta->format), meta->width,
      meta->height, GST_VIDEO_INFO_NAME (&self->info), self->info.width,
      self->info.height);
  return FALSE;
}

static void
mesh_tile_take (MeshInput *input, GstBuffer *buffer, GstClockTime time)
{
  MeshTile *self = MESH_TILE (input);
  MeshFrame *frame;
  MeshRect rect;
  GQueue trash = G_QUEUE_INIT;

  if (!is_readable (self, buffer)) {
    gst_buffer_unref (buffer);
    return;
  }
  frame = mesh_frame_new (buffer, &self->info,
      GST_CLOCK_TIME_IS_VALID (time) ? time : 0);
  frame->turn = mesh_orientation_get (&self->turn);
  rect = get_place (self);
  if (rect.width > 0) {
    MeshFrame *scaled = mesh_scaler_scale (&self->scaler, frame, rect.width,
        rect.height);

    mesh_frame_unref (frame);
    if (!scaled) {
      GST_WARNING_OBJECT (self, "dropping a frame that cannot be read");
      return;
    }
    frame = scaled;
  }

  g_mutex_lock (&input->scene->lock);
  if (input->flushing)
    g_queue_push_tail (&trash, frame);
  else
    put_locked (self, frame, &trash);
  g_mutex_unlock (&input->scene->lock);
  empty_trash (&trash);
}

static gboolean
mesh_tile_is_full (MeshInput *input)
{
  return MESH_TILE (input)->waiting.length >= MAX_AHEAD;
}

static void
mesh_tile_clear (MeshInput *input, gboolean ended)
{
  MeshTile *self = MESH_TILE (input);
  GQueue trash = G_QUEUE_INIT;

  g_mutex_lock (&input->scene->lock);
  take_all_locked (self, ended, &trash);
  if (ended && self->present) {
    self->present = FALSE;
    mesh_scene_arrange_locked (input->scene);
  }
  g_cond_broadcast (&input->room);
  g_mutex_unlock (&input->scene->lock);
  empty_trash (&trash);
}

static gboolean
mesh_tile_get_aspect (MeshInput *input, double *aspect)
{
  MeshTile *self = MESH_TILE (input);

  *aspect = self->aspect;
  return self->present;
}

static void
mesh_tile_place (MeshInput *input, const MeshRect *rect)
{
  MESH_TILE (input)->rect = rect ? *rect : (MeshRect) { 0, };
}

/* Chooses the frame for @time. A stream at the canvas's own frame rate should
 * have each of its frames shown once, however its timestamps lie between the
 * canvas's. So a frame may be shown up to a quarter of a frame early, and is
 * skipped only when the next one is a quarter of a frame old already. */
static void
advance_locked (MeshTile *self, GstClockTime time, GstClockTime duration,
    GQueue *trash)
{
  GstClockTime early = time + duration / 4;
  GstClockTime late = time > duration / 4 ? time - duration / 4 : 0;
  MeshFrame *next = g_queue_peek_head (&self->waiting);

  /* the first frame is shown at once, rather than an empty tile */
  if (!next || (self->current && next->time > early))
    return;
  show_locked (self, g_queue_pop_head (&self->waiting), trash);
  while ((next = g_queue_peek_head (&self->waiting)) && next->time <= late)
    show_locked (self, g_queue_pop_head (&self->waiting), trash);
}

/* --- what upstream is told --- */

/* Before the first frame there is nothing to tell, since a sender that believed
 * to be unseen would never send one: that is taken back where it was said of an
 * earlier picture. */
static Drawn
get_drawn_locked (MeshTile *self)
{
  const MeshScene *scene = MESH_INPUT (self)->scene;
  const MeshRect *rect = &self->rect;

  if (!self->present && self->told.width != 0)
    return self->told;
  if (!self->present)
    return (Drawn) { scene->canvas_width, scene->canvas_height,
      scene->canvas_fps };
  if (rect->width <= 0 || rect->height <= 0)
    return (Drawn) { 0, };
  return (Drawn) { rect->width, rect->height, scene->canvas_fps };
}

/**
 * mesh_tile_is_told_locked:
 * Returns: whether upstream knows how large the picture is drawn
 */
gboolean
mesh_tile_is_told_locked (MeshTile *self)
{
  Drawn drawn = get_drawn_locked (self);

  return drawn.width == self->told.width
      && drawn.height == self->told.height && drawn.fps == self->told.fps;
}

/* The id tells several views apart whose events come upon one pad. */
static GstEvent *
make_event (MeshTile *self, const Drawn *drawn)
{
  g_autofree char *id = g_strdup_printf ("%p", self);

  return gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM,
      gst_structure_new ("meshroom/drawn", "width", G_TYPE_INT, drawn->width,
          "height", G_TYPE_INT, drawn->height, "fps", G_TYPE_INT, drawn->fps,
          "id", G_TYPE_STRING, id, NULL));
}

/* Returns: (transfer full): the event that tells upstream */
GstEvent *
mesh_tile_tell_locked (MeshTile *self)
{
  self->told = get_drawn_locked (self);
  return make_event (self, &self->told);
}

/**
 * mesh_tile_say_unseen:
 * @upstream: the pad that the tile was linked to until now
 *
 * Tells upstream that this tile shows its picture no more, if it was told
 * anything: it may go on to other elements, as by a tee.
 */
void
mesh_tile_say_unseen (MeshTile *self, GstPad *upstream)
{
  static const Drawn unseen = { 0, };
  MeshScene *scene = MESH_INPUT (self)->scene;
  gboolean was_told;

  g_mutex_lock (&scene->lock);
  was_told = self->told.width > 0;
  self->told = unknown;
  g_mutex_unlock (&scene->lock);
  if (was_told)
    gst_pad_send_event (upstream, make_event (self, &unseen));
}

/* --- what is drawn --- */

/* Notes whether the picture has stalled, since the solo layout then shows
 * another picture of the member. A picture that is not drawn may stand still
 * because its sender knows that. */
static void
watch_locked (MeshTile *self, GstClockTime time, const MeshFrame *before)
{
  MeshInput *input = MESH_INPUT (self);
  gboolean moves = self->current != before;
  gboolean stalled;

  if (self->rect.width <= 0 && !moves) {
    self->moved = time;
    return;
  }
  if (moves || time < self->moved)
    self->moved = time;
  stalled = self->current && time > self->moved + STALLED_AFTER;
  if (stalled != input->stalled)
    input->scene->unsettled = TRUE;
  input->stalled = stalled;
}

/**
 * mesh_tile_shoot_locked:
 * @time: the running time to show
 * @duration: how long it is shown
 * @labels: whether names are wanted
 * @shot: (out caller-allocates): what to draw; free with mesh_shot_clear()
 * @trash: gets the frames that are no longer needed, to be freed without the
 *   lock
 *
 * Returns: %FALSE when there is nothing to draw
 */
gboolean
mesh_tile_shoot_locked (MeshTile *self, GstClockTime time,
    GstClockTime duration, gboolean labels, MeshShot *shot, GQueue *trash)
{
  MeshInput *input = MESH_INPUT (self);
  const char *name = mesh_input_get_name_locked (input);
  const MeshFrame *before = self->current;

  advance_locked (self, time, duration, trash);
  watch_locked (self, time, before);
  if (!self->current || self->rect.width <= 0 || self->rect.height <= 0)
    return FALSE;
  shot->tile = gst_object_ref (self);
  shot->frame = mesh_frame_ref (self->current);
  shot->rect = self->rect;
  shot->muted = input->muted;
  shot->name = labels && name && *name ? g_strdup (name) : NULL;
  shot->label = shot->name && self->label ? mesh_label_ref (self->label) : NULL;
  return TRUE;
}

/* Keeps the frame that the canvas has scaled from @old, so that a picture that
 * stands still is scaled once. */
void
mesh_tile_keep (MeshTile *self, MeshFrame *old, MeshFrame *frame)
{
  MeshScene *scene = MESH_INPUT (self)->scene;
  gboolean same;

  g_mutex_lock (&scene->lock);
  same = self->current == old;
  if (same)
    self->current = mesh_frame_ref (frame);
  g_mutex_unlock (&scene->lock);
  if (same)
    mesh_frame_unref (old);
}

void
mesh_tile_keep_label (MeshTile *self, MeshLabel *label)
{
  MeshScene *scene = MESH_INPUT (self)->scene;
  MeshLabel *old;

  g_mutex_lock (&scene->lock);
  old = self->label;
  self->label = mesh_label_ref (label);
  g_mutex_unlock (&scene->lock);
  mesh_label_unref (old);
}

void
mesh_shot_clear (MeshShot *shot)
{
  g_clear_pointer (&shot->frame, mesh_frame_unref);
  g_clear_pointer (&shot->label, mesh_label_unref);
  g_clear_pointer (&shot->name, g_free);
  gst_clear_object (&shot->tile);
}

static void
mesh_tile_finalize (GObject *object)
{
  MeshTile *self = MESH_TILE (object);

  empty_trash (&self->waiting);
  g_clear_pointer (&self->current, mesh_frame_unref);
  g_clear_pointer (&self->label, mesh_label_unref);
  mesh_scaler_clear (&self->scaler);
  G_OBJECT_CLASS (mesh_tile_parent_class)->finalize (object);
}

static void
mesh_tile_class_init (MeshTileClass *klass)
{
  MeshInputClass *input_class = MESH_INPUT_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = mesh_tile_finalize;
  input_class->set_caps = mesh_tile_set_caps;
  input_class->start = mesh_tile_start;
  input_class->take_tags = mesh_tile_take_tags;
  input_class->take = mesh_tile_take;
  input_class->is_full = mesh_tile_is_full;
  input_class->get_aspect = mesh_tile_get_aspect;
  input_class->place = mesh_tile_place;
  input_class->clear = mesh_tile_clear;
}

static void
mesh_tile_init (MeshTile *self)
{
  g_queue_init (&self->waiting);
  self->told = unknown;
}
