/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>
#include <pango/pango.h>

G_BEGIN_DECLS

/* A name as it is drawn into a picture: white on a dark plate, rendered once
 * and blended into every frame. Refcounted and immutable. */
typedef struct {
  char *text;
  gboolean muted;
  int size;                     /* of the letters, in pixels */
  int max_width;

  int width;                    /* even */
  int height;                   /* even */
  guint8 *luma;                 /* premultiplied luma, to be added to the
                                 * picture */
  guint8 *keep;                 /* part of the picture that stays visible, of
                                 * 255 */
} MeshLabel;

MeshLabel *mesh_label_new (PangoFontMap *fonts, const char *text,
    gboolean muted, int size, int max_width);
MeshLabel *mesh_label_ref (MeshLabel *label);
void mesh_label_unref (MeshLabel *label);
gboolean mesh_label_is (const MeshLabel *label, const char *text,
    gboolean muted, int size, int max_width);
void mesh_label_draw (const MeshLabel *label, GstVideoFrame *frame, int x,
    int y);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshLabel, mesh_label_unref)

G_END_DECLS
