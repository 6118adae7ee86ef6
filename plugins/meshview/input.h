/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "scene.h"

G_BEGIN_DECLS

/* A request sink pad of the view. What tiles and voices have in common: whose
 * they are, when they end, and that a stream that isn't live is held back
 * while one that is never is. */

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
  char *title;                  /* from the tags, where nobody tells a name */
  gboolean muted;
  gboolean stalled;             /* the picture has stood still for long */
  gboolean flushing;
  gboolean was_linked;
  gboolean is_leaving;          /* unlinked, or released */
  gboolean was_removed;

  /* streaming thread only */
  GstSegment segment;
  gboolean knows_upstream;
  gboolean live;
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshInput, gst_object_unref)

/* set_caps, start, take_tags, take: streaming thread, no lock held; the buffer
 * becomes theirs.
 * start, take_tags: another stream begins, and what its tags say; NULL: that
 * does not matter.
 * is_full: the lock is held.
 * get_aspect, place: pictures only, and the lock is held: whether there is one,
 * and of which shape; where it is shown, NULL: nowhere.
 * clear: drop what came; with ended also what is being shown. No lock held. */
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
