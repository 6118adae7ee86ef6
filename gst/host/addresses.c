/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Interfaces, addresses and routes by rtnetlink(7). What getifaddrs(3) leaves
 * out is what matters on a machine with many interfaces: which one the default
 * route takes, which are bridges, and whether anything is behind them. */

#include "host/addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#endif

/**
 * mesh_host_dup_source:
 * @ipv6: in which family
 *
 * Asks the kernel what it would send from to an address on the Internet. All
 * its routing rules are taken into account (a VPN's are often not in the main
 * table), and nothing is sent: a connected UDP socket has an address, and that
 * is all. The address asked for is one of the Internet's root name servers.
 *
 * Returns: (transfer full) (nullable): the address, %NULL where no route leads
 *   out
 */
char *
mesh_host_dup_source (gboolean ipv6)
{
  struct sockaddr_in to4 = { .sin_family = AF_INET, .sin_port = htons (9) };
  struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
    .sin6_port = htons (9)
  };
  const struct sockaddr *to = ipv6 ? (const struct sockaddr *) &to6
      : (const struct sockaddr *) &to4;
  socklen_t length = ipv6 ? sizeof to6 : sizeof to4;
  char text[INET6_ADDRSTRLEN];
  char *source = NULL;
  int fd;

  inet_pton (AF_INET, "198.41.0.4", &to4.sin_addr);
  inet_pton (AF_INET6, "2001:503:ba3e::2:30", &to6.sin6_addr);
  fd = socket (ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return NULL;
  if (connect (fd, to, length) == 0
      && getsockname (fd, (struct sockaddr *) to, &length) == 0
      && inet_ntop (ipv6 ? AF_INET6 : AF_INET, ipv6
          ? (const void *) &to6.sin6_addr : (const void *) &to4.sin_addr,
          text, sizeof text))
    source = g_strdup (text);
  close (fd);
  return source;
}

#ifdef __linux__
typedef struct {
  gboolean loopback, up, bridge, has_ports, is_port;
  guint metric[2];              /* of the default route: IPv4, IPv6 */
} Link;

typedef struct {
  GHashTable *links;            /* index -> Link */
  GArray *addresses;            /* MeshAddress */
} Snapshot;

static Link *
get_link (Snapshot *self, guint index)
{
  Link *link = g_hash_table_lookup (self->links, GUINT_TO_POINTER (index));

  if (!link) {
    link = g_new0 (Link, 1);
    link->metric[0] = link->metric[1] = MESH_ADDRESS_NO_ROUTE;
    g_hash_table_insert (self->links, GUINT_TO_POINTER (index), link);
  }
  return link;
}

static guint32
get_u32 (const struct rtattr *attribute)
{
  guint32 value = 0;

  if (RTA_PAYLOAD (attribute) >= sizeof value)
    memcpy (&value, RTA_DATA (attribute), sizeof value);
  return value;
}

static gboolean
is_kind (const struct rtattr *info, const char *kind)
{
  const struct rtattr *i = RTA_DATA (info);
  int left = RTA_PAYLOAD (info);

  for (; RTA_OK (i, left); i = RTA_NEXT (i, left)) {
    if (i->rta_type == IFLA_INFO_KIND
        && strncmp (RTA_DATA (i), kind, RTA_PAYLOAD (i)) == 0)
      return TRUE;
  }
  return FALSE;
}

static void
read_link (Snapshot *self, struct nlmsghdr *header)
{
  const struct ifinfomsg *info = NLMSG_DATA (header);
  Link *link = get_link (self, info->ifi_index);
  const struct rtattr *i = IFLA_RTA (info);
  int left = IFLA_PAYLOAD (header);

  link->loopback = !!(info->ifi_flags & IFF_LOOPBACK);
  link->up = (info->ifi_flags & IFF_UP) && (info->ifi_flags & IFF_RUNNING);
  for (; RTA_OK (i, left); i = RTA_NEXT (i, left)) {
    if (i->rta_type == IFLA_MASTER && get_u32 (i) != 0) {
      link->is_port = TRUE;
      get_link (self, get_u32 (i))->has_ports = TRUE;
    } else if (i->rta_type == IFLA_LINKINFO) {
      link->bridge = is_kind (i, "bridge");
    }
  }
}

static void
read_address (Snapshot *self, struct nlmsghdr *header)
{
  const struct ifaddrmsg *info = NLMSG_DATA (header);
  const struct rtattr *i = IFA_RTA (info);
  const struct rtattr *local = NULL, *address = NULL;
  int left = IFA_PAYLOAD (header);
  guint32 flags = info->ifa_flags;
  MeshAddress entry = { .interface = info->ifa_index };
  gsize size = info->ifa_family == AF_INET ? 4 : 16;

  if (info->ifa_family != AF_INET && info->ifa_family != AF_INET6)
    return;
  for (; RTA_OK (i, left); i = RTA_NEXT (i, left)) {
    if (i->rta_type == IFA_LOCAL)
      local = i;
    else if (i->rta_type == IFA_ADDRESS)
      address = i;
    else if (i->rta_type == IFA_FLAGS)
      flags = get_u32 (i);
  }
  /* on a point-to-point link the other attribute is the other end's address */
  local = local ? local : address;
  if (!local || RTA_PAYLOAD (local) < size
      || !inet_ntop (info->ifa_family, RTA_DATA (local), entry.text,
          sizeof entry.text))
    return;
  if (flags & (IFA_F_DEPRECATED | IFA_F_DADFAILED)
      || ((flags & IFA_F_TENTATIVE) && !(flags & IFA_F_OPTIMISTIC)))
    entry.flags |= MESH_ADDRESS_UNUSABLE;
  /* this bit means something else in each family */
  if (flags & IFA_F_SECONDARY)
    entry.flags |= info->ifa_family == AF_INET ? MESH_ADDRESS_SECONDARY
        : MESH_ADDRESS_TEMPORARY;
  g_array_append_val (self->addresses, entry);
}

static void
read_route (Snapshot *self, struct nlmsghdr *header)
{
  const struct rtmsg *info = NLMSG_DATA (header);
  const struct rtattr *i = RTM_RTA (info);
  int left = RTM_PAYLOAD (header);
  guint32 interface = 0, metric = 0;

  if (info->rtm_dst_len != 0 || info->rtm_type != RTN_UNICAST
      || (info->rtm_family != AF_INET && info->rtm_family != AF_INET6))
    return;
  for (; RTA_OK (i, left); i = RTA_NEXT (i, left)) {
    if (i->rta_type == RTA_OIF)
      interface = get_u32 (i);
    else if (i->rta_type == RTA_PRIORITY)
      metric = get_u32 (i);
  }
  if (interface != 0) {
    guint *best =
        &get_link (self, interface)->metric[info->rtm_family == AF_INET6];

    *best = MIN (*best, metric);
  }
}

typedef void (*ReadFunc) (Snapshot *self, struct nlmsghdr *header);

/* Handles one datagram of an answer. Returns whether there is more to come. */
static gboolean
read_answer (Snapshot *self, char *buffer, gssize size, guint16 type,
    ReadFunc func)
{
  struct nlmsghdr *header = (struct nlmsghdr *) buffer;
  guint left = size;

  for (; NLMSG_OK (header, left); header = NLMSG_NEXT (header, left)) {
    if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR)
      return FALSE;
    if (header->nlmsg_type == type)
      func (self, header);
  }
  return TRUE;
}

static void
dump (Snapshot *self, int fd, guint16 request, guint16 answer, ReadFunc func)
{
  struct {
    struct nlmsghdr header;
    struct rtgenmsg message;
  } ask = {
    .header = {
      .nlmsg_len = sizeof ask,
      .nlmsg_type = request,
      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
    },
    .message = { .rtgen_family = AF_UNSPEC },
  };
  /* the kernel fills at most 32 KiB at a time */
  g_autofree char *buffer = g_malloc (32768);
  gssize n;

  if (send (fd, &ask, sizeof ask, 0) < 0)
    return;
  do {
    n = recv (fd, buffer, 32768, 0);
  } while (n > 0 && read_answer (self, buffer, n, answer, func));
}

static void
add_link (Snapshot *self, MeshAddress *address)
{
  const Link *link = get_link (self, address->interface);

  address->metric = link->metric[!!strchr (address->text, ':')];
  address->flags |= (link->loopback ? MESH_ADDRESS_LOOPBACK : 0)
      | (link->up ? 0 : MESH_ADDRESS_DOWN)
      | (link->bridge ? MESH_ADDRESS_BRIDGE : 0)
      | (link->has_ports ? MESH_ADDRESS_HAS_PORTS : 0)
      | (link->is_port ? MESH_ADDRESS_IS_PORT : 0);
}

static gboolean
read_kernel (GArray *addresses)
{
  g_autoptr (GHashTable) links = g_hash_table_new_full (NULL, NULL, NULL,
      g_free);
  Snapshot snapshot = { links, addresses };
  int fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

  if (fd < 0)
    return FALSE;
  dump (&snapshot, fd, RTM_GETLINK, RTM_NEWLINK, read_link);
  dump (&snapshot, fd, RTM_GETADDR, RTM_NEWADDR, read_address);
  dump (&snapshot, fd, RTM_GETROUTE, RTM_NEWROUTE, read_route);
  close (fd);
  for (guint i = 0; i < addresses->len; i++)
    add_link (&snapshot, &g_array_index (addresses, MeshAddress, i));
  return addresses->len > 0;
}
#else
static gboolean
read_kernel (GArray *addresses)
{
  return FALSE;
}
#endif

/* What any Unix has: no routes, no bridges. */
static void
read_interfaces (GArray *addresses)
{
  struct ifaddrs *list;

  if (getifaddrs (&list) < 0)
    return;
  for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
    MeshAddress entry = { .metric = MESH_ADDRESS_NO_ROUTE };
    const void *bytes = NULL;

    if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET)
      bytes = &((const struct sockaddr_in *) i->ifa_addr)->sin_addr;
    else if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET6)
      bytes = &((const struct sockaddr_in6 *) i->ifa_addr)->sin6_addr;
    if (!bytes || !inet_ntop (i->ifa_addr->sa_family, bytes, entry.text,
            sizeof entry.text))
      continue;
    entry.interface = if_nametoindex (i->ifa_name);
    if (i->ifa_flags & IFF_LOOPBACK)
      entry.flags |= MESH_ADDRESS_LOOPBACK;
    if (!(i->ifa_flags & IFF_UP) || !(i->ifa_flags & IFF_RUNNING))
      entry.flags |= MESH_ADDRESS_DOWN;
    g_array_append_val (addresses, entry);
  }
  freeifaddrs (list);
}

/**
 * mesh_host_read_addresses:
 * @n: (out): how many there are
 *
 * May be called on any thread; takes a few system calls.
 *
 * Returns: (transfer full) (array length=n): all addresses of this machine, in
 *   the kernel's order
 */
MeshAddress *
mesh_host_read_addresses (guint *n)
{
  GArray *addresses = g_array_new (FALSE, FALSE, sizeof (MeshAddress));
  g_autofree char *ipv4 = mesh_host_dup_source (FALSE);
  g_autofree char *ipv6 = mesh_host_dup_source (TRUE);

  if (!read_kernel (addresses))
    read_interfaces (addresses);
  for (guint i = 0; i < addresses->len; i++) {
    MeshAddress *entry = &g_array_index (addresses, MeshAddress, i);

    if (g_strcmp0 (entry->text, ipv4) == 0
        || g_strcmp0 (entry->text, ipv6) == 0)
      entry->flags |= MESH_ADDRESS_PREFERRED;
  }
  *n = addresses->len;
  return (MeshAddress *) g_array_free (addresses, FALSE);
}

/**
 * mesh_host_choose_addresses:
 * @reach: (out): how far they reach
 * @n_all: (out) (optional): how many addresses there are to choose from
 *
 * Returns: (transfer full) (array zero-terminated=1): what
 *   mesh_addresses_choose() chooses of this machine's addresses as they are now
 */
char **
mesh_host_choose_addresses (MeshReach *reach, guint *n_all)
{
  guint n;
  g_autofree MeshAddress *addresses = mesh_host_read_addresses (&n);

  if (n_all)
    *n_all = n;
  return mesh_addresses_choose (addresses, n, reach);
}
