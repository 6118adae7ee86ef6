/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* net-shaper SEED PROFILE NAMESPACE-A NAMESPACE-B
 *
 * A bad cable between two network namespaces, with a profile of link.c in both
 * directions: a TUN device `cable` in each, and this program in between. Writes
 * `ready` when both devices exist (they are still down). The end of stdin ends
 * the program. Each line of stdin changes the cable, and is written to stdout
 * once it has:
 *
 *     PROFILE                     another profile of link.c, in both directions
 *     set WAY FIELD=VALUE…        fields of the profile, as LinkProfile has them
 *     schedule WAY KBIT:MS…       capacities from now on, each for so long, and
 *                                 the last for ever
 *     spare tcp                   TCP takes no part in all that
 *     log FILE                    a line for each packet, as on_packet() has it
 *
 * WAY is `up` (from NAMESPACE-A), `down` or `both`.
 *
 *     member ── cable ─[ link ]─ cable ── gateway
 */

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "link.h"

#define MAX_PACKET 65536
/* The most bytes that this program keeps, however slow the link is. */
#define MAX_WAITING 20000
#define MAX_STEPS 64
#define MAX_LINE 1024

typedef struct _Cable Cable;

typedef struct {
  Cable *cable;
  Link *link;
  LinkProfile profile;          /* with the fields that were set */
  LinkStep steps[MAX_STEPS];
  int from;
  int to;
} Way;

typedef struct {
  gint64 at;
  guint64 serial;               /* keeps the order of packets due at one time */
  int to;
  GBytes *packet;
} Waiting;

struct _Cable {
  GMainLoop *loop;
  GSource *timer;
  Way ways[2];
  GSequence *waiting;
  guint64 serial;
  gboolean spare_tcp;
  FILE *log;
};

static int
open_device (const char *space)
{
  g_autofree char *path = g_strconcat ("/run/netns/", space, NULL);
  struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
  int ns = open (path, O_RDONLY | O_CLOEXEC);
  int fd;

  strcpy (request.ifr_name, "cable");
  if (ns < 0 || setns (ns, CLONE_NEWNET) < 0)
    g_error ("%s: %s", path, g_strerror (errno));
  close (ns);
  fd = open ("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 || ioctl (fd, TUNSETIFF, &request) < 0)
    g_error ("/dev/net/tun: %s", g_strerror (errno));
  return fd;
}

static void
waiting_free (gpointer data)
{
  g_bytes_unref (((Waiting *) data)->packet);
  g_free (data);
}

static int
compare (gconstpointer a, gconstpointer b, gpointer user_data)
{
  const Waiting *x = a, *y = b;

  if (x->at != y->at)
    return x->at < y->at ? -1 : 1;
  return x->serial < y->serial ? -1 : x->serial > y->serial;
}

static void
set_timer (Cable *self)
{
  GSequenceIter *first = g_sequence_get_begin_iter (self->waiting);

  g_source_set_ready_time (self->timer, g_sequence_iter_is_end (first) ? -1
      : ((Waiting *) g_sequence_get (first))->at);
}

static gboolean
on_due (gpointer user_data)
{
  Cable *self = user_data;
  gint64 now = g_get_monotonic_time ();
  GSequenceIter *first = g_sequence_get_begin_iter (self->waiting);

  while (!g_sequence_iter_is_end (first)) {
    Waiting *next = g_sequence_get (first);
    gsize length;
    const void *packet = g_bytes_get_data (next->packet, &length);

    if (next->at > now)
      break;
    /* a device that is down or full loses the packet, as real ones do */
    if (write (next->to, packet, length) < 0 && errno != EIO
        && errno != EAGAIN && errno != ENOBUFS)
      g_warning ("a packet: %s", g_strerror (errno));
    g_sequence_remove (first);
    first = g_sequence_get_begin_iter (self->waiting);
  }
  set_timer (self);
  return G_SOURCE_CONTINUE;
}

static void
put (Way *way, GBytes *packet, gint64 at)
{
  Cable *self = way->cable;
  Waiting *waiting;

  if (g_sequence_get_length (self->waiting) >= MAX_WAITING)
    return;
  waiting = g_new (Waiting, 1);
  waiting->at = at;
  waiting->serial = self->serial++;
  waiting->to = way->to;
  waiting->packet = g_bytes_ref (packet);
  g_sequence_insert_sorted (self->waiting, waiting, compare, NULL);
}

static guint32
read_32 (const guint8 *bytes)
{
  return (guint32) bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

/* Writes what happened to a packet: when it came and when it goes out, in us,
 * or -1 if it is lost; its way, 0 = up; its length and destination; and SSRC,
 * payload type, sequence number and timestamp if it is RTP. */
static void
log_packet (Way *way, const guint8 *packet, gsize length, gint64 now,
    gint64 out)
{
  gsize head = (packet[0] & 0xf) * 4;
  const guint8 *rtp = packet + head + 8;

  fprintf (way->cable->log, "%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %d %"
      G_GSIZE_FORMAT " %u.%u.%u.%u", now, out, way != way->cable->ways, length,
      packet[16], packet[17], packet[18], packet[19]);
  /* RTCP's packet types have 64 to 95 in the place of a payload type. */
  if (packet[9] == IPPROTO_UDP && length >= head + 8 + 12 && rtp[0] >> 6 == 2
      && ((rtp[1] & 0x7f) < 64 || (rtp[1] & 0x7f) > 95))
    fprintf (way->cable->log, " %u %u %u %u", read_32 (rtp + 8),
        rtp[1] & 0x7f, rtp[2] << 8 | rtp[3], read_32 (rtp + 4));
  fputc ('\n', way->cable->log);
}

static gboolean
on_packet (gint fd, GIOCondition condition, gpointer user_data)
{
  Way *way = user_data;
  static guint8 buffer[MAX_PACKET];
  gssize n;

  while ((n = read (fd, buffer, sizeof buffer)) >= 20) {
    g_autoptr (GBytes) packet = g_bytes_new (buffer, n);
    gint64 now = g_get_monotonic_time (), times[2] = { now, now };
    gboolean spared = way->cable->spare_tcp && buffer[9] == IPPROTO_TCP;
    guint copies = spared ? 1 : link_push (way->link, n, now, times);

    for (guint i = 0; i < copies; i++)
      put (way, packet, times[i]);
    if (way->cable->log && !spared)
      log_packet (way, buffer, n, now, copies > 0 ? times[0] : -1);
  }
  set_timer (way->cable);
  return G_SOURCE_CONTINUE;
}

static void
set_field (LinkProfile *profile, const char *assignment)
{
  static const struct {
    const char *name;
    gsize offset;
    gboolean whole;
  } fields[] = {
    { "delay_ms", G_STRUCT_OFFSET (LinkProfile, delay_ms) },
    { "jitter_ms", G_STRUCT_OFFSET (LinkProfile, jitter_ms) },
    { "to_bad", G_STRUCT_OFFSET (LinkProfile, to_bad) },
    { "to_good", G_STRUCT_OFFSET (LinkProfile, to_good) },
    { "loss", G_STRUCT_OFFSET (LinkProfile, loss) },
    { "burst_loss", G_STRUCT_OFFSET (LinkProfile, burst_loss) },
    { "kbit", G_STRUCT_OFFSET (LinkProfile, kbit), TRUE },
    { "queue_ms", G_STRUCT_OFFSET (LinkProfile, queue_ms), TRUE },
  };
  gsize length = strcspn (assignment, "=");

  for (guint i = 0; i < G_N_ELEMENTS (fields); i++) {
    double value;

    if (strlen (fields[i].name) != length
        || strncmp (fields[i].name, assignment, length) != 0)
      continue;
    value = g_ascii_strtod (assignment + length + 1, NULL);
    if (fields[i].whole)
      G_STRUCT_MEMBER (guint, profile, fields[i].offset) = (guint) value;
    else
      G_STRUCT_MEMBER (double, profile, fields[i].offset) = value;
    return;
  }
  g_error ("no such field: %s", assignment);
}

static void
set_schedule (Way *way, char **steps)
{
  gint64 at = g_get_monotonic_time ();
  guint n = 0;

  for (; steps[n] && n < MAX_STEPS; n++) {
    guint kbit = 0, ms = 0;

    if (sscanf (steps[n], "%u:%u", &kbit, &ms) < 1)
      g_error ("not KBIT:MS: %s", steps[n]);
    way->steps[n] = (LinkStep) { at, kbit };
    at += ms * G_TIME_SPAN_MILLISECOND;
  }
  link_set_schedule (way->link, way->steps, n);
}

static void
change_way (Way *way, char **words)
{
  if (g_str_equal (words[0], "schedule")) {
    set_schedule (way, words + 2);
    return;
  }
  for (guint i = 2; words[i]; i++)
    set_field (&way->profile, words[i]);
  link_set_profile (way->link, &way->profile);
}

static void
change (Cable *self, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);
  const LinkProfile *profile = link_find_profile (line);
  guint n = g_strv_length (words);

  if (profile) {
    for (guint i = 0; i < 2; i++) {
      self->ways[i].profile = *profile;
      link_set_profile (self->ways[i].link, &self->ways[i].profile);
    }
  } else if (n > 2) {
    for (guint i = 0; i < 2; i++) {
      if (!g_str_equal (words[1], i == 0 ? "down" : "up"))
        change_way (&self->ways[i], words);
    }
  } else if (g_str_equal (line, "spare tcp")) {
    self->spare_tcp = TRUE;
  } else if (n == 2 && g_str_equal (words[0], "log")) {
    self->log = fopen (words[1], "w");
    if (!self->log)
      g_error ("%s: %s", words[1], g_strerror (errno));
  } else {
    g_error ("no such profile or command: %s", line);
  }
}

static gboolean
on_command (gint fd, GIOCondition condition, gpointer user_data)
{
  Cable *self = user_data;
  char line[MAX_LINE];

  if (!fgets (line, sizeof line, stdin)) {
    g_main_loop_quit (self->loop);
    return G_SOURCE_REMOVE;
  }
  change (self, g_strstrip (line));
  printf ("%s\n", line);
  fflush (stdout);
  return G_SOURCE_CONTINUE;
}

static gboolean
run_callback (GSource *source, GSourceFunc callback, gpointer user_data)
{
  return callback (user_data);
}

static GSourceFuncs timer_funcs = { .dispatch = run_callback };

static void
set_up (Cable *self, const LinkProfile *profile, guint32 seed, int a, int b)
{
  self->loop = g_main_loop_new (NULL, FALSE);
  self->waiting = g_sequence_new (waiting_free);
  self->timer = g_source_new (&timer_funcs, sizeof (GSource));
  g_source_set_callback (self->timer, on_due, self, NULL);
  g_source_set_ready_time (self->timer, -1);
  g_source_attach (self->timer, NULL);
  for (guint i = 0; i < 2; i++) {
    Way *way = &self->ways[i];

    way->cable = self;
    way->profile = *profile;
    way->link = link_new (&way->profile, seed + i);
    way->from = i == 0 ? a : b;
    way->to = i == 0 ? b : a;
    g_unix_fd_add (way->from, G_IO_IN, on_packet, way);
  }
  g_unix_fd_add (STDIN_FILENO, G_IO_IN | G_IO_HUP, on_command, self);
}

int
main (int argc, char **argv)
{
  const LinkProfile *profile = argc == 5 ? link_find_profile (argv[2]) : NULL;
  Cable self = { 0 };
  int a, b;

  if (!profile) {
    fprintf (stderr, "usage: %s SEED PROFILE NAMESPACE-A NAMESPACE-B\n",
        argv[0]);
    return 2;
  }
  setvbuf (stdin, NULL, _IONBF, 0);
  a = open_device (argv[3]);
  b = open_device (argv[4]);
  set_up (&self, profile, strtoul (argv[1], NULL, 10), a, b);
  printf ("ready\n");
  fflush (stdout);
  g_main_loop_run (self.loop);
  for (guint i = 0; i < 2; i++)
    link_free (self.ways[i].link);
  if (self.log)
    fclose (self.log);
  g_sequence_free (self.waiting);
  g_source_unref (self.timer);
  g_main_loop_unref (self.loop);
  return 0;
}
