/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Registers the element, and prepares OpenSSL for the end of the process. */

#include <openssl/crypto.h>

#include "host/process.h"
#include "meshroom/common.h"
#include "meshroom/elements.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  GST_DEBUG_CATEGORY_INIT (mesh_room_debug, "meshroom", 0, "meshroom");
  /* A thread that ends while exit() runs OpenSSL's cleanup crashes the process
   * after all is done. Those of connections are cleaned up after in good time
   * (mesh_peer_handle_message()), but for GStreamer's DTLS timeouts, which are
   * handled in a pool of GLib's that nobody can wait for. So the memory is left
   * to the system instead. The first initialisation in a process decides. */
  if (mesh_host_owns_process ())
    OPENSSL_init_crypto (OPENSSL_INIT_NO_ATEXIT, NULL);
  return GST_ELEMENT_REGISTER (meshroom, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, meshroom,
    "Group video calls without a media server", plugin_init, MESH_VERSION,
    "LGPL", PACKAGE, MESH_ORIGIN)
