/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Many members join one room at once, and each connects with each: both ends of
 * a pair are connected by the same session, and each member has one tile of
 * each other one.
 *
 *   crowd [MEMBERS [SPREAD_MS [decode|pass [SECONDS]]]]
 *
 * By default 8 members join within 100 ms and decode each other's video. With
 * SECONDS the test fails if they take longer, counted from the start of the
 * first one; without, the time is only printed. The server is in this process,
 * the members are in a few others (this program again, with --members), which
 * report their peers on standard output.
 */

#include <gst/gst.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/server.h"

#define MAX_PROCESSES 4
#define WATCHDOG_S 120
#define STAYS_MS 2000           /* what was reached must last as long */
#define LOOK_MS 200
#define WARNINGS_SHOWN 5

/* ------------------------------------------------------- the members' side */

typedef struct {
  char *id;
  GstElement *pipeline;
  GstElement *room;
  GHashTable *pairs;            /* peer id -> session, as last said */
  gint64 at;                    /* when to join; 0: done */
} Member;

static GstPadProbeReturn
on_first_frame (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Member *member = user_data;

  printf ("tile %s %s\n", member->id, GST_PAD_NAME (pad));
  return GST_PAD_PROBE_REMOVE;
}

static void
on_pad_added (GstElement *room, GstPad *pad, gpointer user_data)
{
  Member *member = user_data;
  g_autoptr (GstPad) end = NULL;
  GstElement *sink;

  if (!GST_PAD_IS_SRC (pad))
    return;
  sink = gst_element_factory_make ("fakesink", NULL);
  g_object_set (sink, "async", FALSE, "sync", FALSE, NULL);
  gst_bin_add (GST_BIN (member->pipeline), sink);
  gst_element_sync_state_with_parent (sink);
  end = gst_element_get_static_pad (sink, "sink");
  if (g_str_has_prefix (GST_PAD_NAME (pad), "video"))
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_first_frame, member,
        NULL);
  gst_pad_link (pad, end);
}

static void
on_pad_removed (GstElement *room, GstPad *pad, gpointer user_data)
{
  Member *member = user_data;

  if (GST_PAD_IS_SRC (pad))
    printf ("gone %s %s\n", member->id, GST_PAD_NAME (pad));
}

/* Prints warnings, as nothing else reads the bus. */
static GstBusSyncReply
on_message (GstBus *bus, GstMessage *message, gpointer user_data)
{
  Member *member = user_data;
  g_autoptr (GError) error = NULL;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING)
    gst_message_parse_warning (message, &error, NULL);
  else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    gst_message_parse_error (message, &error, NULL);
  if (error)
    printf ("warning %s %s\n", member->id, error->message);
  gst_message_unref (message);
  return GST_BUS_DROP;
}

static Member *
member_new (const char *link, int number, gboolean decode)
{
  Member *self = g_new0 (Member, 1);
  g_autofree char *description = g_strdup_printf ("meshroom name=room "
      "link=%s display-name=m%d decode=%d "
      "videotestsrc is-live=true ! video/x-raw,width=64,height=48,"
      "framerate=%d/1 ! room.video_sink", link, number, decode,
      decode ? 10 : 1);
  g_autoptr (GError) error = NULL;
  g_autoptr (GstBus) bus = NULL;

  self->pipeline = gst_parse_launch (description, &error);
  if (!self->pipeline)
    g_error ("%s", error->message);
  self->room = gst_bin_get_by_name (GST_BIN (self->pipeline), "room");
  g_object_get (self->room, "peer-id", &self->id, NULL);
  self->pairs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      g_free);
  g_signal_connect (self->room, "pad-added", G_CALLBACK (on_pad_added), self);
  g_signal_connect (self->room, "pad-removed", G_CALLBACK (on_pad_removed),
      self);
  bus = gst_element_get_bus (self->pipeline);
  gst_bus_set_sync_handler (bus, on_message, self, NULL);
  return self;
}

/* Returns: the session by which the room is connected with the peer, or "" */
static char *
session_with (const GstStructure *peer, const GstStructure *stats,
    const char *id)
{
  g_autoptr (GstStructure) one = NULL;

  gst_structure_get (stats, id, GST_TYPE_STRUCTURE, &one, NULL);
  if (!one || g_strcmp0 (gst_structure_get_string (peer, "state"),
          "connected") != 0)
    return g_strdup ("");
  return g_strdup (gst_structure_get_string (one, "sid"));
}

static void
look (Member *self)
{
  g_auto (GValue) peers = G_VALUE_INIT;
  g_autoptr (GstStructure) stats = NULL;

  g_value_init (&peers, GST_TYPE_ARRAY);
  g_object_get_property (G_OBJECT (self->room), "peers", &peers);
  g_object_get (self->room, "stats", &stats, NULL);
  for (guint i = 0; i < gst_value_array_get_size (&peers); i++) {
    const GstStructure *peer =
        gst_value_get_structure (gst_value_array_get_value (&peers, i));
    const char *id = gst_structure_get_string (peer, "peer-id");
    char *sid = session_with (peer, stats, id);

    if (g_strcmp0 (g_hash_table_lookup (self->pairs, id), sid) != 0)
      printf ("pair %s %s %s\n", self->id, id, sid);
    g_hash_table_insert (self->pairs, g_strdup (id), sid);
  }
}

static gboolean
on_look (gpointer members)
{
  for (guint i = 0; i < ((GPtrArray *) members)->len; i++) {
    Member *member = g_ptr_array_index ((GPtrArray *) members, i);

    if (member->at == 0)
      look (member);
  }
  return G_SOURCE_CONTINUE;
}

static gboolean
on_join (gpointer user_data)
{
  Member *member = user_data;

  member->at = 0;
  gst_element_set_state (member->pipeline, GST_STATE_PLAYING);
  return G_SOURCE_REMOVE;
}

/* The parent closes standard input to end this process. */
static gboolean
on_end (int fd, GIOCondition condition, gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

static int
be_members (const char *link, int first, int n, int spread_us, gboolean decode)
{
  g_autoptr (GPtrArray) members = g_ptr_array_new ();
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  char line[32];
  gint64 start;

  for (int i = 0; i < n; i++)
    g_ptr_array_add (members, member_new (link, first + i, decode));
  printf ("ready %d\n", n);
  if (!fgets (line, sizeof line, stdin))
    return 0;
  start = g_ascii_strtoll (line, NULL, 10);
  for (int i = 0; i < n; i++) {
    Member *member = g_ptr_array_index (members, i);

    member->at = start + (gint64) (first + i) * spread_us;
    g_timeout_add (MAX (0, member->at - g_get_monotonic_time ()) / 1000,
        on_join, member);
  }
  g_timeout_add (LOOK_MS, on_look, members);
  g_unix_fd_add (STDIN_FILENO, G_IO_IN | G_IO_HUP, on_end, loop);
  g_main_loop_run (loop);
  /* the members leave by the exit of the process, which is faster */
  return 0;
}

/* ------------------------------------------------------------- the observer */

typedef struct {
  int members;
  int processes;
  int ready;
  GPid pids[MAX_PROCESSES];
  FILE *orders[MAX_PROCESSES];
  GHashTable *pairs;            /* "A B" -> session, as A has it */
  GHashTable *tiles;            /* "A PAD" */
  int warnings;
  gboolean changed;
  GMainLoop *loop;
} Crowd;

/* Returns: the user and system time of all processes so far */
static double
cpu_seconds (Crowd *self)
{
  double sum = 0;

  for (int i = 0; i <= self->processes; i++) {
    g_autofree char *path = g_strdup_printf ("/proc/%d/stat",
        i < self->processes ? self->pids[i] : getpid ());
    g_autofree char *text = NULL;
    unsigned long user, system;

    /* fields 14 and 15 of proc(5), counted from behind the command's name */
    if (g_file_get_contents (path, &text, NULL, NULL)
        && sscanf (strrchr (text, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u "
            "%*u %*u %*u %lu %lu", &user, &system) == 2)
      sum += (double) (user + system) / sysconf (_SC_CLK_TCK);
  }
  return sum;
}

static int
count_agreed (Crowd *self)
{
  GHashTableIter iter;
  gpointer key, sid;
  int ends = 0;

  g_hash_table_iter_init (&iter, self->pairs);
  while (g_hash_table_iter_next (&iter, &key, &sid)) {
    g_auto (GStrv) ids = g_strsplit (key, " ", 2);
    g_autofree char *other = g_strdup_printf ("%s %s", ids[1], ids[0]);

    if (*(char *) sid
        && g_strcmp0 (g_hash_table_lookup (self->pairs, other), sid) == 0)
      ends++;
  }
  return ends / 2;
}

static gboolean
is_whole (Crowd *self)
{
  int ends = self->members * (self->members - 1);

  return (int) g_hash_table_size (self->tiles) == ends
      && count_agreed (self) == ends / 2;
}

static void
take_line (Crowd *self, char *line)
{
  g_auto (GStrv) words = g_strsplit (g_strchomp (line), " ", 4);
  guint n = g_strv_length (words);

  self->changed = TRUE;
  if (n == 2 && g_str_equal (words[0], "ready"))
    self->ready += atoi (words[1]);
  else if (n == 4 && g_str_equal (words[0], "pair"))
    g_hash_table_insert (self->pairs, g_strdup_printf ("%s %s", words[1],
            words[2]), g_strdup (words[3]));
  else if (n == 3 && g_str_equal (words[0], "tile"))
    g_hash_table_add (self->tiles, g_strdup_printf ("%s %s", words[1],
            words[2]));
  else if (n == 3 && g_str_equal (words[0], "gone"))
    g_hash_table_remove (self->tiles, line + strlen ("gone "));
  else if (g_strcmp0 (words[0], "warning") == 0
      && ++self->warnings <= WARNINGS_SHOWN)
    printf ("# %s\n", line);
}

static gboolean
on_output (GIOChannel *channel, GIOCondition condition, gpointer user_data)
{
  g_autofree char *line = NULL;

  if (g_io_channel_read_line (channel, &line, NULL, NULL, NULL)
      != G_IO_STATUS_NORMAL)
    return G_SOURCE_REMOVE;
  take_line (user_data, line);
  return G_SOURCE_CONTINUE;
}

static void
start_members (Crowd *self, const char *program, const char *link,
    int spread_us, const char *decode)
{
  for (int i = 0; i < self->processes; i++) {
    int first = self->members * i / self->processes;
    int next = self->members * (i + 1) / self->processes;
    g_autofree char *from = g_strdup_printf ("%d", first);
    g_autofree char *n = g_strdup_printf ("%d", next - first);
    g_autofree char *spread = g_strdup_printf ("%d", spread_us);
    const char *argv[] = { program, "--members", link, from, n, spread, decode,
      NULL
    };
    g_autoptr (GError) error = NULL;
    g_autoptr (GIOChannel) channel = NULL;
    int in, out;

    if (!g_spawn_async_with_pipes (NULL, (char **) argv, NULL,
            G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &self->pids[i], &in, &out,
            NULL, &error)) {
      printf ("Bail out! %s\n", error->message);
      exit (1);
    }
    self->orders[i] = fdopen (in, "w");
    channel = g_io_channel_unix_new (out);
    g_io_add_watch (channel, G_IO_IN | G_IO_HUP, on_output, self);
  }
}

static gboolean
on_time (gpointer is_up)
{
  *(gboolean *) is_up = TRUE;
  return G_SOURCE_REMOVE;
}

/* Waits until the condition holds, or for this long. */
static gboolean
wait_for (Crowd *self, gboolean (*condition) (Crowd *), int ms)
{
  gboolean up = FALSE;
  guint timer = g_timeout_add (ms, on_time, &up);

  while (!condition (self) && !up)
    g_main_context_iteration (NULL, TRUE);
  if (!up)
    g_source_remove (timer);
  return condition (self);
}

static gboolean
is_ready (Crowd *self)
{
  return self->ready == self->members;
}

static gboolean
is_broken (Crowd *self)
{
  return !is_whole (self);
}

static void
check (int number, gboolean good, const char *what)
{
  printf ("%sok %d %s\n", good ? "" : "not ", number, what);
}

/* Prints the state of the crowd every two seconds. */
static gboolean
on_progress (gpointer user_data)
{
  Crowd *self = user_data;

  printf ("# %d pairs, %u tiles, %.1f s of CPU\n", count_agreed (self),
      g_hash_table_size (self->tiles), cpu_seconds (self));
  return G_SOURCE_CONTINUE;
}

static void
gather (Crowd *self, int spread_us, double bar)
{
  gint64 start;
  double cpu = 0, took = 0;
  gboolean whole = FALSE, lasts;
  guint progress = g_timeout_add (2000, on_progress, self);

  if (wait_for (self, is_ready, WATCHDOG_S * 1000)) {
    start = g_get_monotonic_time () + 50 * G_TIME_SPAN_MILLISECOND;
    cpu = cpu_seconds (self);
    for (int i = 0; i < self->processes; i++) {
      fprintf (self->orders[i], "%" G_GINT64_FORMAT "\n", start);
      fflush (self->orders[i]);
    }
    whole = wait_for (self, is_whole, WATCHDOG_S * 1000);
    took = (g_get_monotonic_time () - start) / (double) G_USEC_PER_SEC;
    cpu = cpu_seconds (self) - cpu;
  }
  check (1, whole, "every pair agrees, and everybody sees everybody");
  printf ("# %d members within %.3f s: %d of %d pairs, %u of %d tiles, after "
      "%.2f s, %.2f s of CPU; %d warnings\n", self->members,
      spread_us * (self->members - 1) / 1e6, count_agreed (self),
      self->members * (self->members - 1) / 2,
      g_hash_table_size (self->tiles), self->members * (self->members - 1),
      took, cpu, self->warnings);
  g_source_remove (progress);
  cpu = cpu_seconds (self);
  lasts = whole && !wait_for (self, is_broken, STAYS_MS);
  check (2, lasts, "and it lasts");
  printf ("# then %.2f s of CPU a second\n",
      (cpu_seconds (self) - cpu) * 1000 / STAYS_MS);
  if (bar > 0)
    check (3, whole && took <= bar, "in time");
}

int
main (int argc, char **argv)
{
  Crowd crowd = { 0 };
  g_autoptr (MeshServer) server = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *url = NULL, *link = NULL, *room = g_uuid_string_random ();
  struct rlimit files;
  int spread_us;
  double bar;

  setvbuf (stdout, NULL, _IOLBF, 0);
  /* a member has some twenty descriptors for each other one */
  getrlimit (RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit (RLIMIT_NOFILE, &files);
  gst_init (&argc, &argv);
  if (argc == 7 && g_str_equal (argv[1], "--members"))
    return be_members (argv[2], atoi (argv[3]), atoi (argv[4]),
        atoi (argv[5]), g_str_equal (argv[6], "decode"));

  crowd.members = argc > 1 ? atoi (argv[1]) : 8;
  crowd.processes = MIN (crowd.members, MAX_PROCESSES);
  spread_us = (argc > 2 ? atoi (argv[2]) : 100) * 1000
      / MAX (1, crowd.members - 1);
  bar = argc > 4 ? atof (argv[4]) : 0;
  crowd.pairs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      g_free);
  crowd.tiles = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  server = mesh_server_new ();
  if (!mesh_server_listen (server, "127.0.0.1:0", NULL, &error)) {
    printf ("Bail out! %s\n", error->message);
    return 1;
  }
  url = mesh_server_dup_url (server);
  link = g_strdup_printf ("%s/room/%s#AAAAAAAAAAAAAAAAAAAAAA", url, room);
  printf ("1..%d\n", bar > 0 ? 3 : 2);
  start_members (&crowd, argv[0], link, spread_us,
      argc > 3 ? argv[3] : "decode");
  gather (&crowd, spread_us, bar);
  for (int i = 0; i < crowd.processes; i++) {
    fclose (crowd.orders[i]);
    kill (crowd.pids[i], SIGKILL);
  }
  mesh_server_stop (server);
  return 0;
}
