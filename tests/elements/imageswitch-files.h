/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files to show in place of a camera, made by the tests that show them.
 */
#pragma once

#include "imageswitch-camera.h"
#include "run-to-end.h"

#include <glib/gstdio.h>
#include <string.h>

/* A solid red picture is told from the built-in one by its colour. */
static gchar *scratch;

static inline void
make_scratch (void)
{
  scratch = g_dir_make_tmp ("imageswitch-XXXXXX", NULL);
  fail_unless (scratch != NULL);
}

static inline void
remove_scratch (void)
{
  GDir *dir = g_dir_open (scratch, 0, NULL);
  const gchar *name;

  while ((name = g_dir_read_name (dir))) {
    gchar *path = g_build_filename (scratch, name, NULL);

    g_remove (path);
    g_free (path);
  }
  g_dir_close (dir);
  g_rmdir (scratch);
  g_clear_pointer (&scratch, g_free);
}

static inline void
write_file (const gchar *name, const gchar *contents)
{
  gchar *path = g_build_filename (scratch, name, NULL);

  fail_unless (g_file_set_contents (path, contents, -1, NULL));
  g_free (path);
}

/* Runs a pipeline to its end; "%s" in it is the file to write. */
static inline void
make_file (const gchar *name, const gchar *description)
{
  gchar *path = g_build_filename (scratch, name, NULL);
  gchar **parts = g_strsplit (description, "%s", -1);
  gchar *text = g_strjoinv (path, parts);

  run_to_end (gst_parse_launch (text, NULL));
  g_free (text);
  g_strfreev (parts);
  g_free (path);
}

static inline void
encode_file (const gchar *name, const gchar *encoder)
{
  gchar *text = g_strdup_printf ("videotestsrc num-buffers=1 pattern=red "
      "! video/x-raw,width=64,height=48 ! videoconvert ! %s "
      "! filesink location=%%s", encoder);

  make_file (name, text);
  g_free (text);
}

/* Keeps the first @part of @from. */
static inline void
cut_file (const gchar *from, const gchar *name, gdouble part)
{
  gchar *path = g_build_filename (scratch, from, NULL), *data;
  gsize size;

  fail_unless (g_file_get_contents (path, &data, &size, NULL));
  g_free (path);
  path = g_build_filename (scratch, name, NULL);
  fail_unless (g_file_set_contents (path, data, size * part, NULL));
  g_free (path);
  g_free (data);
}

static inline gboolean
is_red (GstBuffer *buffer)
{
  guint8 v = 0;

  /* the middle of the last plane */
  gst_buffer_extract (buffer, 64 * 48 * 5 / 4 + 12 * 32 + 16, &v, 1);
  return v > 200;
}

/* Shows @name until it is red, or a warning says why it is not. */
static inline gchar *
show_file (const gchar *name)
{
  gchar *path = strstr (name, "://") || *name == '/' ? g_strdup (name)
      : g_build_filename (scratch, name, NULL);
  gchar *warning = NULL;
  GstElement *element = gst_element_factory_make ("imageswitch", NULL);
  GstCaps *caps = gst_caps_from_string (CAPS);
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  GstBuffer *buffer;
  gboolean red = FALSE;
  GstHarness *h;
  GError *error;

  gst_element_set_bus (element, bus);
  g_object_set (element, "location", path, NULL);
  h = harness_new_alone (element, caps);
  gst_harness_play (h);
  while (!red && !warning) {
    buffer = pull_ticking (h);
    red = is_red (buffer);
    gst_buffer_unref (buffer);
    message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING);
    if (message) {
      gst_message_parse_warning (message, &error, NULL);
      warning = g_strdup (error->message);
      g_error_free (error);
      gst_message_unref (message);
    }
  }
  gst_harness_teardown (h);
  fail_if (gst_bus_have_pending (bus) && (message =
          gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING)) != NULL,
      "one warning is enough");
  gst_element_set_bus (element, NULL);
  gst_object_unref (element);
  gst_object_unref (bus);
  gst_caps_unref (caps);
  g_free (path);
  return warning;
}
