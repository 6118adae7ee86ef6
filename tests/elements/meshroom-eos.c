/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What becomes of the application's streams when the pipeline is told to end,
 * and of the call when the application's sinks do not take them. */

#include <stdlib.h>
#include <string.h>

#include "party.h"

#define RED PARTY_VIDEO (PARTY_RED) PARTY_AUDIO (500)
#define BLUE PARTY_VIDEO (PARTY_BLUE) PARTY_AUDIO (900)

/* --- the end of the pipeline --- */

static gboolean
all_ended (Party *party)
{
  for (guint i = 0; i < party->streams->len; i++) {
    if (((Stream *) party->streams->pdata[i])->eos != 1)
      return FALSE;
  }
  return party->streams->len > 0;
}

static guint
count_frames (Party *party)
{
  guint n = 0;

  for (guint i = 0; i < party->streams->len; i++)
    n += ((Stream *) party->streams->pdata[i])->frames;
  return n;
}

/* With its signal pads in use the room is left: a goodbye is the last message,
 * and then they end like the rest. */
GST_START_TEST (every_pad_ends_when_the_pipeline_is_to_end)
{
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, "", RED);
  Party *b = party_new (wire, "", BLUE);
  g_autofree char *gone = g_strdup_printf ("%s left", a->id);

  party_start (a);
  party_start (b);
  WAIT_FOR (party_sees (a, b->id, PARTY_BLUE) && party_hears (a, b->id, 900));
  fail_unless (gst_element_send_event (a->pipeline, gst_event_new_eos ()));
  WAIT_FOR (all_ended (a));
  WAIT_FOR (a->ends > 0);
  WAIT_FOR (party_has (b->removed, gone));
  fail_unless (gst_app_sink_is_eos (GST_APP_SINK (a->out)));
  party_free (a);
  party_free (b);
  wire_free (wire);
}

GST_END_TEST;

static char *
dup_link (Party *party)
{
  char *link = NULL;

  WAIT_FOR (party->messages->len > 0);
  g_mutex_lock (&party_lock);
  gst_structure_get (party->messages->pdata[0], "link", G_TYPE_STRING, &link,
      NULL);
  g_mutex_unlock (&party_lock);
  return g_strdup_printf ("link=%s", link);
}

/* Nobody who comes after the end gets a pad, which nobody would ever end. */
GST_START_TEST (the_call_goes_on_without_streams)
{
  Party *a = party_new (NULL, "serve=127.0.0.1:0", RED);
  Party *b, *c;
  g_autofree char *link = NULL;
  guint frames;

  party_start (a);
  link = dup_link (a);
  b = party_new (NULL, link, BLUE);
  party_start (b);
  WAIT_FOR (party_sees (a, b->id, PARTY_BLUE) && party_hears (a, b->id, 900)
      && party_has (b->added, a->id));
  fail_unless (gst_element_send_event (a->pipeline, gst_event_new_eos ()));
  WAIT_FOR (all_ended (a));
  WAIT_FOR (a->ends > 0);
  frames = count_frames (a);
  c = party_new (NULL, link, BLUE);
  party_start (c);
  WAIT_FOR (party_has (a->added, c->id) && party_sees (c, b->id, PARTY_BLUE));
  ck_assert_uint_eq (a->streams->len, 2);
  ck_assert_uint_eq (count_frames (a), frames);
  ck_assert_uint_eq (b->removed->len, 0);
  ck_assert_uint_eq (a->warnings->len, 0);
  party_free (a);
  party_free (b);
  party_free (c);
}

GST_END_TEST;

/* The sinks of the only other one get EOS, but the pipeline goes on. */
GST_START_TEST (the_last_to_leave_does_not_end_the_pipeline)
{
  Party *a = party_new (NULL, "serve=127.0.0.1:0", "");
  g_autofree char *link = NULL;
  Party *b;

  party_start (a);
  link = dup_link (a);
  b = party_new (NULL, link, BLUE);
  party_start (b);
  WAIT_FOR (party_sees (a, b->id, PARTY_BLUE) && party_hears (a, b->id, 900));
  party_stop (b);
  WAIT_FOR (a->removed->len == 1 && all_ended (a)
      && !party_stream (a, "video_0") && !party_stream (a, "audio_0"));
  ck_assert_uint_eq (a->ends, 0);
  party_start (b);
  WAIT_FOR (a->added->len == 2);
  ck_assert_uint_eq (a->ends, 0);
  party_free (a);
  party_free (b);
}

GST_END_TEST;

/* A pipeline without a sink has nobody else to say that it is at its end. */
GST_START_TEST (a_pipeline_that_only_sends_ends)
{
  Party *a = party_new (NULL, "serve=127.0.0.1:0", RED);

  party_start (a);
  g_free (dup_link (a));
  fail_unless (gst_element_send_event (a->pipeline, gst_event_new_eos ()));
  WAIT_FOR (a->ends > 0);
  party_free (a);
}

GST_END_TEST;

/* A room stops and starts as before after the end of its streams. */
GST_START_TEST (a_call_may_begin_again_after_the_end)
{
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, "", RED);
  Party *b = party_new (wire, "", BLUE);

  party_start (b);
  for (guint i = 0; i < 3; i++) {
    party_start (a);
    WAIT_FOR (party_sees (a, b->id, PARTY_BLUE)
        && party_sees (b, a->id, PARTY_RED));
    gst_element_send_event (a->pipeline, gst_event_new_eos ());
    WAIT_FOR (all_ended (a) && a->ends > i);
    party_stop (a);
    g_ptr_array_set_size (a->streams, 0);
  }
  party_free (a);
  party_free (b);
  wire_free (wire);
}

GST_END_TEST;

/* --- sinks that do not take what comes --- */

/* A sink pad of the test's own, linked in place of the party's. */
typedef struct {
  GstPad *pad;
  GstFlowReturn flow;
  gboolean refuse_caps;
  gboolean blocked;             /* under party_lock, as the next */
  guint buffers;
  guint ended;
} Taker;

static GstFlowReturn
taker_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  Taker *self = gst_pad_get_element_private (pad);
  GstFlowReturn flow;

  gst_buffer_unref (buffer);
  g_mutex_lock (&party_lock);
  self->buffers++;
  flow = self->flow;
  g_cond_broadcast (&party_changed);
  while (self->blocked)
    g_cond_wait (&party_changed, &party_lock);
  g_mutex_unlock (&party_lock);
  return flow;
}

static gboolean
taker_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  Taker *self = gst_pad_get_element_private (pad);
  gboolean refuse = self->refuse_caps && GST_EVENT_TYPE (event)
      == GST_EVENT_CAPS;

  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS) {
    g_mutex_lock (&party_lock);
    self->ended++;
    g_cond_broadcast (&party_changed);
    g_mutex_unlock (&party_lock);
  }
  gst_event_unref (event);
  return !refuse;
}

static void
taker_link (Taker *self, Stream *stream)
{
  g_autoptr (GstPad) old = gst_pad_get_peer (stream->pad);

  self->pad = gst_object_ref_sink (gst_pad_new ("taker", GST_PAD_SINK));
  gst_pad_set_element_private (self->pad, self);
  gst_pad_set_chain_function (self->pad, taker_chain);
  gst_pad_set_event_function (self->pad, taker_event);
  gst_pad_set_active (self->pad, TRUE);
  gst_pad_unlink (stream->pad, old);
  ck_assert_int_eq (gst_pad_link (stream->pad, self->pad), GST_PAD_LINK_OK);
}

static void
taker_unlink (Taker *self, Stream *stream)
{
  g_autoptr (GstPad) sink = gst_element_get_static_pad (stream->sink, "sink");

  gst_pad_unlink (stream->pad, self->pad);
  ck_assert_int_eq (gst_pad_link (stream->pad, sink), GST_PAD_LINK_OK);
}

static void
taker_clear (Taker *self)
{
  gst_pad_set_active (self->pad, FALSE);
  gst_clear_object (&self->pad);
}

static char *
dup_sid (Party *party, const char *peer)
{
  g_autoptr (GstStructure) stats = NULL;
  const GstStructure *s = NULL;

  g_object_get (party->room, "stats", &stats, NULL);
  if (stats && gst_structure_has_field (stats, peer))
    s = gst_value_get_structure (gst_structure_get_value (stats, peer));
  return s ? g_strdup (gst_structure_get_string (s, "sid")) : NULL;
}

typedef struct {
  GstFlowReturn flow;
  gboolean refuse_caps;
  const char *warning;          /* NULL: there is nothing to say */
  gboolean again;               /* is offered more */
} Refusal;

static const Refusal refusals[] = {
  { GST_FLOW_NOT_NEGOTIATED, FALSE, "does not take this video/x-raw", FALSE },
  { GST_FLOW_OK, TRUE, "does not take this video/x-raw", FALSE },
  { GST_FLOW_ERROR, FALSE, "has failed (error)", FALSE },
  { GST_FLOW_NOT_SUPPORTED, FALSE, "has failed (not-supported)", FALSE },
  { GST_FLOW_EOS, FALSE, NULL, FALSE },
  { GST_FLOW_FLUSHING, FALSE, NULL, TRUE },
  { GST_FLOW_NOT_LINKED, FALSE, NULL, TRUE },
};

/* One warning that names the pad; the connection and its other stream go on;
 * and the pad can be linked to something better. */
GST_START_TEST (a_sink_that_refuses_is_no_failure_of_the_peer)
{
  const Refusal *refusal = &refusals[__i__];
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, "", "");
  Party *b = party_new (wire, "", BLUE);
  Taker taker = { .flow = refusal->flow, .refuse_caps = refusal->refuse_caps };
  Stream *video, *audio;
  g_autofree char *sid = NULL, *later = NULL;
  guint frames;

  party_start (a);
  party_start (b);
  WAIT_FOR (party_sees (a, b->id, PARTY_BLUE) && party_hears (a, b->id, 900)
      && party_knows (a, b->id, "state", "connected"));
  while (!sid) {
    sid = dup_sid (a, b->id);
    g_thread_yield ();
  }
  g_mutex_lock (&party_lock);
  video = party_stream_of (a, b->id, TRUE);
  audio = party_stream_of (a, b->id, FALSE);
  g_mutex_unlock (&party_lock);
  taker_link (&taker, video);
  if (refusal->warning) {
    WAIT_FOR (a->warnings->len > 0);
    fail_unless (strstr (a->warnings->pdata[0], refusal->warning)
        && g_str_has_prefix (a->warnings->pdata[0], "pad video_0 of peer "),
        "%s", (char *) a->warnings->pdata[0]);
  } else {
    WAIT_FOR (taker.buffers > (refusal->again ? 5 : 0));
  }
  g_mutex_lock (&party_lock);
  frames = audio->frames;
  g_mutex_unlock (&party_lock);
  WAIT_FOR (audio->frames > frames + 50);
  if (!refusal->again)
    ck_assert_uint_le (taker.buffers, 1);

  frames = video->frames;
  taker_unlink (&taker, video);
  WAIT_FOR (video->frames > frames + 10);
  later = dup_sid (a, b->id);
  ck_assert_str_eq (sid, later);
  ck_assert_uint_eq (a->warnings->len, refusal->warning ? 1 : 0);
  ck_assert_uint_eq (a->removed->len + b->removed->len, 0);
  party_free (a);
  party_free (b);
  wire_free (wire);
  taker_clear (&taker);
}

GST_END_TEST;

/* --- sinks that hold on to what comes --- */

static void
start_blocked (Wire *wire, Party *a, Party *b, Taker *taker)
{
  Stream *video;

  party_start (a);
  party_start (b);
  WAIT_FOR (party_sees (a, b->id, PARTY_BLUE) && party_hears (a, b->id, 900));
  g_mutex_lock (&party_lock);
  video = party_stream_of (a, b->id, TRUE);
  g_mutex_unlock (&party_lock);
  taker_link (taker, video);
  WAIT_FOR (taker->buffers > 0);
}

static void
let_go (Taker *taker)
{
  g_mutex_lock (&party_lock);
  taker->blocked = FALSE;
  g_cond_broadcast (&party_changed);
  g_mutex_unlock (&party_lock);
}

/* A peer that leaves is told of at once, and so is one that comes back, with
 * other pads. A pad whose sink blocks ends when the sink goes on. */
GST_START_TEST (a_leaver_behind_a_sink_that_blocks_is_told_of)
{
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, "", "");
  Party *b = party_new (wire, "", BLUE);
  Taker taker = { .blocked = TRUE };
  g_autofree char *gone = g_strdup_printf ("%s left", b->id);

  start_blocked (wire, a, b, &taker);
  party_leave (b);
  WAIT_FOR (party_has (a->removed, gone));
  fail_unless (party_stream (a, "video_0") != NULL);
  party_stop (b);
  party_start (b);
  WAIT_FOR (a->added->len == 2 && party_stream (a, "video_1")
      && party_sees (b, b->id, PARTY_BLUE) == FALSE);
  ck_assert_uint_eq (taker.ended, 0);
  let_go (&taker);
  WAIT_FOR (taker.ended == 1 && !party_stream (a, "video_0"));
  party_free (a);
  party_free (b);
  wire_free (wire);
  taker_clear (&taker);
}

GST_END_TEST;

/* Only the room ends; what is linked to it still holds on to a frame. */
GST_START_TEST (a_sink_that_blocks_does_not_hold_the_end_up)
{
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, "", "");
  Party *b = party_new (wire, "", BLUE);
  Taker taker = { .blocked = TRUE };

  start_blocked (wire, a, b, &taker);
  party_leave (a);
  ck_assert_uint_eq (a->room->numsrcpads, 1);   /* signal_src */
  let_go (&taker);
  party_free (a);
  party_free (b);
  wire_free (wire);
  taker_clear (&taker);
}

GST_END_TEST;

static Suite *
eos_suite (void)
{
  Suite *suite = suite_create ("meshroom-eos");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, every_pad_ends_when_the_pipeline_is_to_end);
  tcase_add_test (tcase, the_call_goes_on_without_streams);
  tcase_add_test (tcase, a_pipeline_that_only_sends_ends);
  tcase_add_test (tcase, the_last_to_leave_does_not_end_the_pipeline);
  tcase_add_test (tcase, a_call_may_begin_again_after_the_end);
  tcase_add_loop_test (tcase, a_sink_that_refuses_is_no_failure_of_the_peer, 0,
      G_N_ELEMENTS (refusals));
  tcase_add_test (tcase, a_leaver_behind_a_sink_that_blocks_is_told_of);
  tcase_add_test (tcase, a_sink_that_blocks_does_not_hold_the_end_up);
  return suite;
}

GST_CHECK_MAIN (eos);
