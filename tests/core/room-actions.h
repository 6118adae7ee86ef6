/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/room.h"

/* What the vectors and the page's room call a room's actions. */
static const char *const action_names[] = {
  [MESH_ROOM_SEND] = "send",
  [MESH_ROOM_PEER_ADDED] = "added",
  [MESH_ROOM_PEER_REMOVED] = "removed",
  [MESH_ROOM_PEER_CHANGED] = "changed",
  [MESH_ROOM_START] = "start",
  [MESH_ROOM_STOP] = "stop",
  [MESH_ROOM_RETIRE] = "retire",
  [MESH_ROOM_BACK] = "back",
  [MESH_ROOM_DROP] = "drop",
  [MESH_ROOM_REMOTE_SDP] = "remote-sdp",
  [MESH_ROOM_REMOTE_CANDIDATE] = "remote-candidate",
  [MESH_ROOM_CHAT] = "chat",
  [MESH_ROOM_WANTED] = "wanted",
  [MESH_ROOM_OUTDATED] = "outdated",
  [MESH_ROOM_WARNING] = "warning",
};
