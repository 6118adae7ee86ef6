/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A server, and pipelines around signalsrc and signalsink that are connected
 * to it. */

#include <gst/app/app.h>
#include <gst/check/gstcheck.h>
#include <json-glib/json-glib.h>

#include "../transport/fake-server.h"
#include "../transport/serving.h"

#define ROOM_URL(serving) make_link (serving, FAKE_ROOM)
#define OTHER_ROOM "5c8fd5c8-2c4c-4d3e-9f0a-1b2c3d4e5f61"
#define PATIENCE (60 * GST_SECOND)

static Serving serving;

static inline void
start_server (void)
{
  memset (&serving, 0, sizeof serving);
  serving_set_up (&serving, NULL);
  serving_start (&serving);
}

static inline void
stop_server (void)
{
  serving_tear_down (&serving, NULL);
}

static inline char *
make_link (Serving *server, const char *room)
{
  return g_strdup_printf ("%s/room/%s", server->url, room);
}

static inline GstElement *
launch (const char *format, ...)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  GstElement *pipeline;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  pipeline = gst_parse_launch (text, &error);
  g_assert_no_error (error);
  return pipeline;
}

static inline void
play (GstElement *pipeline)
{
  fail_if (gst_element_set_state (pipeline, GST_STATE_PLAYING)
           == GST_STATE_CHANGE_FAILURE);
}

static inline void
stop (GstElement *pipeline)
{
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

/* (transfer full): the next message out of the appsink of this name */
static inline JsonObject *
pull (GstElement *pipeline, const char *name)
{
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), name);
  g_autoptr (GstSample) sample
      = gst_app_sink_try_pull_sample (GST_APP_SINK (sink), PATIENCE);
  g_autofree char *text = NULL;
  g_autoptr (JsonNode) node = NULL;
  GstBuffer *buffer;
  gsize size;

  fail_unless (sample, "no message came out of %s", name);
  buffer = gst_sample_get_buffer (sample);
  size = gst_buffer_get_size (buffer);
  text = g_malloc0 (size + 1);
  gst_buffer_extract (buffer, 0, text, size);
  fail_unless_equals_int (strlen (text), size);
  fail_unless (GST_BUFFER_PTS_IS_VALID (buffer));
  node = json_from_string (text, NULL);
  return json_node_dup_object (node);
}

static inline JsonObject *
pull_type (GstElement *pipeline, const char *name, const char *type)
{
  JsonObject *message = pull (pipeline, name);

  fail_unless_equals_string (json_object_get_string_member (message, "type"),
      type);
  return message;
}

static inline void
expect (GstElement *pipeline, const char *name, const char *type,
    const char *member, const char *value)
{
  g_autoptr (JsonObject) message = pull_type (pipeline, name, type);

  fail_unless_equals_string (json_object_get_string_member (message, member),
      value);
}

static inline void
push (GstElement *pipeline, const char *name, const char *text)
{
  g_autoptr (GstElement) src = gst_bin_get_by_name (GST_BIN (pipeline), name);

  gst_app_src_push_buffer (GST_APP_SRC (src),
      gst_buffer_new_memdup (text, strlen (text)));
}

static inline void
push_chat (GstElement *pipeline, const char *name, const char *from,
    const char *to, const char *text)
{
  g_autofree char *json = g_strdup_printf (
      "{\"type\":\"chat\",\"from\":\"%s\",\"to\":\"%s\",\"text\":\"%s\"}",
      from, to, text);

  push (pipeline, name, json);
}

#define PAIR(name, id) \
  "signalsrc link=%s " id " ! appsink name=" name "_out sync=false " \
  "appsrc name=" name "_in caps=application/x-mesh-signal ! " \
  "signalsink link=%s "
#define ALICE "peer-id=" FAKE_ALICE
#define BOB "peer-id=" FAKE_BOB
