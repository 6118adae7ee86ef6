/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Turns the camera on later, and off for good: a call that begins with a tone
 * alone, and for which each line that is typed requests the camera's pad, or
 * releases it again. (To hide a camera for a while is imageswitch's.)
 *
 *   examples/camera-on-off LINK [CAMERA]     CAMERA: a pipeline description
 */

#include <gst/gst.h>

#define TEST_CAMERA "videotestsrc is-live=true pattern=solid-color " \
    "foreground-color=0xff28b43c ! video/x-raw,width=320,height=240," \
    "framerate=15/1 ! identity"

typedef struct {
  GMainLoop *loop;
  GstElement *pipeline;
  GstElement *room;
  const char *description;
  GstElement *camera;           /* NULL: it is off */
  GstPad *pad;                  /* the room's, while it is on */
} App;

static void
turn_on (App *app)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstPad) src = NULL;

  app->camera = gst_parse_bin_from_description (app->description, TRUE, &error);
  if (!app->camera) {
    g_printerr ("no camera: %s\n", error->message);
    return;
  }
  app->pad = gst_element_request_pad_simple (app->room, "video_sink");
  gst_bin_add (GST_BIN (app->pipeline), app->camera);
  src = gst_element_get_static_pad (app->camera, "src");
  gst_pad_link (src, app->pad);
  gst_element_sync_state_with_parent (app->camera);
  g_print ("the camera is on\n");
}

static void
turn_off (App *app)
{
  gst_element_set_state (app->camera, GST_STATE_NULL);
  gst_element_release_request_pad (app->room, app->pad);
  gst_clear_object (&app->pad);
  gst_bin_remove (GST_BIN (app->pipeline), app->camera);
  app->camera = NULL;
  g_print ("the camera is off\n");
}

static gboolean
on_line (GIOChannel *input, GIOCondition condition, gpointer user_data)
{
  App *app = user_data;
  g_autofree char *line = NULL;

  if (g_io_channel_read_line (input, &line, NULL, NULL, NULL)
      != G_IO_STATUS_NORMAL) {
    g_main_loop_quit (app->loop);
    return G_SOURCE_REMOVE;
  }
  if (app->camera)
    turn_off (app);
  else
    turn_on (app);
  return G_SOURCE_CONTINUE;
}

static void
on_message (GstBus *bus, GstMessage *message, App *app)
{
  g_autoptr (GError) error = NULL;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING) {
    gst_message_parse_warning (message, &error, NULL);
    g_printerr ("warning: %s\n", error->message);
  } else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, NULL);
    g_printerr ("error: %s\n", error->message);
    g_main_loop_quit (app->loop);
  }
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GIOChannel) input = NULL;
  g_autoptr (GstBus) bus = NULL;
  App app = { 0 };

  gst_init (&argc, &argv);
  if (argc < 2) {
    g_printerr ("usage: %s LINK [CAMERA]\n", argv[0]);
    return 2;
  }
  app.description = argc > 2 ? argv[2] : TEST_CAMERA;
  app.loop = g_main_loop_new (NULL, FALSE);
  app.pipeline = gst_parse_launch ("meshroom name=room "
      "audiotestsrc is-live=true freq=550 volume=0.4 ! room.audio_sink", &error);
  if (!app.pipeline) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  app.room = gst_bin_get_by_name (GST_BIN (app.pipeline), "room");
  g_object_set (app.room, "link", argv[1], NULL);
  bus = gst_element_get_bus (app.pipeline);
  gst_bus_add_signal_watch (bus);
  g_signal_connect (bus, "message", G_CALLBACK (on_message), &app);
  input = g_io_channel_unix_new (0);
  g_io_add_watch (input, G_IO_IN | G_IO_HUP, on_line, &app);

  gst_element_set_state (app.pipeline, GST_STATE_PLAYING);
  g_main_loop_run (app.loop);
  gst_element_set_state (app.pipeline, GST_STATE_NULL);
  gst_bus_remove_signal_watch (bus);
  gst_clear_object (&app.pad);
  gst_object_unref (app.room);
  gst_object_unref (app.pipeline);
  g_main_loop_unref (app.loop);
  return 0;
}
