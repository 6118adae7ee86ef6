/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "source-handle.h"

G_BEGIN_DECLS

/* Takes what arrives at an appsink to any number of handles, on the thread on
 * which it arrives. */

typedef struct _MeshObsTap MeshObsTap;

typedef enum {
  MESH_OBS_TAP_VIDEO,
  MESH_OBS_TAP_AUDIO,
} MeshObsTapKind;

typedef struct {
  /* the first frame has come; streaming thread */
  void (*begun) (MeshObsTap *tap, gpointer user_data);
  /* the stream has ended */
  void (*ended) (MeshObsTap *tap, gpointer user_data);
} MeshObsTapEvents;

MeshObsTap *mesh_obs_tap_new (MeshObsTapKind kind, GstElement *appsink,
    const MeshObsTapEvents *events, gpointer user_data);
MeshObsTap *mesh_obs_tap_ref (MeshObsTap *tap);
void mesh_obs_tap_unref (gpointer tap);
void mesh_obs_tap_set_timing (MeshObsTap *tap, gboolean use_timestamps,
    GstClockTime extra);
void mesh_obs_tap_add_handle (MeshObsTap *tap, MeshObsHandle *handle);
void mesh_obs_tap_remove_handle (MeshObsTap *tap, MeshObsHandle *handle);
gboolean mesh_obs_tap_has_begun (MeshObsTap *tap);
gboolean mesh_obs_tap_has_ended (MeshObsTap *tap);
gint64 mesh_obs_tap_get_heard_at (MeshObsTap *tap);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshObsTap, mesh_obs_tap_unref)

G_END_DECLS
