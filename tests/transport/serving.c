/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serving.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../count-entries.h"

/* No test takes as long; the alarm ends it with a signal. */
#define WATCHDOG 50

static gpointer
serve (gpointer user_data)
{
  Serving *self = user_data;

  g_main_context_push_thread_default (self->context);
  g_main_loop_run (self->loop);
  g_main_context_pop_thread_default (self->context);
  return NULL;
}

typedef struct {
  GSourceFunc func;
  Serving *serving;
  gboolean done;
  GMutex lock;
  GCond cond;
} Call;

static gboolean
call_cb (gpointer user_data)
{
  Call *call = user_data;

  call->func (call->serving);
  g_mutex_lock (&call->lock);
  call->done = TRUE;
  g_cond_signal (&call->cond);
  g_mutex_unlock (&call->lock);
  return G_SOURCE_REMOVE;
}

/* Runs it on the server's thread. */
static void
call_there (Serving *self, GSourceFunc func)
{
  g_autoptr (GSource) source = g_idle_source_new ();
  Call call = { func, self };

  g_mutex_init (&call.lock);
  g_cond_init (&call.cond);
  g_source_set_callback (source, call_cb, &call, NULL);
  g_source_attach (source, self->context);
  g_mutex_lock (&call.lock);
  while (!call.done)
    g_cond_wait (&call.cond, &call.lock);
  g_mutex_unlock (&call.lock);
  g_mutex_clear (&call.lock);
  g_cond_clear (&call.cond);
}

static gboolean
start_cb (gpointer user_data)
{
  Serving *self = user_data;
  g_autoptr (GError) error = NULL;

  mesh_server_set_limits (self->server, &self->limits);
  for (char **origin = self->origins; origin && *origin; origin++)
    mesh_server_allow_origin (self->server, *origin);
  if (self->pusher_app)
    mesh_server_add_pusher_app (self->server, self->pusher_app, &error);
  g_assert_no_error (error);
  mesh_server_set_metrics_func (self->server, self->metrics, self, NULL);
  mesh_server_listen (self->server, "127.0.0.1:0", self->certificate, &error);
  g_assert_no_error (error);
  self->url = mesh_server_dup_url (self->server);
  return G_SOURCE_REMOVE;
}

static gboolean
stop_cb (gpointer user_data)
{
  Serving *self = user_data;

  mesh_server_stop (self->server);
  g_assert_finalize_object (self->server);
  self->server = NULL;
  return G_SOURCE_REMOVE;
}

/* What GIO opens once and keeps is open after this, and does not count. */
static void
warm_up (void)
{
  static gboolean done = FALSE;
  Serving once = { 0 };

  if (done)
    return;
  done = TRUE;
  serving_set_up (&once, NULL);
  serving_start (&once);
  g_free (raw_request (&once, "GET / HTTP/1.0\r\n\r\n"));
  once.fds = 0;
  serving_tear_down (&once, NULL);
}

void
serving_set_up (Serving *self, gconstpointer data)
{
  alarm (WATCHDOG);
  warm_up ();
  self->fds = count_entries ("/proc/self/fd");
  self->context = g_main_context_new ();
  self->loop = g_main_loop_new (self->context, FALSE);
  self->server = mesh_server_new ();
  mesh_server_get_limits (self->server, &self->limits);
  self->limits.times.linger = G_USEC_PER_SEC / 2;
  self->thread = g_thread_new ("server", serve, self);
}

void
serving_start (Serving *self)
{
  call_there (self, start_cb);
  self->port = atoi (strrchr (self->url, ':') + 1);
  g_assert_cmpuint (self->port, !=, 0);
}

/* The server is gone after it, and everything of it with it. */
void
serving_stop (Serving *self)
{
  if (self->server)
    call_there (self, stop_cb);
}

void
serving_tear_down (Serving *self, gconstpointer data)
{
  gint64 give_up = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

  serving_stop (self);
  g_main_loop_quit (self->loop);
  g_thread_join (self->thread);
  g_main_loop_unref (self->loop);
  g_main_context_unref (self->context);
  g_clear_object (&self->certificate);
  g_strfreev (self->origins);
  g_free (self->url);
  /* The server is done at once; libsoup's clients close in threads. */
  while (self->fds && count_entries ("/proc/self/fd") != self->fds
      && g_get_monotonic_time () < give_up)
    if (!g_main_context_iteration (NULL, FALSE))
      g_thread_yield ();
  if (self->fds)
    g_assert_cmpuint (count_entries ("/proc/self/fd"), ==, self->fds);
  alarm (0);
}

GIOStream *
raw_connect (Serving *self)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GError) error = NULL;
  GSocketConnection *raw = g_socket_client_connect_to_host (client,
      "127.0.0.1", self->port, NULL, &error);

  g_assert_no_error (error);
  return G_IO_STREAM (raw);
}

static gboolean
accept_any (GTlsConnection *tls, GTlsCertificate *certificate,
    GTlsCertificateFlags errors, gpointer user_data)
{
  return TRUE;
}

/* The same with TLS where the server speaks it, and a small buffer. */
GIOStream *
raw_connect_narrow (Serving *self)
{
  g_autoptr (GIOStream) raw = raw_connect (self);
  g_autoptr (GError) error = NULL;
  GIOStream *tls;

  g_socket_set_option (g_socket_connection_get_socket (
          G_SOCKET_CONNECTION (raw)), SOL_SOCKET, SO_RCVBUF, 32 * 1024, NULL);
  if (!self->certificate)
    return g_steal_pointer (&raw);
  tls = g_tls_client_connection_new (raw, NULL, &error);
  g_assert_no_error (error);
  g_signal_connect (tls, "accept-certificate", G_CALLBACK (accept_any), NULL);
  return tls;
}

/* FALSE: the other end has closed. */
gboolean
raw_try_send (GIOStream *raw, gconstpointer data, gsize size)
{
  GOutputStream *out = g_io_stream_get_output_stream (raw);

  return g_output_stream_write_all (out, data, size, NULL, NULL, NULL);
}

void
raw_send (GIOStream *raw, gconstpointer data, gssize size)
{
  if (size < 0)
    size = strlen (data);
  g_assert_true (raw_try_send (raw, data, size));
}

/* Returns what was read, less than @size only at the end. */
static gsize
read_bytes (GIOStream *raw, gpointer data, gsize size)
{
  GInputStream *in = g_io_stream_get_input_stream (raw);
  gsize n = 0;

  g_input_stream_read_all (in, data, size, &n, NULL, NULL);
  return n;
}

/* Up to the empty line, so that what follows it stays there. */
char *
raw_read_head (GIOStream *raw)
{
  GString *text = g_string_new (NULL);
  char c;

  while (!g_str_has_suffix (text->str, "\r\n\r\n")
      && read_bytes (raw, &c, 1) == 1)
    g_string_append_c (text, c);
  return g_string_free (text, FALSE);
}

char *
raw_read_all (GIOStream *raw)
{
  GString *text = g_string_new (NULL);
  char buffer[4096];
  gsize n;

  while ((n = read_bytes (raw, buffer, sizeof buffer)) > 0)
    g_string_append_len (text, buffer, n);
  return g_string_free (text, FALSE);
}

/* All that comes back until the server closes. */
char *
raw_request (Serving *self, const char *format, ...)
{
  g_autoptr (GIOStream) raw = raw_connect (self);
  g_autofree char *request = NULL;
  va_list args;

  va_start (args, format);
  request = g_strdup_vprintf (format, args);
  va_end (args);
  raw_send (raw, request, -1);
  return raw_read_all (raw);
}

GIOStream *
raw_websocket (Serving *self)
{
  GIOStream *raw = self->certificate ? raw_connect_narrow (self)
      : raw_connect (self);

  raw_upgrade (raw);
  return raw;
}

void
raw_upgrade (GIOStream *raw)
{
  g_autofree char *head = NULL;

  raw_send (raw, "GET /v1/socket HTTP/1.1\r\nHost: x\r\n"
      "Upgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", -1);
  head = raw_read_head (raw);
  g_assert_true (g_str_has_prefix (head, "HTTP/1.1 101 "));
  /* RFC 6455, section 1.3 */
  g_assert_nonnull (strstr (head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

/* first: the frame's first byte, FIN and opcode; shorter than 64 KiB. */
void
raw_send_frame (GIOStream *raw, guint8 first, const char *text)
{
  gsize size = strlen (text);
  guint8 header[8] = { first, 0x80 | (size < 126 ? size : 126) };
  gsize header_size = 2;

  if (size >= 126) {
    header[header_size++] = size >> 8;
    header[header_size++] = size & 0xff;
  }
  memset (header + header_size, 0, 4);  /* a mask that changes nothing */
  raw_send (raw, header, header_size + 4);
  raw_send (raw, text, size);
}

/* NULL: the server has closed. */
char *
raw_read_frame (GIOStream *raw, guint8 *opcode)
{
  guint8 header[4];
  gsize size;
  char *text;

  if (read_bytes (raw, header, 2) != 2)
    return NULL;
  *opcode = header[0] & 0xf;
  size = header[1];
  g_assert_cmpuint (size, !=, 127);
  if (size == 126) {
    read_bytes (raw, header, 2);
    size = header[0] << 8 | header[1];
  }
  text = g_malloc0 (size + 1);
  if (read_bytes (raw, text, size) != size)
    g_clear_pointer (&text, g_free);
  return text;
}

/* The next message; NULL when a close or the end comes first. */
char *
raw_read_text (GIOStream *raw)
{
  for (;;) {
    guint8 opcode;
    g_autofree char *text = raw_read_frame (raw, &opcode);

    if (!text || opcode == 8)
      return NULL;
    if (opcode == 1)
      return g_steal_pointer (&text);
  }
}

/* The code of the close that comes; 0: none. */
guint
raw_read_close (GIOStream *raw)
{
  for (;;) {
    guint8 opcode;
    g_autofree char *text = raw_read_frame (raw, &opcode);

    if (!text)
      return 0;
    if (opcode == 8)
      return (guint8) text[0] << 8 | (guint8) text[1];
  }
}

/* Enters the room, and reads the welcome. */
void
raw_hello (GIOStream *raw, const char *id)
{
  g_autofree char *hello = g_strdup_printf ("{\"type\":\"hello\",\"v\":1,"
      "\"room\":\"" ROOM_ID "\",\"id\":\"%s\",\"token\":\"" TOKEN_A "\"}", id);
  g_autofree char *welcome = NULL;

  raw_send_frame (raw, 0x81, hello);
  welcome = raw_read_text (raw);
  g_assert_true (g_str_has_prefix (welcome, "{\"type\":\"welcome\""));
}
