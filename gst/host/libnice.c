/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* See libnice.h. This is a shared library of its own, so that nothing but this
 * one function is put before the libraries that a program has already. */

#include "host/libnice.h"

#include <dlfcn.h>

#include "host/addresses.h"
#include "host/process.h"

#define EXPORT __attribute__ ((visibility ("default")))

/* libnice's function, by its name and signature (libnice/interfaces.h). */
EXPORT GList *nice_interfaces_get_local_ips (gboolean include_loopback);
typedef GList *(*ListFunc) (gboolean include_loopback);

/* libnice's own function: it is found in the library that asks, libnice itself,
 * or in what that is linked with. NULL where it cannot be. */
static ListFunc
find_original (gpointer caller)
{
  Dl_info info;
  void *library = dladdr (caller, &info)
      ? dlopen (info.dli_fname, RTLD_LAZY | RTLD_NOLOAD) : NULL;
  ListFunc original = library ? (ListFunc) dlsym (library,
      "nice_interfaces_get_local_ips") : NULL;

  if (library)
    dlclose (library);
  return original == nice_interfaces_get_local_ips ? NULL : original;
}

/* Without loopback addresses libnice asks for what to gather, and the best one
 * comes first. With them it asks for ranks, and the last one has the
 * highest. */
static GList *
make_list (char **addresses, MeshReach reach, gboolean include_loopback)
{
  GList *list = NULL;

  for (char **address = addresses; *address; address++) {
    if (reach > MESH_REACH_LOOPBACK)
      list = g_list_prepend (list, g_strdup (*address));
  }
  return include_loopback ? g_list_prepend (list, g_strdup ("127.0.0.1"))
      : g_list_reverse (list);
}

GList *
nice_interfaces_get_local_ips (gboolean include_loopback)
{
  guint n;
  MeshReach reach;
  g_auto (GStrv) chosen = mesh_host_choose_addresses (&reach, &n);
  ListFunc original = NULL;

  if (n <= MESH_LIBNICE_MAX_ADDRESSES && !mesh_host_owns_process ())
    original = find_original (__builtin_return_address (0));
  return original ? original (include_loopback)
      : make_list (chosen, reach, include_loopback);
}

/**
 * mesh_libnice_replace_list:
 *
 * Has libnice, in all of this process, see the few addresses that
 * mesh_host_choose_addresses() chooses, instead of hundreds: an abort of the
 * process would be worse. In somebody else's process its own list is passed on
 * as long as there are at most %MESH_LIBNICE_MAX_ADDRESSES, so that nothing
 * changes there on most machines. It must be called before libnice has gathered
 * candidates for the first time, or it comes to nothing: the dynamic linker
 * looks a function up once.
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
