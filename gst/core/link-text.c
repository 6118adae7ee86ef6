/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* People send links through chats and mail, which wrap them, quote them and
 * encode them. Whatever has one meaning is taken:
 *
 *     a text ──split──→ parts, each from one link's scheme to the next one's
 *     a part ──read───→ scheme, authority, room, query, key
 *
 * gst/server/web/link.js has the same grammar for the page, in the regular
 * expressions of link-grammar.c; tests/vectors/links.json holds both to it. */

#include "core/link-text.h"

#include <string.h>

#include "core/error.h"
#include "core/link-grammar.h"

/* Characters that a sentence or its mark-up puts behind a link. */
#define TRAILING ".,;:!?'*_~()[]{}|/…"

/**
 * mesh_link_fail:
 * @error: return location for a #MESH_ERROR
 * @format: what is wrong, going on from "link"
 *
 * Adds what a link looks like, since the reader is a person who has pasted one.
 * No key may be among the arguments.
 *
 * Returns: %FALSE
 */
gboolean
mesh_link_fail (GError **error, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, MESH_ERROR, MESH_ERROR_BAD_LINK, "link %s (a room's link "
      "looks like https://HOST/room/ROOM-ID#KEY)", what);
  return FALSE;
}

static char *
replace (char *text, const char *find, const char *with)
{
  GString *string = g_string_new (text);

  g_string_replace (string, find, with, 0);
  g_free (text);
  return g_string_free (string, FALSE);
}

/* Returns: (transfer full): @text, which is taken, with each match of @which
 *   replaced by @with */
static char *
substitute (MeshLinkRe which, char *text, const char *with)
{
  char *result =
      g_regex_replace (mesh_link_re (which), text, -1, 0, with, 0, NULL);

  g_free (text);
  return result ? result : g_strdup ("");
}

static char *
tidy (const char *text)
{
  static const char *const entities[] = { "&lt;", "&gt;", "&quot;", "&apos;",
    "&nbsp;", "&#39;", "&LT;", "&GT;", "&QUOT;"
  };
  char *clean = replace (g_strdup (text), "&amp;", "&");

  clean = replace (clean, "&AMP;", "&");
  clean = substitute (RE_HASH_SPELLED, clean, "#");
  for (guint i = 0; i < G_N_ELEMENTS (entities); i++)
    clean = replace (clean, entities[i], " ");
  clean = substitute (RE_INVISIBLE, clean, "");
  clean = replace (clean, "\u2011", "-");
  return g_strdelimit (clean, "\\", '/');
}

/* Takes away what a sentence has put behind a link. A bracket that was opened
 * inside is part of it. */
static char *
trim_end (char *text)
{
  static const char brackets[] = "()[]{}";
  guint counts[6] = { 0 };      /* the number of each bracket in the rest */
  gsize length = strlen (text);

  for (const char *p = text; *p; p++)
    if (strchr (brackets, *p))
      counts[strchr (brackets, *p) - brackets]++;
  while (length > 0) {
    char *last = g_utf8_find_prev_char (text, text + length);
    const char *bracket = strchr (brackets, *last);
    guint which = bracket ? bracket - brackets : 0;

    if (!g_utf8_strchr (TRAILING, -1, g_utf8_get_char (last))
        || (which % 2 == 1 && counts[which - 1] >= counts[which]))
      break;
    if (bracket)
      counts[which]--;
    length = last - text;
    *last = '\0';
  }
  return text;
}

/* Decodes percent escapes. An invalid escape is kept as it is. */
static char *
decode (const char *text)
{
  char *decoded = g_uri_unescape_string (text, NULL);

  if (decoded && g_utf8_validate (decoded, -1, NULL))
    return decoded;
  g_free (decoded);
  return g_strdup (text);
}

/* Returns: (nullable): the part of @text that @which matches */
static char *
match (MeshLinkRe which, const char *text, GMatchInfo **info)
{
  g_autoptr (GMatchInfo) own = NULL;

  if (!info)
    info = &own;
  if (!g_regex_match (mesh_link_re (which), text, 0, info)) {
    g_clear_pointer (info, g_match_info_unref);
    return NULL;
  }
  return g_match_info_fetch (*info, 0);
}

static gboolean
matches (MeshLinkRe which, const char *text)
{
  return g_regex_match (mesh_link_re (which), text, 0, NULL);
}

static guint
match_start (const GMatchInfo *info, int group)
{
  int start = 0;

  g_match_info_fetch_pos (info, group, &start, NULL);
  return MAX (start, 0);
}

static guint
match_end (const GMatchInfo *info)
{
  int end = 0;

  g_match_info_fetch_pos (info, 0, NULL, &end);
  return MAX (end, 0);
}

/* Which scheme a link has that was written without: TLS, but on this machine
 * and on the usual ports of plain http. */
static const char *
guess_scheme (const char *authority, GError **error)
{
  const char *colon = strrchr (authority, ':');
  const char *port = colon && !strchr (colon, ']') ? colon + 1 : "";
  gboolean is_name = FALSE;

  if (matches (RE_LOOPBACK, authority) || g_str_equal (port, "80")
      || g_str_equal (port, "8080"))
    return "http";
  for (const char *p = authority; *authority != '[' && *p; p++)
    is_name |= g_ascii_isalpha (*p);
  if (g_str_equal (port, "443") || g_str_equal (port, "8443")
      || (!*port && is_name))
    return "https";
  mesh_link_fail (error, "says no scheme: begin it with https:// or http://, "
      "whichever the room is opened with");
  return NULL;
}

static GPtrArray *
split_bare (const char *text, GError **error)
{
  g_autoptr (GPtrArray) parts = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GMatchInfo) info = NULL;

  g_regex_match (mesh_link_re (RE_BARE), text, 0, &info);
  while (g_match_info_matches (info)) {
    g_autofree char *authority = g_match_info_fetch (info, 1);
    guint start = match_start (info, 1);
    guint end = strlen (text);
    const char *scheme = guess_scheme (authority, error);

    if (!scheme)
      return NULL;
    if (g_match_info_next (info, NULL))
      end = match_start (info, 0);
    g_ptr_array_add (parts, g_strdup_printf ("%s://%.*s", scheme,
            (int) (end - start), text + start));
  }
  if (parts->len)
    return g_steal_pointer (&parts);
  if (matches (RE_SCHEME, text))
    mesh_link_fail (error, "is of a scheme other than http or https, and "
        "pusher");
  else if (matches (RE_SOME_ROOM, text))
    mesh_link_fail (error, "names no host");
  else
    mesh_link_fail (error, "is none: there is no link in this text");
  return NULL;
}

/**
 * mesh_link_text_split:
 * @text: what a person has pasted, UTF-8
 * @error: return location for a #MESH_ERROR
 *
 * Returns: (transfer full) (element-type utf8) (nullable): one part of @text
 *   for each link, which begins it; or %NULL with @error set
 */
GPtrArray *
mesh_link_text_split (const char *text, GError **error)
{
  g_autoptr (GPtrArray) parts = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GMatchInfo) info = NULL;
  g_autofree char *clean = tidy (text);
  g_autofree char *rest = NULL;

  g_regex_match (mesh_link_re (RE_START), clean, 0, &info);
  while (g_match_info_matches (info)) {
    guint start = match_start (info, 0);
    guint end = strlen (clean);

    if (g_match_info_next (info, NULL))
      end = match_start (info, 0);
    g_ptr_array_add (parts, g_strndup (clean + start, end - start));
  }
  if (parts->len)
    return g_steal_pointer (&parts);
  rest = g_strdup (clean);
  for (char *p = rest; *p; p = g_utf8_next_char (p)) {
    g_autofree char *seen = match (RE_TOKEN, p, NULL);

    if (seen && *seen)
      return split_bare (clean, error);
  }
  mesh_link_fail (error, "is empty");
  return NULL;
}

/* @more: (out): (nullable): the query that was written behind the key */
static gboolean
read_key (MeshLinkText *self, const char *fragment, char **more, GError **error)
{
  g_autofree char *text = decode (fragment);
  g_autofree char *rest = NULL;
  g_autoptr (GMatchInfo) info = NULL;
  g_autofree char *found = match (RE_KEY, text, &info);
  gsize length = strspn (text, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_");

  *more = NULL;
  if (found) {
    g_autofree char *behind = g_match_info_fetch (info, 2);
    g_autoptr (GMatchInfo) query = NULL;
    g_autofree char *seen = match (RE_BEHIND_KEY, behind, &query);

    self->key = g_match_info_fetch (info, 1);
    rest = seen ? g_match_info_fetch (query, 1) : NULL;
    if (rest && *trim_end (rest))
      *more = g_steal_pointer (&rest);
    return TRUE;
  }
  rest = trim_end (g_strdup (text));
  if (!*rest)
    return TRUE;
  if (length > 0 && length < MESH_LINK_KEY_CHARS)
    return mesh_link_fail (error, "has a key that is too short (%"
        G_GSIZE_FORMAT " of 22 characters): copy all of the link", length);
  if (length > MESH_LINK_KEY_CHARS)
    return mesh_link_fail (error, "has a key that is too long (%"
        G_GSIZE_FORMAT " instead of 22 characters): copy the link alone",
        length);
  return mesh_link_fail (error, "has a key that is damaged: ask for the link "
      "again, and copy all of it");
}

/* A camera opens where its parameter is overlooked, so the page's parameters
 * count in every spelling of what separates them. */
static char *
tidy_query (char *query)
{
  query = substitute (RE_SPLIT, query, "&");
  query = substitute (RE_ENCODED_EQUALS, query, "\\1=");
  memmove (query, query + strspn (query, "&"),
      strlen (query) + 1 - strspn (query, "&"));
  return query;
}

/* A link that lost its key or a parameter on the way is none: it would open a
 * call without encryption, or a camera that was to stay closed.
 *
 * @rest: the end of @tail that was not read */
static gboolean
check_loss (const char *key, const char *tail, const char *rest, GError **error)
{
  g_autoptr (GMatchInfo) info = NULL;

  g_regex_match (mesh_link_re (RE_OTHER_KEY), tail, 0, &info);
  for (; key && g_match_info_matches (info); g_match_info_next (info, NULL)) {
    g_autofree char *other = g_match_info_fetch (info, 1);

    if (!g_str_equal (key, other))
      return mesh_link_fail (error, "is two links: give the one to open");
  }
  if ((!key && matches (RE_LOST_KEY, rest))
      || matches (RE_LOST_PARAMETER, rest))
    return mesh_link_fail (error, "has a part that stands apart from it: copy "
        "the link again, without anything in between");
  return TRUE;
}

/* Takes what stands between the room's id and the rest of the link away.
 *
 * Returns: (transfer full): @tail from its query or key on, if it has any */
static char *
take_lead (const char *tail)
{
  g_autoptr (GMatchInfo) info = NULL;
  g_autofree char *lead = match (RE_LEAD, tail, &info);
  g_autofree char *hash = lead ? g_match_info_fetch (info, 1) : NULL;

  if (!lead)
    return g_strdup (tail);
  return g_strconcat (hash && *hash ? "#" : "?", tail + strlen (lead), NULL);
}

typedef struct {
  char *query;
  char *fragment;
  gsize length;                 /* the length of the text that was read */
} Tail;

static void
tail_clear (Tail *tail)
{
  g_free (tail->query);
  g_free (tail->fragment);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Tail, tail_clear)

/* Takes query and fragment apart. */
static gboolean
split_tail (Tail *self, const char *tail, GError **error)
{
  g_autoptr (GMatchInfo) info = NULL, apart = NULL;
  g_autofree char *token = match (RE_TOKEN, tail, NULL);
  g_autofree char *encoded = match (RE_ENCODED_HASH, token, NULL);
  g_autofree char *found = NULL;
  const char *hash = strchr (token, '#');
  gboolean asks = *token == '?' || *token == '&';

  self->length = asks || encoded || hash == token ? strlen (token) : 0;
  if (encoded) {
    self->fragment = g_strdup (token + strlen (encoded));
  } else if (hash && (hash == token || asks)) {
    self->query = hash == token ? NULL
        : g_strndup (token + 1, hash - token - 1);
    self->fragment = g_strdup (hash + 1);
  } else if (hash) {
    return mesh_link_fail (error,
        "has something between the room's id and the key");
  } else if ((found = match (RE_HASH_IN_QUERY, token, &info))) {
    self->query = g_match_info_fetch (info, 1);
    self->fragment = g_match_info_fetch (info, 2);
  }
  g_clear_pointer (&found, g_free);
  if (self->fragment && *self->fragment)
    return TRUE;
  if ((found = match (RE_APART, tail, &apart))) {
    tail_clear (self);
    *self = (Tail) { g_match_info_fetch (apart, 1), NULL, strlen (found) };
    self->fragment = g_match_info_fetch (apart, 2);
  } else if (asks && !hash) {
    g_free (self->query);
    self->query = trim_end (g_strdup (token + 1));
  } else if (*token == '/') {
    return mesh_link_fail (error,
        "does not name a room: /room/UUID expected and nothing behind it");
  }
  return TRUE;
}

/* Takes apart what stands behind the room's id. */
static gboolean
read_tail (MeshLinkText *self, const char *written, GError **error)
{
  g_auto (Tail) parts = { NULL, NULL, 0 };
  g_autofree char *tail = take_lead (written);
  g_autofree char *more = NULL;
  const char *query;

  if (!split_tail (&parts, tail, error)
      || !read_key (self, parts.fragment ? parts.fragment : "", &more, error)
      || !check_loss (self->key, tail, tail + parts.length, error))
    return FALSE;
  query = parts.query && *parts.query ? parts.query : NULL;
  if (query || more)
    self->query = tidy_query (query && more
        ? g_strconcat (query, "&", more, NULL)
        : g_strdup (query ? query : more));
  return TRUE;
}

/* A room over Pusher Channels has another path and needs its query: it stays a
 * URL, of which only the edges and the "#" are put right. */
static char *
read_pusher (const char *part)
{
  g_autofree char *token = match (RE_TOKEN, part, NULL);
  const char *rest = strchr (token, ':');
  char *hash;
  g_autofree char *text = NULL;

  if (!rest)
    return trim_end (g_steal_pointer (&token));
  rest += 1 + strspn (rest + 1, "/");
  text = g_strconcat ("pusher://", rest, NULL);
  hash = strchr (text, '#');
  if (hash) {
    g_autoptr (MeshLinkText) key = g_new0 (MeshLinkText, 1);
    g_autofree char *more = NULL;

    if (read_key (key, hash + 1, &more, NULL)) {
      *hash = '\0';
      return g_strconcat (text, key->key ? "#" : NULL, key->key, NULL);
    }
  }
  return trim_end (g_steal_pointer (&text));
}

/**
 * mesh_link_text_read:
 * @part: what mesh_link_text_split() made
 * @error: return location for a #MESH_ERROR
 *
 * Returns: (transfer full) (nullable): the link that @part begins with, or
 *   %NULL with @error set
 */
MeshLinkText *
mesh_link_text_read (const char *part, GError **error)
{
  g_autoptr (MeshLinkText) self = g_new0 (MeshLinkText, 1);
  g_autoptr (GMatchInfo) server = NULL, room = NULL;
  g_autofree char *text = NULL, *found = NULL, *found_room = NULL;

  if (g_ascii_strncasecmp (part, "pusher", strlen ("pusher")) == 0) {
    self->pusher = read_pusher (part);
    return g_steal_pointer (&self);
  }
  if (matches (RE_ENCODED, part)) {
    g_autofree char *token = match (RE_TOKEN, part, NULL);

    text = decode (token);
  } else {
    text = g_strdup (part);
  }
  found = match (RE_SERVER, text, &server);
  if (!found) {
    mesh_link_fail (error, "is not a URL");
    return NULL;
  }
  self->scheme = g_match_info_fetch (server, 1);
  self->authority = g_match_info_fetch (server, 2);
  for (char *p = self->scheme; *p; p++)
    *p = g_ascii_tolower (*p);
  found_room = match (RE_ROOM, text + match_end (server), &room);
  if (!found_room)
    return g_steal_pointer (&self);
  self->room = g_match_info_fetch (room, 1);
  for (char *p = self->room; *p; p++)
    *p = g_ascii_tolower (*p);
  if (!read_tail (self, text + match_end (server) + match_end (room), error))
    return NULL;
  return g_steal_pointer (&self);
}

/**
 * mesh_link_text_free:
 * @text: (nullable) (transfer full): the parts of a link
 */
void
mesh_link_text_free (MeshLinkText *text)
{
  if (!text)
    return;
  g_free (text->scheme);
  g_free (text->authority);
  g_free (text->room);
  g_free (text->query);
  g_free (text->key);
  g_free (text->pusher);
  g_free (text);
}
