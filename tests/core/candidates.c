/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which of a peer's candidates are used: those of networks, few of many, and
 * such as point at this machine only where both ends have nothing else. */

#include <string.h>

#include "core/candidates.h"

static const struct {
  const char *candidate;
  gboolean welcome;
  gboolean tcp;
} candidates[] = {
  { "candidate:1 1 UDP 2122252543 192.168.1.7 50000 typ host", TRUE },
  { "candidate:842163049 1 udp 1677729535 203.0.113.9 50000 typ srflx raddr "
      "0.0.0.0 rport 0 generation 0 ufrag 4ZcD network-cost 999", TRUE },
  { "candidate:1 2 UDP 1 10.0.0.1 50001 typ host", TRUE },
  { "candidate:1 1 UDP 1 2001:db8::1 50000 typ host", TRUE },
  { "candidate:1 1 UDP 1 fd12:3456::1 50000 typ host", TRUE },
  { "candidate:1 1 UDP 1 10.0.0.1 50000 typ relay raddr 1.2.3.4 rport 5",
    TRUE },
  { "candidate:1 1 TCP 1 10.0.0.1 9 typ host tcptype active", FALSE },
  { "candidate:1 1 TCP 1 10.0.0.1 9 typ host tcptype active", TRUE, TRUE },
  { "candidate:1 1 SCTP 1 10.0.0.1 9 typ host", FALSE, TRUE },
  /* names: to be looked up by nobody */
  { "candidate:1 1 UDP 1 4d6c-91.local 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 example.com 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 localhost 50000 typ host", FALSE },
  /* this machine */
  { "candidate:1 1 UDP 1 127.0.0.1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 127.9.9.9 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 0.0.0.0 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 ::1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 :: 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 0:0:0:0:0:0:0:1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 00:0:0:0:0:0:0:1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 000::1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 ::ffff:127.0.0.1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 ::ffff:7f00:1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 0:0:0:0:0:ffff:0a00:1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 00:0:0:0:0:FFFF:7f00:1 50000 typ host", FALSE },
  /* the cable, and cloud metadata */
  { "candidate:1 1 UDP 1 169.254.169.254 80 typ host", FALSE },
  { "candidate:1 1 UDP 1 169.254.1.1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 fe80::1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 FEBF::1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 fe80::1%eth0 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 2001:db8::1%eth0 50000 typ host", FALSE },
  /* groups */
  { "candidate:1 1 UDP 1 224.0.0.251 5353 typ host", FALSE },
  { "candidate:1 1 UDP 1 239.255.255.250 1900 typ host", FALSE },
  { "candidate:1 1 UDP 1 255.255.255.255 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 240.0.0.1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 ff02::fb 5353 typ host", FALSE },
  /* other spellings, which other parsers read otherwise */
  { "candidate:1 1 UDP 1 +10.0.0.1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 0177.0.0.1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 010.0.0.1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 0x7f.0.0.1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 2130706433 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 10.1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 256.1.1.1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 1::2::3 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 [2001:db8::1] 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1  50000 typ host", FALSE },
  /* junk */
  { "", FALSE },
  { "candidate:", FALSE },
  { "a=candidate:1 1 UDP 1 10.0.0.1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 10.0.0.1 50000", FALSE },
  { "candidate:1 1 UDP 1 10.0.0.1 50000 type host", FALSE },
  { "candidate:1 3 UDP 1 10.0.0.1 50000 typ host", FALSE },
  { "candidate:1 1 UDP -1 10.0.0.1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 4294967296 10.0.0.1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 10.0.0.1 65536 typ host", FALSE },
  { "candidate:1 1 UDP 1 10.0.0.1 x typ host", FALSE },
  { "candidate:\xff 1 UDP 1 10.0.0.1 50000 typ host", FALSE },
  { "candidate:1 1 UDP 1 10.0.0.1 50000 typ host\r\na=candidate:2", FALSE },
};

static void
candidates_of_strangers_are_chosen (void)
{
  g_autofree char *many = g_strnfill (2000, ' ');
  g_autofree char *lengthy = g_strconcat (
      "candidate:1 1 UDP 1 10.0.0.1 50000 typ host", many, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (candidates); i++) {
    g_test_message ("%s", candidates[i].candidate);
    g_assert_cmpint (mesh_candidate_is_welcome (candidates[i].candidate,
            MESH_REACH_NETWORK, candidates[i].tcp), ==,
        candidates[i].welcome);
  }
  g_assert_false (mesh_candidate_is_welcome (lengthy, MESH_REACH_NETWORK,
          TRUE));
}


/* What may be used depends on how far our own addresses reach. */
static const struct {
  const char *address;
  gboolean network, link, machine, loopback, nothing;
} reaches[] = {
  { "10.0.0.1", TRUE, TRUE, TRUE, TRUE, TRUE },
  { "203.0.113.1", TRUE, TRUE, TRUE, TRUE, TRUE },
  { "2001:db8::1", TRUE, TRUE, TRUE, TRUE, TRUE },
  { "fd12::1", TRUE, TRUE, TRUE, TRUE, TRUE },
  { "64:ff9b::c000:201", TRUE, TRUE, TRUE, TRUE, TRUE },
  { "169.254.7.7", FALSE, TRUE, FALSE, FALSE, FALSE },
  { "169.254.169.254", FALSE, FALSE, FALSE, FALSE, FALSE },
  { "127.0.0.1", FALSE, FALSE, FALSE, TRUE, FALSE },
  { "127.8.8.8", FALSE, FALSE, FALSE, TRUE, FALSE },
  { "::1", FALSE, FALSE, FALSE, TRUE, FALSE },
  { "::ffff:127.0.0.1", FALSE, FALSE, FALSE, FALSE, FALSE },
  { "::127.0.0.1", FALSE, FALSE, FALSE, FALSE, FALSE },
  { "fe80::1", FALSE, FALSE, FALSE, FALSE, FALSE },
  { "0.0.0.0", FALSE, FALSE, FALSE, FALSE, FALSE },
  { "::", FALSE, FALSE, FALSE, FALSE, FALSE },
  { "224.0.0.251", FALSE, FALSE, FALSE, FALSE, FALSE },
};

static void
reach_decides_what_may_be_used (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (reaches); i++) {
    g_autofree char *line = g_strdup_printf ("candidate:1 1 UDP 1 %s 50000 "
        "typ host", reaches[i].address);

    g_test_message ("%s", line);
    g_assert_cmpint (reaches[i].network, ==, mesh_candidate_is_welcome (line,
            MESH_REACH_NETWORK, FALSE));
    g_assert_cmpint (reaches[i].link, ==, mesh_candidate_is_welcome (line,
            MESH_REACH_LINK, FALSE));
    g_assert_cmpint (reaches[i].machine, ==, mesh_candidate_is_welcome (line,
            MESH_REACH_MACHINE, FALSE));
    g_assert_cmpint (reaches[i].loopback, ==, mesh_candidate_is_welcome (line,
            MESH_REACH_LOOPBACK, FALSE));
    g_assert_cmpint (reaches[i].nothing, ==, mesh_candidate_is_welcome (line,
            MESH_REACH_NOTHING, FALSE));
  }
}

static const char *const lan[] = { "192.168.7.2", "2001:db8:7::2", NULL };
static const char *const nowhere[] = { "127.0.0.1", "::1", NULL };

static gboolean
admit (MeshCandidates *peer, guint priority, const char *address,
    const char *type)
{
  g_autofree char *line = g_strdup_printf ("candidate:1 1 UDP %u %s 50000 typ "
      "%s", priority, address, type);

  return mesh_candidates_admit (peer, line);
}

/* As a browser on a machine with bridges sends them: the way out last. */
static void
of_many_hosts_the_good_ones_are_kept (void)
{
  g_autoptr (MeshCandidates) c = mesh_candidates_new (lan, MESH_REACH_NETWORK);
  guint admitted = 0;

  for (guint i = 0; i < 40; i++) {
    g_autofree char *v4 = g_strdup_printf ("172.17.%u.1", i);
    g_autofree char *v6 = g_strdup_printf ("fd00:%x::1", i);

    admitted += admit (c, 1000 - i, v4, "host");
    admitted += admit (c, 1000 - i, v6, "host");
  }
  g_assert_cmpuint (admitted, ==, 12);
  g_assert_false (admit (c, 10, "10.1.1.1", "host"));
  /* one of our own network, one of higher priority, and what leads through
   * address translation, however late */
  g_assert_true (admit (c, 10, "192.168.7.3", "host"));
  g_assert_true (admit (c, 10, "2001:db8:7::3", "host"));
  g_assert_true (admit (c, 5000, "10.1.1.1", "host"));
  g_assert_true (admit (c, 1, "203.0.113.1", "srflx"));
  g_assert_true (admit (c, 1, "203.0.113.2", "relay"));
  g_assert_true (admit (c, 1, "2001:db8::5", "srflx"));
}

/* The number of candidates is bounded, in whatever order they come and however
 * a peer numbers them. */
static void
what_is_admitted_is_bounded (void)
{
  g_autoptr (MeshCandidates) c = mesh_candidates_new (lan, MESH_REACH_NETWORK);
  guint hosts = 0, others = 0;

  for (guint i = 0; i < 1000; i++) {
    g_autofree char *near = g_strdup_printf ("192.168.7.%u", i % 250);

    hosts += admit (c, i, near, "host");
    others += admit (c, i, near, i % 2 ? "srflx" : "made-up");
  }
  g_assert_cmpuint (hosts, ==, 12);
  g_assert_cmpuint (others, ==, 4);
}

static void
loopback_is_used_only_while_the_peer_has_nothing_else (void)
{
  g_autoptr (MeshCandidates) c = mesh_candidates_new (nowhere,
      MESH_REACH_LOOPBACK);

  g_assert_true (admit (c, 1, "127.0.0.1", "host"));
  g_assert_true (admit (c, 1, "::1", "host"));
  g_assert_true (admit (c, 1, "10.0.0.1", "host"));
  g_assert_false (admit (c, 1, "127.0.0.1", "host"));
}

static void
what_came_together_is_sorted (void)
{
  g_auto (GStrv) lines = g_strsplit ("candidate:1 1 UDP 7 10.0.0.1 1 typ host|"
      "junk|candidate:1 1 UDP 9 10.0.0.2 1 typ host|"
      "candidate:1 1 UDP 8 10.0.0.3 1 typ host", "|", -1);

  mesh_candidates_sort (lines);
  g_assert_true (g_str_has_prefix (lines[0], "candidate:1 1 UDP 9"));
  g_assert_true (g_str_has_prefix (lines[1], "candidate:1 1 UDP 8"));
  g_assert_true (g_str_has_prefix (lines[2], "candidate:1 1 UDP 7"));
  g_assert_cmpstr (lines[3], ==, "junk");
}

static const char *const v4[] = { "192.168.7.2", NULL };

static const struct {
  const char *const *local;
  MeshReach reach;
  const char *theirs;           /* addresses, in one word each */
  const char *word;             /* that the explanation has */
  gboolean none;                /* nothing came that could be used */
} reasons[] = {
  { nowhere, MESH_REACH_LOOPBACK, "127.0.0.1", "no network address but loop" },
  { nowhere, MESH_REACH_LOOPBACK, "10.0.0.1", "this machine has no" },
  { nowhere + 2, MESH_REACH_NOTHING, "", "this machine has no", TRUE },
  { lan, MESH_REACH_MACHINE, "10.0.0.1", "bridges" },
  { lan, MESH_REACH_NETWORK, "127.0.0.1 ::1", "it has no network address but",
      TRUE },
  { lan, MESH_REACH_NETWORK, "169.254.9.9", "link-local", TRUE },
  { lan, MESH_REACH_NETWORK, "", "has named no network address", TRUE },
  { lan, MESH_REACH_NETWORK, "4d6c-91.local", "firewall" },
  { v4, MESH_REACH_NETWORK, "2001:db8::1", "IPv6 addresses only" },
  { lan + 1, MESH_REACH_NETWORK, "10.0.0.1", "IPv4 addresses only" },
  { lan, MESH_REACH_NETWORK, "10.0.0.1", "firewall" },
  { v4, MESH_REACH_NETWORK, "10.0.0.1 2001:db8::1", "firewall" },
};

static void
a_failure_is_explained (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (reasons); i++) {
    g_autoptr (MeshCandidates) c = mesh_candidates_new (reasons[i].local,
        reasons[i].reach);
    g_auto (GStrv) theirs = g_strsplit (reasons[i].theirs, " ", -1);
    g_autofree char *text = NULL;

    for (char **address = theirs; *address; address++)
      admit (c, 1, *address, "host");
    text = mesh_candidates_explain (c);
    g_test_message ("%s: %s", reasons[i].theirs, text);
    g_assert_nonnull (strstr (text, reasons[i].word));
    g_assert_cmpint (mesh_candidates_has_none (c), ==, reasons[i].none);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/candidates/strangers", candidates_of_strangers_are_chosen);
  g_test_add_func ("/candidates/reach", reach_decides_what_may_be_used);
  g_test_add_func ("/candidates/many", of_many_hosts_the_good_ones_are_kept);
  g_test_add_func ("/candidates/bounded", what_is_admitted_is_bounded);
  g_test_add_func ("/candidates/loopback",
      loopback_is_used_only_while_the_peer_has_nothing_else);
  g_test_add_func ("/candidates/sorted", what_came_together_is_sorted);
  g_test_add_func ("/candidates/explained", a_failure_is_explained);
  return g_test_run ();
}
