/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plugin, which holds one element. */

#include <gst/gst.h>

#include "elements.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  return GST_ELEMENT_REGISTER (meshview, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, meshview,
    "Everybody of a call in one picture and one sound", plugin_init,
    MESH_VERSION, "LGPL", PACKAGE, MESH_ORIGIN)
