/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bwe-table [--mutant NAME] [--seeds N] [--from SEED] [--trace] [SCENARIO…]
 *
 * Runs the scenarios, and prints for each figure what was reached and what it
 * must be. With --mutant the estimator is known to be broken, and the test is
 * that some scenario fails. */

#include "sim.h"

#include <stdio.h>

gboolean scenario_trace = FALSE;
static char *mutant = NULL;
static char **names = NULL;
static int seeds = 15;
static int first_seed = 1;
int scenario_seed = 1;

static const GOptionEntry options[] = {
  { "mutant", 0, 0, G_OPTION_ARG_STRING, &mutant, "how it is broken", "NAME" },
  { "seeds", 0, 0, G_OPTION_ARG_INT, &seeds, "how many runs of each", "N" },
  { "from", 0, 0, G_OPTION_ARG_INT, &first_seed, "the first one's seed",
      "SEED" },
  { "trace", 0, 0, G_OPTION_ARG_NONE, &scenario_trace, "tell all", NULL },
  { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &names, NULL, NULL },
  { NULL }
};

/* One figure of a scenario, with its bounds. The median of all seeds is to be
 * within them, and no more than one seed of five beyond them by more than a
 * quarter. */
typedef struct {
  char *what;
  double low;
  double high;
  const char *unit;
  GArray *found;                /* of double, one a seed */
} Row;

#define MARGIN 1.25

static GArray *rows = NULL;     /* of the scenario under way */
static guint row_number = 0;

void
scenario_row (const char *what, double found, double low, double high,
    const char *unit)
{
  if (row_number == rows->len) {
    Row fresh = { g_strdup (what), low, high, unit,
      g_array_new (FALSE, FALSE, sizeof (double)) };

    g_array_append_val (rows, fresh);
  }
  g_array_append_val (g_array_index (rows, Row, row_number++).found, found);
}

static int
least_first (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return x < y ? -1 : x > y;
}

static gboolean
print_row (Row *row)
{
  const double *found = (double *) row->found->data;
  guint n = row->found->len;
  guint outliers = 0;
  double median;
  gboolean fits;
  g_autofree char *what = row->what;
  g_autofree char *bounds = row->high == NO_BOUND
      ? g_strdup_printf (">= %g", row->low)
      : row->low > 0 ? g_strdup_printf ("%g to %g", row->low, row->high)
      : g_strdup_printf ("<= %g", row->high);

  g_array_sort (row->found, least_first);
  median = found[n / 2];
  for (guint i = 0; i < n; i++)
    outliers += found[i] < row->low / MARGIN || found[i] > row->high * MARGIN;
  fits = median >= row->low && median <= row->high && outliers <= n / 5;
  g_print ("# %c %-42s %7.2f (%.2f to %.2f) %-6s %s\n", fits ? ' ' : '!', what,
      median, found[0], found[n - 1], row->unit, bounds);
  g_array_unref (row->found);
  return fits;
}

/* Returns whether all is within its bounds. */
static gboolean
run_scenario (const Scenario *scenario)
{
  gint64 started = g_get_monotonic_time ();
  gboolean fits = TRUE;

  rows = g_array_new (FALSE, FALSE, sizeof (Row));
  for (scenario_seed = first_seed; scenario_seed < first_seed + seeds;
      scenario_seed++) {
    row_number = 0;
    scenario->run ();
  }
  g_print ("# %s: %s (%.2f s)\n", scenario->name, scenario->what,
      (g_get_monotonic_time () - started) / 1e6);
  for (guint i = 0; i < rows->len; i++)
    fits = print_row (&g_array_index (rows, Row, i)) && fits;
  g_array_unref (rows);
  return fits;
}

/* Returns how many failed. */
static guint
run_all (const Scenario *table, guint *number, guint *failed)
{
  for (; table->name; table++) {
    gboolean fits;

    if (names && !g_strv_contains ((const char *const *) names, table->name))
      continue;
    fits = run_scenario (table);
    ++*number;
    *failed += !fits;
    if (mutant && !fits) {
      g_print ("# %s was caught by %s\n", mutant, table->name);
      return *failed;
    }
    if (!mutant)
      g_print ("%s %u - %s: %s\n", fits ? "ok" : "not ok", *number,
          table->name, table->what);
  }
  return *failed;
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  const Scenario *tables[] = { scenarios_alone, scenarios_shared,
    scenarios_rough, scenarios_room, scenarios_ladder };
  guint number = 0, failed = 0;

  g_option_context_add_main_entries (context, options, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    g_printerr ("%s\n", error->message);
    return 2;
  }
  setvbuf (stdout, NULL, _IOLBF, 0);
  for (guint i = 0; i < G_N_ELEMENTS (tables); i++) {
    if (run_all (tables[i], &number, &failed) > 0 && mutant)
      break;
  }
  g_strfreev (names);
  if (mutant) {
    g_print ("%s 1 - %s\n", failed ? "ok" : "not ok", mutant);
    number = 1;
  }
  g_print ("1..%u\n", number);
  return (failed > 0) == (mutant != NULL) ? 0 : 1;
}
