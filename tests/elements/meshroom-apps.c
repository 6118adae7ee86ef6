/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Applications as people write them around a room: what each does when a pad
 * comes and goes, while four others come, and hang up in the same moment. With
 * MESH_LONG they do so 200 times. */

#include <stdlib.h>
#include <string.h>

#include "party.h"
#include "traces.h"

#define N_OTHERS 4

typedef struct _App App;

typedef struct {
  const char *name;
  void (*added) (App *app, GstPad *pad);
  void (*peer_removed) (App *app);
  void (*removed) (App *app, GstPad *pad);
} Pattern;

struct _App {
  const Pattern *pattern;
  Party *party;
  guint pads;                   /* under party_lock, as the next */
  guint flowing;                /* pads that have brought something */
};

/* --- a bin of sinks for each pad --- */

static GstElement *
make_branch (App *app, GstPad *pad, const char *end)
{
  gboolean video = g_str_has_prefix (GST_PAD_NAME (pad), "video");
  g_autofree char *description = g_strconcat (video ? "queue ! videoconvert"
      : "queue ! audioconvert ! audioresample", end, NULL);
  g_autoptr (GError) error = NULL;
  GstElement *bin = gst_parse_bin_from_description (description, TRUE, &error);
  g_autoptr (GstPad) sink = NULL;

  g_assert_no_error (error);
  gst_bin_add (GST_BIN (app->party->pipeline), bin);
  gst_element_sync_state_with_parent (bin);
  sink = gst_element_get_static_pad (bin, "sink");
  ck_assert_int_eq (gst_pad_link (pad, sink), GST_PAD_LINK_OK);
  return bin;
}

static void
add_branch (App *app, GstPad *pad)
{
  g_object_set_data_full (G_OBJECT (pad), "branch",
      gst_object_ref (make_branch (app, pad, " ! fakesink sync=true")),
      gst_object_unref);
}

/* Locked, or the pipeline that another thread starts at the same time would
 * raise it again. */
static void
drop_branch (App *app, GstPad *pad)
{
  GstElement *bin = g_object_get_data (G_OBJECT (pad), "branch");

  gst_element_set_locked_state (bin, TRUE);
  gst_element_set_state (bin, GST_STATE_NULL);
  gst_bin_remove (GST_BIN (app->party->pipeline), bin);
}

/* --- the same, taken out by an idle probe while the pad is still there --- */

static void
drop_on_thread (GstElement *bin, gpointer pipeline)
{
  gst_element_set_locked_state (bin, TRUE);
  gst_element_set_state (bin, GST_STATE_NULL);
  gst_bin_remove (pipeline, bin);
}

static GstPadProbeReturn
on_idle (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstElement *bin = g_object_get_data (G_OBJECT (pad), "branch");
  g_autoptr (GstPad) sink = gst_pad_get_peer (pad);

  if (!bin || !sink)
    return GST_PAD_PROBE_REMOVE;
  gst_pad_unlink (pad, sink);
  gst_element_call_async (bin, drop_on_thread, gst_object_ref (user_data),
      gst_object_unref);
  g_object_set_data (G_OBJECT (pad), "branch", NULL);
  return GST_PAD_PROBE_REMOVE;
}

static gboolean
probe_pad (GstElement *room, GstPad *pad, gpointer app)
{
  if (!g_str_has_prefix (GST_PAD_NAME (pad), "signal"))
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_IDLE, on_idle,
        ((App *) app)->party->pipeline, NULL);
  return TRUE;
}

static void
probe_all (App *app)
{
  gst_element_foreach_src_pad (app->party->room, probe_pad, app);
}

static void
drop_what_is_left (App *app, GstPad *pad)
{
  if (g_object_get_data (G_OBJECT (pad), "branch"))
    drop_branch (app, pad);
}

/* --- everybody into one mixer --- */

static void
mix_pad (App *app, GstPad *pad)
{
  gboolean video = g_str_has_prefix (GST_PAD_NAME (pad), "video");
  g_autoptr (GstElement) mixer =
      gst_bin_get_by_name (GST_BIN (app->party->pipeline),
      video ? "mixv" : "mixa");
  GstPad *sink = gst_element_request_pad_simple (mixer, "sink_%u");
  GstElement *bin = make_branch (app, pad, "");
  g_autoptr (GstPad) src = gst_element_get_static_pad (bin, "src");

  g_object_set_data_full (G_OBJECT (pad), "branch", gst_object_ref (bin),
      gst_object_unref);
  g_object_set_data_full (G_OBJECT (pad), "sink", sink, gst_object_unref);
  ck_assert_int_eq (gst_pad_link (src, sink), GST_PAD_LINK_OK);
}

static void
unmix_pad (App *app, GstPad *pad)
{
  GstPad *sink = g_object_get_data (G_OBJECT (pad), "sink");
  g_autoptr (GstElement) mixer = gst_pad_get_parent_element (sink);

  /* A mixer that is paused takes no frame: the branch's thread waits in it, and
   * a change of the branch's state would wait for that thread for ever. */
  gst_pad_send_event (sink, gst_event_new_flush_start ());
  drop_branch (app, pad);
  gst_element_release_request_pad (mixer, sink);
}

static void
ignore (App *app)
{
}

static const Pattern patterns[] = {
  { "a branch each", add_branch, ignore, drop_branch },
  { "idle probes", add_branch, probe_all, drop_what_is_left },
  { "mixers", mix_pad, ignore, unmix_pad },
};

/* Live from the start, with something of the application's own to mix. A
 * compositor of several threads has one more, and keeps it, once a frame's parts
 * had to wait for each other. */
#define MIXERS " videotestsrc is-live=true pattern=black " \
    "! video/x-raw,width=64,height=48,framerate=20/1 " \
    "! compositor name=mixv max-threads=1 ! fakesink async=false " \
    "audiotestsrc is-live=true wave=silence " \
    "! audiomixer name=mixa ! fakesink async=false "

/* --- the application --- */

static GstPadProbeReturn
on_first (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  g_mutex_lock (&party_lock);
  ((App *) user_data)->flowing++;
  g_cond_broadcast (&party_changed);
  g_mutex_unlock (&party_lock);
  return GST_PAD_PROBE_REMOVE;
}

static gboolean
is_from_peer (GstPad *pad)
{
  return GST_PAD_IS_SRC (pad)
      && !g_str_has_prefix (GST_PAD_NAME (pad), "signal");
}

static void
on_pad_added (GstElement *room, GstPad *pad, App *app)
{
  if (!is_from_peer (pad))
    return;
  app->pattern->added (app, pad);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_first, app, NULL);
  g_mutex_lock (&party_lock);
  app->pads++;
  g_mutex_unlock (&party_lock);
}

static void
on_pad_removed (GstElement *room, GstPad *pad, App *app)
{
  if (!is_from_peer (pad))
    return;
  app->pattern->removed (app, pad);
  g_mutex_lock (&party_lock);
  app->pads--;
  g_cond_broadcast (&party_changed);
  g_mutex_unlock (&party_lock);
}

static void
on_peer_removed (GstElement *room, const char *peer, const char *why, App *app)
{
  if (app->pattern->peer_removed == ignore)
    return;
  app->pattern->peer_removed (app);
}

static void
forget_handler (Party *party, const char *signal)
{
  g_signal_handlers_disconnect_matched (party->room, G_SIGNAL_MATCH_ID
      | G_SIGNAL_MATCH_DATA, g_signal_lookup (signal, GST_TYPE_ELEMENT), 0,
      NULL, NULL, party);
}

static void
app_connect (App *app)
{
  forget_handler (app->party, "pad-added");
  forget_handler (app->party, "pad-removed");
  g_signal_connect (app->party->room, "pad-added", G_CALLBACK (on_pad_added),
      app);
  g_signal_connect (app->party->room, "pad-removed",
      G_CALLBACK (on_pad_removed), app);
  g_signal_connect (app->party->room, "peer-removed",
      G_CALLBACK (on_peer_removed), app);
}

/* --- four others --- */

static gpointer
hang_up (gpointer party)
{
  party_leave (party);
  return NULL;
}

static void
hang_up_at_once (Party *others[N_OTHERS])
{
  GThread *threads[N_OTHERS];

  for (guint i = 0; i < N_OTHERS; i++)
    threads[i] = g_thread_new ("hang-up", hang_up, others[i]);
  for (guint i = 0; i < N_OTHERS; i++)
    g_thread_join (threads[i]);
}

static void
set_state (Party *party, GstState state)
{
  fail_if (gst_element_set_state (party->pipeline, state)
      == GST_STATE_CHANGE_FAILURE);
}

static guint
rounds (void)
{
  return g_getenv ("MESH_LONG") ? 200 : 4;
}

/* Now and then the application pauses: before, or while they hang up. */
static void
one_round (App *app, Party *others[N_OTHERS], guint i)
{
  Party *a = app->party;

  g_mutex_lock (&party_lock);
  app->flowing = 0;
  g_mutex_unlock (&party_lock);
  for (guint j = 0; j < N_OTHERS; j++)
    party_start (others[j]);
  WAIT_FOR (app->pads == 2 * N_OTHERS && app->flowing == 2 * N_OTHERS
      && a->added->len == (i + 1) * N_OTHERS);
  if (i % 4 == 1) {
    set_state (a, GST_STATE_PAUSED);
    set_state (a, GST_STATE_PLAYING);
  }
  if (i % 4 == 2)
    set_state (a, GST_STATE_PAUSED);
  hang_up_at_once (others);
  WAIT_FOR (a->removed->len == (i + 1) * N_OTHERS);
  if (i % 4 == 2)
    set_state (a, GST_STATE_PLAYING);
  WAIT_FOR (app->pads == 0);
  for (guint j = 0; j < N_OTHERS; j++)
    party_stop (others[j]);
}

GST_START_TEST (four_others_hang_up_at_once)
{
  App app = { .pattern = &patterns[__i__] };
  Wire *wire = wire_new (NULL, NULL);
  Party *others[N_OTHERS];
  Traces before = { 0 };

  app.party = party_new (wire, "", __i__ == 2 ? MIXERS : "");
  app_connect (&app);
  for (guint i = 0; i < N_OTHERS; i++)
    others[i] = party_new (wire, "", PARTY_VIDEO (PARTY_BLUE)
        PARTY_AUDIO (900));
  party_start (app.party);
  for (guint i = 0; i < rounds (); i++) {
    one_round (&app, others, i);
    /* What is made once a process may be made in either of the first rounds. */
    if (i == 1 || i == 2) {
      Traces now = traces_settled ();

      before.threads = MAX (before.threads, now.threads);
      before.descriptors = MAX (before.descriptors, now.descriptors);
    } else if (i > 2) {
      traces_check (before);
    }
  }
  for (guint i = 0; i < N_OTHERS; i++)
    party_free (others[i]);
  party_free (app.party);
  wire_free (wire);
}

GST_END_TEST;

/* The room is taken out of a pipeline that goes on, and another put in. */
GST_START_TEST (a_room_is_removed_while_playing)
{
  App app = { .pattern = &patterns[__i__] };
  Wire *wire = wire_new (NULL, NULL);
  Party *b = party_new (wire, "", PARTY_VIDEO (PARTY_BLUE) PARTY_AUDIO (900));

  party_start (b);
  for (guint i = 0; i < rounds (); i++) {
    app.party = party_new (wire, "", __i__ == 2 ? MIXERS : "");
    app.pads = app.flowing = 0;
    app_connect (&app);
    party_start (app.party);
    WAIT_FOR (app.flowing == 2);
    if (i % 2)
      set_state (app.party, GST_STATE_PAUSED);
    gst_element_set_locked_state (app.party->room, TRUE);
    gst_element_set_state (app.party->room, GST_STATE_NULL);
    gst_bin_remove (GST_BIN (app.party->pipeline), app.party->room);
    ck_assert_uint_eq (app.pads, 0);
    party_stop (app.party);
    g_ptr_array_set_size (app.party->errors, 0);        /* of what fed it */
    party_free (app.party);
  }
  party_free (b);
  wire_free (wire);
}

GST_END_TEST;

static Suite *
apps_suite (void)
{
  Suite *suite = suite_create ("meshroom-apps");
  TCase *tcase = tcase_create ("general");

  /* threads that wait for more work are none that were left behind */
  g_thread_pool_set_max_unused_threads (0);
  suite_add_tcase (suite, tcase);
  if (g_getenv ("MESH_LONG"))
    tcase_set_timeout (tcase, 3600);
  tcase_add_loop_test (tcase, four_others_hang_up_at_once, 0,
      G_N_ELEMENTS (patterns));
  tcase_add_loop_test (tcase, a_room_is_removed_while_playing, 0,
      G_N_ELEMENTS (patterns));
  return suite;
}

GST_CHECK_MAIN (apps);
