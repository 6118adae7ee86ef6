/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The queue of what the driver is to do: frames to send and connections to
 * close. */

#include "pusher/hub-private.h"

static void
push_action (MeshPusherHub *hub, guint64 client, GBytes *frame, guint16 code)
{
  MeshPusherHubAction *action = g_new0 (MeshPusherHubAction, 1);

  action->client = client;
  action->frame = frame;
  action->close_code = code;
  g_queue_push_tail (&hub->actions, action);
}

void
mesh_pusher_hub_send (MeshPusherHub *hub, MeshPusherHubClient *client,
    GBytes *frame)
{
  push_action (hub, client->number, g_bytes_ref (frame), 0);
}

/* @text: (transfer full) */
void
mesh_pusher_hub_send_text (MeshPusherHub *hub,
    MeshPusherHubClient *client, GString *text)
{
  push_action (hub, client->number, g_string_free_to_bytes (text), 0);
}

void
mesh_pusher_hub_send_close (MeshPusherHub *hub, guint64 client, guint16 code)
{
  push_action (hub, client, NULL, code);
}

/**
 * mesh_pusher_hub_pop_action:
 * @action: (out caller-allocates): what to do; to be cleared
 *
 * Returns: %FALSE when there is nothing to do
 */
gboolean
mesh_pusher_hub_pop_action (MeshPusherHub *hub, MeshPusherHubAction *action)
{
  g_autofree MeshPusherHubAction *next = g_queue_pop_head (&hub->actions);

  if (!next)
    return FALSE;
  *action = *next;
  return TRUE;
}

void
mesh_pusher_hub_action_clear (MeshPusherHubAction *action)
{
  g_clear_pointer (&action->frame, g_bytes_unref);
}
