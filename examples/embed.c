/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A call inside an application of yours: it joins a room, says who comes and
 * goes and what they write, and mutes itself while it is alone.
 *
 *   examples/embed LINK
 */

#include <gst/gst.h>
#include <glib-unix.h>

typedef struct {
  GMainLoop *loop;
  GstElement *room;
  int peers;
  int status;
} App;

/* Everything that meshroom signals is on the bus too, where it needs no
 * thought about threads. */
static void
on_element (GstBus *bus, GstMessage *message, App *app)
{
  const GstStructure *s = gst_message_get_structure (message);
  const char *peer = gst_structure_get_string (s, "peer-id");

  if (gst_structure_has_name (s, "meshroom-peer-added")) {
    g_print ("%s is here\n", peer);
    app->peers++;
  } else if (gst_structure_has_name (s, "meshroom-peer-removed")) {
    g_print ("%s is gone: %s\n", peer,
        gst_structure_get_string (s, "reason"));
    app->peers--;
  } else if (gst_structure_has_name (s, "meshroom-message-received")) {
    g_print ("%s: %s\n", peer, gst_structure_get_string (s, "text"));
  } else {
    return;
  }
  g_object_set (app->room, "muted", app->peers == 0, NULL);
}

static void
on_warning (GstBus *bus, GstMessage *message, App *app)
{
  g_autoptr (GError) error = NULL;

  gst_message_parse_warning (message, &error, NULL);
  g_printerr ("warning: %s\n", error->message);
}

static void
on_error (GstBus *bus, GstMessage *message, App *app)
{
  g_autoptr (GError) error = NULL;

  gst_message_parse_error (message, &error, NULL);
  g_printerr ("error: %s\n", error->message);
  app->status = 1;
  g_main_loop_quit (app->loop);
}

/* Members bring streams into a pipeline that plays: its sinks are told anew how
 * long to wait for them. */
static void
on_latency (GstBus *bus, GstMessage *message, GstBin *pipeline)
{
  gst_bin_recalculate_latency (pipeline);
}

static gboolean
on_interrupt (gpointer app)
{
  g_main_loop_quit (((App *) app)->loop);
  return G_SOURCE_CONTINUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GstElement) pipeline = NULL;
  g_autoptr (GstBus) bus = NULL;
  App app = { 0 };

  gst_init (&argc, &argv);
  if (argc != 2) {
    g_printerr ("usage: %s LINK\n", argv[0]);
    return 2;
  }
  pipeline = gst_parse_launch ("meshroom name=room muted=true "
      "videotestsrc is-live=true pattern=ball "
      "! video/x-raw,width=640,height=360 ! room.video_sink "
      "audiotestsrc is-live=true volume=0.05 ! room.audio_sink "
      "room. : meshview name=view "
      "view.video ! fakesink sync=true  view.audio ! fakesink sync=true", NULL);
  if (!pipeline) {
    g_printerr ("the meshroom plugins are not in GST_PLUGIN_PATH\n");
    return 1;
  }
  app.room = gst_bin_get_by_name (GST_BIN (pipeline), "room");
  app.loop = g_main_loop_new (NULL, FALSE);
  g_object_set (app.room, "link", argv[1], NULL);

  bus = gst_element_get_bus (pipeline);
  gst_bus_add_signal_watch (bus);
  g_signal_connect (bus, "message::element", G_CALLBACK (on_element), &app);
  g_signal_connect (bus, "message::warning", G_CALLBACK (on_warning), &app);
  g_signal_connect (bus, "message::error", G_CALLBACK (on_error), &app);
  g_signal_connect (bus, "message::latency", G_CALLBACK (on_latency), pipeline);
  g_unix_signal_add (SIGINT, on_interrupt, &app);

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_main_loop_run (app.loop);
  gst_element_set_state (pipeline, GST_STATE_NULL);

  gst_bus_remove_signal_watch (bus);
  gst_object_unref (app.room);
  g_main_loop_unref (app.loop);
  return app.status;
}
