/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "server/poller.h"

#include <errno.h>
#include <gio/gio.h>
#include <sys/epoll.h>
#include <unistd.h>

/* After so many sockets the context's other sources have their turn. */
#define BATCH 64

/* epoll knows the same conditions by the same bits. */
G_STATIC_ASSERT ((guint) G_IO_IN == (guint) EPOLLIN);
G_STATIC_ASSERT ((guint) G_IO_OUT == (guint) EPOLLOUT);
G_STATIC_ASSERT ((guint) G_IO_ERR == (guint) EPOLLERR);
G_STATIC_ASSERT ((guint) G_IO_HUP == (guint) EPOLLHUP);

struct _MeshPoller {
  int epoll;
  GSource *source;
  GQueue again;                 /* MeshPolled that need no waiting for */
  MeshPolled *batch[BATCH];     /* being dispatched; NULL: removed meanwhile */
  guint n_batch;
};

typedef struct {
  GSource source;
  MeshPoller *poller;
} PollerSource;

static void
take_batch (MeshPoller *self)
{
  struct epoll_event events[BATCH];
  int n = epoll_wait (self->epoll, events, BATCH, 0);

  self->n_batch = MAX (n, 0);
  for (guint i = 0; i < self->n_batch; i++)
    self->batch[i] = events[i].data.ptr;
}

static void
leave_again (MeshPolled *polled)
{
  if (polled->again)
    g_queue_unlink (&polled->poller->again, &polled->link);
  polled->again = FALSE;
}

/* Whoever is told may remove itself, or anybody else. */
static gboolean
poller_dispatch (GSource *source, GSourceFunc func, gpointer user_data)
{
  MeshPoller *self = ((PollerSource *) source)->poller;
  guint n_again = self->again.length;

  g_source_set_ready_time (source, -1);
  take_batch (self);
  for (guint i = 0; i < self->n_batch; i++) {
    MeshPolled *polled = self->batch[i];

    if (!polled)
      continue;
    leave_again (polled);
    polled->ready (polled->user_data);
  }
  self->n_batch = 0;
  while (n_again-- && self->again.head) {
    MeshPolled *polled = self->again.head->data;

    leave_again (polled);
    polled->ready (polled->user_data);
  }
  if (self->again.head)
    g_source_set_ready_time (source, 0);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = { NULL, NULL, poller_dispatch, NULL };

/*
 * mesh_poller_new:
 * @context: whose thread is told of sockets
 *
 * Returns: (transfer full) (nullable): a poller; %NULL with @error set where
 *   there are no descriptors left
 */
MeshPoller *
mesh_poller_new (GMainContext *context, GError **error)
{
  int epoll = epoll_create1 (EPOLL_CLOEXEC);
  MeshPoller *self;

  if (epoll < 0) {
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
        "cannot wait for connections: %s", g_strerror (errno));
    return NULL;
  }
  self = g_new0 (MeshPoller, 1);
  self->epoll = epoll;
  g_queue_init (&self->again);
  self->source = g_source_new (&source_funcs, sizeof (PollerSource));
  ((PollerSource *) self->source)->poller = self;
  g_source_set_static_name (self->source, "meshroom-server connections");
  g_source_add_unix_fd (self->source, epoll, G_IO_IN);
  g_source_attach (self->source, context);
  return self;
}

/* Not from within a socket's ready(). Nobody may be left in it. */
void
mesh_poller_free (MeshPoller *poller)
{
  if (!poller)
    return;
  g_source_destroy (poller->source);
  g_source_unref (poller->source);
  close (poller->epoll);
  g_free (poller);
}

/*
 * mesh_poller_add:
 * @polled: zeroed; must stay where it is until mesh_polled_remove()
 * @condition: what to wait for
 * @ready: called when it holds, as often as it does
 *
 * Returns: %FALSE when the kernel takes no more
 */
gboolean
mesh_poller_add (MeshPoller *poller, MeshPolled *polled, int fd,
    GIOCondition condition, void (*ready) (gpointer user_data),
    gpointer user_data)
{
  struct epoll_event event = { .events = condition, .data.ptr = polled };

  if (epoll_ctl (poller->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
    return FALSE;
  *polled = (MeshPolled) { poller, fd, condition, FALSE, { polled },
    ready, user_data };
  return TRUE;
}

void
mesh_polled_set_condition (MeshPolled *polled, GIOCondition condition)
{
  struct epoll_event event = { .events = condition, .data.ptr = polled };

  if (!polled->poller || condition == polled->condition)
    return;
  polled->condition = condition;
  epoll_ctl (polled->poller->epoll, EPOLL_CTL_MOD, polled->fd, &event);
}

/* There is more to do, and the socket need not say so: it is told once more
 * when the others have had their turn. */
void
mesh_polled_set_again (MeshPolled *polled)
{
  if (!polled->poller || polled->again)
    return;
  polled->again = TRUE;
  g_queue_push_tail_link (&polled->poller->again, &polled->link);
  g_source_set_ready_time (polled->poller->source, 0);
}

/* Before the socket is closed. Does nothing the second time. */
void
mesh_polled_remove (MeshPolled *polled)
{
  MeshPoller *poller = polled->poller;

  if (!poller)
    return;
  leave_again (polled);
  epoll_ctl (poller->epoll, EPOLL_CTL_DEL, polled->fd, NULL);
  for (guint i = 0; i < poller->n_batch; i++)
    if (poller->batch[i] == polled)
      poller->batch[i] = NULL;
  polled->poller = NULL;
}
