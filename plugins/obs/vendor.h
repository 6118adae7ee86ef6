/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

void mesh_obs_vendor_register (void);
void mesh_obs_vendor_close (void);
