/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a peer is told beyond what webrtcbin writes. */

#include <gst/check/gstcheck.h>

#undef GST_CAT_DEFAULT          /* the room's own is not used here */
#include "core/codec.h"
#include "meshroom/description.h"

#define HEAD \
    "v=0\r\n" \
    "o=- 1 1 IN IP4 0.0.0.0\r\n" \
    "s=-\r\n" \
    "t=0 0\r\n"
#define AUDIO \
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" \
    "a=rtpmap:111 OPUS/48000/2\r\n" \
    "a=fmtp:111 useinbandfec=1\r\n"
#define VIDEO \
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104\r\n" \
    "a=rtpmap:96 VP8/90000\r\n" \
    "a=rtpmap:97 rtx/90000\r\n" \
    "a=fmtp:97 apt=96\r\n" \
    "a=rtpmap:102 H264/90000\r\n" \
    "a=fmtp:102 packetization-mode=1\r\n" \
    "a=rtpmap:103 red/90000\r\n" \
    "a=rtpmap:104 ulpfec/90000\r\n"

static GstSDPMessage *
parse (const char *text)
{
  GstSDPMessage *message;

  ck_assert_int_eq (gst_sdp_message_new_from_text (text, &message),
      GST_SDP_OK);
  return message;
}

static guint
count (const char *text, const char *part)
{
  guint n = 0;

  for (const char *p = text; (p = strstr (p, part)); p++)
    n++;
  return n;
}

GST_START_TEST (a_browser_is_to_begin_with_a_better_rate)
{
  GstSDPMessage *message = parse (HEAD AUDIO VIDEO);
  g_autofree char *before = gst_sdp_message_as_text (message);
  g_autofree char *told = mesh_description_dup_text (message);
  g_autofree char *after = gst_sdp_message_as_text (message);
  g_autofree char *again = NULL;

  /* What webrtcbin gets is as it was. */
  ck_assert_str_eq (before, after);
  fail_unless (strstr (told, "a=fmtp:96 x-google-start-bitrate=800\r\n"));
  fail_unless (strstr (told, "a=fmtp:102 packetization-mode=1;"
          "x-google-start-bitrate=800\r\n"));
  ck_assert_uint_eq (count (told, "x-google-start-bitrate"), 2);
  ck_assert_uint_eq (count (told, "a=fmtp:"), 4);
  gst_sdp_message_free (message);

  /* An answer repeats the formats of the offer. */
  message = parse (told);
  again = mesh_description_dup_text (message);
  ck_assert_str_eq (again, told);
  gst_sdp_message_free (message);
}

GST_END_TEST;

GST_START_TEST (what_has_no_picture_is_told_as_it_is)
{
  static const char *const texts[] = { HEAD, HEAD AUDIO,
    HEAD "m=video 0 UDP/TLS/RTP/SAVPF 0\r\n" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    GstSDPMessage *message = parse (texts[i]);
    g_autofree char *before = gst_sdp_message_as_text (message);
    g_autofree char *told = mesh_description_dup_text (message);

    ck_assert_str_eq (before, told);
    gst_sdp_message_free (message);
  }
}

GST_END_TEST;

GST_START_TEST (an_answer_promises_reports_once)
{
  static const int ids[MESH_N_KINDS] = { [MESH_AUDIO] = 0, [MESH_VIDEO] = 5 };
  GstSDPMessage *message = parse (HEAD AUDIO VIDEO);
  g_autofree char *text = NULL;

  mesh_description_promise_reports (message, ids);
  mesh_description_promise_reports (message, ids);
  text = gst_sdp_message_as_text (message);
  ck_assert_uint_eq (count (text, "a=extmap:"), 1);
  fail_unless (strstr (strstr (text, "m=video"), "a=extmap:5 "));
  gst_sdp_message_free (message);
}

GST_END_TEST;

static Suite *
description_suite (void)
{
  Suite *suite = suite_create ("description");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, a_browser_is_to_begin_with_a_better_rate);
  tcase_add_test (tcase, what_has_no_picture_is_told_as_it_is);
  tcase_add_test (tcase, an_answer_promises_reports_once);
  return suite;
}

GST_CHECK_MAIN (description);
