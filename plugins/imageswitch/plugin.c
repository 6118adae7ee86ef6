/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plugin, which holds one element. */

#include "imageswitch.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  return GST_ELEMENT_REGISTER (imageswitch, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, imageswitch,
    "A camera that can be trusted to be off", plugin_init, MESH_VERSION,
    "LGPL", PACKAGE, MESH_ORIGIN)
