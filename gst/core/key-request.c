/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/key-request.h"

/* A sender needs a moment for a key frame, and may spread its packets, which
 * takes longer where the path is full: the wait is doubled with each repetition
 * up to a bound. */
#define PATIENCE (300 * G_TIME_SPAN_MILLISECOND)
#define MOST_PATIENCE (1200 * G_TIME_SPAN_MILLISECOND)

/**
 * mesh_key_request_want:
 *
 * Notes that nothing can be shown before the next key frame.
 */
void
mesh_key_request_want (MeshKeyRequest *request)
{
  request->wanted = TRUE;
}

/**
 * mesh_key_request_got:
 *
 * Notes that a key frame has come.
 */
void
mesh_key_request_got (MeshKeyRequest *request)
{
  request->wanted = FALSE;
  request->asked_at = 0;
  request->repeated = 0;
}

/**
 * mesh_key_request_is_due:
 * @rtt: the round-trip time to the peer, 0 if it is not known
 *
 * Returns: whether to ask now; then the request counts as sent
 */
gboolean
mesh_key_request_is_due (MeshKeyRequest *request, gint64 rtt, gint64 now)
{
  gint64 patience = MIN (PATIENCE << request->repeated, MOST_PATIENCE);

  if (!request->wanted || (request->asked_at > 0
          && now - request->asked_at < MAX (rtt, patience)))
    return FALSE;
  if (request->asked_at > 0 && patience < MOST_PATIENCE)
    request->repeated++;
  request->asked_at = now;
  request->asked++;
  return TRUE;
}
