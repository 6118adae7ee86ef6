/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One thread a connection, and blocking calls: simple, and in nobody's way. */

#include "rude-proxy.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_THREADS 64
/* Bytes at a time, when it is slow; and so long a connection lasts. */
#define SIP 7
#define LIFE (128 * 1024)

struct _RudeProxy {
  GSocketService *service;
  GMainContext *context;
  GMainLoop *loop;
  GThread *thread;
  guint16 port;
  guint16 upstream;
  Rudeness rudeness;
  gint count;                   /* atomic */
  gint ending;                  /* atomic */

  GMutex lock;                  /* guards what follows */
  GCond cond;
  guint threads;
  GPtrArray *sockets;           /* GSocket, not owned */
};

typedef struct {
  RudeProxy *proxy;
  GSocketConnection *client;
} Turn;

/* So that ending can wake those who wait on it. */
static void
note_socket (RudeProxy *self, GSocketConnection *connection, gboolean open)
{
  GSocket *socket = g_socket_connection_get_socket (connection);

  g_mutex_lock (&self->lock);
  if (open)
    g_ptr_array_add (self->sockets, socket);
  else
    g_ptr_array_remove_fast (self->sockets, socket);
  if (open && g_atomic_int_get (&self->ending))
    shutdown (g_socket_get_fd (socket), SHUT_RDWR);
  g_mutex_unlock (&self->lock);
}

static GSocketConnection *
connect_upstream (RudeProxy *self)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GInetAddress) loopback
      = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) address
      = g_inet_socket_address_new (loopback, self->upstream);

  return g_socket_client_connect (client, G_SOCKET_CONNECTABLE (address), NULL,
      NULL);
}

static int
get_fd (GSocketConnection *connection)
{
  return g_socket_get_fd (g_socket_connection_get_socket (connection));
}

static gssize
read_some (GSocketConnection *connection, gpointer data, gsize size)
{
  GInputStream *in = g_io_stream_get_input_stream (G_IO_STREAM (connection));

  return g_input_stream_read (in, data, size, NULL, NULL);
}

static gboolean
write_all (GSocketConnection *connection, gconstpointer data, gsize size)
{
  GOutputStream *out
      = g_io_stream_get_output_stream (G_IO_STREAM (connection));

  return g_output_stream_write_all (out, data, size, NULL, NULL, NULL);
}

/* Bytes both ways, until either side closes, or life is over. */
static void
pass_bytes (RudeProxy *self, GSocketConnection *client,
    GSocketConnection *server)
{
  GSocketConnection *ends[] = { client, server };
  struct pollfd fds[] = { { get_fd (client), POLLIN },
    { get_fd (server), POLLIN } };
  gsize step = self->rudeness == RUDE_SLOW ? SIP : 4096;
  gsize life = self->rudeness == RUDE_CUT
      ? (gsize) g_random_int_range (LIFE / 4, LIFE) : G_MAXSIZE;
  guint8 data[4096];

  while (!g_atomic_int_get (&self->ending)
      && (poll (fds, 2, -1) >= 0 || errno == EINTR)) {
    for (guint i = 0; i < 2; i++) {
      gssize n;

      if (!fds[i].revents)
        continue;
      n = read_some (ends[i], data, MIN (step, life));
      if (n <= 0 || !write_all (ends[!i], data, n))
        return;
      if (self->rudeness == RUDE_SLOW)
        g_thread_yield ();
      life -= n;
      if (life == 0) {
        g_atomic_int_inc (&self->count);
        return;
      }
    }
  }
}

/* One message with its body, as far as it says how long that is. */
static gboolean
read_request (GSocketConnection *client, GByteArray *request)
{
  for (;;) {
    const char *head_end = request->len
        ? g_strstr_len ((char *) request->data, request->len, "\r\n\r\n")
        : NULL;
    const char *length = head_end ? g_strstr_len ((char *) request->data,
        head_end - (char *) request->data, "\r\nContent-Length: ") : NULL;
    guint8 data[4096];
    gssize n;

    if (head_end && request->len >= head_end + 4 - (char *) request->data
            + (length ? strtoul (length + 18, NULL, 10) : 0))
      return TRUE;
    n = read_some (client, data, sizeof data);
    if (n <= 0)
      return FALSE;
    g_byte_array_append (request, data, n);
  }
}

/* Asks the server on a connection of its own, as HTTP/1.0 does. */
static GByteArray *
ask (RudeProxy *self, GByteArray *request)
{
  g_autoptr (GSocketConnection) server = connect_upstream (self);
  GByteArray *answer = g_byte_array_new ();
  char *version = g_strstr_len ((char *) request->data, request->len,
      " HTTP/1.1\r\n");
  guint8 data[4096];
  gssize n;

  if (version)
    version[8] = '0';
  if (!server)
    return answer;
  note_socket (self, server, TRUE);
  if (write_all (server, request->data, request->len))
    while ((n = read_some (server, data, sizeof data)) > 0)
      g_byte_array_append (answer, data, n);
  note_socket (self, server, FALSE);
  return answer;
}

/* As HTTP/1.0 has it: one request a connection. */
static void
pass_request (RudeProxy *self, GSocketConnection *client)
{
  g_autoptr (GByteArray) request = g_byte_array_new ();
  g_autoptr (GByteArray) answer = NULL;
  gint dice = g_random_int_range (0, 12);

  if (!read_request (client, request))
    return;
  if (dice == 0) {              /* never gets there */
    g_atomic_int_inc (&self->count);
    return;
  }
  answer = ask (self, request);
  if (dice == 1) {              /* gets there twice */
    g_byte_array_unref (answer);
    answer = ask (self, request);
  }
  if (dice >= 8) {              /* a third */
    g_atomic_int_inc (&self->count);
    g_byte_array_set_size (answer,
        answer->len ? g_random_int_range (0, answer->len) : 0);
  }
  write_all (client, answer->data, answer->len);
}

static gpointer
serve (gpointer user_data)
{
  Turn *turn = user_data;
  RudeProxy *self = turn->proxy;

  if (self->rudeness == RUDE_ABORT) {
    pass_request (self, turn->client);
  } else {
    g_autoptr (GSocketConnection) server = connect_upstream (self);

    if (server) {
      note_socket (self, server, TRUE);
      pass_bytes (self, turn->client, server);
      note_socket (self, server, FALSE);
    }
  }
  note_socket (self, turn->client, FALSE);
  g_object_unref (turn->client);
  g_mutex_lock (&self->lock);
  self->threads--;
  g_cond_signal (&self->cond);
  g_mutex_unlock (&self->lock);
  g_free (turn);
  return NULL;
}

static gboolean
on_incoming (GSocketService *service, GSocketConnection *connection,
    GObject *source, gpointer user_data)
{
  RudeProxy *self = user_data;
  Turn *turn = g_new (Turn, 1);

  *turn = (Turn) { self, g_object_ref (connection) };
  note_socket (self, connection, TRUE);
  g_mutex_lock (&self->lock);
  while (self->threads >= MAX_THREADS)
    g_cond_wait (&self->cond, &self->lock);
  self->threads++;
  g_mutex_unlock (&self->lock);
  g_thread_unref (g_thread_new ("rude", serve, turn));
  return TRUE;
}

static gpointer
run (gpointer user_data)
{
  RudeProxy *self = user_data;

  g_main_context_push_thread_default (self->context);
  g_socket_service_start (self->service);
  g_main_loop_run (self->loop);
  g_main_context_pop_thread_default (self->context);
  return NULL;
}

RudeProxy *
rude_proxy_new (guint16 port, Rudeness rudeness)
{
  RudeProxy *self = g_new0 (RudeProxy, 1);
  g_autoptr (GInetAddress) loopback
      = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GError) error = NULL;

  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  self->sockets = g_ptr_array_new ();
  self->upstream = port;
  self->rudeness = rudeness;
  self->context = g_main_context_new ();
  self->loop = g_main_loop_new (self->context, FALSE);
  self->service = g_socket_service_new ();
  g_socket_service_stop (self->service);
  g_socket_listener_add_address (G_SOCKET_LISTENER (self->service), address,
      G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, &bound, &error);
  g_assert_no_error (error);
  self->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound));
  g_signal_connect (self->service, "incoming", G_CALLBACK (on_incoming), self);
  self->thread = g_thread_new ("rude-proxy", run, self);
  return self;
}

guint16
rude_proxy_get_port (RudeProxy *self)
{
  return self->port;
}

guint
rude_proxy_count (RudeProxy *self)
{
  return g_atomic_int_get (&self->count);
}

static gboolean
quit (gpointer user_data)
{
  g_main_loop_quit (user_data);
  return G_SOURCE_REMOVE;
}

void
rude_proxy_free (RudeProxy *self)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_callback (source, quit, self->loop, NULL);
  g_source_attach (source, self->context);
  g_thread_join (self->thread);
  g_mutex_lock (&self->lock);
  g_atomic_int_set (&self->ending, 1);
  for (guint i = 0; i < self->sockets->len; i++)
    shutdown (g_socket_get_fd (self->sockets->pdata[i]), SHUT_RDWR);
  while (self->threads)
    g_cond_wait (&self->cond, &self->lock);
  g_mutex_unlock (&self->lock);
  g_socket_service_stop (self->service);
  g_socket_listener_close (G_SOCKET_LISTENER (self->service));
  g_object_unref (self->service);
  g_main_loop_unref (self->loop);
  g_main_context_unref (self->context);
  g_ptr_array_unref (self->sockets);
  g_cond_clear (&self->cond);
  g_mutex_clear (&self->lock);
  g_free (self);
}
