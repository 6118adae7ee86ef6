/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The regular expressions of a pasted link's grammar. gst/server/web/link.js
 * has the same ones for the page. */

#include "core/link-grammar.h"

/* Characters without a width, which chats put between others. */
#define INVISIBLE "[\\x{ad}\\x{200b}-\\x{200f}\\x{202a}-\\x{202e}" \
    "\\x{2060}-\\x{2064}\\x{2066}-\\x{2069}\\x{feff}]" \
    "|%E2%80%8[BEF]|%E2%81%A0|%C2%AD|%EF%BB%BF"
/* What a link never contains and is therefore its end: blanks, angle brackets,
 * quotation marks, and the punctuation of Chinese and Japanese text. */
#define END "\\x{0}-\\x{20}\\x{7f}-\\x{a0}\\x{ab}\\x{bb}\\x{1680}" \
    "\\x{2000}-\\x{200a}\\x{2018}-\\x{201f}\\x{2028}\\x{2029}\\x{202f}" \
    "\\x{2039}\\x{203a}\\x{205f}\\x{3000}-\\x{3003}\\x{3008}-\\x{3011}" \
    "\\x{ff01}\\x{ff08}\\x{ff09}\\x{ff0c}\\x{ff1a}\\x{ff1b}\\x{ff1f}<>\"`"
#define UUID "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
#define SLASH "(?:/|%2F)"
#define HASH "(?:%(?:25)*23|%EF%BC%83)"
/* The last of 22 characters carries the key's last two bits. */
#define KEY "(?-i:[A-Za-z0-9_-]{21}[AQgw])"
/* A mark that can stand before a parameter, and what shows that one follows:
 * any name with a value, or one of the names that the page knows. */
#define MARK "(?:[?&;\\x{ff1f}\\x{ff06}\\x{ff1b}]|%(?:25)*(?:3F|26|3B)" \
    "|%EF%BC%9F)"
#define EQUALS "(?:=|%(?:25)*3D)"
#define OWN "(?:muted|hidden|solo)(?![0-9a-z_-])"
#define PARAMETER "(?:[a-z][0-9a-z_.-]{0,40}" EQUALS "|" OWN ")"
/* What a sentence or its mark-up can put between the room and the rest. */
#define JUNK "(?:[" END ".,;:!?'*_~(){}|/&\\[\\]\\x{2026}]" \
    "|%(?:25)*(?:0[9AD]|2[0-24-9A-F]|3[A-F]|5[B-F]|60|7[B-E]))*"

static const char *const patterns[N_RES] = {
  [RE_INVISIBLE] = INVISIBLE,
  [RE_START] = "(?<![a-z0-9=/?&#%+])(?:https?|pusher)(?::|%3A)",
  [RE_BARE] = "(?:^|[" END "(\\[{*_~,;|])((?:\\[[0-9a-f:.]+\\]"
      "|[^" END "/?#@:%(){}*,;|\\[\\]]+)(?::[0-9]+)?)"
      "(?=" SLASH "+room" SLASH "+" UUID ")",
  [RE_ENCODED] = "^https?%3A",
  [RE_TOKEN] = "^[^" END "]*",
  [RE_SERVER] = "^(https?):" SLASH "*([^/?#%" END "]*)",
  [RE_ROOM] = "^" SLASH "+room" SLASH "+(" UUID ")(?![0-9a-z-])" SLASH "*"
      "(?![0-9a-z-])",
  [RE_ENCODED_HASH] = "^" HASH,
  [RE_HASH_IN_QUERY] = "^[?&](.*?)" HASH "([A-Za-z0-9_-]{20}.*)$",
  /* A blank in a query, or on one side of the "#": taken only where a whole
   * key follows. */
  [RE_APART] = "^(?:[?&]((?:(?!https?:)[^#])*))?[" END "]*#[" END "]*"
      "(" KEY "(?-i:(?![A-Za-z0-9_-])))",
  [RE_KEY] = "^(" KEY ")(?:[_-]*|=*)(?-i:(?![A-Za-z0-9_=-]))(.*)",
  [RE_SCHEME] = "[a-z][a-z0-9+.-]{0,30}://",
  [RE_SOME_ROOM] = SLASH "room" SLASH "+" UUID,
  [RE_LOOPBACK] = "^(?:(?:.*\\.)?localhost|127\\.[0-9.]+|\\[::1\\])(?::|$)",
  [RE_HASH_SPELLED] = "&num;|&?#(?:35|x23);|\\x{ff03}",
  [RE_BEHIND_KEY] = "^(?:[?&]|" JUNK MARK "(?=" PARAMETER "))(.*)",
  [RE_LEAD] = "^" JUNK "(?:((?:#|" HASH ")(?=[A-Za-z0-9_-]{20}))"
      "|" MARK "(?=" PARAMETER "))",
  [RE_SPLIT] = MARK "(?:amp;)?(?=" OWN ")",
  [RE_ENCODED_EQUALS] = "((?:^|&)" OWN ")" EQUALS,
  [RE_LOST_KEY] = "(?:#|" HASH ")[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])",
  [RE_LOST_PARAMETER] = MARK OWN,
  [RE_OTHER_KEY] = SLASH "room" SLASH "+" UUID JUNK "(?:#|" HASH ")"
      "([A-Za-z0-9_-]{22})(?![A-Za-z0-9_-])",
};

static gpointer
compile_all (gpointer unused)
{
  GRegex **all = g_new0 (GRegex *, N_RES);

  for (guint i = 0; i < N_RES; i++)
    all[i] = g_regex_new (patterns[i], G_REGEX_CASELESS | G_REGEX_DOTALL
        | G_REGEX_OPTIMIZE, 0, NULL);
  return all;
}

/*
 * mesh_link_re:
 * @which: an expression of the grammar
 *
 * The expressions are compiled once, by whichever thread comes first.
 *
 * Returns: (transfer none): the expression
 */
GRegex *
mesh_link_re (MeshLinkRe which)
{
  static GOnce once = G_ONCE_INIT;

  return ((GRegex **) g_once (&once, compile_all, NULL))[which];
}
