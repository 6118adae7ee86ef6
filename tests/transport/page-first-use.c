/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The page is asked for, for the first time, on the threads of several servers
 * at once. */

#include <pthread.h>

#include "core/link.h"
#include "server/page.h"
#include "slow-resources.h"

#define SERVERS 8

static pthread_barrier_t start;

static gpointer
ask (gpointer unused)
{
  MeshHttpRequest request = { .path = (char *) "/" };
  MeshHttpResponse response = { 0 };

  pthread_barrier_wait (&start);
  mesh_page_answer (&request, &response);
  g_assert_cmpuint (response.status, ==, 200);
  g_assert_cmpuint (g_bytes_get_size (response.body), >, 0);
  mesh_http_response_clear (&response);
  return NULL;
}

static void
all_servers_have_a_page_at_once (void)
{
  GThread *threads[SERVERS];

  /* What links are read with is made under a GOnce, which TSan cannot see
   * where it is inline: made before the threads are. */
  mesh_link_free (mesh_link_parse ("http://localhost", NULL));
  pthread_barrier_init (&start, NULL, SERVERS);
  for (guint i = 0; i < SERVERS; i++)
    threads[i] = g_thread_new ("server", ask, NULL);
  for (guint i = 0; i < SERVERS; i++)
    g_thread_join (threads[i]);
  pthread_barrier_destroy (&start);
  g_assert_true (slow_resources_were_registered ());
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/page/first-use", all_servers_have_a_page_at_once);
  return g_test_run ();
}
