/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "traces.h"

#include "../count-entries.h"

#define LOOK_AGAIN (20 * G_TIME_SPAN_MILLISECOND)
#define ALIKE 25                /* looks after which a number stands still */

gint64
traces_patience (void)
{
  return (g_getenv ("MESH_SLOW") ? 120 : 30) * G_TIME_SPAN_SECOND;
}

static gboolean
on_time (GstClock *clock, GstClockTime time, GstClockID id, gpointer data)
{
  return TRUE;
}

/* The system clock begins its thread for whoever is the first to wait without
 * blocking. That is a DTLS handshake that takes long, so on a busy machine in
 * any round, and the thread stays. So it is begun before threads are counted. */
static void
begin_clock_thread (void)
{
  g_autoptr (GstClock) clock = gst_system_clock_obtain ();
  GstClockID id = gst_clock_new_single_shot_id (clock,
      gst_clock_get_time (clock));

  gst_clock_id_wait_async (id, on_time, NULL, NULL);
  gst_clock_id_unref (id);
}

Traces
traces_now (void)
{
  begin_clock_thread ();
  g_thread_pool_stop_unused_threads ();
  return (Traces) { count_entries ("/proc/self/task"),
        count_entries ("/proc/self/fd") };
}

Traces
traces_settled (void)
{
  gint64 until = g_get_monotonic_time () + traces_patience ();
  Traces last = traces_now ();

  for (guint alike = 0; alike < ALIKE;) {
    Traces now;

    g_usleep (LOOK_AGAIN);
    now = traces_now ();
    fail_unless (g_get_monotonic_time () < until, "threads come and go");
    alike = now.threads == last.threads
        && now.descriptors == last.descriptors ? alike + 1 : 0;
    last = now;
  }
  return last;
}

/* A thread is known by what the kernel shows of its name, a descriptor by what
 * it is open for. */
static void
add_names (GString *names, const char *path, gboolean threads)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *one;

  while ((one = g_dir_read_name (dir))) {
    g_autofree char *file = g_build_filename (path, one,
        threads ? "comm" : NULL, NULL);
    g_autofree char *name = NULL;

    if (threads)
      g_file_get_contents (file, &name, NULL, NULL);
    else
      name = g_file_read_link (file, NULL);
    /* gone in the meantime otherwise */
    if (name)
      g_string_append_printf (names, " %s", g_strchomp (name));
  }
}

static gboolean
exceeds (Traces now, Traces limit)
{
  return now.threads > limit.threads || now.descriptors > limit.descriptors;
}

void
traces_check (Traces before)
{
  gint64 until = g_get_monotonic_time () + traces_patience ();
  g_autoptr (GString) names = NULL;
  Traces now = traces_now ();

  while (exceeds (now, before) && g_get_monotonic_time () < until) {
    g_usleep (LOOK_AGAIN);
    now = traces_now ();
  }
  if (!exceeds (now, before))
    return;
  names = g_string_new (NULL);
  add_names (names, "/proc/self/task", TRUE);
  g_string_append (names, ";");
  add_names (names, "/proc/self/fd", FALSE);
  fail ("%u threads and %u descriptors; there were %u and %u:%s", now.threads,
      now.descriptors, before.threads, before.descriptors, names->str);
}
