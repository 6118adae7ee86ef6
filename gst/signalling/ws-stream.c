/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "signalling/ws-stream.h"

#include <string.h>

#define MESH_TYPE_WS_INPUT (mesh_ws_input_get_type ())
G_DECLARE_FINAL_TYPE (MeshWsInput, mesh_ws_input, MESH, WS_INPUT, GInputStream)

/* A frame's head (RFC 6455, section 5.2): two bytes, eight of a long length,
 * four of a mask, which a server must not use. */
#define MAX_HEAD 14

struct _MeshWsInput {
  GInputStream parent;

  GPollableInputStream *base;
  GBytes *early;                /* what came together with the HTTP answer */
  gsize early_read;
  gsize max_message;

  guint8 head[MAX_HEAD];
  guint head_length;
  guint64 payload_left;         /* of the frame */
  gsize message;                /* bytes of the message so far */
  gboolean is_last;             /* frame of the message */
};

struct _MeshWsStream {
  GIOStream parent;

  GSocketConnection *base;
  GInputStream *input;
};

static void pollable_init (GPollableInputStreamInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MeshWsInput, mesh_ws_input, G_TYPE_INPUT_STREAM,
    G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_INPUT_STREAM, pollable_init))
G_DEFINE_FINAL_TYPE (MeshWsStream, mesh_ws_stream, G_TYPE_IO_STREAM)

/* 0: the second byte, which says so, has not come */
static guint
head_size (MeshWsInput *self)
{
  static const guint of_length[] = { 2, 4, 10 };
  guint8 length = self->head[1] & 0x7f;

  if (self->head_length < 2)
    return 0;
  return of_length[length < 126 ? 0 : length - 125]
         + (self->head[1] & 0x80 ? 4 : 0);
}

static guint64
payload_size (MeshWsInput *self)
{
  guint8 length = self->head[1] & 0x7f;
  guint64 size = 0;

  if (length < 126)
    return length;
  for (guint i = 0; i < (length == 126 ? 2 : 8); i++)
    size = size << 8 | self->head[2 + i];
  return size;
}

static gboolean
begin_frame (MeshWsInput *self)
{
  guint8 opcode = self->head[0] & 0x0f;

  self->head_length = 0;
  self->payload_left = payload_size (self);
  if (opcode & 0x8)             /* control: libsoup has a limit for it */
    return TRUE;
  if (self->is_last || opcode != 0)
    self->message = 0;
  self->is_last = (self->head[0] & 0x80) != 0;
  if (self->payload_left > self->max_message - self->message)
    return FALSE;
  self->message += self->payload_left;
  return TRUE;
}

static gboolean
follow (MeshWsInput *self, const guint8 *data, gsize size)
{
  while (size > 0) {
    if (self->payload_left > 0) {
      gsize step = MIN (size, self->payload_left);

      self->payload_left -= step;
      data += step;
      size -= step;
      continue;
    }
    self->head[self->head_length++] = *data++;
    size--;
    if (self->head_length == head_size (self) && !begin_frame (self))
      return FALSE;
  }
  return TRUE;
}

static gssize
check (MeshWsInput *self, const void *buffer, gssize got, GError **error)
{
  if (got <= 0 || follow (self, buffer, got))
    return got;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
      "message is too large");
  return -1;
}

static gsize
early_left (MeshWsInput *self)
{
  return self->early ? g_bytes_get_size (self->early) - self->early_read : 0;
}

static gsize
read_early (MeshWsInput *self, void *buffer, gsize count)
{
  gsize step = MIN (count, early_left (self));

  memcpy (buffer,
      (const guint8 *) g_bytes_get_data (self->early, NULL) + self->early_read,
      step);
  self->early_read += step;
  return step;
}

static gssize
mesh_ws_input_read (GInputStream *stream, void *buffer, gsize count,
    GCancellable *cancellable, GError **error)
{
  MeshWsInput *self = MESH_WS_INPUT (stream);
  gssize got;

  if (early_left (self) > 0)
    got = read_early (self, buffer, count);
  else
    got = g_input_stream_read (G_INPUT_STREAM (self->base), buffer, count,
        cancellable, error);
  return check (self, buffer, got, error);
}

static gssize
mesh_ws_input_read_nonblocking (GPollableInputStream *stream, void *buffer,
    gsize count, GError **error)
{
  MeshWsInput *self = MESH_WS_INPUT (stream);
  gssize got;

  if (early_left (self) > 0)
    got = read_early (self, buffer, count);
  else
    got = g_pollable_input_stream_read_nonblocking (self->base, buffer, count,
        NULL, error);
  return check (self, buffer, got, error);
}

static gboolean
mesh_ws_input_is_readable (GPollableInputStream *stream)
{
  MeshWsInput *self = MESH_WS_INPUT (stream);

  return early_left (self) > 0
         || g_pollable_input_stream_is_readable (self->base);
}

static GSource *
mesh_ws_input_create_source (GPollableInputStream *stream,
    GCancellable *cancellable)
{
  MeshWsInput *self = MESH_WS_INPUT (stream);
  g_autoptr (GSource) child = NULL;

  if (early_left (self) > 0)
    child = g_timeout_source_new (0);
  else
    child = g_pollable_input_stream_create_source (self->base, NULL);
  return g_pollable_source_new_full (self, child, cancellable);
}

static void
pollable_init (GPollableInputStreamInterface *iface)
{
  iface->read_nonblocking = mesh_ws_input_read_nonblocking;
  iface->is_readable = mesh_ws_input_is_readable;
  iface->create_source = mesh_ws_input_create_source;
}

static void
mesh_ws_input_finalize (GObject *object)
{
  MeshWsInput *self = MESH_WS_INPUT (object);

  g_clear_object (&self->base);
  g_clear_pointer (&self->early, g_bytes_unref);
  G_OBJECT_CLASS (mesh_ws_input_parent_class)->finalize (object);
}

static void
mesh_ws_input_class_init (MeshWsInputClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mesh_ws_input_finalize;
  G_INPUT_STREAM_CLASS (klass)->read_fn = mesh_ws_input_read;
}

static void
mesh_ws_input_init (MeshWsInput *self)
{
  self->is_last = TRUE;
}

static GInputStream *
mesh_ws_stream_get_input (GIOStream *stream)
{
  return MESH_WS_STREAM (stream)->input;
}

static GOutputStream *
mesh_ws_stream_get_output (GIOStream *stream)
{
  return g_io_stream_get_output_stream (
      G_IO_STREAM (MESH_WS_STREAM (stream)->base));
}

static gboolean
mesh_ws_stream_close (GIOStream *stream, GCancellable *cancellable,
    GError **error)
{
  return g_socket_close (
      g_socket_connection_get_socket (MESH_WS_STREAM (stream)->base), error);
}

static void
mesh_ws_stream_close_async (GIOStream *stream, int priority,
    GCancellable *cancellable, GAsyncReadyCallback callback,
    gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (stream, cancellable, callback,
      user_data);
  GError *error = NULL;

  if (mesh_ws_stream_close (stream, cancellable, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static gboolean
mesh_ws_stream_close_finish (GIOStream *stream, GAsyncResult *result,
    GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
mesh_ws_stream_finalize (GObject *object)
{
  MeshWsStream *self = MESH_WS_STREAM (object);

  g_clear_object (&self->input);
  g_clear_object (&self->base);
  G_OBJECT_CLASS (mesh_ws_stream_parent_class)->finalize (object);
}

static void
mesh_ws_stream_class_init (MeshWsStreamClass *klass)
{
  GIOStreamClass *stream_class = G_IO_STREAM_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = mesh_ws_stream_finalize;
  stream_class->get_input_stream = mesh_ws_stream_get_input;
  stream_class->get_output_stream = mesh_ws_stream_get_output;
  stream_class->close_fn = mesh_ws_stream_close;
  stream_class->close_async = mesh_ws_stream_close_async;
  stream_class->close_finish = mesh_ws_stream_close_finish;
}

static void
mesh_ws_stream_init (MeshWsStream *self)
{
}

/* early: what was read of the WebSocket already. */
GIOStream *
mesh_ws_stream_new (GSocketConnection *base, GBytes *early, gsize max_message)
{
  MeshWsStream *self = g_object_new (MESH_TYPE_WS_STREAM, NULL);
  MeshWsInput *input = g_object_new (MESH_TYPE_WS_INPUT, NULL);
  GInputStream *stream = g_io_stream_get_input_stream (G_IO_STREAM (base));

  input->base = G_POLLABLE_INPUT_STREAM (g_object_ref (stream));
  input->early = g_bytes_ref (early);
  input->max_message = max_message;
  self->base = g_object_ref (base);
  self->input = G_INPUT_STREAM (input);
  return G_IO_STREAM (self);
}
