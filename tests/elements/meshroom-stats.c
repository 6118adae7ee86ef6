/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The figures that the property stats has of each peer. */

#include "pair-fixture.h"

/* Returns: (transfer full) (nullable): what the property has of @peer */
static GstStructure *
dup_stats (Party *party, const char *peer)
{
  g_autoptr (GstStructure) stats = NULL;
  GstStructure *one = NULL;

  g_object_get (party->room, "stats", &stats, NULL);
  gst_structure_get (stats, peer, GST_TYPE_STRUCTURE, &one, NULL);
  return one;
}

static guint64
get_count (Party *party, const char *peer, const char *field)
{
  g_autoptr (GstStructure) one = dup_stats (party, peer);
  guint64 value = 0;

  if (one)
    gst_structure_get_uint64 (one, field, &value);
  return value;
}

static int
get_int (Party *party, const char *peer, const char *field)
{
  g_autoptr (GstStructure) one = dup_stats (party, peer);
  int value = -1;

  if (one)
    gst_structure_get_int (one, field, &value);
  return value;
}

static double
get_double (Party *party, const char *peer, const char *field)
{
  g_autoptr (GstStructure) one = dup_stats (party, peer);
  double value = -1;

  if (one)
    gst_structure_get_double (one, field, &value);
  return value;
}

static gboolean
says (Party *party, const char *peer, const char *field, const char *value)
{
  g_autoptr (GstStructure) one = dup_stats (party, peer);

  return one && g_strcmp0 (gst_structure_get_string (one, field), value) == 0;
}

static void
check_fields (const GstStructure *one)
{
  const struct {
    const char *name;
    GType type;
  } fields[] = {
    { "state", G_TYPE_STRING },
    { "path", G_TYPE_STRING },
    { "estimate", G_TYPE_UINT64 },
    { "sent-bitrate", G_TYPE_UINT64 },
    { "received-bitrate", G_TYPE_UINT64 },
    { "rtt", G_TYPE_UINT64 },
    { "loss-sent", G_TYPE_DOUBLE },
    { "loss-received", G_TYPE_DOUBLE },
    { "sent-width", G_TYPE_INT },
    { "sent-height", G_TYPE_INT },
    { "sent-framerate", G_TYPE_DOUBLE },
    { "received-width", G_TYPE_INT },
    { "received-height", G_TYPE_INT },
    { "received-framerate", G_TYPE_DOUBLE },
    { "freezes", G_TYPE_UINT64 },
    { "frozen-time", G_TYPE_UINT64 },
    { "playout-delay", G_TYPE_UINT64 },
    { "key-frames-asked", G_TYPE_UINT64 },
    { "key-frames-sent", G_TYPE_UINT64 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    fail_unless (gst_structure_has_field_typed (one, fields[i].name,
            fields[i].type), "no %s of type %s", fields[i].name,
        g_type_name (fields[i].type));
}

GST_START_TEST (every_field_is_there_when_a_peer_is_added)
{
  Pair p;
  g_autoptr (GstStructure) one = NULL;

  pair_start (&p, "", AV (PARTY_RED, 500), "", AV (PARTY_BLUE, 900));
  WAIT_FOR (party_has (p.a->added, p.b->id));
  one = dup_stats (p.a, p.b->id);
  fail_unless (one != NULL);
  check_fields (one);
  ck_assert_str_eq (gst_structure_get_string (one, "state"), "connected");
  ck_assert_str_eq (gst_structure_get_string (one, "path"), "direct");
  pair_stop (&p);
}

GST_END_TEST;

/* Whether @party sends @peer, and gets of it, 64x48 at some rate. */
static gboolean
exchanges_pictures (Party *party, const char *peer)
{
  return get_int (party, peer, "sent-width") == 64
      && get_int (party, peer, "sent-height") == 48
      && get_double (party, peer, "sent-framerate") > 0
      && get_int (party, peer, "received-width") == 64
      && get_int (party, peer, "received-height") == 48
      && get_double (party, peer, "received-framerate") > 0;
}

static void
check_exchange (Party *party, const char *peer)
{
  WAIT_FOR (exchanges_pictures (party, peer));
  WAIT_FOR (get_count (party, peer, "sent-bitrate") > 1000);
  WAIT_FOR (get_count (party, peer, "received-bitrate") > 1000);
  WAIT_FOR (get_count (party, peer, "rtt") > 0);
  WAIT_FOR (get_count (party, peer, "estimate") > 10000);
  WAIT_FOR (get_count (party, peer, "key-frames-sent") > 0);
  ck_assert_uint_lt (get_count (party, peer, "rtt"), 60 * GST_SECOND);
  ck_assert_uint_lt (get_count (party, peer, "playout-delay"),
      10 * GST_SECOND);
  fail_unless (get_double (party, peer, "loss-sent") == 0);
  fail_unless (get_double (party, peer, "loss-received") == 0);
}

/* The size of an encoded picture is in its frames, or in its caps. */
static const char *const codecs[] = { "VP8", "VP9", "H264" };

GST_START_TEST (two_see_what_goes_between_them)
{
  Pair p;
  g_autofree char *a = g_strconcat ("video-codecs=", codecs[__i__], NULL);
  g_autofree char *b = g_strconcat (a, " decode=false", NULL);

  pair_start (&p, a, AV (PARTY_RED, 500), b, AV (PARTY_BLUE, 900));
  check_exchange (p.a, p.b->id);
  check_exchange (p.b, p.a->id);
  pair_stop (&p);
}

GST_END_TEST;

GST_START_TEST (whoever_only_watches_sends_nothing)
{
  Pair p;

  pair_start (&p, "", AV (PARTY_RED, 500), "", "");
  WAIT_FOR (get_count (p.b, p.a->id, "received-bitrate") > 1000
      && get_int (p.b, p.a->id, "received-width") == 64);
  ck_assert_uint_eq (get_count (p.b, p.a->id, "sent-bitrate"), 0);
  ck_assert_int_eq (get_int (p.b, p.a->id, "sent-width"), 0);
  ck_assert_uint_eq (get_count (p.b, p.a->id, "key-frames-sent"), 0);
  ck_assert_int_eq (get_int (p.a, p.b->id, "received-width"), 0);
  ck_assert_uint_eq (get_count (p.a, p.b->id, "received-bitrate"), 0);
  pair_stop (&p);
}

GST_END_TEST;

GST_START_TEST (each_of_several_peers_has_its_own)
{
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, "", AV (PARTY_RED, 500));
  Party *b = party_new (wire, "", AV (PARTY_BLUE, 900));
  Party *c = party_new (wire, "", PARTY_AUDIO (1300));

  party_start (a);
  party_start (b);
  party_start (c);
  WAIT_FOR (exchanges_pictures (a, b->id));
  WAIT_FOR (get_int (a, c->id, "sent-width") == 64
      && get_count (a, c->id, "received-bitrate") > 1000);
  ck_assert_int_eq (get_int (a, c->id, "received-width"), 0);
  party_leave (c);
  WAIT_FOR (!says (a, c->id, "state", "connected"));
  WAIT_FOR (exchanges_pictures (a, b->id));
  party_free (c);
  party_free (b);
  party_free (a);
  wire_free (wire);
}

GST_END_TEST;

/* --- losses --- */

typedef struct {
  gint every;                   /* atomic; 0: nothing is dropped */
  guint packets;                /* of the streaming thread */
} Loss;

/* RTP is told from STUN and DTLS by its first byte (RFC 7983), and from RTCP by
 * its second (RFC 5761). */
static gboolean
is_rtp (GstBuffer *buffer)
{
  guint8 head[2] = { 0 };
  guint type;

  gst_buffer_extract (buffer, 0, head, sizeof head);
  type = head[1] & 0x7f;
  return head[0] >> 6 == 2 && (type < 64 || type > 95);
}

static GstPadProbeReturn
lose (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Loss *loss = user_data;
  gint every = g_atomic_int_get (&loss->every);

  if (every == 0 || !is_rtp (GST_PAD_PROBE_INFO_BUFFER (info)))
    return GST_PAD_PROBE_OK;
  return ++loss->packets % every == 0 ? GST_PAD_PROBE_DROP
      : GST_PAD_PROBE_OK;
}

static void
add_loss (const GValue *item, gpointer loss)
{
  g_autoptr (GstPad) pad =
      gst_element_get_static_pad (g_value_get_object (item), "src");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, lose, loss, NULL);
}

static void
lose_what_comes (Party *party, Loss *loss)
{
  GstIterator *sources = gst_bin_iterate_all_by_element_factory_name
      (GST_BIN (party->room), "nicesrc");

  gst_iterator_foreach (sources, add_loss, loss);
  gst_iterator_free (sources);
}

GST_START_TEST (losses_are_seen_by_both_and_pass)
{
  Pair p;
  Loss loss = { 4 };

  pair_start (&p, "", AV (PARTY_RED, 500), "", "");
  WAIT_FOR (get_int (p.b, p.a->id, "received-width") == 64);
  lose_what_comes (p.b, &loss);
  WAIT_FOR (get_double (p.a, p.b->id, "loss-sent") > 0.1);
  WAIT_FOR (get_double (p.b, p.a->id, "loss-received") > 0.1);
  fail_unless (get_double (p.a, p.b->id, "loss-sent") <= 0.6);
  fail_unless (get_double (p.a, p.b->id, "loss-received") == 0);
  g_atomic_int_set (&loss.every, 0);
  WAIT_FOR (get_double (p.a, p.b->id, "loss-sent") == 0);
  WAIT_FOR (get_double (p.b, p.a->id, "loss-received") == 0);
  pair_stop (&p);
}

GST_END_TEST;

/* --- freezes --- */

GST_START_TEST (a_picture_that_does_not_come_freezes)
{
  Pair p;
  Loss loss = { 0 };

  pair_start (&p, "", PARTY_VIDEO (PARTY_RED), "", "");
  WAIT_FOR (get_double (p.b, p.a->id, "received-framerate") > 5);
  lose_what_comes (p.b, &loss);
  g_atomic_int_set (&loss.every, 1);
  WAIT_FOR (get_double (p.b, p.a->id, "received-framerate") == 0);
  g_atomic_int_set (&loss.every, 0);
  WAIT_FOR (get_count (p.b, p.a->id, "freezes") > 0);
  WAIT_FOR (get_count (p.b, p.a->id, "frozen-time") > GST_SECOND);
  ck_assert_uint_eq (get_count (p.a, p.b->id, "freezes"), 0);
  pair_stop (&p);
}

GST_END_TEST;

static void
tell_hidden (Party *party, gboolean hidden)
{
  g_autoptr (GstPad) pad =
      gst_element_get_static_pad (party->room, "video_sink");

  gst_pad_send_event (pad, gst_event_new_custom
      (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
          gst_structure_new ("meshroom/hidden", "hidden", G_TYPE_BOOLEAN,
              hidden, NULL)));
}

/* A placeholder comes twice a second, which is no freeze of a picture that came
 * twenty times. */
GST_START_TEST (a_hidden_camera_does_not_freeze)
{
  Pair p;
  guint64 freezes;

  pair_start (&p, "", PARTY_VIDEO (PARTY_RED), "", "");
  WAIT_FOR (get_double (p.b, p.a->id, "received-framerate") > 5);
  freezes = get_count (p.b, p.a->id, "freezes");
  tell_hidden (p.a, TRUE);
  WAIT_FOR (party_knows (p.b, p.a->id, "hidden", "true"));
  WAIT_FOR (get_double (p.b, p.a->id, "received-framerate") < 4);
  /* a freeze from before may end in between on a machine that is busy */
  ck_assert_uint_le (get_count (p.b, p.a->id, "freezes"), freezes + 1);
  pair_stop (&p);
}

GST_END_TEST;

/* --- another attempt --- */

static char *
dup_sid (Party *party, const char *peer)
{
  g_autoptr (GstStructure) one = dup_stats (party, peer);

  return one ? g_strdup (gst_structure_get_string (one, "sid")) : NULL;
}

/* A tone that is added in mid-call makes another attempt. */
static void
add_tone (Party *party)
{
  GstElement *tone = gst_parse_bin_from_description ("audiotestsrc "
      "is-live=true samplesperbuffer=480 volume=0.5 freq=1300 "
      "! audio/x-raw,rate=48000,channels=1 ! identity", TRUE,
      NULL);

  gst_bin_add (GST_BIN (party->pipeline), tone);
  fail_unless (gst_element_link_pads (tone, "src", party->room, "audio_sink"));
  gst_element_sync_state_with_parent (tone);
}

GST_START_TEST (counts_go_on_over_attempts)
{
  Pair p;
  g_autofree char *sid = NULL;
  guint64 sent;

  pair_start (&p, "", PARTY_VIDEO (PARTY_RED), "", PARTY_VIDEO (PARTY_BLUE));
  WAIT_FOR (get_count (p.a, p.b->id, "key-frames-sent") > 0
      && get_count (p.b, p.a->id, "key-frames-sent") > 0);
  sid = dup_sid (p.a, p.b->id);
  sent = get_count (p.a, p.b->id, "key-frames-sent");
  add_tone (p.a);
  WAIT_FOR (!says (p.a, p.b->id, "sid", sid));
  ck_assert_uint_ge (get_count (p.a, p.b->id, "key-frames-sent"), sent);
  /* also when the former attempt has ended */
  WAIT_FOR (party_hears (p.b, p.a->id, 1300));
  WAIT_FOR (get_count (p.a, p.b->id, "key-frames-sent") > sent
      && exchanges_pictures (p.a, p.b->id));
  pair_stop (&p);
}

GST_END_TEST;

static Suite *
meshroom_stats_suite (void)
{
  Suite *suite = suite_create ("meshroom-stats");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, every_field_is_there_when_a_peer_is_added);
  tcase_add_loop_test (tcase, two_see_what_goes_between_them, 0,
      G_N_ELEMENTS (codecs));
  tcase_add_test (tcase, whoever_only_watches_sends_nothing);
  tcase_add_test (tcase, each_of_several_peers_has_its_own);
  tcase_add_test (tcase, counts_go_on_over_attempts);
  tcase_add_test (tcase, a_picture_that_does_not_come_freezes);
  tcase_add_test (tcase, a_hidden_camera_does_not_freeze);
  tcase_add_test (tcase, losses_are_seen_by_both_and_pass);
  return suite;
}

GST_CHECK_MAIN (meshroom_stats);
