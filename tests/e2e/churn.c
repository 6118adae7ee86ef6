/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Peers join and leave while one pipeline runs, which also serves the room:
 * afterwards its process has the same threads, file descriptors and elements,
 * and hardly more memory.
 *
 *   churn [ROUNDS [PEERS]]       default 20 rounds of 10 peers
 *
 * The peers are in a second process (this program again, with --peers), which
 * takes commands on its standard input, so that only the one pipeline is
 * measured here. The measure is the memory in use, not the process' size, which
 * includes the allocator's holes; GLib's slices are switched off.
 *
 * Each peer leaves some memory behind (docs/performance.md, "Coming and
 * going"): the names that GLib keeps for ever, and GnuTLS' state of each
 * thread.
 */

#include <gst/gst.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../count-entries.h"

#define WARM_UP 50              /* peers until memory must be flat */
#define GROWTH 1024             /* bytes a peer */
#define TABLES (512 * 1024)     /* bytes; tables double, and the last 256 peers
                                 * are remembered */
#define REPORTS 4
#define ROUND_S 60              /* watchdogs */
#define SETTLE_S 30

typedef struct {
  int threads;
  int fds;
  int elements;
} Counts;

/* ------------------------------------------------ the pipeline measured */

static void
count_one (const GValue *item, gpointer n)
{
  ++*(int *) n;
}

static Counts
count (GstElement *pipeline)
{
  GstIterator *elements = gst_bin_iterate_recurse (GST_BIN (pipeline));
  Counts counts = { 0 };

  while (gst_iterator_foreach (elements, count_one, &counts.elements)
      == GST_ITERATOR_RESYNC) {
    gst_iterator_resync (elements);
    counts.elements = 0;
  }
  gst_iterator_free (elements);
  counts.threads = count_entries ("/proc/self/task");
  counts.fds = count_entries ("/proc/self/fd");
  return counts;
}

/* bytes */
static gint64
memory_in_use (void)
{
  struct mallinfo2 info = mallinfo2 ();

  return info.uordblks + info.hblkhd;
}

static long
resident_kib (void)
{
  long pages = 0;
  FILE *file;

  malloc_trim (0);
  file = fopen ("/proc/self/statm", "r");
  if (!file || fscanf (file, "%*d %ld", &pages) != 1)
    pages = 0;
  if (file)
    fclose (file);
  return pages * (sysconf (_SC_PAGESIZE) / 1024);
}

static void
on_pad_added (GstElement *room, GstPad *pad, gpointer pipeline)
{
  GstElement *sink;
  g_autoptr (GstPad) end = NULL;

  if (!GST_PAD_IS_SRC (pad))
    return;
  sink = gst_element_factory_make ("fakesink", NULL);
  g_object_set (sink, "async", FALSE, "sync", FALSE, NULL);
  gst_bin_add (pipeline, sink);
  gst_element_sync_state_with_parent (sink);
  end = gst_element_get_static_pad (sink, "sink");
  gst_pad_link (pad, end);
  g_object_set_data (G_OBJECT (pad), "sink", sink);
}

static void
on_pad_removed (GstElement *room, GstPad *pad, gpointer pipeline)
{
  GstElement *sink = g_object_get_data (G_OBJECT (pad), "sink");

  if (!sink)
    return;
  gst_object_ref (sink);
  gst_bin_remove (pipeline, sink);
  gst_element_set_state (sink, GST_STATE_NULL);
  gst_object_unref (sink);
}

/* Reads the bus until @wanted messages of this name have come. */
static gboolean
wait_messages (GstElement *pipeline, const char *name, int wanted)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  gint64 end = g_get_monotonic_time () + ROUND_S * G_TIME_SPAN_SECOND;
  int seen = 0;

  while (seen < wanted && g_get_monotonic_time () < end) {
    g_autoptr (GstMessage) message =
        gst_bus_timed_pop (bus, 100 * GST_MSECOND);

    if (!message)
      continue;
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
      g_autoptr (GError) error = NULL;

      gst_message_parse_error (message, &error, NULL);
      printf ("# error: %s\n", error->message);
      return FALSE;
    }
    if (gst_message_has_name (message, name))
      seen++;
  }
  if (seen < wanted)
    printf ("# only %d of %d %s\n", seen, wanted, name);
  return seen == wanted;
}

static gboolean
same (const Counts *a, const Counts *b)
{
  return a->threads == b->threads && a->fds == b->fds
      && a->elements == b->elements;
}

/* Returns the process's counts once they no longer change: streams and idle
 * threads of pools take their time to end, and the last peer's elements are
 * still being freed (hundreds of KiB, for half a second). With @expected, it
 * waits for these counts.
 *
 * @in_use: (out): bytes */
static Counts
settle (GstElement *pipeline, const Counts *expected, gint64 *in_use)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  gint64 end = g_get_monotonic_time () + SETTLE_S * G_TIME_SPAN_SECOND;
  Counts last = { 0 }, now;
  int alike = 0;

  *in_use = G_MAXINT64;
  do {
    gint64 memory = memory_in_use ();

    for (GstMessage *message; (message = gst_bus_pop (bus));)
      gst_message_unref (message);
    now = count (pipeline);
    if (same (&now, expected ? expected : &last) && memory >= *in_use)
      alike++;
    else
      alike = 0;
    last = now;
    *in_use = MIN (*in_use, memory);
    g_usleep (100 * G_TIME_SPAN_MILLISECOND);
  } while (alike < 10 && g_get_monotonic_time () < end);
  return now;
}

/* A peer comes once the one before is connected: two that nobody has called yet
 * would call each other, and have no place left for the one that is measured. */
static gboolean
one_round (GstElement *pipeline, FILE *peers, int n)
{
  for (int i = 0; i < n; i++) {
    fprintf (peers, "join\n");
    fflush (peers);
    if (!wait_messages (pipeline, "meshroom-peer-added", 1))
      return FALSE;
  }
  fprintf (peers, "leave\n");
  fflush (peers);
  return wait_messages (pipeline, "meshroom-peer-removed", n);
}

static char *
wait_link (GstElement *pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  gint64 end = g_get_monotonic_time () + ROUND_S * G_TIME_SPAN_SECOND;

  while (g_get_monotonic_time () < end) {
    g_autoptr (GstMessage) message =
        gst_bus_timed_pop_filtered (bus, GST_SECOND, GST_MESSAGE_ELEMENT);

    if (message && gst_message_has_name (message, "meshroom-link-ready"))
      return g_strdup (gst_structure_get_string (gst_message_get_structure
              (message), "link"));
  }
  return NULL;
}

static FILE *
start_peers (const char *self, const char *link, int n, GPid *pid)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *number = g_strdup_printf ("%d", n);
  const char *argv[] = { self, "--peers", link, number, NULL };
  /* a memory checker must follow this process alone */
  g_auto (GStrv) env = g_environ_unsetenv (g_get_environ (), "LD_PRELOAD");
  int in;

  if (!g_spawn_async_with_pipes (NULL, (char **) argv, env,
          G_SPAWN_DEFAULT, NULL, NULL, pid, &in, NULL, NULL, &error)) {
    printf ("Bail out! %s\n", error->message);
    exit (1);
  }
  return fdopen (in, "w");
}

static void
check (int number, gboolean good, const char *what)
{
  printf ("%sok %d %s\n", good ? "" : "not ", number, what);
}

/* Returns: the memory in use after all peers of a round have left */
static gint64
report (GstElement *pipeline, const Counts *expected, int peers)
{
  gint64 in_use;
  Counts counts = settle (pipeline, expected, &in_use);

  printf ("# after %d peers: %d threads, %d descriptors, %d elements, "
      "%" G_GINT64_FORMAT " KiB in use, %ld KiB resident\n", peers,
      counts.threads, counts.fds, counts.elements, in_use / 1024,
      resident_kib ());
  return in_use;
}

static void
churn (GstElement *pipeline, FILE *orders, int rounds, int peers)
{
  /* the first round also makes the encoders and what a process makes once */
  gboolean good = one_round (pipeline, orders, peers);
  gint64 warm = 0, end, per_peer;
  Counts before = settle (pipeline, NULL, &end), after;
  int warm_rounds = (WARM_UP + peers - 1) / peers;

  for (int i = 1; good && i < rounds; i++) {
    if (i == warm_rounds)
      warm = report (pipeline, &before, i * peers);
    else if (i % MAX (1, rounds / REPORTS) == 0)
      report (pipeline, &before, i * peers);
    good = one_round (pipeline, orders, peers);
  }
  check (1, good, "everybody comes and goes");
  end = report (pipeline, &before, rounds * peers);
  after = count (pipeline);
  check (2, good && same (&before, &after),
      "threads, descriptors and elements are what they were");
  per_peer = (end - warm) / MAX (1, (rounds - warm_rounds) * peers);
  printf ("# memory: %" G_GINT64_FORMAT " bytes a peer\n", per_peer);
  check (3, good && warm > 0
      && end - warm < (gint64) GROWTH * (rounds - warm_rounds) * peers + TABLES,
      "memory stays flat");
}

static int
measure (const char *self, int rounds, int peers)
{
  g_autoptr (GstElement) pipeline = gst_parse_launch (
      "meshroom name=room serve=127.0.0.1:0 display-name=host "
      "videotestsrc is-live=true ! video/x-raw,width=160,height=120,"
      "framerate=10/1 ! room.video_sink "
      "audiotestsrc is-live=true ! room.audio_sink", NULL);
  g_autoptr (GstElement) room = NULL;
  g_autofree char *link = NULL;
  FILE *orders;
  GPid child;

  printf ("1..3\n");
  room = gst_bin_get_by_name (GST_BIN (pipeline), "room");
  g_signal_connect (room, "pad-added", G_CALLBACK (on_pad_added), pipeline);
  g_signal_connect (room, "pad-removed", G_CALLBACK (on_pad_removed),
      pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  link = wait_link (pipeline);
  orders = start_peers (self, link, peers, &child);
  churn (pipeline, orders, rounds, peers);
  fclose (orders);
  kill (child, SIGKILL);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return 0;
}

/* ------------------------------------------------------- the peers' side */

/* A peer that connects with the first member of the room only. */
static GstElement *
new_peer (const char *link, int number)
{
  g_autofree char *description = g_strdup_printf ("meshroom name=room "
      "link=%s display-name=peer-%d max-peers=1 decode=false "
      "videotestsrc is-live=true ! video/x-raw,width=160,height=120,"
      "framerate=5/1 ! room.video_sink "
      "audiotestsrc is-live=true ! room.audio_sink", link, number);
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (description, &error);

  if (!pipeline)
    g_error ("%s", error->message);
  return pipeline;
}

/* No one reads these buses, whose messages would keep the peers alive. */
static GstBusSyncReply
drop_message (GstBus *bus, GstMessage *message, gpointer data)
{
  gst_message_unref (message);
  return GST_BUS_DROP;
}

static int
be_peers (const char *link, int n)
{
  g_autofree GstElement **peers = g_new0 (GstElement *, n);
  int joined = 0;
  char line[16];

  while (fgets (line, sizeof line, stdin)) {
    if (g_str_has_prefix (line, "join")) {
      GstElement *peer = peers[joined] = new_peer (link, joined);
      g_autoptr (GstBus) bus = gst_element_get_bus (peer);

      joined++;
      gst_bus_set_sync_handler (bus, drop_message, NULL, NULL);
      gst_element_set_state (peer, GST_STATE_PLAYING);
    }
    while (joined > 0 && g_str_has_prefix (line, "leave")) {
      joined--;
      gst_element_set_state (peers[joined], GST_STATE_NULL);
      gst_clear_object (&peers[joined]);
    }
  }
  return 0;
}

int
main (int argc, char **argv)
{
  /* GLib has read the variable before main(), so the program starts anew */
  if (!g_getenv ("G_SLICE")) {
    g_setenv ("G_SLICE", "always-malloc", TRUE);
    execv ("/proc/self/exe", argv);
  }
  gst_init (&argc, &argv);
  setvbuf (stdout, NULL, _IOLBF, 0);
  if (argc == 4 && g_str_equal (argv[1], "--peers"))
    return be_peers (argv[2], atoi (argv[3]));
  return measure (argv[0], argc > 1 ? atoi (argv[1]) : 20,
      argc > 2 ? atoi (argv[2]) : 10);
}
