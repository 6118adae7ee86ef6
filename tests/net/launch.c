/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* net-launch DESCRIPTION…
 *
 * Runs a pipeline with a meshroom called `room`, and writes the value of its
 * property peers as one JSON list a line, five times a second:
 *
 *   [{"id":ID,"name":NAME,"state":STATE,"path":PATH,"silence":MS},…]
 *
 * silence is missing for a peer that was never heard. */

#include <glib-unix.h>
#include <gst/gst.h>
#include <json-glib/json-glib.h>
#include <stdio.h>

#define INTERVAL_MS 200

typedef struct {
  GstElement *room;
  GMainLoop *loop;
  gboolean failed;
} Launch;

static void
add_peer (JsonBuilder *builder, const GstStructure *peer)
{
  static const char *const names[][2] = { { "peer-id", "id" },
    { "name", "name" }, { "state", "state" }, { "path", "path" } };
  guint silence;

  json_builder_begin_object (builder);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    json_builder_set_member_name (builder, names[i][1]);
    json_builder_add_string_value (builder,
        gst_structure_get_string (peer, names[i][0]));
  }
  if (gst_structure_get_uint (peer, "silence", &silence)) {
    json_builder_set_member_name (builder, "silence");
    json_builder_add_int_value (builder, silence);
  }
  json_builder_end_object (builder);
}

static gboolean
write_peers (gpointer user_data)
{
  Launch *self = user_data;
  g_auto (GValue) peers = G_VALUE_INIT;
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;

  g_value_init (&peers, GST_TYPE_ARRAY);
  g_object_get_property (G_OBJECT (self->room), "peers", &peers);
  json_builder_begin_array (builder);
  for (guint i = 0; i < gst_value_array_get_size (&peers); i++)
    add_peer (builder, gst_value_get_structure (gst_value_array_get_value
            (&peers, i)));
  json_builder_end_array (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, FALSE);
  printf ("%s\n", text);
  fflush (stdout);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_message (GstBus *bus, GstMessage *message, gpointer user_data)
{
  Launch *self = user_data;
  g_autoptr (GError) error = NULL;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING) {
    gst_message_parse_warning (message, &error, NULL);
    fprintf (stderr, "warning: %s\n", error->message);
  } else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, NULL);
    fprintf (stderr, "error: %s\n", error->message);
    self->failed = TRUE;
    g_main_loop_quit (self->loop);
  }
  return G_SOURCE_CONTINUE;
}

/* Links each pad of the room to a fakesink. */
static void
on_pad (GstElement *room, GstPad *pad, gpointer user_data)
{
  GstBin *pipeline = user_data;
  GstElement *sink;
  g_autoptr (GstPad) sink_pad = NULL;

  if (!GST_PAD_IS_SRC (pad))
    return;
  sink = gst_element_factory_make ("fakesink", NULL);
  g_object_set (sink, "sync", FALSE, "async", FALSE, NULL);
  gst_bin_add (pipeline, sink);
  gst_element_sync_state_with_parent (sink);
  sink_pad = gst_element_get_static_pad (sink, "sink");
  gst_pad_link (pad, sink_pad);
}

static gboolean
on_signal (gpointer user_data)
{
  g_main_loop_quit (((Launch *) user_data)->loop);
  return G_SOURCE_CONTINUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = NULL;
  g_autoptr (GstBus) bus = NULL;
  Launch self = { 0 };

  gst_init (&argc, &argv);
  pipeline = gst_parse_launchv ((const char **) argv + 1, &error);
  if (error || !(self.room = gst_bin_get_by_name (GST_BIN (pipeline),
              "room"))) {
    fprintf (stderr, "error: %s\n", error ? error->message : "no room");
    return 1;
  }
  self.loop = g_main_loop_new (NULL, FALSE);
  g_signal_connect (self.room, "pad-added", G_CALLBACK (on_pad), pipeline);
  bus = gst_element_get_bus (pipeline);
  gst_bus_add_watch (bus, on_message, &self);
  g_unix_signal_add (SIGINT, on_signal, &self);
  g_unix_signal_add (SIGTERM, on_signal, &self);
  g_timeout_add (INTERVAL_MS, write_peers, &self);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_main_loop_run (self.loop);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_bus_remove_watch (bus);
  gst_object_unref (self.room);
  g_main_loop_unref (self.loop);
  return self.failed;
}
