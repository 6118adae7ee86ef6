/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "server/address.h"

#include <net/if.h>
#include <string.h>

#include "core/error.h"
#include "host/addresses.h"

#define ALL "*"

static gboolean
refuse (const char *text, GError **error)
{
  g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED,
      "address to listen on \"%s\" is not ADDR:PORT, such as 0.0.0.0:8080, "
      "[::]:8080, localhost:8080 or *:8080", text);
  return FALSE;
}

/* "http:8080" is no scheme: it may be port 8080 of a host named "http". */
static gboolean
has_scheme (const char *text)
{
  return strstr (text, "://") || g_str_has_prefix (text, "//")
      || ((g_ascii_strncasecmp (text, "http:", 5) == 0
              || g_ascii_strncasecmp (text, "https:", 6) == 0)
          && strchr (text, ':') != strrchr (text, ':'));
}

/*
 * mesh_address_parse:
 * @text: "HOST:PORT", where HOST may be a name, the name of a network
 *   interface, an IPv4 address, an IPv6 address in brackets, or for all
 *   addresses "*" or nothing; or a port alone, which is one of 127.0.0.1, as
 *   where nothing is said at all
 * @host: (out): as in @text, without brackets; "*" for all addresses
 */
gboolean
mesh_address_parse (const char *text, char **host, guint16 *port,
    GError **error)
{
  const char *colon = strrchr (text, ':');
  const char *number = colon ? colon + 1 : text;
  gsize length = colon ? (gsize) (colon - text) : 0;
  guint64 value;

  if (has_scheme (text)) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED,
        "address to listen on \"%s\" has a scheme, which does not belong "
        "there: write ADDR:PORT, such as 0.0.0.0:8080 (for https, "
        "meshroom-server takes --tls-cert with --tls-key, or "
        "--tls-self-signed)", text);
    return FALSE;
  }
  if (!g_ascii_string_to_unsigned (number, 10, 0, G_MAXUINT16, &value, NULL))
    return refuse (text, error);
  *port = value;
  if (text[0] == '[') {
    if (length <= 2 || text[length - 1] != ']')
      return refuse (text, error);
    *host = g_strndup (text + 1, length - 2);
  } else if (colon && memchr (text, ':', length)) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED,
        "address to listen on \"%s\" has an IPv6 address without brackets: "
        "write [ADDR]:PORT, such as [::1]:8080", text);
    return FALSE;
  } else if (colon) {
    *host = length > 0 ? g_strndup (text, length) : g_strdup (ALL);
  } else {
    *host = g_strdup ("127.0.0.1");
  }
  return TRUE;
}

/*
 * mesh_address_is_name:
 * @host: what mesh_address_parse() found
 *
 * Returns: whether it is a host's name, to be written into links as it is
 */
gboolean
mesh_address_is_name (const char *host)
{
  g_autoptr (GSocketAddress) address =
      g_inet_socket_address_new_from_string (host, 0);

  return !address && strcmp (host, ALL) != 0 && if_nametoindex (host) == 0;
}

/* The addresses of a network interface, but for link-local IPv6 ones, which a
 * link could not name. */
static void
add_interface (GPtrArray *found, guint interface, guint16 port)
{
  guint n;
  g_autofree MeshAddress *addresses = mesh_host_read_addresses (&n);

  for (guint i = 0; i < n; i++) {
    GSocketAddress *address =
        g_inet_socket_address_new_from_string (addresses[i].text, port);

    if (address && addresses[i].interface == interface
        && !(addresses[i].flags & MESH_ADDRESS_UNUSABLE)
        && !(strchr (addresses[i].text, ':')
            && g_inet_address_get_is_link_local
            (g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS
                    (address)))))
      g_ptr_array_add (found, g_steal_pointer (&address));
    g_clear_object (&address);
  }
}

static gboolean
look_up (GPtrArray *found, const char *host, guint16 port, GError **error)
{
  g_autoptr (GResolver) resolver = g_resolver_get_default ();
  GList *list = g_resolver_lookup_by_name (resolver, host, NULL, error);

  for (const GList *i = list; i; i = i->next)
    g_ptr_array_add (found, g_inet_socket_address_new (i->data, port));
  g_resolver_free_addresses (list);
  if (!list)
    g_prefix_error (error, "\"%s\" is no address, no network interface, and "
        "no name that can be looked up: ", host);
  return list != NULL;
}

/*
 * mesh_address_resolve:
 * @host: what mesh_address_parse() found
 *
 * Returns: (transfer full) (element-type GInetSocketAddress) (nullable): all
 *   that it means, in the order in which to try; "*" is both families at once
 *   and, for where there is no IPv6, IPv4 alone
 */
GPtrArray *
mesh_address_resolve (const char *host, guint16 port, GError **error)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func
      (g_object_unref);
  GSocketAddress *address = g_inet_socket_address_new_from_string (host, port);
  guint interface = address ? 0 : if_nametoindex (host);

  if (address) {
    g_ptr_array_add (found, address);
  } else if (strcmp (host, ALL) == 0) {
    g_ptr_array_add (found, g_inet_socket_address_new_from_string ("::",
        port));
    g_ptr_array_add (found, g_inet_socket_address_new_from_string ("0.0.0.0",
        port));
  } else if (interface != 0) {
    add_interface (found, interface, port);
    if (found->len == 0) {
      g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED,
          "the network interface %s has no address", host);
      return NULL;
    }
  } else if (!look_up (found, host, port, error)) {
    return NULL;
  }
  return g_steal_pointer (&found);
}

static guint32
get_scope (GInetSocketAddress *address)
{
  return g_socket_address_get_family (G_SOCKET_ADDRESS (address))
      == G_SOCKET_FAMILY_IPV6 ? g_inet_socket_address_get_scope_id (address)
      : 0;
}

/*
 * mesh_address_with_port:
 *
 * Returns: (transfer full): the same address, at another port
 */
GSocketAddress *
mesh_address_with_port (GInetSocketAddress *address, guint16 port)
{
  return g_object_new (G_TYPE_INET_SOCKET_ADDRESS,
      "address", g_inet_socket_address_get_address (address),
      "port", port, "scope-id", get_scope (address), NULL);
}

/*
 * mesh_address_to_url_host:
 *
 * Returns: (transfer full): how it is written in a URL: in brackets, with a
 *   zone as RFC 6874 has it
 */
char *
mesh_address_to_url_host (GInetSocketAddress *address)
{
  GInetAddress *inet = g_inet_socket_address_get_address (address);
  guint32 scope = get_scope (address);
  g_autofree char *text = g_inet_address_to_string (inet);
  char zone[IF_NAMESIZE];

  if (g_inet_address_get_family (inet) == G_SOCKET_FAMILY_IPV4)
    return g_steal_pointer (&text);
  if (scope != 0 && if_indextoname (scope, zone))
    return g_strdup_printf ("[%s%%25%s]", text, zone);
  return g_strdup_printf ("[%s]", text);
}

/* Adds those of this machine's addresses that others can reach. IPv4 comes
 * first, since a link is also read aloud and typed. */
static void
add_own (GStrvBuilder *hosts, gboolean ipv4, gboolean ipv6)
{
  MeshReach reach;
  g_auto (GStrv) chosen = mesh_host_choose_addresses (&reach, NULL);

  /* Without such an address loopback is better: browsers give it a camera. */
  for (char **i = chosen; reach > MESH_REACH_MACHINE && ipv4 && *i; i++) {
    if (!strchr (*i, ':'))
      g_strv_builder_add (hosts, *i);
  }
  for (char **i = chosen; reach > MESH_REACH_MACHINE && ipv6 && *i; i++) {
    g_autofree char *host = g_strdup_printf ("[%s]", *i);

    if (strchr (*i, ':'))
      g_strv_builder_add (hosts, host);
  }
}

static gboolean
is_any (GInetSocketAddress *address)
{
  return g_inet_address_get_is_any (g_inet_socket_address_get_address
      (address));
}

/*
 * mesh_address_list_hosts:
 * @bound: (element-type GInetSocketAddress): where a server listens; [::]
 *   stands for both families
 *
 * Returns: (transfer full) (array zero-terminated=1): what to write for them in
 *   a URL that others open, the best first; at least one
 */
char **
mesh_address_list_hosts (GPtrArray *bound)
{
  g_autoptr (GStrvBuilder) hosts = g_strv_builder_new ();
  g_auto (GStrv) list = NULL;
  gboolean ipv4 = FALSE, ipv6 = FALSE;

  for (guint i = 0; i < bound->len; i++) {
    GInetSocketAddress *address = g_ptr_array_index (bound, i);
    gboolean is_ipv6 = g_socket_address_get_family (G_SOCKET_ADDRESS (address))
        == G_SOCKET_FAMILY_IPV6;

    if (is_any (address)) {
      ipv4 = TRUE;
      ipv6 |= is_ipv6;
    } else {
      g_autofree char *host = mesh_address_to_url_host (address);

      g_strv_builder_add (hosts, host);
    }
  }
  add_own (hosts, ipv4, ipv6);
  list = g_strv_builder_end (hosts);
  if (!list[0]) {
    g_strv_builder_add (hosts, "127.0.0.1");
    return g_strv_builder_end (hosts);
  }
  return g_steal_pointer (&list);
}

static void
add_name (GPtrArray *names, const char *name)
{
  g_autofree char *bare = name[0] == '['
      ? g_strndup (name + 1, strlen (name) - 2) : g_strdup (name);

  /* a zone means nothing on other machines */
  if (!*bare || strchr (bare, '%')
      || g_ptr_array_find_with_equal_func (names, bare, g_str_equal, NULL))
    return;
  g_ptr_array_add (names, g_steal_pointer (&bare));
}

/*
 * mesh_address_list_names:
 * @listen: what is listened on, as for mesh_address_parse()
 *
 * Returns: (transfer full) (array zero-terminated=1) (nullable): names and
 *   addresses by which a server there may be called: what is printed and
 *   listened on, this machine's name, also as multicast DNS has it, and
 *   loopback
 */
char **
mesh_address_list_names (const char *listen, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) where = NULL;
  g_autofree char *host = NULL;
  g_autofree char *local = g_strconcat (g_get_host_name (), ".local", NULL);
  g_auto (GStrv) hosts = NULL;
  guint16 port;

  if (!mesh_address_parse (listen, &host, &port, error))
    return NULL;
  where = mesh_address_resolve (host, port, error);
  if (!where)
    return NULL;
  if (mesh_address_is_name (host))
    add_name (names, host);
  hosts = mesh_address_list_hosts (where);
  for (char **i = hosts; *i; i++)
    add_name (names, *i);
  add_name (names, g_get_host_name ());
  if (!strchr (g_get_host_name (), '.'))
    add_name (names, local);
  add_name (names, "localhost");
  add_name (names, "127.0.0.1");
  add_name (names, "::1");
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&names), FALSE);
}
