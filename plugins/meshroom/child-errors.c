/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Handles the errors of elements inside the room. An error of the signalling
 * ends the call. All other errors become warnings, since the rest of the call
 * goes on. */

#include "meshroom/meshroom.h"

/* Whether @message comes from the room's own signalsrc or signalsink. */
static gboolean
is_of_signalling (MeshMeshroom *self, GstMessage *message)
{
  g_autoptr (GstObject) child = gst_object_ref (GST_MESSAGE_SRC (message));
  GstElementFactory *factory;
  GstObject *parent;

  while ((parent = gst_object_get_parent (child)) != GST_OBJECT (self)) {
    if (!parent)
      return FALSE;
    gst_object_unref (child);
    child = parent;
  }
  gst_object_unref (parent);
  factory = GST_IS_ELEMENT (child)
      ? gst_element_get_factory (GST_ELEMENT (child)) : NULL;
  return factory && g_str_has_prefix (GST_OBJECT_NAME (factory), "signal");
}

/* @message: an ERROR of a child
 *
 * Returns: whether a warning was posted, so that @message is to be dropped */
gboolean
mesh_meshroom_take_child_error (MeshMeshroom *self, GstMessage *message)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) softened = NULL;
  g_autofree char *debug = NULL;

  if (is_of_signalling (self, message))
    return FALSE;
  gst_message_parse_error (message, &error, &debug);
  softened = g_error_new (GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED,
      "%s failed inside the room, and the call goes on without it: %s",
      GST_MESSAGE_SRC_NAME (message), error->message);
  GST_WARNING_OBJECT (self, "%s (%s)", softened->message, debug);
  mesh_meshroom_tell_message (self, gst_message_new_warning (GST_OBJECT (self),
          softened, debug));
  return TRUE;
}
