/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

#include "picture.h"

/* Two threads may put something out of `src`:
 *
 *   camera's thread ──► camera_chain ──┐
 *                                      ├─ src's stream lock ──► src ──► peer
 *   output thread ────► picture ───────┘
 *
 * Whoever pushes holds src's stream lock from the moment it decides until the
 * push has returned, so what one decides cannot overtake what the other
 * pushes. The setter of `hidden` never takes that lock: downstream may block
 * for as long as it likes.
 *
 * Locks, in the order in which they are taken: sink's stream lock, src's
 * stream lock, `lock`. Nothing is called out under `lock`. */

G_BEGIN_DECLS

/* What `meshroom` listens for, to tell the others in the call: a sticky event
 * with a boolean field `hidden`. */
#define HIDDEN_EVENT "meshroom/hidden"

/* What others may send to hide and show: any custom event with a boolean field
 * `hidden`. */
#define HIDE_EVENT "meshroom/hide"

/* What flows on src. Changes under src's stream lock and `lock`. */
typedef enum {
  SHOWING_CAMERA,
  SHOWING_PICTURE,
} Showing;

/* Whether downstream is being flushed by something that came through us. */
typedef enum {
  FLOWING,
  FLUSH_STARTING,               /* FLUSH_START is on its way through src */
  FLUSHING,
} Flush;

typedef struct {
  GThread *thread;
  gboolean stop;
  gboolean wanted;              /* location has changed */
  gboolean busy;
  GCancellable *cancellable;    /* of the file being decoded */
} Loading;

/* What comes in on `image_sink`. */
typedef struct {
  GstPad *pad;                  /* under `lock`, as all without a remark */
  GstSegment segment;           /* pad's stream lock */
  GstVideoInfo info;            /* of what comes next */
  gboolean flushing;
  GstClockID wait_id;           /* what the pad's thread sleeps on */
  GstCaps *proposed;            /* our caps that upstream has heard of */
  GstBuffer *newest;
  GstVideoInfo newest_info;
  gboolean converted;           /* ready was made of newest */
  GstBuffer *ready;             /* as ready_info */
  GstVideoInfo ready_info;
  Renderer renderer;            /* output thread only */
} Image;

/* The camera's source elements while they are shut down, and until their first
 * frame is back (release.c). */
typedef struct {
  GThread *thread;
  GCond cond;                   /* with `lock`: what the thread waits on */
  gboolean enabled;             /* release-camera */
  gboolean running;             /* READY or above */
  gboolean poked;               /* the thread has something to look at */
  gboolean hurry;               /* do not wait with the next attempt */
  gboolean shutting;            /* a flush on sink is our own */
  gboolean fork_told;
  GPtrArray *held;              /* Held, one a source */
  guint inside;                 /* camera threads that may be downstream */

  gboolean known;               /* the camera has told its latency once: */
  gboolean live;
  GstClockTime latency;
  GstClockTime told;            /* what downstream reckons with, or NONE */
} Release;

#define TYPE_IMAGE_SWITCH (image_switch_get_type ())
G_DECLARE_FINAL_TYPE (ImageSwitch, image_switch, IMAGE, SWITCH, GstElement)

struct _ImageSwitch {
  GstElement parent;
  GstPad *sinkpad;
  GstPad *srcpad;
  GThread *thread;              /* output thread; by state changes only */

  /* Under sink's stream lock: the camera's side */
  GstSegment camera_segment;
  gboolean camera_live_known;
  GstClockTimeDiff camera_shift;        /* added to the camera's running time */
  guint back_frames;            /* frames on end whose time went back */

  /* Under src's stream lock: what downstream has been told */
  GstSegment out_segment;       /* GST_FORMAT_UNDEFINED: nothing yet */
  gint told_hidden;             /* last `meshroom/hidden`; -1: none yet */
  guint key_units;

  GMutex lock;                  /* guards everything below */
  GCond cond;

  gboolean hidden;
  gboolean telling;             /* a thread is notifying of changes */
  guint changes_untold;
  GstClockTime control_time;    /* latest stream time that set it, or NONE */
  gboolean upstream_hidden;     /* another imageswitch before us says so */
  Showing showing;
  GstClockTime shown_at;        /* running time of the last hidden=false */
  gboolean resync;              /* the camera told us what downstream missed */
  gboolean running;             /* PAUSED or PLAYING */
  gboolean playing;
  gboolean prerolled;           /* something went out since start or flush */
  gboolean failed;              /* downstream is lost: nothing more goes out */
  GstFlowReturn failure;
  gboolean eos_held;            /* the camera ended while hidden */
  gboolean eos_wanted;          /* the application ends the stream */
  gboolean eos_sent;
  gboolean sink_flushing;
  Flush flush;
  gint64 retry_at;              /* monotonic µs; 0: at once */
  GstClockTime start_time;      /* for when there is no pipeline clock */
  GstClockID wait_id;           /* what the output thread sleeps on */

  GstPad *gate_pad;             /* the peer that carries our last check */
  gulong gate_id;
  Release release;

  GThread *in_flight;           /* who is pushing a camera frame just now */
  gboolean in_flight_dropped;
  guint in_flight_waiters;      /* setters that wait for it to arrive */

  gboolean upstream_live;
  GstClockTime upstream_latency;

  GstSegment last_segment;      /* out_segment, for queries */
  GstClockTime yield_until;     /* the picture's next turn, one left out */
  GstClockTime yielded;         /* how much later it comes for a late camera */
  GstClockTime yielded_at;      /* last_time when either was looked at */
  guint far_frames;             /* of the camera since it was to be shown */
  GstClockTime last_time;       /* running time of the last frame out */
  GstClockTime last_duration;
  GstClockTimeDiff lead;        /* how far ahead of the clock frames go out */
  GstClockTime anchor;          /* running time of picture 0, or NONE */
  guint64 anchor_count;         /* pictures since then */
  gboolean bottom_field;        /* next, when fields alternate */

  GstCaps *out_caps;
  GstVideoInfo out_info;        /* of out_caps, when out_raw */
  gboolean out_raw;             /* out_caps are frames in system memory */

  gchar *location;
  Loading loading;
  Picture *picture;             /* NULL: the built-in one */
  Picture *builtin;             /* output thread only; once it was needed */
  Clip *clip;                   /* what comes after the picture, if it moves */
  gboolean slide_tried;         /* slide is up to date, NULL if it failed */
  GstBuffer *slide;             /* picture, rendered as slide_info */
  GstVideoInfo slide_info;
  Image image;
};

/* imageswitch.c */
void image_switch_set_hidden (ImageSwitch *self, gboolean hidden);
gboolean image_switch_toggle (ImageSwitch *self);

/* control.c: who may set `hidden`, besides the property */
gboolean control_is_hide_event (GstEvent *event);
gboolean control_take_event (ImageSwitch *self, GstEvent *event);
gboolean control_take_key (ImageSwitch *self, GstEvent *event);
void control_sync (ImageSwitch *self, GstClockTime stream_time);
void control_reset (ImageSwitch *self);

/* camera.c: frames that come in on sink */
void camera_start (ImageSwitch *self);
GstFlowReturn camera_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer);
gboolean camera_show (ImageSwitch *self);
gboolean camera_push_segment (ImageSwitch *self);
gboolean camera_is_hidden_event (GstEvent *event);
void camera_leave (ImageSwitch *self);
void camera_wait_in_flight (ImageSwitch *self);
void camera_keep_gate (ImageSwitch *self);
void camera_note_show_locked (ImageSwitch *self, GstClockTime now);
void camera_close_gate (ImageSwitch *self);

/* sink.c: what else is told and asked on sink */
gboolean sink_event (GstPad *pad, GstObject *parent, GstEvent *event);
gboolean sink_query (GstPad *pad, GstObject *parent, GstQuery *query);

/* output.c: the thread that shows the picture */
void output_reset (ImageSwitch *self);
void output_start (ImageSwitch *self);
void output_stop (ImageSwitch *self);
void output_join (ImageSwitch *self);
void output_wake_locked (ImageSwitch *self);
gboolean output_end_flush (ImageSwitch *self, GstEvent *flush_stop,
    gboolean reset_time);
GstClockTime output_now (ImageSwitch *self);
GstClock *output_get_clock (ImageSwitch *self, GstClockTime *base);
GstClockTime output_span_locked (ImageSwitch *self, guint64 count);

/* release.c: shuts the camera's source down, and starts it again */
void release_init (ImageSwitch *self);
void release_clear (ImageSwitch *self);
void release_set_enabled (ImageSwitch *self, gboolean enabled);
void release_start (ImageSwitch *self);
void release_stop (ImageSwitch *self);
void release_wake_locked (ImageSwitch *self);
void release_poke_locked (ImageSwitch *self);
gboolean release_is_awaiting_locked (ImageSwitch *self);
gboolean release_is_live_locked (ImageSwitch *self, GstClockTime *latency);
void release_learn_locked (ImageSwitch *self, gboolean live,
    GstClockTime latency);
void release_start_stream (ImageSwitch *self);
gboolean release_is_source (ImageSwitch *self);
void release_saw_frame_locked (ImageSwitch *self);
gboolean release_take_eos (ImageSwitch *self);

/* source.c: what is told and asked on src */
gboolean source_event (GstPad *pad, GstObject *parent, GstEvent *event);
gboolean source_query (GstPad *pad, GstObject *parent, GstQuery *query);
gboolean source_has_stream (ImageSwitch *self);
void source_took_caps (ImageSwitch *self, GstCaps *caps);
void source_took_segment (ImageSwitch *self, const GstSegment *segment);
gboolean source_push_caps (ImageSwitch *self, GstCaps *caps);
gboolean source_push_segment (ImageSwitch *self, const GstSegment *segment);
void source_announce (ImageSwitch *self, gboolean hidden, GstClockTime time);

/* negotiate.c: caps, where the camera has none to give */
gboolean negotiate_is_raw (GstCaps *caps, GstVideoInfo *info);
GstCaps *negotiate_choose (ImageSwitch *self);

/* image.c: a live picture */
void image_class_init (GstElementClass *klass);
void image_init (ImageSwitch *self);
void image_finalize (ImageSwitch *self);
void image_prepare (ImageSwitch *self);
GstBuffer *image_take_locked (ImageSwitch *self);

/* slide.c: the picture, ready to be sent */
void slide_set_location (ImageSwitch *self, const gchar *location);
void slide_start (ImageSwitch *self);
void slide_stop (ImageSwitch *self);
gboolean slide_is_stale_locked (ImageSwitch *self);
void slide_render (ImageSwitch *self);
GstBuffer *slide_take_locked (ImageSwitch *self, GstClockTime time);

GST_ELEMENT_REGISTER_DECLARE (imageswitch);

G_END_DECLS
