/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "slow-resources.h"

#include <dlfcn.h>
#include <string.h>

#define HOLD_UP (200 * G_TIME_SPAN_MILLISECOND)

static gint registered;         /* atomic */

gboolean
slow_resources_were_registered (void)
{
  return g_atomic_int_get (&registered);
}

/* GIO calls this one, since a program's symbols come before its libraries'. A
 * resource is recognised by the magic number of GVariant's database format. */
__attribute__ ((visibility ("default"))) GBytes *
g_bytes_new_static (gconstpointer data, gsize size)
{
  GBytes *(*original) (gconstpointer, gsize) =
      (GBytes * (*)(gconstpointer, gsize)) dlsym (RTLD_NEXT,
      "g_bytes_new_static");

  if (size > 8 && memcmp (data, "GVariant", 8) == 0) {
    g_atomic_int_set (&registered, TRUE);
    g_usleep (HOLD_UP);
  }
  return original (data, size);
}
