/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Posts warnings about STUN and TURN servers that do not serve us. The ICE
 * agent only misses a candidate then, and a member who needs it would wait for
 * a picture without knowing why. */

#include "meshroom/call-private.h"

static void
on_probed (const char *server, const char *why, gpointer user_data)
{
  MeshCall *self = user_data;
  gboolean relay = g_str_has_prefix (server, "turn");

  if (!why) {
    GST_INFO_OBJECT (self->config.element, "%s serves us", server);
    return;
  }
  GST_ELEMENT_WARNING (self->config.element, RESOURCE, OPEN_READ_WRITE,
      ("%s server %s: %s", relay ? "TURN" : "STUN", server, why),
      ("the call goes on without it; %s", self->config.relay_only
          ? "with ice-transport-policy=relay nobody is reached unless another "
          "TURN server serves us"
          : "peers in other networks may not be reached"));
}

/**
 * mesh_call_probe_ice_servers:
 * @call: a call that has servers, by its properties or from the link's server
 *
 * Asks them once whether they serve us, and tells what is wrong. On the call's
 * thread, or before that runs.
 */
void
mesh_call_probe_ice_servers (MeshCall *call)
{
  if (call->ice_probe
      || (!call->stun_server && !(call->turn_servers && call->turn_servers[0])))
    return;
  call->ice_probe = mesh_ice_probe_new (call->context, call->stun_server,
      (const char *const *) call->turn_servers, on_probed, call);
}
