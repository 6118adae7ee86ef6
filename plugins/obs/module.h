/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <obs-module.h>

/* What the plugin offers to OBS. */
extern struct obs_source_info guest_info;
extern struct obs_source_info pipeline_info;
extern struct obs_output_info output_info;
extern struct obs_source_info output_dialog_info;
