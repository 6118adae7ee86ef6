/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Display names. Keyboards and systems write one and the same name in several
 * ways: composed or decomposed, with a non-breaking blank, with characters that
 * have no width. All of them become one, so that a name is found by whoever
 * types it. gst/server/web/names.js does the same, and tests/vectors/names.json
 * holds both to it. */

#include "core/name.h"

#include <string.h>

#include "core/message.h"

/* Characters that nobody sees. Some turn the direction of the text around them,
 * the label's as well; the rest have no meaning in a name. Joiners shape
 * letters and emoji, and stay. */
static gboolean
is_ignored (gunichar c)
{
  return c == 0xad || c == 0x34f || c == 0x61c || c == 0x200b
      || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e)
      || (c >= 0x2060 && c <= 0x2064) || (c >= 0x2066 && c <= 0x206f)
      || c == 0xfeff;
}

static gboolean
is_blank (gunichar c)
{
  switch (g_unichar_type (c)) {
    case G_UNICODE_CONTROL:
    case G_UNICODE_SPACE_SEPARATOR:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
      return TRUE;
    default:
      return FALSE;
  }
}

/* Whether @c is a blank, or a joiner, which has nothing to join at an end. */
static gboolean
is_no_end (gunichar c)
{
  return c == ' ' || c == 0x200c || c == 0x200d;
}

static void
strip (char *text)
{
  char *start = text, *end = text + strlen (text);

  while (is_no_end (g_utf8_get_char (start)))
    start = g_utf8_next_char (start);
  while (end > start) {
    char *last = g_utf8_find_prev_char (start, end);

    if (!is_no_end (g_utf8_get_char (last)))
      break;
    end = last;
  }
  *end = '\0';
  memmove (text, start, end - start + 1);
}

/* Returns @text with one blank where there are several, and without what is
 * ignored. */
static char *
simplify (const char *text)
{
  GString *out = g_string_new (NULL);
  gboolean after_blank = FALSE;

  for (const char *p = text; *p; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);

    if (is_ignored (c))
      continue;
    if (!is_blank (c))
      g_string_append_unichar (out, c);
    else if (!after_blank)
      g_string_append_c (out, ' ');
    after_blank = is_blank (c);
  }
  return g_string_free (out, FALSE);
}

/**
 * mesh_name_tidy:
 * @text: a name as it was typed or sent; need not be UTF-8
 *
 * Brings a name into the one form in which names are compared and sent: one
 * line without blanks at its ends, composed (Unicode's NFC, so that what only
 * looks alike stays apart), and within the limit of #MESH_MESSAGE_MAX_NAME
 * bytes. What is left may be empty.
 *
 * Returns: (transfer full): the name
 */
char *
mesh_name_tidy (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  g_autofree char *simple = simplify (valid);
  char *name = g_utf8_normalize (simple, -1, G_NORMALIZE_NFC);

  strip (name);
  if (strlen (name) > MESH_MESSAGE_MAX_NAME) {
    *g_utf8_find_prev_char (name, name + MESH_MESSAGE_MAX_NAME + 1) = '\0';
    strip (name);
  }
  return name;
}
