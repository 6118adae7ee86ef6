/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/source.h"

#include "core/redundancy.h"
#include "meshroom/compartment.h"
#include "meshroom/encoding.h"
#include "meshroom/intake.h"

G_BEGIN_DECLS

/* The source's inside, for its own files: source.c has its pad and what the
 * room asks of it, source-life.c its end, source-caps.c what its pad asks of
 * whoever feeds it, route.c the way from the pad to the fan-outs,
 * source-encoders.c the encoders on that way, source-rungs.c which of them run
 * and at what rate, source-loss.c the loss that they prepare for,
 * input-warnings.c what is said of encoded input. */

struct _MeshSource {
  gatomicrefcount refs;
  GstBin *room;                 /* outlives the source, no reference */
  MeshKind kind;
  guint32 ssrc;
  GstPad *pad;                  /* the room's ghost pad */
  MeshTimeline *timeline;       /* the room's */
  const MeshSourceEvents *events;
  gpointer user_data;
  gint ended;                   /* atomic: no buffer has come since the end */
  gint broken;                  /* atomic: the parser or decoder has failed */
  gint held;                    /* atomic: the room is about to start */

  /* The lock guards what follows, and is held for reading and writing alone:
   * elements are made, linked, started and removed without it. It is taken
   * after the room's, and before a fan-out's. From intake to spoken the
   * streaming thread writes, and needs the lock for that only; when the thread
   * has ended, whoever stops the source. */
  GMutex lock;
  GPtrArray *encodings;         /* MeshEncoding */
  GPtrArray *elements;          /* all elements of the source in the room */
  MeshIntake *intake;           /* NULL until the input is known */
  GstElement *tee;              /* NULL unless the input is raw or decoded */
  GstElement *parser;           /* NULL unless the input is encoded */
  GstElement *decoder;          /* NULL unless the input is decoded */
  GstCaps *caps;                /* of the input */
  const MeshCodec *input;       /* the codec of an encoded input */
  gboolean spoken;              /* whether it may be passed on */
  const MeshCodec *expected;    /* the codec that upstream has announced */
  guint failures;               /* of parser and decoder, with these caps */
  gboolean told_starved;        /* with these caps */
  gboolean muted;
  gboolean hidden;              /* the camera is hidden by a picture */
  MeshRedundancy redundancy;    /* of sound */
};

/* source-life.c: any thread, without the lock */
void mesh_source_shut_down (MeshSource *source, GstElement *element);
void mesh_source_warn (MeshSource *source, const char *format, ...)
    G_GNUC_PRINTF (2, 3);
gboolean mesh_source_speaks (MeshSource *source, const MeshCodec *codec);

/* source-encoders.c: any thread; the lock is held where the name says so */
MeshEncoding *mesh_source_find_encoding_locked (MeshSource *source,
    const MeshCodec *codec, MeshFanout *fanout);
MeshFanout *mesh_source_dup_fanout (MeshSource *source, const MeshCodec *codec);
void mesh_source_feed_rung (MeshSource *source, const MeshCodec *codec,
    guint rung);
void mesh_source_feed (MeshSource *source, const MeshCodec *codec);
void mesh_source_feed_all (MeshSource *source);

/* source-loss.c: any thread, without the lock */
void mesh_source_apply_loss (MeshSource *source, MeshCompartment *compartment);

/* source-caps.c: any thread */
gboolean mesh_source_query (GstPad *pad, GstObject *parent, GstQuery *query);

/* route.c: the streaming thread of the source's pad */
void mesh_source_take_caps (MeshSource *source, GstCaps *caps);
void mesh_source_mend (MeshSource *source);

/* input-warnings.c: the streaming thread */
void mesh_source_explain (MeshSource *source, const GstCaps *caps,
    gboolean passes);
void mesh_source_on_starved (gint64 waited, gpointer source);

G_END_DECLS
