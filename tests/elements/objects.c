/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "objects.h"

void
objects_watch (const char *types)
{
  g_autofree char *tracers = g_strdup_printf ("leaks(filters=\"%s\")", types);

  g_setenv ("GST_TRACERS", tracers, FALSE);
}

/* How many objects of a type and address have been made since objects_start(),
 * less those that have gone, as GStreamer's leaks tracer tells. (Its list of
 * live objects costs each of them a reference, in 1.22.) */
static GHashTable *alive;
static gboolean of_parts_alone;

static GObject *
leaks_tracer (void)
{
  GList *tracers = gst_tracing_get_active_tracers ();
  GObject *found = NULL;

  for (GList *l = tracers; l; l = l->next) {
    if (g_str_equal (G_OBJECT_TYPE_NAME (l->data), "GstLeaksTracer"))
      found = g_object_ref (l->data);
  }
  g_list_free_full (tracers, gst_object_unref);
  fail_unless (found != NULL);
  return found;
}

void
objects_start (gboolean parts)
{
  g_autoptr (GObject) tracer = leaks_tracer ();

  of_parts_alone = parts;
  alive = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_signal_emit_by_name (tracer, "activity-start-tracking");
}

void
objects_stop (void)
{
  g_autoptr (GObject) tracer = leaks_tracer ();

  g_signal_emit_by_name (tracer, "activity-stop-tracking");
  g_clear_pointer (&alive, g_hash_table_unref);
}

static gboolean
is_part (const char *name)
{
  GType type = g_type_from_name (name);

  return g_type_is_a (type, GST_TYPE_ELEMENT)
      || g_type_is_a (type, GST_TYPE_PAD);
}

static void
book (const GstStructure *news, const char *field, int change)
{
  const GValue *list = gst_structure_get_value (news, field);

  for (guint i = 0; i < gst_value_list_get_size (list); i++) {
    const GstStructure *s =
        gst_value_get_structure (gst_value_list_get_value (list, i));
    char *key = g_strdup_printf ("%s %s", gst_structure_get_string (s,
            "type-name"), gst_structure_get_string (s, "address"));
    int count = GPOINTER_TO_INT (g_hash_table_lookup (alive, key));

    if (of_parts_alone && !is_part (gst_structure_get_string (s, "type-name"))) {
      g_free (key);
      continue;
    }
    /* a few are kept in the caps of an encoder, say; the program says which others */
    if (g_str_has_prefix (key, "GstBuffer "))
      g_free (key);
    else
      g_hash_table_replace (alive, key, GINT_TO_POINTER (count + change));
  }
}

static guint
count_objects (gboolean print)
{
  g_autoptr (GObject) tracer = leaks_tracer ();
  g_autoptr (GstStructure) news = NULL;
  GHashTableIter iter;
  gpointer key, count;
  guint n = 0;

  g_signal_emit_by_name (tracer, "activity-get-checkpoint", &news);
  book (news, "objects-created-list", 1);
  book (news, "objects-removed-list", -1);
  g_hash_table_iter_init (&iter, alive);
  while (g_hash_table_iter_next (&iter, &key, &count)) {
    if (GPOINTER_TO_INT (count) <= 0)
      continue;
    n++;
    if (print)
      g_printerr ("still alive: %s\n", (char *) key);
  }
  return n;
}

void
objects_check (Traces before)
{
  gint64 until = g_get_monotonic_time () + traces_patience ();

  /* Threads that are about to end may hold objects. */
  traces_check (before);
  while (count_objects (FALSE) > 0 && g_get_monotonic_time () < until)
    g_thread_yield ();
  ck_assert_uint_eq (count_objects (TRUE), 0);
}
