/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is let in of a peer's session description. */

#include "sdp-fixture.h"

static void
chromium_is_let_in (void)
{
  g_autoptr (MeshSdp) sdp = read_ok (chromium_offer, TRUE, vp8);
  static const char *const unwanted[] = { "extmap", "msid", "VP9", "H264",
    "PCMU", "telephone", "goog-remb", "transport-cc", "red/", "ulpfec",
    "4611731400430051336", "rtcp:9", "Po5OLHdSdcxYe0Iy"
  };

  check_rewritten (sdp, TRUE, vp8);
  g_assert_cmpuint (sdp->n_media, ==, 2);
  g_assert_cmpstr (sdp->media[0].kind, ==, "audio");
  g_assert_cmpstr (sdp->media[0].codec, ==, "OPUS");
  g_assert_cmpint (sdp->media[0].payload_type, ==, 111);
  g_assert_cmpint (sdp->media[0].rtx_payload_type, ==, -1);
  g_assert_true (sdp->media[0].sends && sdp->media[0].receives);
  g_assert_cmpstr (sdp->media[1].kind, ==, "video");
  g_assert_cmpstr (sdp->media[1].codec, ==, "VP8");
  g_assert_cmpint (sdp->media[1].payload_type, ==, 96);
  g_assert_cmpint (sdp->media[1].rtx_payload_type, ==, 97);
  g_assert_cmpuint (sdp->fingerprint[0], ==, 0x0f);
  g_assert_cmpuint (sdp->fingerprint[31], ==, 0xff);
  g_assert_nonnull (strstr (sdp->text, "a=ssrc-group:FID 2001 2002\r\n"));
  g_assert_nonnull (strstr (sdp->text, "a=group:BUNDLE 0 1\r\n"));
  for (guint i = 0; i < G_N_ELEMENTS (unwanted); i++)
    g_assert_null (strstr (sdp->text, unwanted[i]));
}

static void
vp9_is_let_in (void)
{
  g_autoptr (MeshSdp) sdp = read_ok (chromium_offer, TRUE, vp9);
  g_autofree char *more = replace (chromium_offer, "profile-id=0",
      "profile-id=2");
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshSdp) other = mesh_sdp_read (more, TRUE, vp9, &error);

  check_rewritten (sdp, TRUE, vp9);
  g_assert_cmpstr (sdp->media[1].codec, ==, "VP9");
  g_assert_cmpint (sdp->media[1].payload_type, ==, 98);
  g_assert_cmpint (sdp->media[1].rtx_payload_type, ==, 99);
  g_assert_nonnull (strstr (sdp->text,
          "a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\n"));
  g_assert_null (strstr (sdp->text, "VP8"));
  /* pictures of 10 bits are none that everybody shows */
  g_assert_no_error (error);
  g_assert_null (other->media[1].codec);
}

static void
firefox_is_let_in (void)
{
  g_autoptr (MeshSdp) sdp = read_ok (firefox_offer, TRUE, vp8);

  check_rewritten (sdp, TRUE, vp8);
  g_assert_cmpint (sdp->media[0].payload_type, ==, 109);
  g_assert_cmpint (sdp->media[1].payload_type, ==, 120);
  g_assert_cmpint (sdp->media[1].rtx_payload_type, ==, 124);
  g_assert_false (sdp->media[1].sends);
  g_assert_true (sdp->media[1].receives);
  /* its names and TCP are not followed */
  g_assert_cmpuint (g_strv_length (sdp->candidates), ==, 1);
  g_assert_cmpstr (sdp->candidates[0], ==,
      "candidate:0 1 UDP 2122252543 10.77.0.1 51234 typ host");
}

static void
retransmissions_are_found_behind_the_stream (void)
{
  g_autoptr (MeshSdp) sdp = read_ok (firefox_offer, TRUE, vp8);

  g_assert_nonnull (strstr (sdp->text, "a=ssrc-group:FID 4004 4005\r\n"));
  g_assert_nonnull (strstr (sdp->text, "a=ssrc:4005 cname:"));
}

static void
webrtcbin_is_let_in (void)
{
  g_autoptr (MeshSdp) sdp = read_ok (webrtcbin_answer, FALSE, vp8);

  check_rewritten (sdp, FALSE, vp8);
  g_assert_cmpstr (sdp->media[1].codec, ==, "VP8");
  g_assert_true (sdp->media[1].sends);
  g_assert_false (sdp->media[1].receives);
  g_assert_null (strstr (sdp->text, "sprop-"));
  g_assert_nonnull (strstr (sdp->text, "a=group:BUNDLE audio0 video1\r\n"));
}

static void
h264_is_taken_in_the_profile_of_everybody (void)
{
  static const struct {
    const char *fmtp;
    gboolean taken;
  } table[] = {
    { "packetization-mode=1;profile-level-id=42e01f", TRUE },
    { "profile-level-id=42E01F;packetization-mode=1", TRUE },
    { "level-asymmetry-allowed=1;packetization-mode=1;"
        "profile-level-id=42001f", TRUE },
    { "packetization-mode=1;profile-level-id=42c015", TRUE },
    { "packetization-mode=0;profile-level-id=42e01f", FALSE },
    { "profile-level-id=42e01f", FALSE },
    { "packetization-mode=1;profile-level-id=4d001f", FALSE },
    { "packetization-mode=1;profile-level-id=640c1f", FALSE },
    { "packetization-mode=1", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (table); i++) {
    g_autofree char *video = replace (VIDEO, "VP8", "H264");
    g_autofree char *text = g_strdup_printf (HEAD AUDIO "%sa=fmtp:96 %s\r\n",
        video, table[i].fmtp);
    g_autoptr (GError) error = NULL;
    g_autoptr (MeshSdp) sdp = mesh_sdp_read (text, TRUE, both, &error);

    g_test_message ("%s", table[i].fmtp);
    g_assert_no_error (error);
    if (table[i].taken) {
      g_assert_cmpstr (sdp->media[1].codec, ==, "H264");
      g_assert_nonnull (strstr (sdp->text,
              "packetization-mode=1;profile-level-id=42e01f"));
    } else {
      g_assert_null (sdp->media[1].codec);
    }
  }
}

static void
of_many_formats_the_one_that_fits_is_taken (void)
{
  g_autoptr (MeshSdp) sdp = read_ok (chromium_offer, TRUE, h264);
  g_autoptr (MeshSdp) first = read_ok (chromium_offer, TRUE, both);

  g_assert_cmpint (sdp->media[1].payload_type, ==, 103);
  g_assert_cmpint (sdp->media[1].rtx_payload_type, ==, 104);
  /* the peer's order decides */
  g_assert_cmpstr (first->media[1].codec, ==, "VP8");
}

static void
one_media_is_enough (void)
{
  g_autoptr (MeshSdp) audio = read_ok (HEAD AUDIO, TRUE, vp8);
  g_autoptr (MeshSdp) video = read_ok (HEAD VIDEO, TRUE, vp8);

  g_assert_cmpuint (audio->n_media, ==, 1);
  g_assert_nonnull (strstr (audio->text, "a=group:BUNDLE 0\r\n"));
  g_assert_cmpstr (video->media[0].kind, ==, "video");
}

static void
all_m_lines_share_the_first_ones_transport (void)
{
  g_autofree char *video = replace (VIDEO, "4ZcD", "WXYZ");
  g_autofree char *passive = replace (video, "setup:actpass", "setup:passive");
  g_autofree char *text = g_strconcat (HEAD AUDIO, passive, NULL);
  g_autoptr (MeshSdp) sdp = read_ok (text, TRUE, vp8);

  g_assert_cmpuint (count (sdp->text, "a=ice-ufrag:4ZcD\r\n"), ==, 2);
  g_assert_cmpuint (count (sdp->text, "a=setup:actpass\r\n"), ==, 2);
}

static void
an_answer_may_reject_the_video (void)
{
  g_autofree char *none = replace (webrtcbin_answer, "a=bundle-only\r\n", "");
  g_autoptr (MeshSdp) sdp = read_ok (none, FALSE, vp8);

  g_assert_cmpuint (sdp->n_media, ==, 2);
  g_assert_null (sdp->media[1].codec);
  g_assert_false (sdp->media[1].sends || sdp->media[1].receives);
  g_assert_nonnull (strstr (sdp->text, "m=video 0 "));
  g_assert_null (strstr (sdp->text, "a=ssrc:5001"));
}

static void
the_best_candidates_come_first_and_there_is_an_end_to_them (void)
{
  g_autoptr (GString) text = g_string_new (HEAD AUDIO);
  g_autoptr (MeshSdp) sdp = NULL;

  for (guint i = 0; i < 300; i++)
    g_string_append_printf (text,
        "a=candidate:%u 1 UDP %u 10.0.0.1 %u typ host\r\n", i, i, 1000 + i);
  sdp = read_ok (text->str, TRUE, vp8);
  g_assert_cmpuint (g_strv_length (sdp->candidates), ==, 256);
  g_assert_cmpstr (sdp->candidates[0], ==,
      "candidate:255 1 UDP 255 10.0.0.1 1255 typ host");
  g_assert_cmpstr (sdp->candidates[255], ==,
      "candidate:0 1 UDP 0 10.0.0.1 1000 typ host");
}

static void
a_list_of_formats_is_bounded (void)
{
  g_autoptr (GString) text = g_string_new (HEAD
      "m=audio 9 UDP/TLS/RTP/SAVPF 111");
  g_autoptr (MeshSdp) sdp = NULL;

  for (guint i = 0; i < 5000; i++)
    g_string_append_printf (text, " %u", i % 128);
  g_string_append (text, strchr (AUDIO, '\r'));
  sdp = read_ok (text->str, TRUE, vp8);
  g_assert_cmpint (sdp->media[0].payload_type, ==, 111);
}

static void
data_channels_may_come_last (void)
{
  g_autoptr (MeshSdp) sdp = read_ok (HEAD AUDIO VIDEO DATA, TRUE, vp8);
  const char *data = strstr (sdp->text, "m=application 9 UDP/DTLS/SCTP "
      "webrtc-datachannel\r\n");

  g_assert_cmpint (sdp->n_media, ==, 2);
  g_assert_nonnull (strstr (sdp->text, "a=group:BUNDLE 0 1 2\r\n"));
  g_assert_nonnull (data);
  g_assert_nonnull (strstr (data, "a=mid:2\r\n"));
  g_assert_nonnull (strstr (data, "a=sctp-port:5000\r\n"));
  g_assert_null (strstr (data, "ssrc"));
  g_assert_null (strstr (data, "rtpmap"));
}

/* Video without a codec of ours is rejected, and the rest is a call; where it
 * comes first there is none, since the bundle hangs on it. */
static void
sound_goes_on_without_a_video_codec (void)
{
  g_autofree char *video = replace (VIDEO, "VP8/90000", "AV1/90000");
  g_autofree char *second = g_strconcat (HEAD AUDIO, video, NULL);
  g_autofree char *first = g_strconcat (HEAD, video, AUDIO, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshSdp) sdp = mesh_sdp_read (second, TRUE, vp8, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (sdp->n_media, ==, 2);
  g_assert_cmpstr (sdp->media[0].codec, ==, "OPUS");
  g_assert_cmpstr (sdp->media[1].kind, ==, "video");
  g_assert_null (sdp->media[1].codec);
  g_assert_nonnull (strstr (sdp->text, "m=video 0 "));
  check_rewritten (sdp, TRUE, vp8);

  g_assert_null (mesh_sdp_read (first, TRUE, vp8, &error));
  g_assert_error (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE);
}

#define TWCC(id) "a=extmap:" id " " MESH_SDP_TWCC_URI "\r\n"

/* @audio, @video: what Chromium's description has of the extension */
static MeshSdp *
read_with_extensions (const char *audio, const char *video, gboolean is_offer)
{
  g_autofree char *one = g_strconcat (audio, "a=rtcp-fb:111 transport-cc\r\n",
      NULL);
  g_autofree char *two = g_strconcat (video, "a=rtcp-fb:96 transport-cc\r\n",
      NULL);
  g_autofree char *half = replace (chromium_offer,
      "a=rtcp-fb:111 transport-cc\r\n", one);
  g_autofree char *all = replace (half, "a=rtcp-fb:96 transport-cc\r\n", two);
  g_autofree char *text = is_offer ? g_strdup (all)
      : replace (all, "a=setup:actpass", "a=setup:active");

  return read_ok (text, is_offer, vp8);
}

static void
check_twcc (const char *audio, const char *video, gboolean is_offer,
    int audio_id, int video_id)
{
  g_autoptr (MeshSdp) sdp = read_with_extensions (audio, video, is_offer);

  g_assert_cmpint (sdp->media[0].twcc_id, ==, audio_id);
  g_assert_cmpint (sdp->media[1].twcc_id, ==, video_id);
  g_assert_cmpuint (count (sdp->text, MESH_SDP_TWCC_URI), ==,
      (audio_id != 0) + (video_id != 0));
  g_assert_cmpuint (count (sdp->text, "transport-cc\r\n"), ==,
      (audio_id != 0) + (video_id != 0));
  check_rewritten (sdp, is_offer, vp8);
}

static void
reports_are_agreed_on_by_one_number (void)
{
  check_twcc (TWCC ("3"), TWCC ("3"), TRUE, 3, 3);
  check_twcc (TWCC ("3/recvonly"), TWCC ("3"), TRUE, 3, 3);
  /* Firefox has it for video alone. */
  check_twcc ("", TWCC ("7"), TRUE, 0, 7);
  check_twcc (TWCC ("3"), TWCC ("5"), TRUE, 3, 0);
  check_twcc (TWCC ("15"), TWCC ("0"), TRUE, 0, 0);
  check_twcc (TWCC ("-1"), TWCC ("99999999999"), TRUE, 0, 0);
  check_twcc ("a=extmap:3\r\n", "a=extmap:3 urn:x\r\n", TRUE, 0, 0);
  check_twcc (TWCC ("3") TWCC ("4"), TWCC ("3"), TRUE, 3, 3);
  check_twcc (TWCC ("1"), TWCC ("1"), FALSE, 1, 1);
  check_twcc (TWCC ("2"), TWCC ("2"), FALSE, 0, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sdp/chromium-is-let-in", chromium_is_let_in);
  g_test_add_func ("/sdp/firefox-is-let-in", firefox_is_let_in);
  g_test_add_func ("/sdp/retransmissions-are-found-behind-the-stream",
      retransmissions_are_found_behind_the_stream);
  g_test_add_func ("/sdp/webrtcbin-is-let-in", webrtcbin_is_let_in);
  g_test_add_func ("/sdp/vp9-is-let-in", vp9_is_let_in);
  g_test_add_func ("/sdp/h264-is-taken-in-the-profile-of-everybody",
      h264_is_taken_in_the_profile_of_everybody);
  g_test_add_func ("/sdp/of-many-formats-the-one-that-fits-is-taken",
      of_many_formats_the_one_that_fits_is_taken);
  g_test_add_func ("/sdp/one-media-is-enough", one_media_is_enough);
  g_test_add_func ("/sdp/all-m-lines-share-the-first-ones-transport",
      all_m_lines_share_the_first_ones_transport);
  g_test_add_func ("/sdp/an-answer-may-reject-the-video",
      an_answer_may_reject_the_video);
  g_test_add_func ("/sdp/the-best-candidates-come-first",
      the_best_candidates_come_first_and_there_is_an_end_to_them);
  g_test_add_func ("/sdp/a-list-of-formats-is-bounded",
      a_list_of_formats_is_bounded);
  g_test_add_func ("/sdp/data-channels-may-come-last",
      data_channels_may_come_last);
  g_test_add_func ("/sdp/sound-goes-on-without-a-video-codec",
      sound_goes_on_without_a_video_codec);
  g_test_add_func ("/sdp/reports-are-agreed-on-by-one-number",
      reports_are_agreed_on_by_one_number);
  return g_test_run ();
}
