/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* net-shaper SEED PROFILE NAMESPACE-A NAMESPACE-B
 *
 * A bad cable between two network namespaces, with a profile of link.c in both
 * directions: a TUN device `cable` in each, and this program in between. Writes
 * `ready` when both devices exist (they are still down). A line on stdin that
 * names another profile changes the cable; the end of stdin ends the program.
 *
 *     member ── cable ─[ link ]─ cable ── gateway
 */

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "link.h"

#define MAX_PACKET 65536
/* The most bytes that this program keeps, however slow the link is. */
#define MAX_WAITING 20000

typedef struct _Cable Cable;

typedef struct {
  Cable *cable;
  Link *link;
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

static gboolean
on_packet (gint fd, GIOCondition condition, gpointer user_data)
{
  Way *way = user_data;
  static guint8 buffer[MAX_PACKET];
  gssize n;

  while ((n = read (fd, buffer, sizeof buffer)) > 0) {
    g_autoptr (GBytes) packet = g_bytes_new (buffer, n);
    gint64 times[2];
    guint copies = link_push (way->link, n, g_get_monotonic_time (), times);

    for (guint i = 0; i < copies; i++)
      put (way, packet, times[i]);
  }
  set_timer (way->cable);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_command (gint fd, GIOCondition condition, gpointer user_data)
{
  Cable *self = user_data;
  char line[128];
  const LinkProfile *profile;

  if (!fgets (line, sizeof line, stdin)) {
    g_main_loop_quit (self->loop);
    return G_SOURCE_REMOVE;
  }
  profile = link_find_profile (g_strstrip (line));
  if (!profile)
    g_error ("no such profile: %s", line);
  for (guint i = 0; i < 2; i++)
    link_set_profile (self->ways[i].link, profile);
  printf ("%s\n", profile->name);
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
    way->link = link_new (profile, seed + i);
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
  g_sequence_free (self.waiting);
  g_source_unref (self.timer);
  g_main_loop_unref (self.loop);
  return 0;
}
