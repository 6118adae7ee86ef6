/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "server/io.h"

#include <errno.h>
#include <sys/socket.h>

struct _MeshIo {
  GSocket *socket;
  int fd;
  MeshCredentials *credentials; /* NULL: plain; used by the session */
  gnutls_session_t tls;         /* NULL: plain */
  gboolean ready;               /* the handshake is done */
  gboolean broken;              /* TLS could not be set up */
  gboolean resend;              /* GnuTLS holds a record of ours */
};

/*
 * mesh_io_new:
 * @socket: (transfer full): a connected socket
 * @credentials: (nullable): of a TLS server; %NULL = plain
 */
MeshIo *
mesh_io_new (GSocket *socket, MeshCredentials *credentials)
{
  MeshIo *self = g_new0 (MeshIo, 1);

  self->socket = socket;
  self->fd = g_socket_get_fd (socket);
  g_socket_set_blocking (socket, FALSE);
  if (!credentials)
    return self;
  self->credentials = mesh_credentials_ref (credentials);
  if (gnutls_init (&self->tls, GNUTLS_SERVER | GNUTLS_NONBLOCK
          | GNUTLS_NO_SIGNAL) < 0
      || gnutls_set_default_priority (self->tls) < 0
      || gnutls_credentials_set (self->tls, GNUTLS_CRD_CERTIFICATE,
          mesh_credentials_get (credentials)) < 0) {
    self->broken = TRUE;
    return self;
  }
  gnutls_certificate_server_set_request (self->tls, GNUTLS_CERT_IGNORE);
  gnutls_transport_set_int (self->tls, self->fd);
  return self;
}

void
mesh_io_free (MeshIo *io)
{
  if (!io)
    return;
  if (io->tls)
    gnutls_deinit (io->tls);
  mesh_credentials_unref (io->credentials);
  g_socket_close (io->socket, NULL);
  g_object_unref (io->socket);
  g_free (io);
}

int
mesh_io_get_fd (MeshIo *io)
{
  return io->fd;
}

static gssize
from_errno (void)
{
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR
      ? MESH_IO_AGAIN : MESH_IO_GONE;
}

static gssize
from_tls (gssize result)
{
  if (result > 0)
    return result;
  /* Every other result that GnuTLS does not call fatal is a wish of the peer,
   * such as another handshake, that need not be granted. */
  return result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED
      ? MESH_IO_AGAIN : MESH_IO_GONE;
}

static gssize
shake_hands (MeshIo *self)
{
  int result;

  if (self->ready)
    return 1;
  if (self->broken)
    return MESH_IO_GONE;
  do {
    result = gnutls_handshake (self->tls);
  } while (result < 0 && !gnutls_error_is_fatal (result)
      && result != GNUTLS_E_AGAIN && result != GNUTLS_E_INTERRUPTED);
  self->ready = result == GNUTLS_E_SUCCESS;
  return self->ready ? 1 : from_tls (result);
}

/* Returns: bytes read, %MESH_IO_AGAIN, or %MESH_IO_GONE for an end or error */
gssize
mesh_io_read (MeshIo *io, gpointer data, gsize size)
{
  gssize n;

  if (!io->tls && !io->broken) {
    n = recv (io->fd, data, size, 0);
    return n > 0 ? n : n == 0 ? MESH_IO_GONE : from_errno ();
  }
  n = shake_hands (io);
  return n < 0 ? n : from_tls (gnutls_record_recv (io->tls, data, size));
}

/* Returns whether reading on at once is pointless after @n of @size bytes. */
gboolean
mesh_io_is_drained (MeshIo *io, gssize n, gsize size)
{
  /* GnuTLS hands out one record at a time, and may hold the next one
   * already. */
  return !io->tls && n < (gssize) size;
}

/* Returns: bytes written, %MESH_IO_AGAIN or %MESH_IO_GONE. After "again" the
 * same bytes must come first in the next call. */
gssize
mesh_io_write (MeshIo *io, gconstpointer data, gsize size)
{
  gssize n;

  if (!io->tls && !io->broken) {
    n = send (io->fd, data, size, MSG_NOSIGNAL);
    return n >= 0 ? n : from_errno ();
  }
  n = shake_hands (io);
  if (n < 0)
    return n;
  n = from_tls (io->resend ? gnutls_record_send (io->tls, NULL, 0)
      : gnutls_record_send (io->tls, data, size));
  io->resend = n == MESH_IO_AGAIN;
  return n;
}

/* Returns whether the handshake waits for the socket to take bytes. */
gboolean
mesh_io_wants_write (MeshIo *io)
{
  return io->tls && !io->ready && !io->broken
      && gnutls_record_get_direction (io->tls) == 1;
}

/* Tells the peer that nothing more will be written. */
void
mesh_io_finish (MeshIo *io)
{
  if (io->tls && io->ready)
    gnutls_bye (io->tls, GNUTLS_SHUT_WR);
  shutdown (io->fd, SHUT_WR);
}
