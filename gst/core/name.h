/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Display names, as people type them and as strangers send them. */

char *mesh_name_tidy (const char *text);
