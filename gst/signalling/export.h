/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Marks what the plugins use of this library, which is theirs alone; everything
 * else is hidden. */
#define MESH_API __attribute__ ((visibility ("default")))
