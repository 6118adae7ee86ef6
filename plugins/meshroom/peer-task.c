/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tasks that an attempt posts to the call's thread. */

#include "meshroom/peer-private.h"

#include "host/timer.h"

typedef struct {
  MeshPeer *peer;
  void (*func) (MeshPeer *peer, gpointer data);
  gpointer data;
  GDestroyNotify destroy;
} Post;

static gboolean
run_post (gpointer user_data)
{
  Post *post = user_data;

  if (!g_atomic_int_get (&post->peer->abandoned))
    post->func (post->peer, post->data);
  return G_SOURCE_REMOVE;
}

static void
free_post (gpointer user_data)
{
  Post *post = user_data;

  if (post->destroy && post->data)
    post->destroy (post->data);
  gst_object_unref (post->peer);
  g_free (post);
}

void
mesh_peer_post (MeshPeer *self, void (*func) (MeshPeer *, gpointer),
    gpointer data, GDestroyNotify destroy)
{
  Post *post = g_new0 (Post, 1);

  post->peer = gst_object_ref (self);
  post->func = func;
  post->data = data;
  post->destroy = destroy;
  /* The call's thread may have ended, and the task would never be freed. */
  if (g_atomic_int_get (&self->abandoned)) {
    free_post (post);
    return;
  }
  mesh_idle_post (self->worker, run_post, post, free_post);
}
