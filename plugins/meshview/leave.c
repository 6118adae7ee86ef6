/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The end of an input that was unlinked.
 *
 * Whoever linked it without keeping it, as gst-launch does, will never release
 * it: that is up to us. An application that keeps the pad will unlink it and
 * then release it, and must still find it there when it does. So a pad goes
 * when nobody but the view has a reference any more; or some time later, if
 * somebody just forgot. */

#include "leave.h"

#include "elements.h"

#define GST_CAT_DEFAULT mesh_view_debug

#define INTERVAL (100 * GST_MSECOND)
#define MAX_CHECKS 20

typedef struct {
  GWeakRef view;
  GWeakRef pad;
  guint checks;
} Leaver;

static void
leaver_free (gpointer data)
{
  Leaver *leaver = data;

  g_weak_ref_clear (&leaver->view);
  g_weak_ref_clear (&leaver->pad);
  g_free (leaver);
}

/* Whether there are references besides the view's, and the one that was taken
 * to look. */
gboolean
mesh_leave_is_kept (GstPad *pad)
{
  return g_atomic_int_get (&G_OBJECT (pad)->ref_count) > 2;
}

static void start_checks (Leaver *leaver);

static gboolean
on_time (GstClock *clock, GstClockTime time, GstClockID id, gpointer user_data)
{
  Leaver *leaver = user_data;
  g_autoptr (GstPad) pad = g_weak_ref_get (&leaver->pad);
  g_autoptr (GstElement) view = pad ? g_weak_ref_get (&leaver->view) : NULL;

  if (!view || GST_PAD_PARENT (pad) != view)
    return TRUE;
  if (mesh_leave_is_kept (pad) && leaver->checks + 1 < MAX_CHECKS) {
    Leaver *next = g_new0 (Leaver, 1);

    g_weak_ref_init (&next->view, view);
    g_weak_ref_init (&next->pad, pad);
    next->checks = leaver->checks + 1;
    start_checks (next);
  } else {
    gst_element_release_request_pad (view, pad);
  }
  return TRUE;
}

/* The clock's entry owns @leaver, also when it never comes to its time. */
static void
start_checks (Leaver *leaver)
{
  g_autoptr (GstClock) clock = gst_system_clock_obtain ();
  GstClockID id = gst_clock_new_single_shot_id (clock,
      gst_clock_get_time (clock) + INTERVAL);

  gst_clock_id_wait_async (id, on_time, leaver, leaver_free);
  gst_clock_id_unref (id);
}

/**
 * mesh_leave_soon:
 * @view: the element
 * @pad: a request pad of it that is out of use
 *
 * Releases @pad as soon as nobody else can be about to.
 */
void
mesh_leave_soon (GstElement *view, GstPad *pad)
{
  Leaver *leaver = g_new0 (Leaver, 1);

  g_weak_ref_init (&leaver->view, view);
  g_weak_ref_init (&leaver->pad, pad);
  start_checks (leaver);
}

static gboolean
do_nothing (GstClock *clock, GstClockTime time, GstClockID id,
    gpointer user_data)
{
  return TRUE;
}

/* The clock's thread starts with the view, not with the first who leaves. */
void
mesh_leave_prepare (void)
{
  g_autoptr (GstClock) clock = gst_system_clock_obtain ();
  GstClockID id = gst_clock_new_single_shot_id (clock,
      gst_clock_get_time (clock));

  gst_clock_id_wait_async (id, do_nothing, NULL, NULL);
  gst_clock_id_unref (id);
}
