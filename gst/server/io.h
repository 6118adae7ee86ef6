/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "server/credentials.h"

G_BEGIN_DECLS

/* Reads and writes a socket's bytes, with or without TLS, without blocking.
 * GTlsConnection would hold a thread of GTask's small pool for every handshake
 * that a client leaves hanging. */

typedef struct _MeshIo MeshIo;

#define MESH_IO_AGAIN (-1)
#define MESH_IO_GONE (-2)

MeshIo *mesh_io_new (GSocket *socket, MeshCredentials *credentials);
void mesh_io_free (MeshIo *io);
int mesh_io_get_fd (MeshIo *io);
gssize mesh_io_read (MeshIo *io, gpointer data, gsize size);
gboolean mesh_io_is_drained (MeshIo *io, gssize n, gsize size);
gssize mesh_io_write (MeshIo *io, gconstpointer data, gsize size);
gboolean mesh_io_wants_write (MeshIo *io);
void mesh_io_finish (MeshIo *io);

G_END_DECLS
