/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* GLib registers the resources of a process when one of them is first looked
 * for. The moment in which a second thread may come meanwhile is a few
 * microseconds long; in a program with slow-resources.c, which must be linked
 * with export_dynamic, it is long enough for all threads.
 *
 * Returns: whether GLib has been held up */
gboolean slow_resources_were_registered (void);
