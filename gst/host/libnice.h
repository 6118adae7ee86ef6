/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* libnice 0.1 ranks a candidate by its address' place among all addresses of
 * the machine, and aborts the process when that is the 64th or a later one, or
 * when the address is not there any more and 64 others are. There is no setting
 * against it, but libnice asks a function of its own for the list, which any
 * program may replace. */

/* Up to how many addresses libnice's own list does no harm; some may be added
 * while a connection is under way. */
#define MESH_LIBNICE_MAX_ADDRESSES 48

void mesh_libnice_replace_list (void);

G_END_DECLS
