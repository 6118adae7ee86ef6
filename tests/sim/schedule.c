/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Schedules: made from a seed, written down as text, and made as small as they
 * can be and still fail. */

#include "sim.h"

#include <stdio.h>
#include <string.h>

static const char *const mode_names[N_MODES] = { "hub", "forward",
  "broadcast" };

static guint
throw (World *dice, guint sides)
{
  return sim_random (dice) % sides;
}

static gint64
when (World *dice, gint64 end)
{
  return sim_range (dice, 0, end);
}

static void
add (Schedule *schedule, Fault fault)
{
  if (schedule->n_faults < MAX_FAULTS)
    schedule->faults[schedule->n_faults++] = fault;
}

static FaultKind
any_fault (World *dice, Mode mode)
{
  static const FaultKind with_server[] = { FAULT_START, FAULT_START,
    FAULT_START, FAULT_KILL, FAULT_KILL_AFTER, FAULT_RESTART, FAULT_RESTART,
    FAULT_LEAVE, FAULT_CUT, FAULT_CUT, FAULT_CUT_AFTER, FAULT_CUT_AFTER,
    FAULT_PAUSE, FAULT_SUSPEND, FAULT_OUTAGE, FAULT_PARTITION, FAULT_DEAF,
    FAULT_ICE, FAULT_STATE, FAULT_SERVER_KILL, FAULT_SERVER_KILL_AFTER,
    FAULT_SERVER_PAUSE };
  static const FaultKind without[] = { FAULT_START, FAULT_START, FAULT_KILL,
    FAULT_KILL_AFTER, FAULT_RESTART, FAULT_LEAVE, FAULT_CUT, FAULT_PAUSE,
    FAULT_SUSPEND, FAULT_OUTAGE, FAULT_PARTITION, FAULT_DEAF, FAULT_ICE,
    FAULT_STATE, FAULT_LOSS, FAULT_LOSS };

  return mode == MODE_HUB ? with_server[throw (dice,
          G_N_ELEMENTS (with_server))]
                          : without[throw (dice, G_N_ELEMENTS (without))];
}

void
sim_schedule (Schedule *schedule, guint64 seed, gboolean pages)
{
  static const gint64 delays[] = { MS (5), MS (30), MS (30), MS (300),
    MS (1500) };
  static const gint64 ends[] = { 2 * SECOND, 10 * SECOND, 20 * SECOND,
    40 * SECOND };
  World dice = { .random = seed };
  gint64 span;
  guint faults;

  memset (schedule, 0, sizeof *schedule);
  schedule->seed = sim_random (&dice);
  schedule->n = 2 + throw (&dice, MAX_NODES - 1);
  schedule->mode = throw (&dice, 6) < 4 ? MODE_HUB
      : throw (&dice, 2) ? MODE_FORWARD : MODE_BROADCAST;
  schedule->max_delay = delays[throw (&dice, G_N_ELEMENTS (delays))];
  schedule->end = ends[throw (&dice, G_N_ELEMENTS (ends))];
  schedule->to_the_end = throw (&dice, 32) == 0;
  span = throw (&dice, 2) ? 1000 : throw (&dice, 2) ? MS (300)
      : schedule->end;
  for (guint i = 0; i < schedule->n; i++)
    add (schedule, (Fault) { .at = i ? when (&dice, span) : 0,
        .kind = FAULT_START, .node = i });
  faults = throw (&dice, 2) ? throw (&dice, 4) : throw (&dice, 25);
  for (guint i = 0; i < faults; i++) {
    Fault fault = {
      .at = when (&dice, schedule->end),
      .kind = any_fault (&dice, schedule->mode),
      .node = throw (&dice, schedule->n),
      .other = throw (&dice, schedule->n),
      .how = throw (&dice, 1 << 16),
    };

    fault.duration = when (&dice, MIN (schedule->end - fault.at,
            throw (&dice, 2) ? 6 * SECOND : 35 * SECOND)) + 1;
    add (schedule, fault);
  }
  schedule->pages = pages ? throw (&dice, 1 << schedule->n) : 0;
}

void
sim_schedule_print (const Schedule *schedule, GString *to)
{
  g_string_append_printf (to, "schedule %" G_GUINT64_FORMAT " %s members %u "
      "pages %u delay %" G_GINT64_FORMAT " end %" G_GINT64_FORMAT "%s\n",
      schedule->seed, mode_names[schedule->mode], schedule->n,
      schedule->pages, schedule->max_delay, schedule->end,
      schedule->to_the_end ? " whole" : "");
  for (guint i = 0; i < schedule->n_faults; i++) {
    const Fault *fault = &schedule->faults[i];

    g_string_append_printf (to, "at %" G_GINT64_FORMAT " %s %u %u for %"
        G_GINT64_FORMAT " how %u\n", fault->at, sim_fault_name (fault->kind),
        fault->node, fault->other, fault->duration, fault->how);
  }
}

static gboolean
read_fault (Schedule *schedule, const char *line)
{
  Fault fault = { 0 };
  char name[32];

  if (schedule->n_faults == MAX_FAULTS
      || sscanf (line, "at %" G_GINT64_FORMAT " %31s %u %u for %"
             G_GINT64_FORMAT " how %u", &fault.at, name, &fault.node,
             &fault.other, &fault.duration, &fault.how) != 6
      || fault.node >= schedule->n || fault.other >= schedule->n)
    return FALSE;
  while (fault.kind < N_FAULTS
         && strcmp (name, sim_fault_name (fault.kind)) != 0)
    fault.kind++;
  add (schedule, fault);
  return fault.kind < N_FAULTS;
}

/* What sim_schedule_print() wrote; lines that begin otherwise are ignored. */
gboolean
sim_schedule_read (Schedule *schedule, const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  char mode[16] = "", whole[8] = "";

  memset (schedule, 0, sizeof *schedule);
  for (guint i = 0; lines[i]; i++) {
    if (g_str_has_prefix (lines[i], "schedule ")
        && sscanf (lines[i], "schedule %" G_GUINT64_FORMAT " %15s members %u "
               "pages %u delay %" G_GINT64_FORMAT " end %" G_GINT64_FORMAT
               "%7s", &schedule->seed, mode, &schedule->n, &schedule->pages,
               &schedule->max_delay, &schedule->end, whole) < 6)
      return FALSE;
    if (g_str_has_prefix (lines[i], "at ") && !read_fault (schedule, lines[i]))
      return FALSE;
  }
  schedule->to_the_end = whole[0] != '\0';
  while (schedule->mode < N_MODES
         && strcmp (mode, mode_names[schedule->mode]) != 0)
    schedule->mode++;
  return schedule->mode < N_MODES && schedule->n >= 1
         && schedule->n <= MAX_NODES && schedule->max_delay > 100
         && schedule->end > 0;
}

static gboolean
fails (const Schedule *schedule)
{
  g_autofree char *violation = sim_run (schedule, NULL);

  return violation != NULL;
}

/* Without @count faults from @first on. */
static Schedule
without (const Schedule *schedule, guint first, guint count)
{
  Schedule less = *schedule;

  memmove (&less.faults[first], &less.faults[first + count],
      (less.n_faults - first - count) * sizeof (Fault));
  less.n_faults -= count;
  return less;
}

/* Takes out what it fails without, in ever smaller pieces (Zeller and
 * Hildebrandt, "Simplifying and isolating failure-inducing input", 2002), over
 * other luck with the delays where that helps. */
void
sim_shrink (Schedule *schedule)
{
  guint size = MAX (1, schedule->n_faults / 2);

  for (;;) {
    gboolean smaller = FALSE;

    for (guint i = 0; i + size <= schedule->n_faults;) {
      gboolean gone = FALSE;

      for (guint luck = 0; luck < 30 && !gone; luck++) {
        Schedule less = without (schedule, i, size);

        less.seed += luck;
        gone = fails (&less);
        if (gone)
          *schedule = less;
      }
      smaller |= gone;
      i += gone ? 0 : size;
    }
    if (size == 1 && !smaller)
      break;
    if (size > 1)
      size /= 2;
  }
}
