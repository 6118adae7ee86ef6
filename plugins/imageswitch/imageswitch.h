/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "debug.h"
#include "gate.h"
#include "picture/live.h"
#include "picture/slide.h"
#include "schedule.h"
#include "upstream/release.h"

/* Two threads may put something out of `src`:
 *
 *   camera's thread ──► camera.c ──► gate ──┐
 *                                           ├─ src's stream lock ──► src ──► peer
 *   output thread ────► picture/ ───────────┘
 *
 * A thread that pushes holds src's stream lock from its decision until the push
 * has returned, so that no decision of one overtakes a push of the other. The
 * setter of `hidden` never takes that lock, since downstream may block for any
 * time.
 *
 * Locks, in the order in which they are taken: sink's stream lock, src's
 * stream lock, `lock`, a part's own. Nothing is called out under `lock`.
 *
 * Which file calls which: docs/architecture.md, "The parts of imageswitch". */

/* The sticky event, with a boolean field `hidden`, from which `meshroom` learns
 * what to tell the peers. */
#define HIDDEN_EVENT "meshroom/hidden"

/* The custom event, with a boolean field `hidden`, by which other elements and
 * the application hide and show the camera. */
#define HIDE_EVENT "meshroom/hide"

/* Whether downstream is being flushed by an event that came through the
 * element. */
typedef enum {
  FLOWING,
  FLUSH_STARTING,               /* FLUSH_START is on its way through src */
  FLUSHING,
} Flush;

/* The camera's stream. Under sink's stream lock. */
typedef struct {
  GstSegment segment;
  gboolean latency_known;
} Camera;

/* The state that downstream has been told. Under src's stream lock. */
typedef struct {
  gint hidden;                  /* last `meshroom/hidden`; -1: none yet */
  guint key_units;
} Told;

/* Changes of `hidden`: what is still to be notified, and what has set it. */
typedef struct {
  gboolean telling;             /* a thread is notifying of changes */
  guint untold;
  GstClockTime control_time;    /* latest stream time at which a
                                 * GstController set it, or NONE */
  gboolean upstream;            /* another imageswitch upstream is hidden */
} Changes;

/* The state of the flow on src. */
typedef struct {
  gboolean picture;             /* the picture flows, not the camera */
  gboolean resync;              /* downstream has missed events of the camera */
  gboolean prerolled;           /* a frame went out since the start or a
                                 * flush */
  gboolean failed;              /* downstream is lost: nothing more goes out */
  GstFlowReturn failure;
  Flush flush;
  gint64 retry_at;              /* monotonic µs; 0: at once */
  gboolean bottom_field;        /* of the next field, when fields alternate */
} Flow;

/* How the stream ends. */
typedef struct {
  gboolean held;                /* the camera ended while hidden */
  gboolean wanted;              /* the application ends the stream */
  gboolean sent;
} Ends;

/* The camera's latency as it was last told, for the time while it is shut. */
typedef struct {
  gboolean known;
  gboolean live;
  GstClockTime latency;
  GstClockTime told;            /* what downstream was told, or NONE */
} Latency;

/* The format of what goes out. It changes under both src's stream lock and
 * `lock`. */
typedef struct {
  GstCaps *caps;
  gboolean raw;                 /* they are frames in system memory */
  GstVideoInfo info;            /* when raw */
  GstSegment segment;           /* GST_FORMAT_UNDEFINED: none yet */
} Out;

#define TYPE_IMAGE_SWITCH (imageswitch_get_type ())
G_DECLARE_FINAL_TYPE (ImageSwitch, imageswitch, IMAGE, SWITCH, GstElement)

struct _ImageSwitch {
  GstElement parent;
  GstPad *sinkpad;
  GstPad *srcpad;
  GThread *thread;              /* output thread; by state changes only */
  Camera camera;
  Told told;

  Gate *gate;
  Release *release;
  Slide *slide;
  Live *live;

  GMutex lock;                  /* guards everything below */
  GCond cond;
  GstClockID wait_id;           /* what the output thread sleeps on */
  GstClockTime start_time;      /* for when there is no pipeline clock */
  gboolean running;             /* PAUSED or PLAYING */
  gboolean hidden;
  gboolean sink_flushing;
  Changes changes;
  Flow flow;
  Ends ends;
  Latency latency;
  Out out;
  Schedule schedule;
};

/* clock.c */
GstClock *imageswitch_clock_get (GstElement *element, GstClockTime *base);
GstClockTime imageswitch_clock_now (ImageSwitch *self);
void imageswitch_clock_wake_locked (ImageSwitch *self);
void imageswitch_clock_wake (GstElement *element);

/* hide.c: what sets `hidden` */
#define HIDE_TOGGLE -1
void imageswitch_hide_set (ImageSwitch *self, gint hidden);
gboolean imageswitch_hide_take_event (ImageSwitch *self, GstEvent *event);
gboolean imageswitch_hide_take_key (ImageSwitch *self, GstEvent *event);
void imageswitch_hide_sync (ImageSwitch *self, GstClockTime stream_time);
void imageswitch_hide_reset (ImageSwitch *self);

/* latency.c: the camera's, also while it cannot be asked */
void imageswitch_latency_start (ImageSwitch *self);
void imageswitch_latency_learn (ImageSwitch *self);
gboolean imageswitch_latency_answer (ImageSwitch *self, GstQuery *query);
gboolean imageswitch_latency_is_source (ImageSwitch *self);

/* told.c: what downstream is told besides frames */
void imageswitch_told_flows_locked (ImageSwitch *self, gboolean picture);
gboolean imageswitch_told_shows_picture (ImageSwitch *self);
gboolean imageswitch_told_is_streaming (ImageSwitch *self);
void imageswitch_told_took_caps (ImageSwitch *self, GstCaps *caps);
void imageswitch_told_took_segment (ImageSwitch *self,
    const GstSegment *segment);
void imageswitch_told_stream_start (ImageSwitch *self);
gboolean imageswitch_told_caps (ImageSwitch *self, GstCaps *caps);
gboolean imageswitch_told_segment (ImageSwitch *self,
    const GstSegment *segment);
void imageswitch_told_hidden (ImageSwitch *self, gboolean hidden,
    GstClockTime time);
gboolean imageswitch_told_flush_stop (ImageSwitch *self, GstEvent *flush_stop,
    gboolean reset_time);
void imageswitch_told_eos (ImageSwitch *self);

/* camera.c: frames that come in on sink */
GstFlowReturn imageswitch_camera_chain (GstPad *pad, GstObject *parent,
    GstBuffer *buffer);
gboolean imageswitch_camera_show (ImageSwitch *self);
gboolean imageswitch_camera_push_segment (ImageSwitch *self);
gboolean imageswitch_camera_is_hidden_event (GstEvent *event);
void imageswitch_camera_leave (ImageSwitch *self);

/* sink.c: what else is told and asked on sink */
gboolean imageswitch_sink_event (GstPad *pad, GstObject *parent,
    GstEvent *event);
gboolean imageswitch_sink_query (GstPad *pad, GstObject *parent,
    GstQuery *query);

/* source.c: what is told and asked on src */
gboolean imageswitch_source_event (GstPad *pad, GstObject *parent,
    GstEvent *event);
gboolean imageswitch_source_query (GstPad *pad, GstObject *parent,
    GstQuery *query);

/* output.c: the thread that shows the picture */
void imageswitch_output_reset (ImageSwitch *self);
void imageswitch_output_start (ImageSwitch *self);
void imageswitch_output_stop (ImageSwitch *self);
void imageswitch_output_join (ImageSwitch *self);

GST_ELEMENT_REGISTER_DECLARE (imageswitch);
