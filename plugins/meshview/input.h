/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "scene.h"

G_BEGIN_DECLS

/* A request sink pad of the view, with what tiles and voices have in common:
 * the member that the stream belongs to, the stream's end, and the pacing. A
 * stream that is not live is held back until its data is needed; a live one
 * never is. */

#define MESH_TYPE_INPUT (mesh_input_get_type ())
#define MESH_INPUT(obj) \
  (G_TYPE_CHECK_INSTANCE_CAST ((obj), MESH_TYPE_INPUT, MeshInput))
#define MESH_INPUT_CLASS(klass) \
  (G_TYPE_CHECK_CLASS_CAST ((klass), MESH_TYPE_INPUT, MeshInputClass))
#define MESH_INPUT_GET_CLASS(obj) \
  (G_TYPE_INSTANCE_GET_CLASS ((obj), MESH_TYPE_INPUT, MeshInputClass))

GType mesh_input_get_type (void);

struct _MeshInput {
  GstPad parent_instance;

  MeshScene *scene;             /* set once, by mesh_input_attach() */
  GCond room;                   /* with the scene's lock */

  /* under the scene's lock */
  char *peer;
  char *name;
  char *title;                  /* from the stream's tags, for streams without a
                                 * meshroom/peer event */
  gboolean muted;
  gboolean stalled;             /* no new frame has come for STALLED_AFTER */
  gboolean flushing;
  gboolean was_linked;
  gboolean is_leaving;          /* has been unlinked or released */
  gboolean was_removed;

  /* streaming thread only */
  GstSegment segment;
  gboolean knows_upstream;
  gboolean live;
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshInput, gst_object_unref)

/* set_caps, start, take_tags, take: called on the streaming thread, without a
 * lock; the buffer becomes the subclass's.
 * start, take_tags: another stream begins, and the stream's tags; NULL if the
 * subclass does not need them.
 * is_full: called with the scene's lock held.
 * get_aspect, place: of pictures only, and called with the scene's lock held.
 * Returns whether there is a picture, and its aspect ratio; sets where it is
 * shown, NULL: nowhere.
 * clear: drops the waiting data, and if ended is set also the frame that is
 * shown. Called without a lock. */
typedef struct {
  GstPadClass parent_class;

  void (*set_caps) (MeshInput *self, GstCaps *caps);
  void (*start) (MeshInput *self);
  void (*take_tags) (MeshInput *self, GstTagList *tags);
  void (*take) (MeshInput *self, GstBuffer *buffer, GstClockTime time);
  gboolean (*is_full) (MeshInput *self);
  gboolean (*get_aspect) (MeshInput *self, double *aspect);
  void (*place) (MeshInput *self, const MeshRect *rect);
  void (*clear) (MeshInput *self, gboolean ended);
} MeshInputClass;

void mesh_input_attach (MeshInput *self, MeshScene *scene, GPtrArray *inputs);
gboolean mesh_input_is_leaving (MeshInput *self);
gboolean mesh_input_leave (MeshInput *self, GPtrArray *inputs);
gboolean mesh_input_remove (MeshInput *self, GPtrArray *inputs);
void mesh_input_warn (MeshInput *self, const char *what, GstCaps *caps);
void mesh_input_ask_all (MeshScene *scene);
const char *mesh_input_get_name_locked (MeshInput *self);

G_END_DECLS
