/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <obs-module.h>

/* The sources and the output that module.c registers with OBS. */
extern struct obs_source_info mesh_obs_guest_info;
extern struct obs_source_info mesh_obs_pipeline_info;
extern struct obs_output_info mesh_obs_output_info;
extern struct obs_source_info mesh_obs_output_dialog_info;
