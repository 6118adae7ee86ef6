/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "signalling/ice-client.h"

#include "host/timer.h"
#include "signalling/post.h"

/* As in the page: the answer costs one round trip, beside the three or four of
 * joining, so a server that takes longer than this will not answer. */
#define PATIENCE_MS 1500
#define GIVE_UP_MS 10000
#define RETRY_MS 30000

struct _MeshIceClient {
  char *url;
  MeshIceClientFunc func;
  gpointer user_data;
  GMainContext *context;
  SoupSession *http;
  GCancellable *cancellable;
  GSource *patience;            /* NULL: func has been called */
  GSource *again;
  gboolean asking;
};

static gboolean on_again (gpointer client);

static gboolean
on_patience (gpointer user_data)
{
  MeshIceClient *self = user_data;

  mesh_timer_clear (&self->patience);
  self->func (NULL, NULL, self->user_data);
  return G_SOURCE_REMOVE;
}

static void
on_answer (guint status, GBytes *answer, const GError *failure,
    gpointer user_data)
{
  MeshIceClient *self = user_data;
  g_autoptr (MeshIceServers) servers = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;
  const char *text = g_bytes_get_data (answer, &length);
  gboolean first = self->patience != NULL;

  self->asking = FALSE;
  if (g_cancellable_is_cancelled (self->cancellable))
    return;
  mesh_timer_clear (&self->patience);
  if (failure)
    error = g_error_copy (failure);
  else if (status == SOUP_STATUS_OK)
    servers = mesh_ice_servers_parse (text ? text : "", length, &error);
  else                          /* some other server: it names none */
    servers = g_new0 (MeshIceServers, 1);
  if (error)
    self->again = mesh_timer_new (self->context, RETRY_MS, on_again, self);
  else if (servers->ttl > 0)
    /* asked again while the old credentials are good for as long again */
    self->again = mesh_timer_new (self->context, servers->ttl * 500, on_again,
        self);
  if (servers || first)
    self->func (servers, error, self->user_data);
}

static gboolean
on_again (gpointer user_data)
{
  MeshIceClient *self = user_data;

  mesh_timer_clear (&self->again);
  self->asking = TRUE;
  mesh_post (self->http, self->url, NULL, NULL, MESH_ICE_SERVERS_MAX_BYTES,
      GIVE_UP_MS, self->cancellable, on_answer, self);
  return G_SOURCE_REMOVE;
}

/**
 * mesh_ice_client_new:
 * @context: where @func is called
 * @link: a room's link, of a server of ours
 * @func: called once within 1.5 s, and at each later answer
 * @user_data: for @func
 *
 * Returns: (transfer full): for mesh_ice_client_free()
 */
MeshIceClient *
mesh_ice_client_new (GMainContext *context, const MeshLink *link,
    MeshIceClientFunc func, gpointer user_data)
{
  MeshIceClient *self = g_new0 (MeshIceClient, 1);

  self->url = g_uri_join (G_URI_FLAGS_NONE, link->scheme, NULL, link->host,
      link->port, "/v1/ice", NULL, NULL);
  self->func = func;
  self->user_data = user_data;
  self->context = g_main_context_ref (context);
  self->http = mesh_post_session_new ();
  self->cancellable = g_cancellable_new ();
  self->patience = mesh_timer_new (context, PATIENCE_MS, on_patience, self);
  self->again = mesh_timer_new (context, 0, on_again, self);
  return self;
}

/**
 * mesh_ice_client_free:
 * @client: (nullable): one whose context nobody runs any more
 *
 * Waits for what is under way to be given up. Nothing is called.
 */
void
mesh_ice_client_free (MeshIceClient *client)
{
  if (!client)
    return;
  mesh_timer_clear (&client->patience);
  mesh_timer_clear (&client->again);
  g_cancellable_cancel (client->cancellable);
  g_main_context_push_thread_default (client->context);
  while (client->asking)
    g_main_context_iteration (client->context, TRUE);
  soup_session_abort (client->http);
  g_object_unref (client->http);
  while (g_main_context_iteration (client->context, FALSE));
  g_main_context_pop_thread_default (client->context);
  g_object_unref (client->cancellable);
  g_main_context_unref (client->context);
  g_free (client->url);
  g_free (client);
}
