/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The kernel tells by netlink (rtnetlink(7)) that something about addresses or
 * links has changed. What has changed is found by comparing the lists of before
 * and after, since one change of network is many such messages. */

#include "signalling/network.h"

#include <arpa/inet.h>
#include <glib-unix.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/rtnetlink.h>
#endif

#include "core/sleep-watch.h"
#include "host/addresses.h"
#include "host/timer.h"

/* The lists are compared when the kernel has been quiet for so long. */
#define SETTLE_MS 100
/* How often the clock is compared, and how much lost time counts as sleep. Both
 * are shorter than the lease and the silence (docs/protocol.md) after which
 * others give us up. */
#define WATCH_MS 2000
#define SLEPT (4 * G_TIME_SPAN_SECOND)

static GMutex sleep_watch_lock;
static MeshSleepWatch sleep_watch;

struct _MeshNetwork {
  GMainContext *context;
  MeshNetworkFunc func;
  gpointer user_data;
  int fd;
  GSource *reader;              /* NULL: there is no netlink */
  GSource *settle;              /* runs once the kernel is quiet */
  GSource *watch;
  guint stops;                  /* of the process, that were reported */
  GHashTable *addresses;        /* set of text */
  char *chosen;                 /* the addresses to announce, in order */
  gboolean lost;                /* some went since the last report */
};

/* Unlike g_get_monotonic_time(), this clock goes on while the machine
 * sleeps. */
static gint64
boot_time (void)
{
#ifdef CLOCK_BOOTTIME
  struct timespec t;

  if (clock_gettime (CLOCK_BOOTTIME, &t) == 0)
    return t.tv_sec * G_TIME_SPAN_SECOND + t.tv_nsec / 1000;
#endif
  return g_get_monotonic_time ();
}

/* Returns how often the process has stood still so far. */
static guint
beat (void)
{
  gint64 now = boot_time ();
  guint stops;

  g_mutex_lock (&sleep_watch_lock);
  stops = mesh_sleep_watch_beat (&sleep_watch, now, WATCH_MS * 1000 + SLEPT);
  g_mutex_unlock (&sleep_watch_lock);
  return stops;
}

/* Returns the address as text if ICE can use it: loopback and link-local
 * addresses are of no use. */
static char *
dup_address (const struct ifaddrs *entry)
{
  char text[INET6_ADDRSTRLEN];
  const void *bytes = NULL;

  if (!entry->ifa_addr || (entry->ifa_flags & IFF_LOOPBACK)
      || !(entry->ifa_flags & IFF_UP) || !(entry->ifa_flags & IFF_RUNNING))
    return NULL;
  if (entry->ifa_addr->sa_family == AF_INET) {
    bytes = &((const struct sockaddr_in *) entry->ifa_addr)->sin_addr;
  } else if (entry->ifa_addr->sa_family == AF_INET6) {
    bytes = &((const struct sockaddr_in6 *) entry->ifa_addr)->sin6_addr;
    if (IN6_IS_ADDR_LINKLOCAL ((const struct in6_addr *) bytes))
      return NULL;
  }
  if (!bytes || !inet_ntop (entry->ifa_addr->sa_family, bytes, text,
          sizeof text))
    return NULL;
  return g_strdup (text);
}

static GHashTable *
list_addresses (void)
{
  GHashTable *set = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      NULL);
  struct ifaddrs *list;

  if (getifaddrs (&list) < 0)
    return set;
  for (struct ifaddrs *entry = list; entry; entry = entry->ifa_next) {
    char *address = dup_address (entry);

    if (address)
      g_hash_table_add (set, address);
  }
  freeifaddrs (list);
  return set;
}

/* Returns the addresses that an attempt would begin with now. Another default
 * route changes them while the list of all addresses stays as it was. */
static char *
dup_chosen (void)
{
  MeshReach reach;
  g_auto (GStrv) chosen = mesh_host_choose_addresses (&reach, NULL);

  return g_strjoinv (" ", chosen);
}

/* Returns whether @set has an address that @other lacks. */
static gboolean
has_more (GHashTable *set, GHashTable *other)
{
  GHashTableIter iter;
  gpointer address;

  g_hash_table_iter_init (&iter, set);
  while (g_hash_table_iter_next (&iter, &address, NULL)) {
    if (!g_hash_table_contains (other, address))
      return TRUE;
  }
  return FALSE;
}

static gboolean
on_settled (gpointer user_data)
{
  MeshNetwork *self = user_data;
  g_autoptr (GHashTable) before = g_steal_pointer (&self->addresses);
  g_autofree char *chosen_before = g_steal_pointer (&self->chosen);
  gboolean gained;

  g_source_set_ready_time (self->settle, -1);
  self->addresses = list_addresses ();
  self->chosen = dup_chosen ();
  gained = has_more (self->addresses, before)
      || g_strcmp0 (self->chosen, chosen_before) != 0;
  self->lost |= has_more (before, self->addresses);
  if (g_hash_table_size (self->addresses) == 0)
    return G_SOURCE_CONTINUE;
  if (self->lost) {
    self->lost = FALSE;
    self->func (MESH_NETWORK_MOVED, self->user_data);
  } else if (gained) {
    self->func (MESH_NETWORK_GAINED, self->user_data);
  }
  return G_SOURCE_CONTINUE;
}

static gboolean
on_watch (gpointer user_data)
{
  MeshNetwork *self = user_data;
  guint before = self->stops;

  self->stops = beat ();
  if (self->stops != before)
    self->func (MESH_NETWORK_WOKE, self->user_data);
  return G_SOURCE_CONTINUE;
}

#ifdef __linux__
/* The message's content is not read, since the list of addresses has it; also
 * an overflow (ENOBUFS) means that something has changed. */
static gboolean
on_readable (gint fd, GIOCondition condition, gpointer user_data)
{
  MeshNetwork *self = user_data;
  char buffer[8192];
  gssize n;

  do {
    n = recv (fd, buffer, sizeof buffer, MSG_DONTWAIT);
  } while (n > 0);
  if (n == 0 || (condition & G_IO_NVAL))
    return G_SOURCE_REMOVE;
  g_source_set_ready_time (self->settle,
      g_get_monotonic_time () + SETTLE_MS * 1000);
  return G_SOURCE_CONTINUE;
}

static void
listen_to_kernel (MeshNetwork *self)
{
  struct sockaddr_nl address = {
    .nl_family = AF_NETLINK,
    .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR
        | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
  };

  self->fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
      NETLINK_ROUTE);
  if (self->fd < 0)
    return;
  if (bind (self->fd, (struct sockaddr *) &address, sizeof address) < 0)
    return;
  self->reader = g_unix_fd_source_new (self->fd, G_IO_IN);
  g_source_set_callback (self->reader, G_SOURCE_FUNC (on_readable), self,
      NULL);
  g_source_attach (self->reader, self->context);
}
#endif

/**
 * mesh_network_new:
 * @context: where @func is called
 * @func: called when something has changed
 * @user_data: for @func
 *
 * To be called, and freed, where nobody runs @context meanwhile, or on the
 * thread that does.
 *
 * Returns: (transfer full): a watch over the machine's addresses
 */
MeshNetwork *
mesh_network_new (GMainContext *context, MeshNetworkFunc func,
    gpointer user_data)
{
  MeshNetwork *self = g_new0 (MeshNetwork, 1);

  self->context = g_main_context_ref (context);
  self->func = func;
  self->user_data = user_data;
  self->fd = -1;
  self->stops = beat ();
  self->settle = mesh_timer_new_unset (context, on_settled, self);
  self->watch = mesh_timer_new (context, WATCH_MS, on_watch, self);
#ifdef __linux__
  listen_to_kernel (self);
#endif
  self->addresses = list_addresses ();
  self->chosen = dup_chosen ();
  return self;
}

/**
 * mesh_network_has:
 * @address: an IP address, as text
 *
 * Returns: whether it is one of ours
 */
gboolean
mesh_network_has (MeshNetwork *network, const char *address)
{
  return g_hash_table_contains (network->addresses, address);
}

/**
 * mesh_network_free:
 * @network: (nullable) (transfer full): the watch
 */
void
mesh_network_free (MeshNetwork *network)
{
  if (!network)
    return;
  mesh_timer_clear (&network->reader);
  mesh_timer_clear (&network->settle);
  mesh_timer_clear (&network->watch);
  if (network->fd >= 0)
    close (network->fd);
  g_hash_table_unref (network->addresses);
  g_free (network->chosen);
  g_main_context_unref (network->context);
  g_free (network);
}
