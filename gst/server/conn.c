/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "server/conn.h"

#include <string.h>

#include "core/json.h"
#include "core/out-buffer.h"
#include "core/ws-frame.h"
#include "server/io.h"

#define READ_BYTES (16 * 1024)
/* A head that has grown beyond this is replaced once it is empty. */
#define IDLE_HEAD 4096
/* After so many reads in a row the other connections have their turn. */
#define MAX_READS 8

typedef enum {
  HTTP,
  WEBSOCKET,
  CLOSING,
  GONE,
} Phase;

struct _MeshConn {
  gatomicrefcount refs;
  guint64 number;
  MeshConnTimes times;
  const MeshConnFuncs *funcs;
  gpointer user_data;

  MeshIo *io;
  MeshEventWatch watch;

  Phase phase;
  gint64 deadline;              /* 0: none */
  GByteArray *head;             /* HTTP: bytes of requests not read yet */
  MeshHttpRequest *request;     /* HTTP: waits for its body */
  gboolean answering;           /* HTTP: the answer follows later */
  gboolean keep_alive;          /* HTTP: after that answer */
  MeshWsParser *parser;         /* WEBSOCKET */
  MeshOutBuffer out;
  gboolean finished;            /* CLOSING: everything is written */
};

static MeshConn *
conn_ref (MeshConn *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
mesh_conn_unref (MeshConn *conn)
{
  if (!g_atomic_ref_count_dec (&conn->refs))
    return;
  mesh_io_free (conn->io);
  g_byte_array_unref (conn->head);
  mesh_http_request_free (conn->request);
  mesh_out_buffer_clear (&conn->out);
  mesh_ws_parser_free (conn->parser);
  g_free (conn);
}

/* Ends the connection at once. */
void
mesh_conn_kill (MeshConn *conn)
{
  if (conn->phase == GONE)
    return;
  conn->phase = GONE;
  mesh_event_watch_remove (&conn->watch);
  g_clear_pointer (&conn->io, mesh_io_free);
  conn->funcs->closed (conn, conn->user_data);
}

static gsize
unsent (MeshConn *self)
{
  return mesh_out_buffer_get_unsent (&self->out);
}

/* Further requests wait while an answer is not written yet, or a client could
 * ask for more and more without ever reading. While an answer is still being
 * made, reading goes on to see whether the client is there. */
static gboolean
may_read (MeshConn *self)
{
  if (self->phase != HTTP)
    return TRUE;
  return unsent (self) == 0
      && !(self->answering && self->head->len >= MESH_HTTP_MAX_HEAD);
}

static void
update_condition (MeshConn *self)
{
  GIOCondition condition = G_IO_ERR | G_IO_HUP;

  if (self->phase == GONE)
    return;
  if (may_read (self))
    condition |= G_IO_IN;
  if (unsent (self) || mesh_io_wants_write (self->io))
    condition |= G_IO_OUT;
  mesh_event_watch_set_condition (&self->watch, condition);
}

static void
all_sent (MeshConn *self)
{
  /* What the client still sends is read until it closes, too: if the socket
   * were closed now, the reset could overtake the last bytes of ours. */
  if (self->phase == CLOSING && !self->finished) {
    self->finished = TRUE;
    mesh_io_finish (self->io);
  }
}

/*
 * mesh_conn_flush:
 *
 * Writes what can be written now; the rest follows by itself.
 */
void
mesh_conn_flush (MeshConn *conn)
{
  if (conn->phase == GONE)
    return;
  while (unsent (conn)) {
    gssize n = mesh_io_write (conn->io, mesh_out_buffer_peek (&conn->out),
        unsent (conn));

    if (n == MESH_IO_GONE) {
      mesh_conn_kill (conn);
      return;
    }
    if (n == MESH_IO_AGAIN)
      break;
    mesh_out_buffer_take (&conn->out, (gsize) n);
  }
  if (unsent (conn) == 0)
    all_sent (conn);
  update_condition (conn);
}

static void
start_closing (MeshConn *self)
{
  self->phase = CLOSING;
  self->deadline = g_get_monotonic_time () + self->times.linger;
}

/*
 * mesh_conn_close:
 * @code: for a WebSocket, why
 *
 * Sends what is left, waits a moment for the client to close as well, then
 * ends.
 */
void
mesh_conn_close (MeshConn *conn, guint16 code)
{
  if (conn->phase == WEBSOCKET)
    mesh_ws_append_close (conn->out.bytes, code, NULL);
  if (conn->phase == WEBSOCKET || conn->phase == HTTP)
    start_closing (conn);
}

/* Queues a message. Returns FALSE when too much is queued already. */
gboolean
mesh_conn_send_text (MeshConn *conn, GBytes *text)
{
  gsize size;
  gconstpointer data = g_bytes_get_data (text, &size);

  if (conn->phase != WEBSOCKET)
    return TRUE;
  if (unsent (conn) + size > MESH_CONN_MAX_OUT)
    return FALSE;
  mesh_ws_append_frame (conn->out.bytes, MESH_WS_OPCODE_TEXT, data, size, NULL);
  return TRUE;
}

void
mesh_conn_ping (MeshConn *conn)
{
  if (conn->phase == WEBSOCKET && unsent (conn) < MESH_CONN_MAX_OUT)
    mesh_ws_append_frame (conn->out.bytes, MESH_WS_OPCODE_PING, NULL, 0, NULL);
}

static void
become_websocket (MeshConn *self)
{
  self->phase = WEBSOCKET;
  self->deadline = 0;
  self->parser = mesh_ws_parser_new (TRUE, MESH_JSON_MAX_BYTES);
}

static void
finish_answer (MeshConn *self, const MeshHttpResponse *response,
    gboolean with_body, gboolean keep_alive)
{
  mesh_http_append_response (self->out.bytes, response, with_body, keep_alive);
  self->deadline = g_get_monotonic_time () + self->times.response;
  if (response->status == 101)
    become_websocket (self);
  else if (!keep_alive)
    start_closing (self);
}

/* Answers a request; @request is NULL where what came is none. */
static void
answer (MeshConn *self, const MeshHttpRequest *request, guint bad_status)
{
  g_auto (MeshHttpResponse) response = { bad_status };
  gboolean keep_alive = FALSE, head_only = FALSE;

  if (request) {
    response.status = 0;
    keep_alive = request->body ? request->persistent : request->keep_alive;
    head_only = g_str_equal (request->method, "HEAD");
    self->funcs->request (self, request, &response, self->user_data);
  }
  if (self->phase != HTTP)
    return;
  if (response.status == 0) {
    self->answering = TRUE;
    self->keep_alive = keep_alive;
    self->deadline = 0;
  } else {
    finish_answer (self, &response, !head_only, keep_alive);
  }
}

/* Once the answer is written, the time for the next request begins. */
static void
wait_for_request (MeshConn *self)
{
  if (self->phase == HTTP && !self->answering && unsent (self) == 0)
    self->deadline = g_get_monotonic_time () + self->times.request;
}

/*
 * mesh_conn_answer:
 * @response: the answer that was not given at once
 */
void
mesh_conn_answer (MeshConn *conn, const MeshHttpResponse *response)
{
  if (conn->phase != HTTP || !conn->answering)
    return;
  conn_ref (conn);
  conn->answering = FALSE;
  finish_answer (conn, response, TRUE, conn->keep_alive);
  mesh_conn_flush (conn);
  wait_for_request (conn);
  if (conn->phase == HTTP && conn->head->len)
    mesh_event_watch_set_again (&conn->watch);
  mesh_conn_unref (conn);
}

static void
drop_body (MeshConn *self, gsize length)
{
  g_byte_array_remove_range (self->head, 0, length);
  if (length > IDLE_HEAD && self->head->len == 0) {
    g_byte_array_unref (self->head);
    self->head = g_byte_array_new ();
  }
}

/* Returns the status that refuses the request, whatever its body is; 0:
 * none. */
static guint
refuse (const MeshHttpRequest *request, guint status, gsize limit)
{
  if (!request)
    return status;
  if (mesh_http_request_expectation (request) == MESH_HTTP_EXPECTS_UNKNOWN)
    return 417;
  if (request->body_length < 0)
    return 411;
  return (gsize) request->body_length > limit ? 413 : 0;
}

/* Sends the "100 Continue" that some clients await before they send a body;
 * without it they would wait for a second, or for ever. A client whose body is
 * here already needs none. */
static void
invite_body (MeshConn *self)
{
  static const char words[] = "HTTP/1.1 100 Continue\r\n\r\n";

  if (self->head->len >= self->request->body_length
      || mesh_http_request_expectation (self->request)
      != MESH_HTTP_EXPECTS_CONTINUE)
    return;
  g_byte_array_append (self->out.bytes, (const guint8 *) words, strlen (words));
  mesh_conn_flush (self);
}

/* Reads a request's head, and keeps it until its body is there, too. Returns
 * FALSE when the head is not complete, or was answered already. */
static gboolean
take_head (MeshConn *self)
{
  g_autoptr (MeshHttpRequest) request = NULL;
  guint status = 431;
  gsize length, limit = 0;

  length = mesh_http_head_length (self->head->data, self->head->len);
  if (length == 0 && self->head->len < MESH_HTTP_MAX_HEAD)
    return FALSE;
  if (length > 0 && length <= MESH_HTTP_MAX_HEAD)
    request = mesh_http_request_parse (self->head->data, length, &status);
  g_byte_array_remove_range (self->head, 0,
      length ? length : self->head->len);
  if (request && request->body_length)
    limit = self->funcs->body_limit (self, request, self->user_data);
  if (request && !limit)
    request->body_length = 0;
  status = refuse (request, status, limit);
  if (status == 0) {
    self->request = g_steal_pointer (&request);
    invite_body (self);
    return self->phase == HTTP;
  }
  answer (self, NULL, status);
  mesh_conn_flush (self);
  return FALSE;
}

/* Answers one request if it is complete and the last answer is written. */
static gboolean
take_request (MeshConn *self)
{
  g_autoptr (MeshHttpRequest) request = NULL;

  if (self->phase != HTTP || self->answering || unsent (self))
    return FALSE;
  if (!self->request && (self->head->len == 0 || !take_head (self)))
    return FALSE;
  if (self->head->len < self->request->body_length)
    return FALSE;
  request = g_steal_pointer (&self->request);
  if (request->body_length)
    request->body = (const char *) self->head->data;
  answer (self, request, 0);
  if (self->phase == GONE)
    return FALSE;
  drop_body (self, request->body_length);
  mesh_conn_flush (self);
  wait_for_request (self);
  return TRUE;
}

static void
handle_event (MeshConn *self, MeshWsEvent event, const char *text,
    gsize length)
{
  switch (event) {
    case MESH_WS_TEXT:
      self->funcs->text (self, text, length, self->user_data);
      break;
    case MESH_WS_PING:
      if (unsent (self) < MESH_CONN_MAX_OUT)
        mesh_ws_append_frame (self->out.bytes, MESH_WS_OPCODE_PONG, text, length,
            NULL);
      self->funcs->heard (self, self->user_data);
      break;
    case MESH_WS_PONG:
      self->funcs->heard (self, self->user_data);
      break;
    case MESH_WS_CLOSE:
      mesh_conn_close (self, 1000);
      break;
    case MESH_WS_BAD:
    case MESH_WS_TOO_BIG:
      self->funcs->offence (self, event == MESH_WS_TOO_BIG, self->user_data);
      mesh_conn_close (self, event == MESH_WS_TOO_BIG ? 1009 : 1002);
      break;
    case MESH_WS_MORE:
      break;
  }
}

static void
take_frames (MeshConn *self, const guint8 *data, gsize length)
{
  while (self->phase == WEBSOCKET) {
    const char *text;
    gsize text_length;
    MeshWsEvent event = mesh_ws_parser_next (self->parser, &data, &length,
        &text, &text_length);

    if (event == MESH_WS_MORE)
      break;
    handle_event (self, event, text, text_length);
  }
}

static void
take_requests (MeshConn *self)
{
  while (take_request (self))
    continue;
  if (self->phase == WEBSOCKET && self->head->len) {
    g_autoptr (GByteArray) early = g_steal_pointer (&self->head);

    self->head = g_byte_array_new ();
    take_frames (self, early->data, early->len);
  }
}

static gboolean
read_once (MeshConn *self)
{
  guint8 data[READ_BYTES];
  gssize n = mesh_io_read (self->io, data, sizeof data);

  if (n == MESH_IO_AGAIN)
    return FALSE;
  if (n == MESH_IO_GONE) {
    mesh_conn_kill (self);
    return FALSE;
  }
  if (self->phase == WEBSOCKET) {
    take_frames (self, data, n);
  } else if (self->phase == HTTP) {
    g_byte_array_append (self->head, data, n);
    take_requests (self);
  }
  return self->phase != GONE && may_read (self)
      && !mesh_io_is_drained (self->io, n, sizeof data);
}

static void
on_ready (gpointer user_data)
{
  MeshConn *self = conn_ref (user_data);
  guint reads = 0;

  mesh_conn_flush (self);
  take_requests (self);
  while (self->phase != GONE && may_read (self) && read_once (self))
    if (++reads == MAX_READS) {
      mesh_event_watch_set_again (&self->watch);
      break;
    }
  if (self->phase != GONE)
    self->funcs->done (self, self->user_data);
  mesh_conn_flush (self);
  update_condition (self);
  mesh_conn_unref (self);
}

/*
 * mesh_conn_new:
 * @number: what the connection is called
 * @socket: (transfer full): a connected socket
 * @credentials: (nullable): for TLS
 * @loop: says when the socket can be read or written
 *
 * Returns: (transfer full) (nullable): %NULL when the loop takes no more
 */
MeshConn *
mesh_conn_new (guint64 number, GSocket *socket,
    MeshCredentials *credentials, MeshEventLoop *loop,
    const MeshConnTimes *times, const MeshConnFuncs *funcs, gpointer user_data)
{
  MeshConn *self = g_new0 (MeshConn, 1);

  g_atomic_ref_count_init (&self->refs);
  self->number = number;
  self->times = *times;
  self->funcs = funcs;
  self->user_data = user_data;
  self->io = mesh_io_new (socket, credentials);
  self->head = g_byte_array_new ();
  mesh_out_buffer_init (&self->out);
  self->deadline = g_get_monotonic_time () + times->request;

  if (!mesh_event_loop_add (loop, &self->watch, mesh_io_get_fd (self->io),
          G_IO_IN | G_IO_ERR | G_IO_HUP, on_ready, self)) {
    self->phase = GONE;
    g_clear_pointer (&self, mesh_conn_unref);
  }
  return self;
}

guint64
mesh_conn_get_number (MeshConn *conn)
{
  return conn->number;
}

gboolean
mesh_conn_is_websocket (MeshConn *conn)
{
  return conn->phase == WEBSOCKET;
}

/* Returns whether a time limit is over, so that the connection is to be
 * killed. */
gboolean
mesh_conn_is_overdue (MeshConn *conn, gint64 now)
{
  return conn->deadline && now >= conn->deadline;
}
