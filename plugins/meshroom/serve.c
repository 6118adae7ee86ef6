/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/serve.h"

#include <gst/gst.h>

#include "host/timer.h"
#include "meshroom/common.h"
#include "server/server.h"
#include "signalling/proxy.h"

struct _MeshServe {
  GThread *thread;
  GMainContext *context;
  GMainLoop *loop;
  char *address;
  char **ice_servers;
  MeshServeMetrics metrics;
  gpointer user_data;
  char **urls;
  char *link;                   /* the link of a room on the server */
  GError *error;

  GMutex lock;                  /* guards what follows */
  GCond cond;
  gboolean started;
};

/* Leaves out ICE servers that members cannot be told of. */
static void
add_ice_servers (MeshServe *self, MeshServer *server)
{
  for (char **uri = self->ice_servers; uri && *uri; uri++) {
    g_autoptr (GError) error = NULL;

    if (!mesh_server_add_ice_server (server, *uri, &error))
      GST_WARNING ("members are not told of it: %s", error->message);
  }
}

static char *
write_metrics (MeshServer *server, gpointer user_data)
{
  MeshServe *self = user_data;

  return self->metrics (self->user_data);
}

/* All of the server is called from this thread. */
static gpointer
run (gpointer user_data)
{
  MeshServe *self = user_data;
  g_autoptr (MeshServer) server = NULL;

  g_main_context_push_thread_default (self->context);
  server = mesh_server_new ();
  add_ice_servers (self, server);
  mesh_server_set_metrics_func (server, write_metrics, self, NULL);
  if (mesh_server_listen (server, self->address, NULL, &self->error))
    self->urls = mesh_server_dup_urls (server);
  self->link = mesh_server_make_link (server);
  for (char **url = self->urls; url && *url; url++)
    mesh_proxy_add_own (*url);
  g_mutex_lock (&self->lock);
  self->started = TRUE;
  g_cond_signal (&self->cond);
  g_mutex_unlock (&self->lock);

  if (self->urls) {
    g_main_loop_run (self->loop);
    mesh_server_stop (server);
  }
  for (char **url = self->urls; url && *url; url++)
    mesh_proxy_remove_own (*url);
  g_clear_object (&server);
  /* runs the tasks that closing the sockets has left */
  while (g_main_context_iteration (self->context, FALSE));
  g_main_context_pop_thread_default (self->context);
  return NULL;
}

static gboolean
quit (gpointer user_data)
{
  g_main_loop_quit (user_data);
  return G_SOURCE_REMOVE;
}

/**
 * mesh_serve_new:
 * @address: "ADDR:PORT"; port 0 takes any free one
 * @ice_servers: (nullable) (array zero-terminated=1): STUN and TURN servers
 *   that members are told of
 * @metrics: what writes the figures of the call, until mesh_serve_stop()
 * @user_data: for @metrics
 * @error: return location for an error
 *
 * Starts the server, and waits until it listens.
 *
 * Returns: (transfer full) (nullable): the server
 */
MeshServe *
mesh_serve_new (const char *address, const char *const *ice_servers,
    MeshServeMetrics metrics, gpointer user_data, GError **error)
{
  MeshServe *self = g_new0 (MeshServe, 1);

  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  self->address = g_strdup (address);
  self->ice_servers = g_strdupv ((char **) ice_servers);
  self->metrics = metrics;
  self->user_data = user_data;
  self->context = g_main_context_new ();
  self->loop = g_main_loop_new (self->context, FALSE);
  self->thread = g_thread_new ("meshroom-serve", run, self);
  g_mutex_lock (&self->lock);
  while (!self->started)
    g_cond_wait (&self->cond, &self->lock);
  g_mutex_unlock (&self->lock);
  if (self->urls)
    return self;
  g_propagate_error (error, g_steal_pointer (&self->error));
  mesh_serve_stop (self);
  return NULL;
}

/**
 * mesh_serve_get_link:
 * Returns: (transfer none): to the room that was made for it
 */
const char *
mesh_serve_get_link (MeshServe *serve)
{
  return serve->link;
}

/**
 * mesh_serve_stop:
 * @serve: (transfer full) (nullable): the server
 *
 * Ends the server and its thread.
 */
void
mesh_serve_stop (MeshServe *serve)
{
  if (!serve)
    return;
  mesh_idle_post (serve->context, quit, serve->loop, NULL);
  g_thread_join (serve->thread);
  g_main_loop_unref (serve->loop);
  g_main_context_unref (serve->context);
  g_mutex_clear (&serve->lock);
  g_cond_clear (&serve->cond);
  g_free (serve->address);
  g_strfreev (serve->ice_servers);
  g_strfreev (serve->urls);
  g_free (serve->link);
  g_free (serve);
}
