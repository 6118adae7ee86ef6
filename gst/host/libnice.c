/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* See libnice.h. This is a shared library of its own, so that nothing but this
 * one function is put before the libraries that a program has already. */

#include "host/libnice.h"

#include <dlfcn.h>

#include "host/addresses.h"

#define EXPORT __attribute__ ((visibility ("default")))

/* libnice's function, by its name and signature (libnice/interfaces.h). */
EXPORT GList *nice_interfaces_get_local_ips (gboolean include_loopback);

/* Without loopback addresses it is asked for what to gather, and the best one
 * comes first. With them it is asked for ranks, and the last one has the
 * highest. */
GList *
nice_interfaces_get_local_ips (gboolean include_loopback)
{
  MeshReach reach;
  g_auto (GStrv) chosen = mesh_host_choose_addresses (&reach, NULL);
  GList *list = NULL;

  for (char **address = chosen; *address; address++) {
    if (reach > MESH_REACH_LOOPBACK)
      list = g_list_prepend (list, g_strdup (*address));
  }
  return include_loopback ? g_list_prepend (list, g_strdup ("127.0.0.1"))
      : g_list_reverse (list);
}

/**
 * mesh_libnice_replace_list:
 *
 * Has libnice, in all of this process, see the few addresses that
 * mesh_host_choose_addresses() chooses, instead of hundreds. It must be called
 * before libnice has gathered candidates for the first time, or it comes to
 * nothing: the dynamic linker looks a function up once.
 *
 * Since: 0.1
 */
EXPORT void
mesh_libnice_replace_list (void)
{
  Dl_info info;

  /* already loaded: this makes its symbols visible to all (dlopen(3)) */
  if (dladdr (mesh_libnice_replace_list, &info)
      && !dlopen (info.dli_fname, RTLD_LAZY | RTLD_GLOBAL | RTLD_NOLOAD))
    g_debug ("libnice keeps its own list of addresses: %s", dlerror ());
}
