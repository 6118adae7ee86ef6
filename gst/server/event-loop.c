/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "server/event-loop.h"

#include <errno.h>
#include <gio/gio.h>
#include <sys/epoll.h>
#include <unistd.h>

/* After so many sockets the context's other sources have their turn. */
#define BATCH 64

/* The conditions have the same bits in epoll. */
G_STATIC_ASSERT ((guint) G_IO_IN == (guint) EPOLLIN);
G_STATIC_ASSERT ((guint) G_IO_OUT == (guint) EPOLLOUT);
G_STATIC_ASSERT ((guint) G_IO_ERR == (guint) EPOLLERR);
G_STATIC_ASSERT ((guint) G_IO_HUP == (guint) EPOLLHUP);

struct _MeshEventLoop {
  int epoll;
  GSource *source;
  GQueue again;                 /* MeshEventWatch that are ready anyway */
  MeshEventWatch *batch[BATCH]; /* being dispatched; NULL: removed meanwhile */
  guint n_batch;
};

typedef struct {
  GSource source;
  MeshEventLoop *loop;
} EventLoopSource;

static void
take_batch (MeshEventLoop *self)
{
  struct epoll_event events[BATCH];
  int n = epoll_wait (self->epoll, events, BATCH, 0);

  self->n_batch = MAX (n, 0);
  for (guint i = 0; i < self->n_batch; i++)
    self->batch[i] = events[i].data.ptr;
}

static void
leave_again (MeshEventWatch *watch)
{
  if (watch->again)
    g_queue_unlink (&watch->loop->again, &watch->link);
  watch->again = FALSE;
}

/* A ready() may remove its own watch, or any other. */
static gboolean
event_loop_dispatch (GSource *source, GSourceFunc func, gpointer user_data)
{
  MeshEventLoop *self = ((EventLoopSource *) source)->loop;
  guint n_again = self->again.length;

  g_source_set_ready_time (source, -1);
  take_batch (self);
  for (guint i = 0; i < self->n_batch; i++) {
    MeshEventWatch *watch = self->batch[i];

    if (!watch)
      continue;
    leave_again (watch);
    watch->ready (watch->user_data);
  }
  self->n_batch = 0;
  while (n_again-- && self->again.head) {
    MeshEventWatch *watch = self->again.head->data;

    leave_again (watch);
    watch->ready (watch->user_data);
  }
  if (self->again.head)
    g_source_set_ready_time (source, 0);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = { NULL, NULL, event_loop_dispatch, NULL };

/*
 * mesh_event_loop_new:
 * @context: whose thread is told of sockets
 *
 * Returns: (transfer full) (nullable): a loop; %NULL with @error set where
 *   there are no descriptors left
 */
MeshEventLoop *
mesh_event_loop_new (GMainContext *context, GError **error)
{
  int epoll = epoll_create1 (EPOLL_CLOEXEC);
  MeshEventLoop *self;

  if (epoll < 0) {
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
        "cannot wait for connections: %s", g_strerror (errno));
    return NULL;
  }
  self = g_new0 (MeshEventLoop, 1);
  self->epoll = epoll;
  g_queue_init (&self->again);
  self->source = g_source_new (&source_funcs, sizeof (EventLoopSource));
  ((EventLoopSource *) self->source)->loop = self;
  g_source_set_static_name (self->source, "meshroom-server connections");
  g_source_add_unix_fd (self->source, epoll, G_IO_IN);
  g_source_attach (self->source, context);
  return self;
}

/* Called outside of ready(), when no watch is left in the loop. */
void
mesh_event_loop_free (MeshEventLoop *loop)
{
  if (!loop)
    return;
  g_source_destroy (loop->source);
  g_source_unref (loop->source);
  close (loop->epoll);
  g_free (loop);
}

/*
 * mesh_event_loop_add:
 * @watch: zeroed; must stay where it is until mesh_event_watch_remove()
 * @condition: what to wait for
 * @ready: called when it holds, as often as it does
 *
 * Returns: %FALSE when the kernel takes no more
 */
gboolean
mesh_event_loop_add (MeshEventLoop *loop, MeshEventWatch *watch, int fd,
    GIOCondition condition, void (*ready) (gpointer user_data),
    gpointer user_data)
{
  struct epoll_event event = { .events = condition, .data.ptr = watch };

  if (epoll_ctl (loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
    return FALSE;
  *watch = (MeshEventWatch) { loop, fd, condition, FALSE, { watch },
    ready, user_data };
  return TRUE;
}

void
mesh_event_watch_set_condition (MeshEventWatch *watch, GIOCondition condition)
{
  struct epoll_event event = { .events = condition, .data.ptr = watch };

  if (!watch->loop || condition == watch->condition)
    return;
  watch->condition = condition;
  epoll_ctl (watch->loop->epoll, EPOLL_CTL_MOD, watch->fd, &event);
}

/* Has ready() called once more when the other sockets have had their turn, for
 * work that is left although the socket reports nothing new. */
void
mesh_event_watch_set_again (MeshEventWatch *watch)
{
  if (!watch->loop || watch->again)
    return;
  watch->again = TRUE;
  g_queue_push_tail_link (&watch->loop->again, &watch->link);
  g_source_set_ready_time (watch->loop->source, 0);
}

/* Called before the socket is closed; does nothing the second time. */
void
mesh_event_watch_remove (MeshEventWatch *watch)
{
  MeshEventLoop *loop = watch->loop;

  if (!loop)
    return;
  leave_again (watch);
  epoll_ctl (loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
  for (guint i = 0; i < loop->n_batch; i++)
    if (loop->batch[i] == watch)
      loop->batch[i] = NULL;
  watch->loop = NULL;
}
