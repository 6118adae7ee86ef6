/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/candidates.h"

#include <arpa/inet.h>          /* inet_pton(): text to bytes, nothing else */
#include <string.h>

/* The most host candidates of one family that are admitted as they come. A
 * browser on a machine with 40 bridges sends 80, and the one that leads to it
 * may be the last: further ones must rank higher than all before, or look like
 * an address of a network that we are in. */
#define HOST_FIRST 6
#define HOST_MAX 12
/* The most server-reflexive and relayed candidates, which connect through
 * address translation. A host has one of them for each server and interface. */
#define OTHER_MAX 4

typedef struct {
  guint8 bytes[16];
  gboolean ipv6;
  gboolean host;                /* candidates of type host or peer reflexive */
  guint32 priority;
  MeshReach reach;
} Candidate;

typedef struct {
  guint hosts;
  guint others;
  guint32 best;                 /* the highest priority of the host
                                 * candidates */
} Admitted;

struct _MeshCandidates {
  char **local;
  MeshReach reach;
  Admitted admitted[2];         /* IPv4, IPv6 */
  gboolean met[MESH_REACH_NETWORK + 1];
  guint names;
};

static gboolean
is_foundation (const char *text)
{
  gsize n = 0;

  for (; text[n]; n++) {
    if (!g_ascii_isalnum (text[n]) && !strchr ("+/", text[n]))
      return FALSE;
  }
  return n >= 1 && n <= 32;
}

/* Returns how far an address of a peer reaches, and MESH_REACH_NOTHING for one
 * that nothing must be sent to. An address with a zone, a name, and any other
 * notation are refused by inet_pton(). */
static MeshReach
read_address (const char *text, Candidate *candidate)
{
  guint8 *a = candidate->bytes;

  if (inet_pton (AF_INET, text, a) == 1) {
    /* this network, multicast and up, and what clouds keep their machines'
     * credentials behind */
    if (a[0] == 0 || a[0] >= 224
        || (a[0] == 169 && a[1] == 254 && a[2] == 169 && a[3] == 254))
      return MESH_REACH_NOTHING;
    if (a[0] == 127)
      return MESH_REACH_LOOPBACK;
    return a[0] == 169 && a[1] == 254 ? MESH_REACH_LINK : MESH_REACH_NETWORK;
  }
  if (inet_pton (AF_INET6, text, a) != 1)
    return MESH_REACH_NOTHING;
  candidate->ipv6 = TRUE;
  if (a[0] == 0 && a[1] == 0) {
    static const guint8 loopback[16] = { [15] = 1 };

    /* all others there are unspecified, or IPv4 addresses in disguise */
    return memcmp (a, loopback, 16) == 0 ? MESH_REACH_LOOPBACK
        : MESH_REACH_NOTHING;
  }
  /* link-local, whose interface is not told, and multicast */
  return (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) || a[0] == 0xff
      ? MESH_REACH_NOTHING : MESH_REACH_NETWORK;
}

static gboolean
parse (const char *line, gboolean tcp, Candidate *candidate)
{
  g_auto (GStrv) words = NULL;
  guint64 number, priority;

  if (!g_str_has_prefix (line, "candidate:") || strlen (line) > 1024
      || strpbrk (line, "\r\n"))
    return FALSE;
  words = g_strsplit (line + strlen ("candidate:"), " ", 64);
  if (g_strv_length (words) < 8 || strcmp (words[6], "typ") != 0)
    return FALSE;
  if (!is_foundation (words[0])
      || !g_ascii_string_to_unsigned (words[1], 10, 1, 2, &number, NULL)
      || !g_ascii_string_to_unsigned (words[3], 10, 0, G_MAXUINT32, &priority,
          NULL)
      || !g_ascii_string_to_unsigned (words[5], 10, 0, 65535, &number, NULL))
    return FALSE;
  if (g_ascii_strcasecmp (words[2], "udp") != 0
      && !(tcp && g_ascii_strcasecmp (words[2], "tcp") == 0))
    return FALSE;
  candidate->host = strcmp (words[7], "host") == 0;
  candidate->priority = priority;
  candidate->reach = read_address (words[4], candidate);
  return TRUE;
}

/* A machine is reached by loopback only from itself, and by link-local
 * addresses only along a cable: whoever has farther-reaching addresses would
 * send checks to its own services, or to a router's, for nothing. */
static gboolean
is_within (MeshReach theirs, MeshReach ours)
{
  switch (theirs) {
    case MESH_REACH_NETWORK:
      return TRUE;
    case MESH_REACH_LINK:
      return ours == MESH_REACH_LINK;
    case MESH_REACH_LOOPBACK:
      return ours == MESH_REACH_LOOPBACK;
    default:
      return FALSE;
  }
}

/**
 * mesh_candidate_is_welcome:
 * @line: a peer's candidate line, "candidate:…" (RFC 8839)
 * @reach: how far our own addresses reach
 * @tcp: whether ICE over TCP is wanted
 *
 * Candidates that would have us send to a multicast group are refused, and so
 * are names: webrtcbin 1.22 would look up any of them, and the peer is found by
 * its own checks just as well. Loopback addresses are taken only where we have
 * no other address ourselves, IPv4 link-local ones only where we have nothing
 * better.
 *
 * Returns: whether @line may be used
 */
gboolean
mesh_candidate_is_welcome (const char *line, MeshReach reach, gboolean tcp)
{
  Candidate candidate = { 0 };

  return parse (line, tcp, &candidate) && is_within (candidate.reach, reach);
}

/**
 * mesh_candidates_new:
 * @local: (array zero-terminated=1): our own addresses, as
 *   mesh_addresses_choose() chose them
 * @reach: how far they reach
 *
 * Returns: (transfer full): what lets one peer's candidates in
 */
MeshCandidates *
mesh_candidates_new (const char *const *local, MeshReach reach)
{
  MeshCandidates *self = g_new0 (MeshCandidates, 1);

  self->local = g_strdupv ((char **) local);
  self->reach = reach;
  return self;
}

/* Whether an address has a common prefix with one of ours. The networks' real
 * sizes are not known here, but /24 and /64 are the usual ones. */
static gboolean
is_near (MeshCandidates *self, const Candidate *candidate)
{
  int family = candidate->ipv6 ? AF_INET6 : AF_INET;

  for (char **text = self->local; *text; text++) {
    guint8 bytes[16];

    if (inet_pton (family, *text, bytes) == 1
        && memcmp (bytes, candidate->bytes, candidate->ipv6 ? 8 : 3) == 0)
      return TRUE;
  }
  return FALSE;
}

static gboolean
admit_host (MeshCandidates *self, Admitted *admitted,
    const Candidate *candidate)
{
  if (admitted->hosts >= HOST_MAX)
    return FALSE;
  if (admitted->hosts >= HOST_FIRST && candidate->priority <= admitted->best
      && !is_near (self, candidate))
    return FALSE;
  admitted->hosts++;
  admitted->best = MAX (admitted->best, candidate->priority);
  return TRUE;
}

/**
 * mesh_candidates_admit:
 * @candidates: the state of what was admitted of the peer so far
 * @line: a further candidate line of the peer, "candidate:…" (RFC 8839), or
 *   whatever it sent instead
 *
 * Returns: whether @line is to be handed to the agent
 */
gboolean
mesh_candidates_admit (MeshCandidates *candidates, const char *line)
{
  Candidate candidate = { 0 };
  Admitted *admitted;

  candidates->names += strstr (line, ".local ") != NULL;
  if (!parse (line, FALSE, &candidate))
    return FALSE;
  candidates->met[candidate.reach] = TRUE;
  if (!is_within (candidate.reach, candidates->reach))
    return FALSE;
  /* A peer that has another address is not on this machine. */
  if (candidate.reach == MESH_REACH_LOOPBACK
      && candidates->met[MESH_REACH_NETWORK])
    return FALSE;
  admitted = &candidates->admitted[candidate.ipv6 ? 1 : 0];
  if (candidate.host)
    return admit_host (candidates, admitted, &candidate);
  if (admitted->others >= OTHER_MAX)
    return FALSE;
  admitted->others++;
  return TRUE;
}

static gint
compare_lines (gconstpointer a, gconstpointer b, gpointer unused)
{
  Candidate x = { 0 }, y = { 0 };

  parse (*(char *const *) a, TRUE, &x);
  parse (*(char *const *) b, TRUE, &y);
  return x.priority == y.priority ? 0 : x.priority > y.priority ? -1 : 1;
}

/**
 * mesh_candidates_sort:
 * @lines: (array zero-terminated=1): candidate lines
 *
 * Orders candidates that came together, the one that is most worth admitting
 * first.
 */
void
mesh_candidates_sort (char **lines)
{
  g_qsort_with_data (lines, g_strv_length (lines), sizeof (char *),
      compare_lines, NULL);
}

static gboolean
has_family (MeshCandidates *self, gboolean ipv6)
{
  for (char **text = self->local; *text; text++) {
    if (!!strchr (*text, ':') == ipv6)
      return TRUE;
  }
  return FALSE;
}

static gboolean
was_admitted (MeshCandidates *self, gboolean ipv6)
{
  const Admitted *admitted = &self->admitted[ipv6 ? 1 : 0];

  return admitted->hosts + admitted->others > 0;
}

/**
 * mesh_candidates_has_none:
 * @candidates: what the peer has sent so far
 *
 * Returns: whether there was nothing to connect with, not even a name: neither
 *   end can reach the other
 */
gboolean
mesh_candidates_has_none (MeshCandidates *candidates)
{
  return candidates->names == 0 && !was_admitted (candidates, FALSE)
      && !was_admitted (candidates, TRUE);
}

/**
 * mesh_candidates_explain:
 * @candidates: what the peer has sent until the attempt failed
 *
 * Returns: (transfer full): why there may be no path, and what to do about it,
 *   to go on after a colon
 */
char *
mesh_candidates_explain (MeshCandidates *candidates)
{
  gboolean v4 = was_admitted (candidates, FALSE);
  gboolean v6 = was_admitted (candidates, TRUE);

  if (candidates->reach <= MESH_REACH_MACHINE)
    return g_strdup (candidates->reach == MESH_REACH_MACHINE
        ? "this machine has no network address but those of its own bridges; "
        "connect it to a network"
        : "this machine has no network address but loopback; connect it to a "
        "network");
  if (!v4 && !v6) {
    if (candidates->met[MESH_REACH_LOOPBACK])
      return g_strdup ("it has no network address but loopback; connect it to "
          "a network");
    if (candidates->met[MESH_REACH_LINK])
      return g_strdup ("it has link-local addresses only; give its network a "
          "DHCP server, or it an address");
    if (candidates->names == 0)
      return g_strdup ("it has named no network address of its own; see "
          "whether it is connected to a network, and lets WebRTC use it");
  } else if ((v4 && !has_family (candidates, FALSE) && !v6)
             || (v6 && !has_family (candidates, TRUE) && !v4)) {
    return g_strdup_printf ("it has IPv%c addresses only, and this machine has "
        "none; a TURN server that speaks both would help (turn-servers)",
        v4 ? '4' : '6');
  }
  return g_strdup ("a firewall or address translation may be in between; a "
      "STUN or TURN server would help (stun-server, turn-servers)");
}

/**
 * mesh_candidates_free:
 * @candidates: (nullable) (transfer full): what admits a peer's candidates
 */
void
mesh_candidates_free (MeshCandidates *candidates)
{
  if (!candidates)
    return;
  g_strfreev (candidates->local);
  g_free (candidates);
}
