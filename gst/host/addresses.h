/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/addresses.h"

G_BEGIN_DECLS

/* What the kernel says of this machine's network; core/addresses.h decides what
 * is made of it. Linked into whoever needs it, and below everything but the
 * core. */

MeshAddress *mesh_host_read_addresses (guint *n);
char **mesh_host_choose_addresses (MeshReach *reach, guint *n_all);
char *mesh_host_dup_source (gboolean ipv6);

G_END_DECLS
