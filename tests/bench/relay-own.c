/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* meshroom-server as the relay benchmark needs it: with the limit on a client's
 * frames lifted, which 200 clients at full speed would run into. */

#include <stdio.h>

#include "server/server-private.h"

int
main (void)
{
  g_autoptr (MeshServer) server = mesh_server_new ();
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GError) error = NULL;
  g_autofree char *url = NULL;
  MeshClientsLimits limits;

  mesh_server_get_limits (server, &limits);
  limits.hub.rate = G_USEC_PER_SEC;
  limits.connections = limits.hub.members = 100000;
  mesh_server_set_limits (server, &limits);
  if (!mesh_server_listen (server, "127.0.0.1:0", NULL, &error)) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  url = mesh_server_dup_url (server);
  printf ("listening on %s\n", url);
  fflush (stdout);
  g_main_loop_run (loop);
  return 0;
}
