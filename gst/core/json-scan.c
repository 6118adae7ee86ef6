/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds the members of a JSON object without building anything: the server
 * reads an envelope this way and passes the payload's bytes on as they are,
 * since parsing them costs as much as relaying them. All of the text is checked
 * against the grammar (RFC 8259), so that whatever is cut out of it is
 * whole. */

#include "core/json-scan.h"

#include <string.h>

/* Integers that JavaScript holds exactly. */
#define MAX_NUMBER ((G_GUINT64_CONSTANT (1) << 53) - 1)

typedef struct {
  const char *p;
  const char *end;
  guint max_depth;
} Scan;

static gboolean skip_value (Scan *scan, guint depth);

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

/* After "\u": four hex digits. */
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

/* After the backslash. Half a surrogate pair is grammatical, but is no text: a
 * receiver that decodes it gets invalid UTF-8 from some parsers. */
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

static gboolean
skip_word (Scan *scan, const char *word)
{
  gsize length = strlen (word);

  if ((gsize) (scan->end - scan->p) < length
      || memcmp (scan->p, word, length) != 0)
    return FALSE;
  scan->p += length;
  return TRUE;
}

/* Up to the value of the next member: its name's text lies in @name. */
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

static gboolean
skip_object (Scan *scan, guint depth)
{
  MeshJsonSpan name;

  scan->p++;
  skip_space (scan);
  if (skip_char (scan, '}'))
    return TRUE;
  do {
    if (!skip_name (scan, &name) || !skip_value (scan, depth + 1))
      return FALSE;
    skip_space (scan);
  } while (skip_char (scan, ','));
  return skip_char (scan, '}');
}

static gboolean
skip_array (Scan *scan, guint depth)
{
  scan->p++;
  skip_space (scan);
  if (skip_char (scan, ']'))
    return TRUE;
  do {
    skip_space (scan);
    if (!skip_value (scan, depth + 1))
      return FALSE;
    skip_space (scan);
  } while (skip_char (scan, ','));
  return skip_char (scan, ']');
}

/* depth: of the value itself, if it turns out to be an object or array. The
 * recursion goes no deeper than that. */
static gboolean
skip_value (Scan *scan, guint depth)
{
  if (scan->p == scan->end)
    return FALSE;
  switch (*scan->p) {
    case '{':
      return depth <= scan->max_depth && skip_object (scan, depth);
    case '[':
      return depth <= scan->max_depth && skip_array (scan, depth);
    case '"':
      return skip_string (scan);
    case 't':
      return skip_word (scan, "true");
    case 'f':
      return skip_word (scan, "false");
    case 'n':
      return skip_word (scan, "null");
    default:
      return skip_number (scan);
  }
}

/* Where to note the value of the member, or %NULL if nobody asked for it. */
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
    if (!skip_value (scan, 2))
      return FALSE;
    span = find_span (&name, names, spans);
    /* Two of a name: we and the reader behind us could choose differently. */
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
 *
 * Since: 0.1
 */
gboolean
mesh_json_scan (const char *text, gsize length, guint max_depth,
    const char *const *names, MeshJsonSpan *spans)
{
  Scan scan = { text, text + length, max_depth };

  memset (spans, 0, g_strv_length ((char **) names) * sizeof *spans);
  if (!g_utf8_validate_len (text, length, NULL))
    return FALSE;
  skip_space (&scan);
  if (!scan_members (&scan, names, spans))
    return FALSE;
  skip_space (&scan);
  return scan.p == scan.end;
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
 *
 * Since: 0.1
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
 *
 * Since: 0.1
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
  return *value <= MAX_NUMBER;
}

/* After the backslash of an escape that was checked. */
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
 *
 * Since: 0.1
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
 * mesh_json_span_next:
 * @rest: (inout): an array that mesh_json_scan() found, or what an earlier call
 *   left of it
 * @item: (out): its next element
 *
 * Returns: %FALSE when there is none, or @rest is not an array
 *
 * Since: 0.1
 */
gboolean
mesh_json_span_next (MeshJsonSpan *rest, MeshJsonSpan *item)
{
  Scan scan = { rest->text, rest->text + rest->length, G_MAXUINT };

  if (!skip_char (&scan, '[') && !skip_char (&scan, ','))
    return FALSE;
  skip_space (&scan);
  item->text = scan.p;
  if (!skip_value (&scan, 1))
    return FALSE;
  item->length = scan.p - item->text;
  skip_space (&scan);
  rest->text = scan.p;
  rest->length = scan.end - scan.p;
  return TRUE;
}
