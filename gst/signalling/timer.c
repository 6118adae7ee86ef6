/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "signalling/timer.h"

/*
 * mesh_timer_new:
 * @context: where @func is called, again and again until it says
 *   %G_SOURCE_REMOVE
 *
 * Returns: (transfer full): for mesh_timer_clear()
 */
GSource *
mesh_timer_new (GMainContext *context, guint ms, GSourceFunc func,
    gpointer user_data)
{
  GSource *source = g_timeout_source_new (ms);

  g_source_set_callback (source, func, user_data, NULL);
  g_source_attach (source, context);
  return source;
}

/*
 * mesh_timer_clear:
 * @source: (inout): a source of any kind, or %NULL; %NULL afterwards
 */
void
mesh_timer_clear (GSource **source)
{
  if (*source)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}
