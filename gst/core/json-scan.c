/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The one reader of JSON (RFC 8259): it finds members where they lie, or builds
 * a tree of them, in one walk that checks all of the text.
 *
 * The tree is json-glib's, its parser is not: that one, of Debian 12 (1.6.6),
 * recurses without a limit, so that 70,000 '[' use up a thread's 8 MiB of
 * stack. It makes invalid UTF-8 of "\ud800x", infinity of 1e999, and -1 of a
 * number over 64 bits. And it takes 01, 1., \x, comments and 'strings', which a
 * reader behind us may understand differently (tests/core/json.c has them all).
 *
 * Finding is for those who pass bytes on: the server reads an envelope, and a
 * client the frame around a message. Of a frame with an offer, 3.5 kB, that
 * takes 4 us, a tree 13 us, json-glib's parser 21 us (tests/bench/json.c). */

#include "core/json-scan.h"

#include <errno.h>
#include <string.h>

#include "core/json.h"

typedef struct {
  const char *p;
  const char *end;
  guint max_depth;
} Scan;

static gboolean read_value (Scan *scan, guint depth, JsonNode **node);

static void
skip_space (Scan *scan)
{
  while (scan->p < scan->end
      && (*scan->p == ' ' || *scan->p == '\t' || *scan->p == '\n'
          || *scan->p == '\r'))
    scan->p++;
}

static gboolean
skip_char (Scan *scan, char c)
{
  if (scan->p == scan->end || *scan->p != c)
    return FALSE;
  scan->p++;
  return TRUE;
}

/* Reads the four hex digits behind "\u". */
static gboolean
skip_hex (Scan *scan, guint *unit)
{
  *unit = 0;
  for (guint i = 0; i < 4; i++, scan->p++) {
    if (scan->p == scan->end || !g_ascii_isxdigit (*scan->p))
      return FALSE;
    *unit = *unit * 16 + g_ascii_xdigit_value (*scan->p);
  }
  return TRUE;
}

/* Reads what stands behind a backslash. Half a surrogate pair is grammatical,
 * but is no text: a receiver that decodes it gets invalid UTF-8 from some
 * parsers. */
static gboolean
skip_escape (Scan *scan)
{
  guint unit;

  if (scan->p == scan->end)
    return FALSE;
  if (*scan->p != 'u')
    return *scan->p && strchr ("\"\\/bfnrt", *scan->p++);
  scan->p++;
  if (!skip_hex (scan, &unit) || (unit & 0xfc00) == 0xdc00)
    return FALSE;
  if ((unit & 0xfc00) != 0xd800)
    return TRUE;
  return skip_char (scan, '\\') && skip_char (scan, 'u')
      && skip_hex (scan, &unit) && (unit & 0xfc00) == 0xdc00;
}

static gboolean
skip_string (Scan *scan)
{
  if (!skip_char (scan, '"'))
    return FALSE;
  while (scan->p < scan->end) {
    guchar c = *scan->p++;

    if (c == '"')
      return TRUE;
    if (c < 0x20 || (c == '\\' && !skip_escape (scan)))
      return FALSE;
  }
  return FALSE;
}

static gboolean
skip_digits (Scan *scan)
{
  const char *start = scan->p;

  while (scan->p < scan->end && g_ascii_isdigit (*scan->p))
    scan->p++;
  return scan->p > start;
}

static gboolean
skip_number (Scan *scan)
{
  skip_char (scan, '-');
  if (!skip_char (scan, '0') && !skip_digits (scan))
    return FALSE;
  if (skip_char (scan, '.') && !skip_digits (scan))
    return FALSE;
  if (skip_char (scan, 'e') || skip_char (scan, 'E')) {
    if (!skip_char (scan, '+'))
      skip_char (scan, '-');
    return skip_digits (scan);
  }
  return TRUE;
}

/* Reads up to the value of the next member, and its name into @name. */
static gboolean
skip_name (Scan *scan, MeshJsonSpan *name)
{
  skip_space (scan);
  name->text = scan->p;
  if (!skip_string (scan))
    return FALSE;
  name->length = scan->p - name->text;
  skip_space (scan);
  if (!skip_char (scan, ':'))
    return FALSE;
  skip_space (scan);
  return TRUE;
}

/* Returns the decoded string in @span, up to a NUL in it. */
static char *
dup_text (const MeshJsonSpan *span)
{
  g_autoptr (GString) text = g_string_sized_new (span->length);

  mesh_json_span_decode (span, text);
  return g_strdup (text->str);
}

static gboolean
read_object (Scan *scan, guint depth, JsonNode **node)
{
  g_autoptr (JsonObject) object = node ? json_object_new () : NULL;

  scan->p++;
  skip_space (scan);
  if (!skip_char (scan, '}')) {
    do {
      MeshJsonSpan name;
      JsonNode *value;

      if (!skip_name (scan, &name)
          || !read_value (scan, depth + 1, node ? &value : NULL))
        return FALSE;
      if (node) {
        g_autofree char *text = dup_text (&name);

        json_object_set_member (object, text, value);
      }
      skip_space (scan);
    } while (skip_char (scan, ','));
    if (!skip_char (scan, '}'))
      return FALSE;
  }
  if (node)
    *node = json_node_init_object (json_node_alloc (), object);
  return TRUE;
}

static gboolean
read_array (Scan *scan, guint depth, JsonNode **node)
{
  g_autoptr (JsonArray) array = node ? json_array_new () : NULL;

  scan->p++;
  skip_space (scan);
  if (!skip_char (scan, ']')) {
    do {
      JsonNode *value;

      skip_space (scan);
      if (!read_value (scan, depth + 1, node ? &value : NULL))
        return FALSE;
      if (node)
        json_array_add_element (array, value);
      skip_space (scan);
    } while (skip_char (scan, ','));
    if (!skip_char (scan, ']'))
      return FALSE;
  }
  if (node)
    *node = json_node_init_array (json_node_alloc (), array);
  return TRUE;
}

static gboolean
read_string (Scan *scan, JsonNode **node)
{
  MeshJsonSpan span = { scan->p };

  if (!skip_string (scan))
    return FALSE;
  span.length = scan->p - span.text;
  if (node) {
    g_autofree char *text = dup_text (&span);

    *node = json_node_init_string (json_node_alloc (), text);
  }
  return TRUE;
}

static gboolean
read_word (Scan *scan, const char *word, JsonNode **node)
{
  gsize length = strlen (word);

  if ((gsize) (scan->end - scan->p) < length
      || memcmp (scan->p, word, length) != 0)
    return FALSE;
  scan->p += length;
  if (node && *word == 'n')
    *node = json_node_init_null (json_node_alloc ());
  else if (node)
    *node = json_node_init_boolean (json_node_alloc (), *word == 't');
  return TRUE;
}

/* A number that no gint64 holds becomes a double. A number stands in an object,
 * so another character follows it; that ends the conversions, too. */
static gboolean
read_number (Scan *scan, JsonNode **node)
{
  const char *start = scan->p;
  gint64 number;
  char *end;

  if (!skip_number (scan) || scan->p == scan->end)
    return FALSE;
  if (!node)
    return TRUE;
  errno = 0;
  number = g_ascii_strtoll (start, &end, 10);
  *node = end == scan->p && errno == 0
      ? json_node_init_int (json_node_alloc (), number)
      : json_node_init_double (json_node_alloc (),
          g_ascii_strtod (start, NULL));
  return TRUE;
}

/* Reads a value, into @node unless that is %NULL. @depth is that of the value
 * itself, if it turns out to be an object or array; the recursion goes no
 * deeper than that. */
static gboolean
read_value (Scan *scan, guint depth, JsonNode **node)
{
  if (scan->p == scan->end)
    return FALSE;
  switch (*scan->p) {
    case '{':
      return depth <= scan->max_depth && read_object (scan, depth, node);
    case '[':
      return depth <= scan->max_depth && read_array (scan, depth, node);
    case '"':
      return read_string (scan, node);
    case 't':
      return read_word (scan, "true", node);
    case 'f':
      return read_word (scan, "false", node);
    case 'n':
      return read_word (scan, "null", node);
    default:
      return read_number (scan, node);
  }
}

/* Returns where to store the value of the member, or %NULL if it is not
 * wanted. */
static MeshJsonSpan *
find_span (const MeshJsonSpan *name, const char *const *names,
    MeshJsonSpan *spans)
{
  for (; *names; names++, spans++)
    if (strlen (*names) == name->length - 2
        && memcmp (*names, name->text + 1, name->length - 2) == 0)
      return spans;
  return NULL;
}

static gboolean
scan_members (Scan *scan, const char *const *names, MeshJsonSpan *spans)
{
  if (!skip_char (scan, '{'))
    return FALSE;
  skip_space (scan);
  if (skip_char (scan, '}'))
    return TRUE;
  do {
    MeshJsonSpan name, *span;
    const char *start;

    if (!skip_name (scan, &name))
      return FALSE;
    start = scan->p;
    if (!read_value (scan, 2, NULL))
      return FALSE;
    span = find_span (&name, names, spans);
    /* Two members of one name are refused, since this reader and a later one
     * could choose different ones. */
    if (span && span->length)
      return FALSE;
    if (span) {
      span->text = start;
      span->length = scan->p - start;
    }
    skip_space (scan);
  } while (skip_char (scan, ','));
  return skip_char (scan, '}');
}

/**
 * mesh_json_scan:
 * @text: one JSON object
 * @length: bytes in @text
 * @max_depth: how deep it may be nested, the object itself being 1
 * @names: (array zero-terminated=1): members to look for
 * @spans: (out caller-allocates): their values, one for each of @names
 *
 * Checks that @text is one JSON object in UTF-8 and nothing else, and notes
 * where some of its members lie.
 *
 * Returns: %FALSE when it is not, or when it has two members of one of the
 *   names
 */
gboolean
mesh_json_scan (const char *text, gsize length, guint max_depth,
    const char *const *names, MeshJsonSpan *spans)
{
  Scan scan = { text, text + length, max_depth };

  for (guint i = 0; names[i]; i++)
    spans[i] = (MeshJsonSpan) { NULL };
  if (!g_utf8_validate_len (text, length, NULL))
    return FALSE;
  skip_space (&scan);
  if (!scan_members (&scan, names, spans))
    return FALSE;
  skip_space (&scan);
  return scan.p == scan.end;
}

/**
 * mesh_json_read:
 * @text: one JSON object
 * @length: bytes in @text
 * @max_depth: how deep it may be nested, the object itself being 1
 *
 * Of two members of one name the last one counts, as in JavaScript.
 *
 * Returns: (transfer full) (nullable): the object, %NULL when @text is not one
 *   in UTF-8 and nothing else
 */
JsonObject *
mesh_json_read (const char *text, gsize length, guint max_depth)
{
  Scan scan = { text, text + length, max_depth };
  g_autoptr (JsonNode) node = NULL;

  if (!g_utf8_validate_len (text, length, NULL))
    return NULL;
  skip_space (&scan);
  if (scan.p == scan.end || *scan.p != '{' || !read_value (&scan, 1, &node))
    return NULL;
  skip_space (&scan);
  return scan.p == scan.end ? json_node_dup_object (node) : NULL;
}

/**
 * mesh_json_span_string:
 * @span: a value that mesh_json_scan() found
 * @max_length: the longest string allowed
 * @value: (out caller-allocates): @max_length + 1 bytes
 *
 * Copies a string that needs no escapes, as ids, tokens and types do not.
 *
 * Returns: %FALSE when it is not such a string
 */
gboolean
mesh_json_span_string (const MeshJsonSpan *span, gsize max_length, char *value)
{
  if (span->length < 2 || span->text[0] != '"' || span->length - 2 > max_length
      || memchr (span->text, '\\', span->length))
    return FALSE;
  memcpy (value, span->text + 1, span->length - 2);
  value[span->length - 2] = 0;
  return TRUE;
}

/**
 * mesh_json_span_number:
 * @span: a value that mesh_json_scan() found
 * @value: (out): the number
 *
 * Returns: %FALSE when it is not a whole number from 0 to 2^53 - 1
 */
gboolean
mesh_json_span_number (const MeshJsonSpan *span, guint64 *value)
{
  *value = 0;
  if (span->length == 0 || span->length > 16)
    return FALSE;
  for (gsize i = 0; i < span->length; i++) {
    if (!g_ascii_isdigit (span->text[i]))
      return FALSE;
    *value = *value * 10 + (span->text[i] - '0');
  }
  return *value <= MESH_JSON_MAX_COUNT;
}

/* Decodes what stands behind the backslash of an escape that was checked. */
static const char *
decode_escape (const char *p, GString *text)
{
  static const char from[] = "\"\\/bfnrt";
  static const char to[] = "\"\\/\b\f\n\r\t";
  Scan scan = { p + 1, p + 5 };
  guint unit, low;

  if (*p != 'u') {
    g_string_append_c (text, to[strchr (from, *p) - from]);
    return p + 1;
  }
  skip_hex (&scan, &unit);
  if ((unit & 0xfc00) == 0xd800) {
    scan.p += 2;
    scan.end += 6;
    skip_hex (&scan, &low);
    unit = 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff);
  }
  g_string_append_unichar (text, unit);
  return scan.p;
}

/**
 * mesh_json_span_decode:
 * @span: a value that mesh_json_scan() found
 * @text: the string is appended to it; it may hold NULs
 *
 * Returns: %FALSE when it is not a string
 */
gboolean
mesh_json_span_decode (const MeshJsonSpan *span, GString *text)
{
  const char *p, *end;

  if (span->length < 2 || span->text[0] != '"')
    return FALSE;
  p = span->text + 1;
  end = span->text + span->length - 1;
  while (p < end) {
    const char *escape = memchr (p, '\\', end - p);

    g_string_append_len (text, p, (escape ? escape : end) - p);
    p = escape ? decode_escape (escape + 1, text) : end;
  }
  return TRUE;
}

/**
 * mesh_json_span_dup:
 * @span: a value that mesh_json_scan() found
 * @max_length: the longest string allowed
 *
 * Returns: (transfer full) (nullable): the string, %NULL when it is none, too
 *   long, or has NULs
 */
char *
mesh_json_span_dup (const MeshJsonSpan *span, gsize max_length)
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (!mesh_json_span_decode (span, text) || strlen (text->str) != text->len
      || text->len > max_length)
    return NULL;
  return g_strndup (text->str, text->len);
}

/**
 * mesh_json_span_next:
 * @rest: (inout): an array that mesh_json_scan() found, or what an earlier call
 *   left of it
 * @item: (out): its next element
 *
 * Returns: %FALSE when there is none, or @rest is not an array
 */
gboolean
mesh_json_span_next (MeshJsonSpan *rest, MeshJsonSpan *item)
{
  Scan scan = { rest->text, rest->text + rest->length, G_MAXUINT };

  if (!skip_char (&scan, '[') && !skip_char (&scan, ','))
    return FALSE;
  skip_space (&scan);
  item->text = scan.p;
  if (!read_value (&scan, 1, NULL))
    return FALSE;
  item->length = scan.p - item->text;
  skip_space (&scan);
  rest->text = scan.p;
  rest->length = scan.end - scan.p;
  return TRUE;
}
