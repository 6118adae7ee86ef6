/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* room-protocol [--count N] [--from SEED] [--seconds S] [--replay FILE]
 *               [--pages] [--trace] [--mutant NAME]
 *
 * Tries schedules, from SEED on, until N were tried or S seconds have passed.
 * One that fails is shrunk, and written down with its trace. With --mutant the
 * room is known to be broken, and the test is that this is noticed. */

#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

static gint64 count = 0;
static gint64 first = 1;
static int seconds = 0;
static char *replay = NULL;
static char *mutant = NULL;
static gboolean trace = FALSE;
static gboolean pages = FALSE;

static const GOptionEntry options[] = {
  { "count", 0, 0, G_OPTION_ARG_INT64, &count, "how many schedules", "N" },
  { "from", 0, 0, G_OPTION_ARG_INT64, &first, "the first one's seed", "SEED" },
  { "seconds", 0, 0, G_OPTION_ARG_INT, &seconds, "for how long", "S" },
  { "replay", 0, 0, G_OPTION_ARG_FILENAME, &replay, "one from a file",
      "FILE" },
  { "mutant", 0, 0, G_OPTION_ARG_STRING, &mutant, "how the room is broken",
      "NAME" },
  { "pages", 0, 0, G_OPTION_ARG_NONE, &pages,
      "some rooms are the page's; with a mutant all", NULL },
  { "trace", 0, 0, G_OPTION_ARG_NONE, &trace, "tell what happens", NULL },
  { NULL }
};

static void
print_lines (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i]; i++) {
    if (*lines[i])
      g_print ("# %s\n", lines[i]);
  }
}

/* Runs it once more, aloud. */
static gboolean
tell (const Schedule *schedule)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *violation = NULL;

  sim_schedule_print (schedule, text);
  violation = sim_run (schedule, text);
  print_lines (text->str);
  g_print ("# %s\n", violation ? violation : "all is well");
  return violation == NULL;
}

static int
run_replay (void)
{
  g_autofree char *text = NULL;
  Schedule schedule;

  if (!g_file_get_contents (replay, &text, NULL, NULL)
      || !sim_schedule_read (&schedule, g_strdelimit (text, "#", ' '))) {
    g_printerr ("%s is no schedule\n", replay);
    return 2;
  }
  return tell (&schedule) ? 0 : 1;
}

static gboolean
is_enough (gint64 done, gint64 started)
{
  if (seconds > 0
      && g_get_monotonic_time () - started >= seconds * G_USEC_PER_SEC)
    return TRUE;
  return count > 0 && done >= count;
}

/* Returns what was violated, or NULL. */
static char *
search (Schedule *schedule, gint64 *done)
{
  gint64 started = g_get_monotonic_time ();

  for (*done = 0; !is_enough (*done, started); ++*done) {
    char *violation;

    if (*done % 100000 == 0 && *done)
      g_print ("# %" G_GINT64_FORMAT " so far\n", *done);
    sim_schedule (schedule, first + *done, pages);
    if (pages && mutant)
      schedule->pages = (1 << schedule->n) - 1;
    violation = sim_run (schedule, NULL);
    if (violation) {
      g_print ("# seed %" G_GINT64_FORMAT ": %s\n", first + *done, violation);
      ++*done;
      return violation;
    }
  }
  return NULL;
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *violation = NULL;
  const char *count_name;
  Schedule schedule;
  gint64 done;

  g_option_context_add_main_entries (context, options, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    g_printerr ("%s\n", error->message);
    return 2;
  }
  count_name = pages ? "MESH_SIM_PAGES" : "MESH_SIM_COUNT";
  if (g_getenv (count_name) && !mutant) {
    count = g_ascii_strtoll (g_getenv (count_name), NULL, 10);
    seconds = 0;
  }
  if (pages && mutant)
    sim_page_break (mutant);
  setvbuf (stdout, NULL, _IOLBF, 0);
  if (replay)
    return run_replay ();
  if (count == 0 && seconds == 0)
    count = 10000;
  g_print ("1..1\n");
  violation = search (&schedule, &done);
  g_print ("# %" G_GINT64_FORMAT " schedules\n", done);
  if (violation && (!mutant || trace)) {
    sim_shrink (&schedule);
    tell (&schedule);
  }
  g_print ("%s 1 - %s\n", (violation != NULL) == (mutant != NULL)
          ? "ok" : "not ok",
      mutant ? mutant : "what the room promises holds");
  return (violation != NULL) == (mutant != NULL) ? 0 : 1;
}
