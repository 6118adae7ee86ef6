/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Posts errors of the signalling as messages of an element. No error's text
 * contains a link's key. */

#include "error-message.h"

#include "core/error.h"

static GstResourceError
map_code (const GError *error)
{
  if (error->domain != MESH_ERROR)
    return GST_RESOURCE_ERROR_FAILED;
  switch (error->code) {
    case MESH_ERROR_BAD_LINK:
      return GST_RESOURCE_ERROR_SETTINGS;
    case MESH_ERROR_REFUSED:
      return GST_RESOURCE_ERROR_NOT_AUTHORIZED;
    case MESH_ERROR_UNREACHABLE:
    case MESH_ERROR_FAILED:
      return GST_RESOURCE_ERROR_OPEN_READ_WRITE;
    default:
      return GST_RESOURCE_ERROR_READ;
  }
}

/* Posts an ERROR if @fatal is set, which means that the call is lost. A server
 * that does not answer and is tried again is an INFO, since the user need not
 * do anything; every other error is a WARNING. */
void
mesh_signal_post_error (GstElement *element, const GError *error,
    gboolean fatal)
{
  GstMessageType type = GST_MESSAGE_WARNING;

  if (fatal)
    type = GST_MESSAGE_ERROR;
  else if (g_error_matches (error, MESH_ERROR, MESH_ERROR_UNREACHABLE))
    type = GST_MESSAGE_INFO;
  gst_element_message_full (element, type, GST_RESOURCE_ERROR,
      type == GST_MESSAGE_ERROR ? map_code (error) : GST_RESOURCE_ERROR_READ,
      g_strdup (error->message), NULL, __FILE__, GST_FUNCTION, __LINE__);
}
