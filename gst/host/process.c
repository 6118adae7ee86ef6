/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "host/process.h"

/**
 * mesh_host_owns_process:
 *
 * Whether there is nothing in this process but a pipeline of ours, so that
 * what concerns the process as a whole may be decided here: in gst-launch-1.0,
 * and where the environment variable `MESHROOM_OWN_PROCESS` is `1`. With any
 * other value of it, as without it in any other program, the process is
 * somebody else's.
 */
gboolean
mesh_host_owns_process (void)
{
  const char *said = g_getenv ("MESHROOM_OWN_PROCESS");

  return said ? g_str_equal (said, "1")
      : g_strcmp0 (g_get_prgname (), "gst-launch-1.0") == 0;
}
