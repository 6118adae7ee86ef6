/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plugin meshsignal, which registers signalsrc and signalsink. */

#include "elements.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  gboolean done = FALSE;

  done |= GST_ELEMENT_REGISTER (signalsrc, plugin);
  done |= GST_ELEMENT_REGISTER (signalsink, plugin);
  return done;
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, meshsignal,
    "A room's signalling as a source and a sink", plugin_init, MESH_VERSION,
    "LGPL", PACKAGE, MESH_ORIGIN)
