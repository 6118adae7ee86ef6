/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

char *mesh_host_from_text (const char *text, gboolean with_zone);

G_END_DECLS
