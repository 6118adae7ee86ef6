/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is let in of a peer's session description: the shapes that
 * browsers and webrtcbin write, and nothing that a hostile peer could add
 * to them. */

#include <string.h>

#include "core/candidates.h"
#include "core/error.h"
#include "core/sdp.h"

#define FINGERPRINT \
    "0F:1E:2D:3C:4B:5A:69:78:87:96:A5:B4:C3:D2:E1:F0:" \
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
#define OTHER_FINGERPRINT \
    "1F:1E:2D:3C:4B:5A:69:78:87:96:A5:B4:C3:D2:E1:F0:" \
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"

#define HEAD "v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" \
    "a=group:BUNDLE 0 1\r\n"
#define TRANSPORT "a=ice-ufrag:4ZcD\r\na=ice-pwd:2/1muCWoOi3uLifh0NuRHlHp\r\n" \
    "a=ice-options:trickle\r\na=fingerprint:sha-256 " FINGERPRINT "\r\n"
#define AUDIO "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n" \
    TRANSPORT "a=setup:actpass\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\n" \
    "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n" \
    "a=ssrc:1001 cname:cn\r\n"
#define VIDEO "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\n" \
    TRANSPORT "a=setup:actpass\r\na=mid:1\r\na=sendrecv\r\na=rtcp-mux\r\n" \
    "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\n" \
    "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n" \
    "a=ssrc-group:FID 2001 2002\r\na=ssrc:2001 cname:cn\r\n" \
    "a=ssrc:2002 cname:cn\r\n"

/* What of it is not the first m-line's is no concern of ours. */
#define DATA "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n" \
    "c=IN IP4 0.0.0.0\r\n" TRANSPORT "a=setup:actpass\r\na=mid:2\r\n" \
    "a=sctp-port:5000\r\na=ssrc:77 cname:odd\r\na=rtpmap:5 odd/1\r\n"

/* An offer of Chromium, cut down to one of each kind of line. */
static const char chromium_offer[] =
    "v=0\r\n"
    "o=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n"
    "s=-\r\n"
    "t=0 0\r\n"
    "a=group:BUNDLE 0 1\r\n"
    "a=extmap-allow-mixed\r\n"
    "a=msid-semantic: WMS 6x9ZxQZqpo19FRr3Q0xsWC2JJ1lVsk2JE0sG\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\n"
    "c=IN IP4 0.0.0.0\r\n"
    "a=rtcp:9 IN IP4 0.0.0.0\r\n"
    "a=ice-ufrag:4ZcD\r\n"
    "a=ice-pwd:2/1muCWoOi3uLifh0NuRHlHp\r\n"
    "a=ice-options:trickle\r\n"
    "a=fingerprint:sha-256 " FINGERPRINT "\r\n"
    "a=setup:actpass\r\n"
    "a=mid:0\r\n"
    "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
    "a=sendrecv\r\n"
    "a=msid:6x9ZxQZqpo19FRr3Q0xsWC2JJ1lVsk2JE0sG 8a1b\r\n"
    "a=rtcp-mux\r\n"
    "a=rtcp-rsize\r\n"
    "a=rtpmap:111 opus/48000/2\r\n"
    "a=rtcp-fb:111 transport-cc\r\n"
    "a=fmtp:111 minptime=10;useinbandfec=1\r\n"
    "a=rtpmap:63 red/48000/2\r\n"
    "a=fmtp:63 111/111\r\n"
    "a=rtpmap:9 G722/8000\r\n"
    "a=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:13 CN/8000\r\n"
    "a=rtpmap:110 telephone-event/48000\r\n"
    "a=rtpmap:126 telephone-event/8000\r\n"
    "a=ssrc:1001 cname:Po5OLHdSdcxYe0Iy\r\n"
    "a=ssrc:1001 msid:6x9ZxQZqpo19FRr3Q0xsWC2JJ1lVsk2JE0sG 8a1b\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104 107 108 109 114 98 99 116\r\n"
    "c=IN IP4 0.0.0.0\r\n"
    "a=rtcp:9 IN IP4 0.0.0.0\r\n"
    "a=ice-ufrag:4ZcD\r\n"
    "a=ice-pwd:2/1muCWoOi3uLifh0NuRHlHp\r\n"
    "a=ice-options:trickle\r\n"
    "a=fingerprint:sha-256 " FINGERPRINT "\r\n"
    "a=setup:actpass\r\n"
    "a=mid:1\r\n"
    "a=extmap:14 urn:ietf:params:rtp-hdrext:toffset\r\n"
    "a=sendrecv\r\n"
    "a=msid:6x9ZxQZqpo19FRr3Q0xsWC2JJ1lVsk2JE0sG 9c2d\r\n"
    "a=rtcp-mux\r\n"
    "a=rtcp-rsize\r\n"
    "a=rtpmap:96 VP8/90000\r\n"
    "a=rtcp-fb:96 goog-remb\r\n"
    "a=rtcp-fb:96 transport-cc\r\n"
    "a=rtcp-fb:96 ccm fir\r\n"
    "a=rtcp-fb:96 nack\r\n"
    "a=rtcp-fb:96 nack pli\r\n"
    "a=rtpmap:97 rtx/90000\r\n"
    "a=fmtp:97 apt=96\r\n"
    "a=rtpmap:103 H264/90000\r\n"
    "a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;"
    "profile-level-id=42001f\r\n"
    "a=rtpmap:104 rtx/90000\r\n"
    "a=fmtp:104 apt=103\r\n"
    "a=rtpmap:107 H264/90000\r\n"
    "a=fmtp:107 level-asymmetry-allowed=1;packetization-mode=0;"
    "profile-level-id=42001f\r\n"
    "a=rtpmap:108 rtx/90000\r\n"
    "a=fmtp:108 apt=107\r\n"
    "a=rtpmap:109 H264/90000\r\n"
    "a=fmtp:109 level-asymmetry-allowed=1;packetization-mode=1;"
    "profile-level-id=42e01f\r\n"
    "a=rtpmap:114 rtx/90000\r\n"
    "a=fmtp:114 apt=109\r\n"
    "a=rtpmap:98 VP9/90000\r\n"
    "a=fmtp:98 profile-id=0\r\n"
    "a=rtpmap:99 rtx/90000\r\n"
    "a=fmtp:99 apt=98\r\n"
    "a=rtpmap:116 ulpfec/90000\r\n"
    "a=ssrc-group:FID 2001 2002\r\n"
    "a=ssrc:2001 cname:Po5OLHdSdcxYe0Iy\r\n"
    "a=ssrc:2001 msid:6x9ZxQZqpo19FRr3Q0xsWC2JJ1lVsk2JE0sG 9c2d\r\n"
    "a=ssrc:2002 cname:Po5OLHdSdcxYe0Iy\r\n";

/* Firefox: session-level fingerprint, mids and formats of its own, the SSRC
 * group last, candidates inside. */
static const char firefox_offer[] =
    "v=0\r\n"
    "o=mozilla...THIS_IS_SDPARTA-99.0 6730 0 IN IP4 0.0.0.0\r\n"
    "s=-\r\n"
    "t=0 0\r\n"
    "a=fingerprint:sha-256 " FINGERPRINT "\r\n"
    "a=group:BUNDLE 0 1\r\n"
    "a=ice-options:trickle\r\n"
    "a=msid-semantic:WMS *\r\n"
    "m=audio 51234 UDP/TLS/RTP/SAVPF 109 9 0 8 101\r\n"
    "c=IN IP4 10.77.0.1\r\n"
    "a=candidate:0 1 UDP 2122252543 10.77.0.1 51234 typ host\r\n"
    "a=candidate:1 1 TCP 2105524479 10.77.0.1 9 typ host tcptype active\r\n"
    "a=candidate:2 1 UDP 2122187007 4d6c.local 51235 typ host\r\n"
    "a=sendrecv\r\n"
    "a=end-of-candidates\r\n"
    "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
    "a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1\r\n"
    "a=fmtp:101 0-15\r\n"
    "a=ice-pwd:8f9e37fb58dbb2d5dbdf7d2b51d6a3a5\r\n"
    "a=ice-ufrag:bb3e8b11\r\n"
    "a=mid:0\r\n"
    "a=msid:{4a2d} {5b3e}\r\n"
    "a=rtcp-mux\r\n"
    "a=rtpmap:109 opus/48000/2\r\n"
    "a=rtpmap:9 G722/8000/1\r\n"
    "a=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:101 telephone-event/8000/1\r\n"
    "a=setup:actpass\r\n"
    "a=ssrc:3003 cname:{9f8e}\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 120 124 126 127\r\n"
    "c=IN IP4 0.0.0.0\r\n"
    "a=recvonly\r\n"
    "a=fmtp:126 profile-level-id=42e01f;level-asymmetry-allowed=1;"
    "packetization-mode=1\r\n"
    "a=fmtp:120 max-fs=12288;max-fr=60\r\n"
    "a=fmtp:124 apt=120\r\n"
    "a=fmtp:127 apt=126\r\n"
    "a=ice-pwd:8f9e37fb58dbb2d5dbdf7d2b51d6a3a5\r\n"
    "a=ice-ufrag:bb3e8b11\r\n"
    "a=mid:1\r\n"
    "a=rtcp-fb:120 nack\r\n"
    "a=rtcp-mux\r\n"
    "a=rtpmap:120 VP8/90000\r\n"
    "a=rtpmap:124 rtx/90000\r\n"
    "a=rtpmap:126 H264/90000\r\n"
    "a=rtpmap:127 rtx/90000\r\n"
    "a=setup:actpass\r\n"
    "a=ssrc:4004 cname:{9f8e}\r\n"
    "a=ssrc:4005 cname:{9f8e}\r\n"
    "a=ssrc-group:FID 4004 4005\r\n";

/* webrtcbin 1.22: m-lines named by kind and number, bundle-only, no spaces
 * after the semicolons of an fmtp. */
static const char webrtcbin_answer[] =
    "v=0\r\n"
    "o=- 8137641861946 0 IN IP4 0.0.0.0\r\n"
    "s=-\r\n"
    "t=0 0\r\n"
    "a=ice-options:trickle\r\n"
    "a=group:BUNDLE audio0 video1\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
    "c=IN IP4 0.0.0.0\r\n"
    "a=setup:active\r\n"
    "a=ice-ufrag:PgsY\r\n"
    "a=ice-pwd:PSFAjfnRtHI8J3nzE+8wp0O1zE\r\n"
    "a=rtcp-mux\r\n"
    "a=rtcp-rsize\r\n"
    "a=sendrecv\r\n"
    "a=rtpmap:111 OPUS/48000/2\r\n"
    "a=rtcp-fb:111 transport-cc\r\n"
    "a=fmtp:111 sprop-maxcapturerate=48000;useinbandfec=1;sprop-stereo=0\r\n"
    "a=mid:audio0\r\n"
    "a=fingerprint:sha-256 " FINGERPRINT "\r\n"
    "m=video 0 UDP/TLS/RTP/SAVPF 96 97\r\n"
    "c=IN IP4 0.0.0.0\r\n"
    "a=setup:active\r\n"
    "a=ice-ufrag:PgsY\r\n"
    "a=ice-pwd:PSFAjfnRtHI8J3nzE+8wp0O1zE\r\n"
    "a=bundle-only\r\n"
    "a=rtcp-mux\r\n"
    "a=sendonly\r\n"
    "a=rtpmap:96 VP8/90000\r\n"
    "a=rtcp-fb:96 nack pli\r\n"
    "a=rtpmap:97 rtx/90000\r\n"
    "a=fmtp:97 apt=96\r\n"
    "a=ssrc-group:FID 5001 5002\r\n"
    "a=ssrc:5001 msid:user1 webrtctransceiver1\r\n"
    "a=ssrc:5001 cname:user1\r\n"
    "a=mid:video1\r\n"
    "a=fingerprint:sha-256 " FINGERPRINT "\r\n";

static const char *const vp8[] = { "VP8", NULL };
static const char *const h264[] = { "H264", NULL };
static const char *const vp9[] = { "VP9", NULL };
static const char *const both[] = { "H264", "VP8", NULL };

static char *
replace (const char *text, const char *from, const char *to)
{
  g_autoptr (GString) s = g_string_new (text);

  g_assert_cmpuint (g_string_replace (s, from, to, 0), >, 0);
  return g_string_free (g_steal_pointer (&s), FALSE);
}

static guint
count (const char *text, const char *what)
{
  guint n = 0;

  for (const char *p = text; (p = strstr (p, what)); p += strlen (what))
    n++;
  return n;
}

static MeshSdp *
read_ok (const char *text, gboolean is_offer, const char *const *codecs)
{
  g_autoptr (GError) error = NULL;
  MeshSdp *sdp = mesh_sdp_read (text, is_offer, codecs, &error);

  g_assert_no_error (error);
  g_assert_nonnull (sdp);
  return sdp;
}

/* What was written anew is read back as the same, so nothing that we write is
 * more than we understand, and is what webrtcbin may count on. */
static void
check_rewritten (const MeshSdp *sdp, gboolean is_offer,
    const char *const *codecs)
{
  g_autoptr (MeshSdp) again = read_ok (sdp->text, is_offer, codecs);

  g_assert_cmpstr (again->text, ==, sdp->text);
  g_assert_cmpuint (again->n_media, ==, sdp->n_media);
  g_assert_cmpmem (again->fingerprint, sizeof again->fingerprint,
      sdp->fingerprint, sizeof sdp->fingerprint);
  g_assert_cmpuint (count (sdp->text, "\nm="), ==, sdp->n_media);
  g_assert_cmpuint (count (sdp->text, "a=mid:"), ==, sdp->n_media);
  g_assert_cmpuint (count (sdp->text, "a=ice-ufrag:"), ==, sdp->n_media);
  g_assert_cmpuint (count (sdp->text, "a=ice-pwd:"), ==, sdp->n_media);
  g_assert_cmpuint (count (sdp->text, "a=setup:"), ==, sdp->n_media);
  g_assert_cmpuint (count (sdp->text, "a=fingerprint:"), ==, sdp->n_media);
  g_assert_true (g_str_has_suffix (sdp->text, "\r\n"));
  for (guint i = 0; sdp->candidates[i]; i++)
    g_assert_true (mesh_candidate_is_welcome (sdp->candidates[i],
            MESH_REACH_NETWORK, FALSE));
}

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

typedef struct {
  const char *name;
  const char *from;
  const char *to;               /* NULL: the whole text is from */
  gboolean answer;
} Refused;

/* Each is HEAD AUDIO VIDEO with something of it replaced. */
static const Refused refused[] = {
  { "empty", "", NULL },
  { "not a description", "hello", NULL },
  { "no m-line", HEAD TRANSPORT, NULL },
  { "three-m-lines", HEAD AUDIO VIDEO "m=video 9 UDP/TLS/RTP/SAVPF 100\r\n",
    NULL },
  { "data in an answer", HEAD AUDIO DATA, NULL, TRUE },
  { "data alone", HEAD DATA, NULL },
  { "data before media", HEAD AUDIO DATA VIDEO, NULL },
  { "data twice", HEAD AUDIO DATA DATA, NULL },
  { "data rejected", HEAD AUDIO "m=application 0 UDP/DTLS/SCTP "
    "webrtc-datachannel\r\n" TRANSPORT "a=mid:2\r\n", NULL },
  { "data of another kind", HEAD AUDIO "m=application 9 DTLS/SCTP 5000\r\n"
    TRANSPORT "a=mid:2\r\n", NULL },
  { "data without a mid", HEAD AUDIO "m=application 9 UDP/DTLS/SCTP "
    "webrtc-datachannel\r\n" TRANSPORT, NULL },
  { "data with the mid of sound", HEAD AUDIO "m=application 9 UDP/DTLS/SCTP "
    "webrtc-datachannel\r\n" TRANSPORT "a=mid:0\r\n", NULL },
  { "two audio", HEAD AUDIO AUDIO, NULL },
  { "two video", HEAD VIDEO VIDEO, NULL },
  { "m-line without formats", HEAD "m=audio 9\r\n" TRANSPORT, NULL },
  { "no fingerprint", "a=fingerprint:", "a=fingertip:" },
  { "another certificate for video", "a=mid:1\r\n",
    "a=mid:1\r\na=x:" },
  { "sha-1", "sha-256", "sha-1" },
  { "short fingerprint", ":EE:FF", ":EE" },
  { "long fingerprint", ":EE:FF", ":EE:FF:00" },
  { "fingerprint of other characters", ":EE:FF", ":EE:FG" },
  { "fingerprint without colons", "0F:1E", "0F-1E" },
  { "no ufrag", "a=ice-ufrag:", "a=ice-x:" },
  { "short ufrag", "4ZcD", "4Zc" },
  { "odd ufrag", "4ZcD", "4Z cD" },
  { "no pwd", "a=ice-pwd:", "a=ice-x:" },
  { "short pwd", "2/1muCWoOi3uLifh0NuRHlHp", "2/1muCWoOi" },
  { "odd pwd", "2/1muCWoOi3uLifh0NuRHlHp", "2/1muCWoOi3uLifh0N\tRHlHp" },
  { "no setup", "a=setup:", "a=x:" },
  { "odd setup", "setup:actpass", "setup:holdconn" },
  { "actpass in an answer", "o=- 46117", "o=- 46118", TRUE },
  { "no mid", "a=mid:", "a=x:" },
  { "empty mid", "a=mid:0", "a=mid:" },
  { "mid twice", "a=mid:1", "a=mid:0" },
  { "mid with a space", "a=mid:1", "a=mid:1 0" },
  { "mid with a quote", "a=mid:1", "a=mid:\"" },
  { "mid of other letters", "a=mid:1", "a=mid:\xc3\xa4" },
  { "long mid", "a=mid:1", "a=mid:123456789012345678901234567890123" },
  { "no known audio codec", "opus/48000/2", "PCMU/8000" },
  { "opus in more channels", "opus/48000/2", "multiopus/48000/6" },
  { "a payload type of both", "111", "96" },
  { "rtx under the payload type of audio", "111", "97" },
  { "first m-line rejected", "m=audio 9 ", "m=audio 0 " },
};

static void
is_refused (gconstpointer data)
{
  const Refused *r = data;
  g_autofree char *text = r->to ? replace (HEAD AUDIO VIDEO, r->from, r->to)
      : g_strdup (r->from);
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshSdp) sdp = NULL;

  if (strstr (r->name, "another")) {
    g_autofree char *video = replace (VIDEO, FINGERPRINT, OTHER_FINGERPRINT);

    g_free (text);
    text = g_strconcat (HEAD AUDIO, video, NULL);
  }
  sdp = mesh_sdp_read (text, !r->answer, vp8, &error);
  g_assert_null (sdp);
  g_assert_error (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE);
  g_assert_true (g_str_has_prefix (error->message, "session description "));
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

static void
try_read (const char *text, gboolean is_offer)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshSdp) sdp = mesh_sdp_read (text, is_offer, both, &error);

  g_assert_true (!sdp == !!error);
  if (sdp)
    check_rewritten (sdp, is_offer, both);
}

static const char *const samples[] = {
  chromium_offer, firefox_offer, webrtcbin_answer
};

static void
cut_off_anywhere_does_no_harm (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (samples); i++) {
    gsize length = strlen (samples[i]);

    for (gsize n = 0; n <= length; n++) {
      g_autofree char *text = g_strndup (samples[i], n);

      try_read (text, TRUE);
      try_read (text, FALSE);
    }
  }
}

/* Changes bytes, and moves, drops and doubles lines. */
static char *
mutate (GRand *random, const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\r\n", -1);
  guint n = g_strv_length (lines);
  guint times = g_rand_int_range (random, 1, 6);
  g_autoptr (GString) out = g_string_new (NULL);

  for (guint t = 0; t < times; t++) {
    guint a = g_rand_int_range (random, 0, n);
    guint b = g_rand_int_range (random, 0, n);
    gsize length = strlen (lines[a]);
    char *line = lines[a];

    switch (g_rand_int_range (random, 0, 4)) {
      case 0:
        if (length > 0)
          line[g_rand_int_range (random, 0, length)] =
              g_rand_int_range (random, 1, 256);
        break;
      case 1:
        lines[a] = lines[b];
        lines[b] = line;
        break;
      case 2:
        lines[a] = g_strdup (lines[b]);
        g_free (line);
        break;
      default:
        *line = '\0';
        break;
    }
  }
  for (guint i = 0; i < n; i++)
    g_string_append_printf (out, "%s\r\n", lines[i]);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static void
mutations_do_no_harm (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (7);

  for (guint i = 0; i < 20000; i++) {
    g_autofree char *text = mutate (random, samples[i % 3]);

    try_read (text, i % 3 != 2);
  }
}

/* The address is what differs. */
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
  for (guint i = 0; i < G_N_ELEMENTS (refused); i++) {
    g_autofree char *path = g_strconcat ("/sdp/refused/", refused[i].name,
        NULL);

    g_strdelimit (path + strlen ("/sdp/refused/"), " ", '-');
    g_test_add_data_func (path, &refused[i], is_refused);
  }
  g_test_add_func ("/sdp/sound-goes-on-without-a-video-codec",
      sound_goes_on_without_a_video_codec);
  g_test_add_func ("/sdp/cut-off-anywhere-does-no-harm",
      cut_off_anywhere_does_no_harm);
  g_test_add_func ("/sdp/mutations-do-no-harm", mutations_do_no_harm);
  return g_test_run ();
}
