/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "core/layout.h"

#include "grid-places.h"

G_BEGIN_DECLS

/* What a view shows, shared by all its parts: the element and the application
 * change the settings, each input brings pictures or sound on its upstream's
 * thread, and the canvas and the mixer show them on threads of their own.
 *
 *   video_%u ──> tile ──┐            ┌──> canvas ──> video
 *                       ├──> scene ──┤
 *   audio_%u ──> voice ─┘            └──> mixer ───> audio
 *
 * No thread waits for another: an input queues its data, and the canvas and the
 * mixer take what is there when the next frame or block is due. */

/* The latency of meshroom's pads (its default). The view declares it from the
 * start, so that the latency of a pipeline stays the same when members come. */
#define MESH_SCENE_LATENCY (80 * GST_MSECOND)

#define MESH_SCENE_RATE 48000
#define MESH_SCENE_CHANNELS 2

typedef struct _MeshInput MeshInput;

typedef struct {
  GMutex lock;                  /* a leaf: nothing is called while it is held */

  /* all under lock */
  int width;                    /* the values of the properties */
  int height;
  int fps_n;
  int fps_d;
  MeshLayoutMode mode;
  char *solo;                   /* as the property was set: a peer id or a
                                 * name */
  char *solo_name;              /* solo in the form in which names are
                                 * compared */
  gboolean labels;
  guint32 background;           /* ARGB */

  int canvas_width;             /* the negotiated size */
  int canvas_height;
  int canvas_fps;               /* rounded up */
  GPtrArray *tiles;             /* MeshTile, in the order they came */
  GPtrArray *voices;            /* MeshVoice */
  gboolean unsettled;           /* the tiles have to be arranged before the next
                                 * frame */
  gboolean telling;             /* a thread is in drawn.c */
  MeshGridPlaces places;        /* the tiles' places in the grid */
  char *speaker;                /* peer id, NULL until somebody speaks */
  GstClockTime latency;
  guint64 mixed;                /* the mixer's position, in audio frames */
} MeshScene;

MeshScene *mesh_scene_new (void);
MeshScene *mesh_scene_ref (MeshScene *scene);
void mesh_scene_unref (MeshScene *scene);
void mesh_scene_arrange_locked (MeshScene *scene);
void mesh_scene_set_solo_locked (MeshScene *scene, const char *solo);
const MeshInput *mesh_scene_find_soloist_locked (MeshScene *scene);
GstClockTime mesh_scene_get_latency (MeshScene *scene);
gboolean mesh_scene_raise_latency (MeshScene *scene, GstClockTime latency);
GList *mesh_scene_list_inputs (MeshScene *scene);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshScene, mesh_scene_unref)

G_END_DECLS
