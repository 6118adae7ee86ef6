/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "call.h"

G_BEGIN_DECLS

/* The names of the settings. Scene collections and programs rely on them. */
#define GUEST_LINK "link"
#define GUEST_GUEST "guest"
#define GUEST_NAME "name"
#define GUEST_MUTED "muted"
#define GUEST_HIDDEN "hidden"
#define GUEST_RELEASE_CAMERA "release-camera"
#define GUEST_LATENCY "latency"
#define GUEST_LOW_DELAY "low_delay"
#define GUEST_LEAVE_WHEN_UNUSED "leave_when_unused"
#define GUEST_STATUS "status"

typedef struct _MeshObsGuest MeshObsGuest;

MeshObsHandle *mesh_obs_guest_get_handle (MeshObsGuest *guest);
GPtrArray *mesh_obs_guest_dup_people (MeshObsGuest *guest);

/* guest-dialog.c */
void mesh_obs_guest_defaults (obs_data_t *settings);
obs_properties_t *mesh_obs_guest_properties (void *guest);
void mesh_obs_dialog_add_status (obs_properties_t *properties,
    MeshObsHandle *handle);

G_END_DECLS
