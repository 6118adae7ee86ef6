/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "server/address.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "core/error.h"

/*
 * mesh_address_parse:
 * @text: "HOST:PORT", where HOST may be a name, an IPv4 address, or an IPv6
 *   address in brackets
 */
gboolean
mesh_address_parse (const char *text, char **host, guint16 *port,
    GError **error)
{
  const char *colon = strrchr (text, ':');
  gsize length = colon ? (gsize) (colon - text) : 0;
  guint64 number;

  if (length == 0
      || !g_ascii_string_to_unsigned (colon + 1, 10, 0, G_MAXUINT16, &number,
          NULL)) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED,
        "address to listen on \"%s\" is not ADDR:PORT", text);
    return FALSE;
  }
  *port = number;
  if (text[0] == '[' && length > 2 && colon[-1] == ']')
    *host = g_strndup (text + 1, length - 2);
  else
    *host = g_strndup (text, length);
  return TRUE;
}

GInetAddress *
mesh_address_resolve (const char *host, GError **error)
{
  GInetAddress *address = g_inet_address_new_from_string (host);
  g_autoptr (GResolver) resolver = NULL;
  GList *found;

  if (address)
    return address;
  resolver = g_resolver_get_default ();
  found = g_resolver_lookup_by_name (resolver, host, NULL, error);
  if (!found)
    return NULL;
  address = g_object_ref (found->data);
  g_resolver_free_addresses (found);
  return address;
}

/* An address of this machine that others on its network can reach; the first
 * IPv4 one, since a link is also read aloud and typed. */
static char *
find_lan_address (void)
{
  struct ifaddrs *all, *i;
  char *host = NULL;

  if (getifaddrs (&all) < 0)
    return NULL;
  for (i = all; i && !host; i = i->ifa_next) {
    g_autoptr (GSocketAddress) address = NULL;
    GInetAddress *inet;

    if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET
        || (i->ifa_flags & IFF_LOOPBACK) || !(i->ifa_flags & IFF_RUNNING))
      continue;
    address = g_socket_address_new_from_native (i->ifa_addr,
        sizeof (struct sockaddr_in));
    inet = g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address));
    if (!g_inet_address_get_is_link_local (inet)
        && !g_inet_address_get_is_any (inet))
      host = g_inet_address_to_string (inet);
  }
  freeifaddrs (all);
  return host;
}

/*
 * mesh_address_guess_host:
 * @bound: the address that we listen on
 *
 * Returns: (transfer full): what to write for it in a URL
 */
char *
mesh_address_guess_host (GInetAddress *bound)
{
  g_autofree char *text = NULL;

  if (g_inet_address_get_is_any (bound)) {
    text = find_lan_address ();
    return text ? g_steal_pointer (&text) : g_strdup ("127.0.0.1");
  }
  text = g_inet_address_to_string (bound);
  if (g_inet_address_get_family (bound) == G_SOCKET_FAMILY_IPV6)
    return g_strdup_printf ("[%s]", text);
  return g_steal_pointer (&text);
}
