/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An application may end a call wherever it is told of it: in the room's
 * signals, in a bus' sync handler, and in a probe behind the room's pads. With
 * MESH_LONG each is done 200 times. It may use the room wherever GStreamer calls
 * it. */

#include <stdlib.h>
#include <string.h>

#include "party.h"

/* --- how a call is ended --- */

static void
stop_pipeline (Party *party)
{
  gst_element_set_state (party->pipeline, GST_STATE_NULL);
}

static void
ready_pipeline (Party *party)
{
  gst_element_set_state (party->pipeline, GST_STATE_READY);
}

static void
stop_room (Party *party)
{
  gst_element_set_locked_state (party->room, TRUE);
  gst_element_set_state (party->room, GST_STATE_NULL);
}

static void
remove_room (Party *party)
{
  stop_room (party);
  gst_bin_remove (GST_BIN (party->pipeline), party->room);
}

static void (*const ways[]) (Party *) = {
  stop_pipeline, ready_pipeline, stop_room, remove_room,
};

/* --- where --- */

static const char *const places[] = {
  "peer-added", "peer-removed", "message-received", "pad-added", "pad-removed",
  "bus meshroom-peer-added", "bus meshroom-peer-removed",
  "bus meshroom-message-received", "probe",
};

typedef struct {
  Party *party;
  const char *place;
  void (*way) (Party *party);
  gint begun;                   /* atomic */
  gboolean done;                /* under party_lock */
} Act;

static void
act (Act *self)
{
  if (!g_atomic_int_compare_and_exchange (&self->begun, FALSE, TRUE))
    return;
  self->way (self->party);
  ck_assert_uint_eq (self->party->room->numsrcpads,
      self->party->wire ? 1 : 0);
  g_mutex_lock (&party_lock);
  self->done = TRUE;
  g_cond_broadcast (&party_changed);
  g_mutex_unlock (&party_lock);
}

static void
on_signal_1 (GstElement *room, gpointer what, Act *self)
{
  act (self);
}

static void
on_signal_2 (GstElement *room, const char *peer, const char *text, Act *self)
{
  act (self);
}

static GstBusSyncReply
on_message (GstBus *bus, GstMessage *message, gpointer user_data)
{
  Act *self = user_data;

  if (gst_message_has_name (message, strchr (self->place, ' ') + 1))
    act (self);
  gst_message_unref (message);
  return GST_BUS_DROP;
}

static GstPadProbeReturn
on_buffer (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  act (user_data);
  return GST_PAD_PROBE_OK;
}

static void
add_probe (GstElement *room, GstPad *pad, Act *self)
{
  if (GST_PAD_IS_SRC (pad))
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_buffer, self, NULL);
}

static void
take_place (Act *self)
{
  if (g_str_has_prefix (self->place, "bus ")) {
    g_autoptr (GstBus) bus = gst_element_get_bus (self->party->pipeline);

    gst_bus_set_sync_handler (bus, on_message, self, NULL);
  } else if (g_str_equal (self->place, "probe")) {
    g_signal_connect (self->party->room, "pad-added", G_CALLBACK (add_probe),
        self);
  } else if (g_str_equal (self->place, "peer-removed")
             || g_str_equal (self->place, "message-received")) {
    g_signal_connect (self->party->room, self->place, G_CALLBACK (on_signal_2),
        self);
  } else {
    g_signal_connect (self->party->room, self->place, G_CALLBACK (on_signal_1),
        self);
  }
}

static void
end_call_in_handler (const char *place, void (*way) (Party *party))
{
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, "", PARTY_VIDEO (PARTY_RED) PARTY_AUDIO (500));
  Party *b = party_new (wire, "", PARTY_VIDEO (PARTY_BLUE) PARTY_AUDIO (900));
  Act self = { .party = a, .place = place, .way = way };

  take_place (&self);
  party_start (a);
  party_start (b);
  if (strstr (place, "removed")) {
    WAIT_FOR (party_sees (a, b->id, PARTY_BLUE));
    party_leave (b);
  } else if (strstr (place, "message")) {
    WAIT_FOR (party_has (b->added, a->id));
    g_signal_emit_by_name (b->room, "send-message", "hello");
  }
  WAIT_FOR (self.done);
  /* sources whose sink was taken away complain */
  party_stop (a);
  g_ptr_array_set_size (a->errors, 0);
  g_array_set_size (a->codes, 0);
  party_free (a);
  party_free (b);
  wire_free (wire);
}

static guint
rounds (void)
{
  return g_getenv ("MESH_LONG") ? 200 : 1;
}

/* The probe's thread is one that the connection itself needs to go down, which
 * only some moments show. */
GST_START_TEST (a_call_may_end_where_it_is_told_of)
{
  const char *place = places[__i__ / G_N_ELEMENTS (ways)];
  guint n = MAX (rounds (), g_str_equal (place, "probe") ? 5 : 1);

  for (guint i = 0; i < n; i++)
    end_call_in_handler (place, ways[__i__ % G_N_ELEMENTS (ways)]);
}

GST_END_TEST;

GST_START_TEST (a_room_may_end_where_its_link_is_told)
{
  static const char *const told[] = { "link-ready", "bus meshroom-link-ready" };

  for (guint i = 0; i < rounds (); i++) {
    Party *a = party_new (NULL, "serve=127.0.0.1:0", "");
    Act self = {
      .party = a,
      .place = told[__i__ / G_N_ELEMENTS (ways)],
      .way = ways[__i__ % G_N_ELEMENTS (ways)],
    };

    take_place (&self);
    party_start (a);
    WAIT_FOR (self.done);
    party_free (a);
  }
}

GST_END_TEST;

/* A handler and another thread at the same time: whoever comes second waits
 * for the first, and the first not for ever for the second. */
GST_START_TEST (a_call_may_be_ended_from_two_sides)
{
  for (guint i = 0; i < rounds (); i++) {
    Wire *wire = wire_new (NULL, NULL);
    Party *a = party_new (wire, "", PARTY_VIDEO (PARTY_RED));
    Party *b = party_new (wire, "", PARTY_VIDEO (PARTY_BLUE));
    Act self = { .party = a, .place = "pad-added", .way = stop_pipeline };

    take_place (&self);
    party_start (a);
    party_start (b);
    WAIT_FOR (a->streams->len > 0);
    gst_element_set_state (a->pipeline, GST_STATE_NULL);
    WAIT_FOR (self.done);
    party_free (a);
    party_free (b);
    wire_free (wire);
  }
}

GST_END_TEST;

/* --- the order of things --- */

static GString *order;          /* under party_lock */

static void
note_order (const char *what)
{
  g_mutex_lock (&party_lock);
  g_string_append_printf (order, "%s ", what);
  g_cond_broadcast (&party_changed);
  g_mutex_unlock (&party_lock);
}

static void
note_pad (GstElement *room, GstPad *pad, gpointer data)
{
  note_order ("pad");
}

static void
note_added (GstElement *room, const char *peer, gpointer data)
{
  note_order ("added");
}

static void
note_removed (GstElement *room, const char *peer, const char *why,
    gpointer data)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (room, "video_0");

  note_order (pad ? "removed-with-pads" : "removed");
}

static void
note_pad_removed (GstElement *room, GstPad *pad, Party *party)
{
  guint eos = 0;

  g_mutex_lock (&party_lock);
  for (guint i = 0; i < party->streams->len; i++) {
    Stream *stream = party->streams->pdata[i];

    if (g_str_equal (stream->name, GST_PAD_NAME (pad)))
      eos = stream->eos;
  }
  g_mutex_unlock (&party_lock);
  note_order (eos == 1 ? "ended-pad-removed" : "pad-removed");
}

GST_START_TEST (things_are_told_in_order)
{
  for (guint i = 0; i < rounds (); i++) {
    Wire *wire = wire_new (NULL, NULL);
    Party *a = party_new (wire, "", "");
    Party *b = party_new (wire, "", PARTY_VIDEO (PARTY_BLUE)
        PARTY_AUDIO (900));

    order = g_string_new (NULL);
    g_signal_connect (a->room, "pad-added", G_CALLBACK (note_pad), NULL);
    g_signal_connect (a->room, "pad-removed", G_CALLBACK (note_pad_removed),
        a);
    g_signal_connect (a->room, "peer-added", G_CALLBACK (note_added), NULL);
    g_signal_connect (a->room, "peer-removed", G_CALLBACK (note_removed),
        NULL);
    party_start (a);
    party_start (b);
    WAIT_FOR (party_sees (a, b->id, PARTY_BLUE)
        && party_hears (a, b->id, 900));
    party_leave (b);
    WAIT_FOR (g_str_has_suffix (order->str, "ended-pad-removed "
            "ended-pad-removed "));
    ck_assert_str_eq (order->str, "added pad pad removed-with-pads "
        "ended-pad-removed ended-pad-removed ");
    g_signal_handlers_disconnect_by_func (a->room, note_pad_removed, a);
    party_free (a);
    party_free (b);
    wire_free (wire);
    g_string_free (order, TRUE);
  }
}

GST_END_TEST;

/* --- what the room has inside --- */

static void
unmute (GstBin *bin, GstBin *sub_bin, GstElement *element, GstElement *room)
{
  g_object_set (room, "muted", FALSE, NULL);
}

/* Encoders, decoders and connections are added to the room by its own threads,
 * and GStreamer tells of each one there and then. */
GST_START_TEST (a_room_may_be_used_while_it_adds_elements)
{
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, "", PARTY_VIDEO (PARTY_RED) PARTY_AUDIO (900));
  Party *b = party_new (wire, "", PARTY_VIDEO (PARTY_BLUE));

  g_signal_connect (a->room, "deep-element-added", G_CALLBACK (unmute),
      a->room);
  party_start (a);
  party_start (b);
  WAIT_FOR (party_sees (b, a->id, PARTY_RED) && party_hears (b, a->id, 900));
  party_free (a);
  party_free (b);
  wire_free (wire);
}

GST_END_TEST;

static Suite *
handlers_suite (void)
{
  Suite *suite = suite_create ("meshroom-handlers");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  if (g_getenv ("MESH_LONG"))
    tcase_set_timeout (tcase, 3600);
  tcase_add_loop_test (tcase, a_call_may_end_where_it_is_told_of, 0,
      G_N_ELEMENTS (places) * G_N_ELEMENTS (ways));
  tcase_add_loop_test (tcase, a_room_may_end_where_its_link_is_told, 0,
      2 * G_N_ELEMENTS (ways));
  tcase_add_test (tcase, a_call_may_be_ended_from_two_sides);
  tcase_add_test (tcase, things_are_told_in_order);
  tcase_add_test (tcase, a_room_may_be_used_while_it_adds_elements);
  return suite;
}

GST_CHECK_MAIN (handlers);
