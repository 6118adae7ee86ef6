/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "host/timer.h"

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

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  return callback (user_data);
}

/*
 * mesh_timer_new_unset:
 * @context: where @func is called, whenever it is time by
 *   g_source_set_ready_time(): as yet, never
 *
 * Returns: (transfer full): for mesh_timer_clear()
 */
GSource *
mesh_timer_new_unset (GMainContext *context, GSourceFunc func,
    gpointer user_data)
{
  static GSourceFuncs funcs = { .dispatch = dispatch };
  GSource *source = g_source_new (&funcs, sizeof (GSource));

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

/*
 * mesh_idle_post:
 * @context: on whose thread @func is called, soon, and after what was posted
 *   before; until it says %G_SOURCE_REMOVE
 * @destroy: (nullable): for @user_data, also where @func is never called
 */
void
mesh_idle_post (GMainContext *context, GSourceFunc func, gpointer user_data,
    GDestroyNotify destroy)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, func, user_data, destroy);
  g_source_attach (source, context);
}
