/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a meshroom does not put up with: certificates that are not the ones
 * announced, keys that are not the room's, junk, and links that lead nowhere. */

#include <gst/sdp/sdp.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "core/sdp.h"
#include "party.h"

#define LINK "link=http://127.0.0.1:1/room/" \
    "6fa459ea-ee8a-4ca4-894e-db77e160355e"
#define KEY "#AAECAwQFBgcICQoLDA0ODw "
#define OTHER_KEY "#AAECAwQFBgcICQoLDA0OEA "

#define RED PARTY_VIDEO (PARTY_RED) PARTY_AUDIO (500)
#define BLUE PARTY_VIDEO (PARTY_BLUE) PARTY_AUDIO (900)

/* --- somebody in between --- */

typedef struct {
  const char *type;             /* of the description to change */
  guint changed;
} Swap;

/* Changes one digit of each fingerprint. */
static char *
swap_fingerprint (Party *from, const char *json, gpointer data)
{
  static const char mark[] = "a=fingerprint:sha-256 ";
  Swap *swap = data;
  char *copy = g_strdup (json);

  if (!strstr (copy, swap->type))
    return copy;
  for (char *p = copy; (p = strstr (p, mark)); p++) {
    char *digit = p + strlen (mark);

    *digit = *digit == '0' ? '1' : '0';
    swap->changed++;
  }
  return copy;
}

static void
check_swap (const char *type)
{
  Swap swap = { type };
  Wire *wire = wire_new (swap_fingerprint, &swap);
  Party *a = party_new (wire, "", RED);
  Party *b = party_new (wire, "", BLUE);
  g_autofree char *at_a = g_strdup_printf ("peer %s: its certificate", b->id);
  g_autofree char *at_b = g_strdup_printf ("peer %s: its certificate", a->id);
  g_autofree char *told_a = g_strdup_printf ("peer %s: does not take", b->id);
  g_autofree char *told_b = g_strdup_printf ("peer %s: does not take", a->id);
  Party *deceived;

  party_start (a);
  party_start (b);
  WAIT_FOR (party_has (a->warnings, at_a) || party_has (b->warnings, at_b));
  fail_unless (swap.changed > 0);
  deceived = party_has (a->warnings, at_a) ? a : b;
  /* the other one has nothing to complain of, but is told */
  WAIT_FOR (party_has (deceived == a ? b->warnings : a->warnings,
          deceived == a ? told_b : told_a));
  ck_assert_uint_eq (deceived->added->len, 0);
  ck_assert_uint_eq (a->streams->len, 0);
  ck_assert_uint_eq (b->streams->len, 0);
  party_free (a);
  party_free (b);
  wire_free (wire);
}

GST_START_TEST (a_swapped_fingerprint_in_the_offer_is_refused)
{
  check_swap ("\"offer\"");
}

GST_END_TEST;

GST_START_TEST (a_swapped_fingerprint_in_the_answer_is_refused)
{
  check_swap ("\"answer\"");
}

GST_END_TEST;

GST_START_TEST (unless_nobody_wants_to_know)
{
  Swap swap = { __i__ ? "\"offer\"" : "\"answer\"" };
  Wire *wire = wire_new (swap_fingerprint, &swap);
  Party *a = party_new (wire, "verify-fingerprint=false", RED);
  Party *b = party_new (wire, "verify-fingerprint=false", BLUE);

  party_start (a);
  party_start (b);
  WAIT_FOR (party_sees (a, b->id, PARTY_BLUE)
      && party_sees (b, a->id, PARTY_RED));
  fail_unless (swap.changed > 0);
  party_free (a);
  party_free (b);
  wire_free (wire);
}

GST_END_TEST;

GST_START_TEST (with_another_key_there_is_no_connection)
{
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, LINK KEY, RED);
  Party *b = party_new (wire, LINK KEY, BLUE);
  Party *stranger = party_new (wire, LINK OTHER_KEY, RED);
  g_autofree char *named = g_strdup_printf ("peer %s: ", stranger->id);

  party_start (stranger);
  party_start (a);
  party_start (b);
  WAIT_FOR (party_sees (a, b->id, PARTY_BLUE)
      && party_sees (b, a->id, PARTY_RED));
  WAIT_FOR (party_has (a->warnings, named) && stranger->warnings->len > 0);
  ck_assert_uint_eq (stranger->added->len, 0);
  ck_assert_uint_eq (stranger->streams->len, 0);
  ck_assert_uint_eq (a->added->len, 1);
  party_free (stranger);
  party_free (a);
  party_free (b);
  wire_free (wire);
}

GST_END_TEST;

GST_START_TEST (without_the_key_there_is_no_connection)
{
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, LINK KEY, RED);
  Party *stranger = party_new (wire, LINK, BLUE);
  g_autofree char *named = g_strdup_printf ("peer %s: ", stranger->id);

  party_start (a);
  party_start (stranger);
  WAIT_FOR (party_has (a->warnings, named));
  WAIT_FOR (party_has (stranger->warnings, "the link has no key"));
  ck_assert_uint_eq (a->streams->len, 0);
  ck_assert_uint_eq (stranger->streams->len, 0);
  party_free (stranger);
  party_free (a);
  wire_free (wire);
}

GST_END_TEST;

/* A recorded call, played again to one of its own. */
static char *
record (Party *from, const char *json, gpointer data)
{
  g_ptr_array_add (data, g_strdup (json));
  return g_strdup (json);
}

GST_START_TEST (a_recording_opens_nothing)
{
  g_autoptr (GPtrArray) tape = g_ptr_array_new_with_free_func (g_free);
  Wire *wire = wire_new (record, tape);
  Party *a = party_new (wire, LINK KEY, RED);
  Party *b = party_new (wire, LINK KEY, BLUE);
  Stream *stream;
  guint n, frames;

  party_start (a);
  party_start (b);
  WAIT_FOR ((stream = party_stream_of (a, b->id, TRUE)) && stream->frames > 5);
  g_mutex_lock (&party_lock);
  n = tape->len;
  frames = stream->frames;
  g_mutex_unlock (&party_lock);
  for (guint i = 0; i < n; i++)
    party_feed (a, tape->pdata[i], -1);
  WAIT_FOR (stream->frames > frames + 40);
  ck_assert_uint_eq (a->added->len, 1);
  ck_assert_uint_eq (a->removed->len, 0);
  ck_assert_uint_le (a->warnings->len, 10);
  party_free (a);
  party_free (b);
  wire_free (wire);
}

GST_END_TEST;

/* --- junk --- */

/* @ID: the peer that we are in a call with, @ME: we */
static const char *const junk[] = {
  "", " ", "\n", "null", "true", "[]", "{", "}", "{}", "\"\"", "0", "nan",
  "\xff\xfe\xfd", "{\"type\":1}", "{\"type\":null}", "{\"type\":\"\"}",
  "{\"type\":\"joinroom\"}", "{\"type\":\"joinroom\",\"from\":5}",
  "{\"type\":\"joinroom\",\"from\":\"nobody\"}",
  "{\"type\":\"joinroom\",\"from\":\"@ME\",\"to\":\"@ME\"}",
  "{\"type\":\"unheard-of\",\"from\":\"@ID\",\"to\":\"@ME\"}",
  "{\"type\":\"roomreply\",\"from\":\"@ID\",\"to\":\"@ME\","
      "\"shouldCall\":[1,2,3]}",
  "{\"type\":\"roomreply\",\"from\":\"@ID\",\"to\":\"@ME\","
      "\"shouldCall\":{\"a\":1}}",
  "{\"type\":\"roster\",\"from\":\"@ID\",\"to\":\"@ME\",\"members\":\"all\"}",
  "{\"type\":\"call\",\"from\":\"@ID\",\"to\":\"@ME\",\"sid\":17}",
  "{\"type\":\"call\",\"from\":\"@ID\",\"to\":\"@ME\",\"sid\":\"x\"}",
  "{\"type\":\"call\",\"from\":\"@ID\",\"to\":\"@ME\",\"codecs\":[[]]}",
  "{\"type\":\"signal\",\"from\":\"@ID\",\"to\":\"@ME\"}",
  "{\"type\":\"signal\",\"from\":\"@ID\",\"to\":\"@ME\",\"data\":null}",
  "{\"type\":\"signal\",\"from\":\"@ID\",\"to\":\"@ME\",\"data\":{}}",
  "{\"type\":\"signal\",\"from\":\"@ID\",\"to\":\"@ME\",\"sid\":"
      "\"0000000000000000-1\",\"data\":{\"type\":\"offer\",\"sdp\":\"v=0\"}}",
  "{\"type\":\"signal\",\"from\":\"@ID\",\"to\":\"@ME\",\"data\":"
      "{\"type\":\"rollback\",\"sdp\":\"\"}}",
  "{\"type\":\"signal\",\"from\":\"@ID\",\"to\":\"@ME\",\"data\":"
      "{\"type\":\"candidate\",\"candidate\":\"x\"}}",
  "{\"type\":\"signal\",\"from\":\"@ID\",\"to\":\"@ME\",\"data\":"
      "{\"type\":\"candidate\",\"candidate\":{\"candidate\":5}}}",
  "{\"type\":\"state\",\"from\":\"@ID\",\"to\":\"@ME\",\"name\":[]}",
  "{\"type\":\"state\",\"from\":\"@ID\",\"to\":\"@ME\",\"muted\":\"yes\"}",
  "{\"type\":\"chat\",\"from\":\"@ID\",\"to\":\"@ME\"}",
  "{\"type\":\"chat\",\"from\":\"@ID\",\"to\":\"@ME\",\"text\":7}",
  "{\"type\":\"bye\",\"from\":\"@ID\",\"to\":\"@ME\",\"sid\":\"x\"}",
  "{\"type\":\"bye\",\"from\":\"@ID\",\"to\":\"@ME\","
      "\"sid\":\"0000000000000000-1\",\"reason\":\"failed\"}",
  "{\"type\":\"sealed\",\"from\":\"@ID\",\"to\":\"@ME\",\"box\":\"AAAA\"}",
  "{\"type\":\"welcome\",\"from\":\"@ID\",\"id\":\"@ME\",\"members\":[]}",
  "{\"type\":\"left\",\"from\":\"@ID\",\"id\":\"@ID\",\"reason\":\"bye\"}",
  "{\"type\":\"welcome\",\"id\":5}",
  "{\"type\":\"left\"}",
  "{\"type\":\"undeliverable\",\"to\":5,\"reason\":[]}",
  "{\"type\":\"chat\",\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
      "{\"a\":{}}}}}}}}}}",
};

static void
feed_junk (Party *to, Party *from)
{
  g_autofree char *huge = g_strnfill (200 * 1024, '[');
  g_autofree char *large = g_strnfill (60 * 1024, 'x');
  g_autofree char *message = g_strdup_printf ("{\"type\":\"chat\",\"from\":"
      "\"%s\",\"to\":\"%s\",\"text\":\"%s\"}", from->id, to->id, large);

  for (guint i = 0; i < G_N_ELEMENTS (junk); i++) {
    g_autoptr (GString) text = g_string_new (junk[i]);

    g_string_replace (text, "@ID", from->id, 0);
    g_string_replace (text, "@ME", to->id, 0);
    party_feed (to, text->str, text->len);
  }
  party_feed (to, "a\0b", 3);
  party_feed (to, huge, -1);
  party_feed (to, message, -1);
}

GST_START_TEST (junk_is_worth_a_few_warnings_at_most)
{
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, "", RED);
  Party *b = party_new (wire, "display-name=Bob", BLUE);
  Stream *stream;
  guint frames;

  party_start (a);
  party_start (b);
  WAIT_FOR (party_sees (a, b->id, PARTY_BLUE)
      && party_hears (a, b->id, 900) && party_sees (b, a->id, PARTY_RED));
  for (guint i = 0; i < 20; i++)
    feed_junk (a, b);
  /* the call goes on */
  g_signal_emit_by_name (b->room, "send-message", "still there?");
  WAIT_FOR (a->chat->len > 0);
  stream = party_stream_of (a, b->id, TRUE);
  frames = stream->frames;
  WAIT_FOR (stream->frames > frames + 20);
  ck_assert_uint_le (a->warnings->len, 12);
  ck_assert_uint_eq (a->chat->len, 1);
  ck_assert_uint_eq (a->added->len, 1);
  ck_assert_uint_eq (a->removed->len, 0);
  fail_unless (party_knows (a, b->id, "name", "Bob"));
  party_free (a);
  party_free (b);
  wire_free (wire);
}

GST_END_TEST;

/* Each party's description with one thing wrong that webrtcbin 1.22 would
 * stumble over. */
static const struct {
  const char *from;
  const char *to;
} bad_sdp[] = {
  { "m=video", "m=application" },
  { "m=audio 9", "m=audio 0" },
  { "a=setup:act", "a=setup:pas" },
  { "a=mid:video1", "a=mid:audio0" },
  { "a=ice-ufrag:", "a=ice-ufrag:%" },
  { "a=rtpmap:96 VP8", "a=rtpmap:96 VP9" },
  { "v=0", "v=0\\r\\nm=audio 9 UDP/TLS/RTP/SAVPF 0" },
};

static char *
spoil_answer (Party *from, const char *json, gpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autoptr (GString) text = g_string_new (json);

  if (strstr (json, "\"answer\""))
    g_string_replace (text, bad_sdp[i].from, bad_sdp[i].to, 0);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static char *
spoil_offer (Party *from, const char *json, gpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autoptr (GString) text = g_string_new (json);

  if (strstr (json, "\"offer\""))
    g_string_replace (text, bad_sdp[i].from, bad_sdp[i].to, 0);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
check_bad_sdp (WireFilter filter, guint i)
{
  Wire *wire = wire_new (filter, GUINT_TO_POINTER (i));
  Party *a = party_new (wire, "", RED);
  Party *b = party_new (wire, "", BLUE);

  party_start (a);
  party_start (b);
  /* refused, or another way is found */
  WAIT_FOR ((a->warnings->len + a->slow->len > 0
          && b->warnings->len + b->slow->len > 0)
      || party_has (a->added, b->id));
  party_free (a);
  party_free (b);
  wire_free (wire);
}

GST_START_TEST (a_bad_offer_ends_the_attempt_only)
{
  check_bad_sdp (spoil_offer, __i__);
}

GST_END_TEST;

GST_START_TEST (a_bad_answer_ends_the_attempt_only)
{
  check_bad_sdp (spoil_answer, __i__);
}

GST_END_TEST;

/* Keeps the description of a message. */
static char *
keep_description (Party *from, const char *json, gpointer data)
{
  g_autoptr (JsonNode) node = json_from_string (json, NULL);
  JsonObject *object = json_node_get_object (node);

  if (json_object_has_member (object, "data")) {
    object = json_object_get_object_member (object, "data");
    if (json_object_has_member (object, "sdp"))
      g_ptr_array_add (data, g_strdup (json_object_get_string_member (object,
                  "sdp")));
  }
  return g_strdup (json);
}

/* What the core lets in, webrtcbin's parser must read as the same. */
static void
check_readable (const char *text, gboolean is_offer)
{
  static const char *const codecs[] = { "VP8", "H264", NULL };
  g_autoptr (MeshSdp) sdp = mesh_sdp_read (text, is_offer, codecs, NULL);
  GstSDPMessage *message;

  if (!sdp)
    return;
  ck_assert_int_eq (gst_sdp_message_new_from_text (sdp->text, &message),
      GST_SDP_OK);
  ck_assert_uint_eq (gst_sdp_message_medias_len (message), sdp->n_media);
  for (guint i = 0; i < sdp->n_media; i++) {
    const GstSDPMedia *media = gst_sdp_message_get_media (message, i);

    ck_assert_str_eq (gst_sdp_media_get_media (media), sdp->media[i].kind);
    ck_assert_int_eq (gst_sdp_media_get_port (media) != 0,
        sdp->media[i].codec != NULL);
    fail_unless (gst_sdp_media_get_attribute_val (media, "mid") != NULL);
  }
  gst_sdp_message_free (message);
}

GST_START_TEST (what_is_let_in_is_read_the_same_by_gstreamer)
{
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GRand) random = g_rand_new_with_seed (11);
  Wire *wire = wire_new (keep_description, texts);
  Party *a = party_new (wire, "", RED);
  Party *b = party_new (wire, "", BLUE);

  party_start (a);
  party_start (b);
  WAIT_FOR (party_sees (a, b->id, PARTY_BLUE));
  party_free (a);
  party_free (b);
  wire_free (wire);
  ck_assert_uint_ge (texts->len, 2);
  for (guint i = 0; i < 20000; i++) {
    g_autofree char *text = g_strdup (texts->pdata[i % 2]);
    gsize length = strlen (text);

    for (guint n = i < 2 ? 0 : g_rand_int_range (random, 1, 5); n > 0; n--)
      text[g_rand_int_range (random, 0, length)] =
          g_rand_int_range (random, 1, 256);
    check_readable (text, strstr (text, "actpass") != NULL);
  }
}

GST_END_TEST;

/* The video is rejected by an answer; the rest is a call. */
static char *
reject_video (Party *from, const char *json, gpointer data)
{
  g_autoptr (GString) text = g_string_new (json);

  if (strstr (json, "\"answer\"")) {
    g_string_replace (text, "m=video 9 ", "m=video 0 ", 0);
    g_string_replace (text, "a=bundle-only\\r\\n", "", 0);
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

GST_START_TEST (without_video_they_still_hear_each_other)
{
  Wire *wire = wire_new (reject_video, NULL);
  Party *a = party_new (wire, "", RED);
  Party *b = party_new (wire, "", BLUE);

  party_start (a);
  party_start (b);
  WAIT_FOR (party_hears (a, b->id, 900) && party_hears (b, a->id, 500));
  party_free (a);
  party_free (b);
  wire_free (wire);
}

GST_END_TEST;

/* --- links that lead nowhere --- */

static const struct {
  const char *room;
  int code;
} bad_rooms[] = {
  { "", GST_RESOURCE_ERROR_SETTINGS },
  { "link=hello", GST_RESOURCE_ERROR_SETTINGS },
  { "link=\"\"", GST_RESOURCE_ERROR_SETTINGS },
  { "link=ftp://example.com/room/6fa459ea-ee8a-4ca4-894e-db77e160355e",
    GST_RESOURCE_ERROR_SETTINGS },
  { "link=http://127.0.0.1:1/room/not-a-uuid", GST_RESOURCE_ERROR_SETTINGS },
  { "link=http://127.0.0.1:1/room/6fa459ea-ee8a-4ca4-894e-db77e160355e#short",
    GST_RESOURCE_ERROR_SETTINGS },
  { "serve=nonsense", -1 },
  { "serve=192.0.2.1:1", -1 },
  { "video-codecs=AV1,nothing " LINK KEY, GST_RESOURCE_ERROR_FAILED },
};

GST_START_TEST (no_room_is_one_clear_error)
{
  Party *party = party_new (NULL, bad_rooms[__i__].room, "");

  ck_assert_int_eq (gst_element_set_state (party->pipeline,
          GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  ck_assert_uint_eq (party->errors->len, 1);
  if (bad_rooms[__i__].code >= 0)
    ck_assert_int_eq (g_array_index (party->codes, int, 0),
        bad_rooms[__i__].code);
  ck_assert_uint_gt (strlen (party->errors->pdata[0]), 10);
  g_ptr_array_set_size (party->errors, 0);
  party_free (party);
}

GST_END_TEST;

GST_START_TEST (a_link_without_a_key_is_reported)
{
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, LINK, "");

  party_start (a);
  WAIT_FOR (party_has (a->warnings, "the link has no key"));
  party_free (a);
  wire_free (wire);
}

GST_END_TEST;

static Suite *
guard_suite (void)
{
  Suite *suite = suite_create ("meshroom-guard");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, a_swapped_fingerprint_in_the_offer_is_refused);
  tcase_add_test (tcase, a_swapped_fingerprint_in_the_answer_is_refused);
  tcase_add_loop_test (tcase, unless_nobody_wants_to_know, 0, 2);
  tcase_add_test (tcase, with_another_key_there_is_no_connection);
  tcase_add_test (tcase, without_the_key_there_is_no_connection);
  tcase_add_test (tcase, a_recording_opens_nothing);
  tcase_add_test (tcase, junk_is_worth_a_few_warnings_at_most);
  tcase_add_loop_test (tcase, a_bad_offer_ends_the_attempt_only, 0,
      G_N_ELEMENTS (bad_sdp));
  tcase_add_loop_test (tcase, a_bad_answer_ends_the_attempt_only, 0,
      G_N_ELEMENTS (bad_sdp));
  tcase_add_test (tcase, what_is_let_in_is_read_the_same_by_gstreamer);
  tcase_add_test (tcase, without_video_they_still_hear_each_other);
  tcase_add_loop_test (tcase, no_room_is_one_clear_error, 0,
      G_N_ELEMENTS (bad_rooms));
  tcase_add_test (tcase, a_link_without_a_key_is_reported);
  return suite;
}

GST_CHECK_MAIN (guard);
