/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gst/gst.h>
#include <obs-module.h>

G_BEGIN_DECLS

/* What is left of an OBS source for those who have something to show in it: it
 * may be used by any thread, and goes on to exist, and to do nothing, when OBS
 * has destroyed the source. */

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
