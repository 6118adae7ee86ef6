/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Session descriptions as browsers and webrtcbin write them, the lines that
 * others are made of, and a check of what was read. */

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

/* Of a data channel's section only the mid and the SCTP port are taken; the
 * last two lines are of kinds that have no place there. */
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

static inline char *
replace (const char *text, const char *from, const char *to)
{
  g_autoptr (GString) s = g_string_new (text);

  g_assert_cmpuint (g_string_replace (s, from, to, 0), >, 0);
  return g_string_free (g_steal_pointer (&s), FALSE);
}

static inline guint
count (const char *text, const char *what)
{
  guint n = 0;

  for (const char *p = text; (p = strstr (p, what)); p += strlen (what))
    n++;
  return n;
}

static inline MeshSdp *
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
static inline void
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
