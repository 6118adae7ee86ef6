/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signalling/transport.h"

enum { OPENED, FRAME, HEARD, CLOSED, N_SIGNALS };

static guint signals[N_SIGNALS];

G_DEFINE_INTERFACE (MeshTransport, mesh_transport, G_TYPE_OBJECT)

static void
mesh_transport_default_init (MeshTransportInterface *iface)
{
  GType type = G_TYPE_FROM_INTERFACE (iface);

  /**
   * MeshTransport::opened:
   * @transport: the transport
   *
   * Frames can be sent.
   *
   * Since: 0.1
   */
  signals[OPENED] = g_signal_new ("opened", type, G_SIGNAL_RUN_LAST, 0, NULL,
      NULL, NULL, G_TYPE_NONE, 0);
  /**
   * MeshTransport::frame:
   * @transport: the transport
   * @frame: (type GBytes): what arrived, not NUL-terminated
   *
   * Since: 0.1
   */
  signals[FRAME] = g_signal_new ("frame", type, G_SIGNAL_RUN_LAST, 0, NULL,
      NULL, NULL, G_TYPE_NONE, 1, G_TYPE_BYTES | G_SIGNAL_TYPE_STATIC_SCOPE);
  /**
   * MeshTransport::heard:
   * @transport: the transport
   *
   * The server is alive.
   *
   * Since: 0.1
   */
  signals[HEARD] = g_signal_new ("heard", type, G_SIGNAL_RUN_LAST, 0, NULL,
      NULL, NULL, G_TYPE_NONE, 0);
  /**
   * MeshTransport::closed:
   * @transport: the transport
   * @error: (type GError) (nullable): why
   *
   * Since: 0.1
   */
  signals[CLOSED] = g_signal_new ("closed", type, G_SIGNAL_RUN_LAST, 0, NULL,
      NULL, NULL, G_TYPE_NONE, 1, G_TYPE_ERROR | G_SIGNAL_TYPE_STATIC_SCOPE);
}

/**
 * mesh_transport_open:
 * @transport: a new transport
 *
 * Connects; #MeshTransport::opened or #MeshTransport::closed follows.
 */
void
mesh_transport_open (MeshTransport *transport)
{
  MESH_TRANSPORT_GET_IFACE (transport)->open (transport);
}

/**
 * mesh_transport_send:
 * @transport: an open transport
 * @frame: one frame
 *
 * Never blocks.
 */
void
mesh_transport_send (MeshTransport *transport, const char *frame)
{
  MESH_TRANSPORT_GET_IFACE (transport)->send (transport, frame);
}

/**
 * mesh_transport_close:
 * @finish: whether to get out first what was sent
 */
void
mesh_transport_close (MeshTransport *transport, gboolean finish)
{
  MESH_TRANSPORT_GET_IFACE (transport)->close (transport, finish);
}

/**
 * mesh_transport_dup_way:
 * Returns: (transfer full) (nullable): what the text of an error of this
 *   connection begins with; %NULL = nothing is between us and the server
 */
char *
mesh_transport_dup_way (MeshTransport *transport)
{
  MeshTransportInterface *iface = MESH_TRANSPORT_GET_IFACE (transport);

  return iface->dup_way ? iface->dup_way (transport) : NULL;
}

/**
 * mesh_transport_emit_opened:
 */
void
mesh_transport_emit_opened (MeshTransport *transport)
{
  g_signal_emit (transport, signals[OPENED], 0);
}

/**
 * mesh_transport_emit_frame:
 * @frame: what arrived
 */
void
mesh_transport_emit_frame (MeshTransport *transport, GBytes *frame)
{
  g_signal_emit (transport, signals[FRAME], 0, frame);
}

/**
 * mesh_transport_emit_heard:
 */
void
mesh_transport_emit_heard (MeshTransport *transport)
{
  g_signal_emit (transport, signals[HEARD], 0);
}

/**
 * mesh_transport_emit_closed:
 * @error: (nullable): why
 */
void
mesh_transport_emit_closed (MeshTransport *transport, const GError *error)
{
  g_signal_emit (transport, signals[CLOSED], 0, error);
}
