/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gst/gst.h>
#include <obs-module.h>

G_BEGIN_DECLS

/* A reference to an OBS source for everybody who shows something in it. Any
 * thread may use the handle, and it may outlive the source: once OBS has
 * destroyed the source, its functions do nothing. */

typedef struct _MeshObsHandle MeshObsHandle;

MeshObsHandle *mesh_obs_handle_new (obs_source_t *source);
MeshObsHandle *mesh_obs_handle_ref (MeshObsHandle *handle);
void mesh_obs_handle_unref (gpointer handle);
void mesh_obs_handle_close (MeshObsHandle *handle);
void mesh_obs_handle_video (MeshObsHandle *handle, GstSample *sample,
    guint64 timestamp);
void mesh_obs_handle_audio (MeshObsHandle *handle, GstSample *sample,
    guint64 timestamp);
void mesh_obs_handle_clear (MeshObsHandle *handle);
void mesh_obs_handle_show_placeholder (MeshObsHandle *handle);
void mesh_obs_handle_set_status (MeshObsHandle *handle, const char *text,
    gboolean bad);
char *mesh_obs_handle_dup_status (MeshObsHandle *handle, gboolean *bad);
void mesh_obs_handle_set_setting (MeshObsHandle *handle, const char *key,
    const char *text);
void mesh_obs_handle_show_setting (MeshObsHandle *handle, const char *key,
    const char *text);
void mesh_obs_handle_set_flag (MeshObsHandle *handle, const char *key,
    gboolean value);
void mesh_obs_handle_set_unbuffered (MeshObsHandle *handle,
    gboolean unbuffered);
void mesh_obs_handle_refresh_dialog (MeshObsHandle *handle);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshObsHandle, mesh_obs_handle_unref)

G_END_DECLS
