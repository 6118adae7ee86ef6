/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Posts the room's errors and other messages, and hands its name and state to
 * the call. */

#include "meshroom/meshroom.h"

#include "core/error.h"

/* Maps an error to the ERROR message that the application sees. */
void
mesh_meshroom_post_error (MeshMeshroom *self, const GError *error)
{
  if (g_error_matches (error, MESH_ERROR, MESH_ERROR_BAD_LINK))
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS, ("%s", error->message),
        (NULL));
  else if (error->domain == MESH_ERROR)
    GST_ELEMENT_ERROR (self, RESOURCE, FAILED, ("%s", error->message), (NULL));
  else
    GST_ELEMENT_ERROR (self, RESOURCE, OPEN_READ_WRITE, ("%s",
            error->message), (NULL));
}

void
mesh_meshroom_tell_state_locked (MeshMeshroom *self)
{
  if (self->call)
    mesh_call_set_state (self->call, self->display_name, self->muted,
        self->hidden);
}

/* Posts a message on the notifier's thread, where a sync handler of the bus may
 * do anything, such as stop the thread that this is called on. @message:
 * (transfer full) */
void
mesh_meshroom_tell_message (MeshMeshroom *self, GstMessage *message)
{
  g_autoptr (MeshNotifier) notifier = NULL;

  g_mutex_lock (&self->lock);
  if (self->notifier)
    notifier = mesh_notifier_ref (self->notifier);
  g_mutex_unlock (&self->lock);
  if (notifier)
    mesh_notifier_post_message (notifier, message);
  else
    gst_message_unref (message);
}

void
mesh_meshroom_set_muted (MeshMeshroom *self, gboolean muted)
{
  MeshSource *audio;

  g_mutex_lock (&self->lock);
  self->muted = muted;
  audio = self->sources[MESH_AUDIO];
  if (audio)
    mesh_source_set_muted (audio, muted);
  mesh_meshroom_tell_state_locked (self);
  g_mutex_unlock (&self->lock);
}
