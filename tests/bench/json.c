/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The cost of reading a message: finding the members of the envelope around it,
 * building its tree, and building one with json-glib's own parser.
 *
 *   tests/bench/bench-json */

#include <stdio.h>
#include <string.h>

#include "core/envelope.h"
#include "core/json.h"

#define ROUNDS 2000
#define UUID "aaaaaaaa-0000-4000-8000-00000000000a"

static void
find (const char *text, gsize length)
{
  MeshEnvelope envelope;

  if (!mesh_envelope_parse (text, length, &envelope, NULL))
    g_error ("no envelope");
}

static void
build (const char *text, gsize length)
{
  g_autoptr (JsonObject) object = mesh_json_parse (text, length, NULL);

  if (!object)
    g_error ("no object");
}

static void
build_by_library (const char *text, gsize length)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();

  if (!json_parser_load_from_data (parser, text, length, NULL))
    g_error ("no object");
}

static double
time_of (void (*func) (const char *text, gsize length), const char *text)
{
  gsize length = strlen (text);
  gint64 best = G_MAXINT64;

  for (guint i = 0; i < 9; i++) {
    gint64 start = g_get_monotonic_time ();

    for (guint j = 0; j < ROUNDS; j++)
      func (text, length);
    best = MIN (best, g_get_monotonic_time () - start);
  }
  return (double) best / ROUNDS;
}

/* A session description has some 90 lines, each with an escaped line break. */
static char *
make_frame (guint lines)
{
  GString *text = g_string_new ("{\"mid\":7,\"to\":\"" UUID "\",\"payload\":{"
      "\"type\":\"signal\",\"from\":\"" UUID "\",\"to\":\"" UUID "\","
      "\"data\":{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n");

  for (guint i = 0; i < lines; i++)
    g_string_append_printf (text, "a=rtpmap:%u opus/48000/2 and more\\r\\n", i);
  g_string_append (text, "\"}}}");
  return g_string_free (text, FALSE);
}

int
main (void)
{
  static const guint lines[] = { 1, 90, 800 };

  printf ("%8s %10s %10s %10s\n", "bytes", "find", "tree", "json-glib");
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++) {
    g_autofree char *text = make_frame (lines[i]);

    printf ("%8zu %7.1f us %7.1f us %7.1f us\n", strlen (text),
        time_of (find, text), time_of (build, text),
        time_of (build_by_library, text));
  }
  return 0;
}
