/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/source.h"

#include "meshroom/compartment.h"
#include "meshroom/encoding.h"
#include "meshroom/intake.h"

G_BEGIN_DECLS

/* The source's inside, for its own files: source.c has its pad and what the
 * room asks of it, source-life.c its end, source-caps.c what its pad asks of
 * whoever feeds it, route.c the way from the pad to the fan-outs,
 * source-encoders.c the encoders on that way, input-warnings.c what is said of
 * encoded input. */

struct _MeshSource {
  gatomicrefcount refs;
  GstBin *room;                 /* outlives us, no reference */
  MeshKind kind;
  guint32 ssrc;
  GstPad *pad;                  /* the room's ghost pad */
  MeshTimeline *timeline;       /* the room's */
  const MeshSourceEvents *events;
  gpointer user_data;
  gint ended;                   /* atomic: no buffer since the end */
  gint broken;                  /* atomic: parser or decoder have failed */

  /* The lock guards what follows, and is held for reading and writing alone:
   * elements are made, linked, started and removed without it. It is taken after
   * the room's, and before a fan-out's. From intake to spoken the streaming
   * thread writes, and needs the lock for that only; when the thread has ended,
   * whoever stops the source. */
  GMutex lock;
  GPtrArray *encodings;         /* MeshEncoding */
  GPtrArray *elements;          /* all that we have put into the room */
  MeshIntake *intake;           /* once the input is known; set by its thread */
  GstElement *tee;              /* once there is raw input, maybe decoded */
  GstElement *parser;           /* once the input is encoded */
  GstElement *decoder;          /* when it cannot be passed on as it is */
  GstCaps *caps;                /* of the input */
  const MeshCodec *input;       /* of an encoded input */
  gboolean spoken;              /* whether it may be passed on */
  const MeshCodec *expected;    /* before there is any */
  guint failures;               /* of parser and decoder, with these caps */
  gboolean told_starved;        /* with these caps */
  gboolean muted;
  gboolean hidden;              /* a picture comes in place of the camera */
};

/* source-life.c: any thread, without the lock */
void mesh_source_shut_down (MeshSource *source, GstElement *element);
void mesh_source_warn (MeshSource *source, const char *format, ...)
    G_GNUC_PRINTF (2, 3);
gboolean mesh_source_speaks (MeshSource *source, const MeshCodec *codec);

/* source-encoders.c: any thread; the lock is held where the name says so */
MeshEncoding *mesh_source_find_encoding_locked (MeshSource *source,
    const MeshCodec *codec);
MeshFanout *mesh_source_dup_fanout (MeshSource *source, const MeshCodec *codec);
void mesh_source_feed (MeshSource *source, const MeshCodec *codec);
void mesh_source_feed_all (MeshSource *source);

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
