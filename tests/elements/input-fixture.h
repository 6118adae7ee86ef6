/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "breakable.h"
#include "party.h"

/* A call of two, in which @a is fed and @b looks on. */

static Wire *wire;
static Party *a, *b;

static inline void
start (const char *a_room, const char *a_sources, const char *b_room,
    const char *b_sources)
{
  wire = wire_new (NULL, NULL);
  a = party_new (wire, a_room, a_sources);
  b = party_new (wire, b_room, b_sources);
  breakable_set_victim (GST_OBJECT (a->room));
  party_start (a);
  party_start (b);
}

static inline void
check_errors (Party *party)
{
  if (party->errors->len > 0)
    fail ("an error: %s", (char *) g_ptr_array_index (party->errors, 0));
}

/* No failure inside the room is ever the application's error. */
static inline void
stop_with_any_warnings (void)
{
  check_errors (a);
  check_errors (b);
  party_free (a);
  party_free (b);
  wire_free (wire);
}

static inline void
stop (guint warnings)
{
  guint n = a->warnings->len;

  ck_assert_uint_eq (a->removed->len + b->removed->len, 0);
  if (n != warnings)
    fail ("%u warnings, the last: %s", n,
        n > 0 ? (char *) a->warnings->pdata[n - 1] : "");
  stop_with_any_warnings ();
}

static inline void
set (const char *element, const char *property, const char *value)
{
  g_autoptr (GstElement) found =
      gst_bin_get_by_name (GST_BIN (a->pipeline), element);

  fail_unless (found != NULL);
  gst_util_set_object_arg (G_OBJECT (found), property, value);
}

static inline void
choose_input (const char *pad)
{
  g_autoptr (GstElement) selector =
      gst_bin_get_by_name (GST_BIN (a->pipeline), "selector");
  g_autoptr (GstPad) found = gst_element_get_static_pad (selector, pad);

  g_object_set (selector, "active-pad", found, NULL);
}

static inline gboolean
shows_size (Party *party, const char *peer, int width, int height)
{
  Stream *stream = party_stream_of (party, peer, TRUE);
  GstStructure *s = stream && stream->caps && stream->frames > 0
      ? gst_caps_get_structure (stream->caps, 0) : NULL;
  int w = 0, h = 0;

  return s && gst_structure_get_int (s, "width", &w)
      && gst_structure_get_int (s, "height", &h) && w == width && h == height;
}

#define SOURCE(colour) " videotestsrc is-live=true pattern=solid-color " \
    "name=source foreground-color=" colour " "
#define SMALL " ! video/x-raw,width=64,height=48,framerate=20/1 "
#define TO_ROOM " ! room.video_sink "
#define SIZED(caps) SOURCE (PARTY_RED) " ! capsfilter name=size " \
    "caps=video/x-raw," caps TO_ROOM
