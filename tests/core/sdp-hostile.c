/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Session descriptions that a hostile peer could send: refused, or read
 * without anything that was added to them. */

#include "sdp-fixture.h"

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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (refused); i++) {
    g_autofree char *path = g_strconcat ("/sdp/refused/", refused[i].name,
        NULL);

    g_strdelimit (path + strlen ("/sdp/refused/"), " ", '-');
    g_test_add_data_func (path, &refused[i], is_refused);
  }
  g_test_add_func ("/sdp/cut-off-anywhere-does-no-harm",
      cut_off_anywhere_does_no_harm);
  g_test_add_func ("/sdp/mutations-do-no-harm", mutations_do_no_harm);
  return g_test_run ();
}
