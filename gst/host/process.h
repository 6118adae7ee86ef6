/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whose this process is (docs/architecture.md, "Inside an application"). */

gboolean mesh_host_owns_process (void);

G_END_DECLS
