/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Marks what the shared libraries show; everything else is hidden. */
#define MESH_API __attribute__ ((visibility ("default")))
