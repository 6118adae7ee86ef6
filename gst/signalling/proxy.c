/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "signalling/proxy.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

/* So many hosts are remembered with their proxy, for error messages; a
 * transport has two at most. */
#define MAX_REMEMBERED 8

struct _MeshProxyResolver {
  GObject parent;

  GProxyResolver *base;
  GMutex lock;                  /* guards used */
  GHashTable *used;             /* host:port -> HOST:PORT of its proxy */
};

/* How often this process serves at "host:port". The table is there because a
 * name in /etc/hosts is this machine's without being its host name. */
static GMutex own_lock;         /* guards own */
static GHashTable *own;

static void resolver_init (GProxyResolverInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MeshProxyResolver, mesh_proxy_resolver,
    G_TYPE_OBJECT,
    G_IMPLEMENT_INTERFACE (G_TYPE_PROXY_RESOLVER, resolver_init))

/* RFC 6761, section 6.3 */
static gboolean
is_localhost (const char *host)
{
  g_autofree char *lower = g_ascii_strdown (host, -1);
  gsize length = strlen (lower);

  if (length > 0 && lower[length - 1] == '.')
    lower[length - 1] = '\0';
  return g_str_equal (lower, "localhost")
      || g_str_has_suffix (lower, ".localhost");
}

static gboolean
is_own_address (GInetAddress *address)
{
  struct ifaddrs *all = NULL;
  gboolean found = FALSE;

  if (getifaddrs (&all) < 0)
    return FALSE;
  for (struct ifaddrs *one = all; one && !found; one = one->ifa_next) {
    const guint8 *bytes = NULL;

    if (!one->ifa_addr)
      continue;
    if (one->ifa_addr->sa_family == AF_INET)
      bytes = (const guint8 *)
          &((struct sockaddr_in *) one->ifa_addr)->sin_addr;
    else if (one->ifa_addr->sa_family == AF_INET6)
      bytes = (const guint8 *)
          &((struct sockaddr_in6 *) one->ifa_addr)->sin6_addr;
    found = bytes && one->ifa_addr->sa_family
            == (int) g_inet_address_get_family (address)
        && memcmp (bytes, g_inet_address_to_bytes (address),
            g_inet_address_get_native_size (address)) == 0;
  }
  freeifaddrs (all);
  return found;
}

/*
 * mesh_proxy_is_this_machine:
 * @host: a name or an address, without brackets
 *
 * Returns: whether @host is loopback, an address of this machine (which is
 *   where `serve` listens) or its name
 */
gboolean
mesh_proxy_is_this_machine (const char *host)
{
  g_autofree char *zoneless = g_strndup (host, strcspn (host, "%"));
  g_autoptr (GInetAddress) address
      = g_inet_address_new_from_string (zoneless);

  if (!address)
    return is_localhost (host)
        || g_ascii_strcasecmp (host, g_get_host_name ()) == 0;
  return g_inet_address_get_is_loopback (address)
      || g_inet_address_get_is_any (address) || is_own_address (address);
}

/* Returns the "host:port" of a URL, without a user and a password. */
static char *
place_of (const char *url)
{
  g_autoptr (GUri) uri = g_uri_parse (url,
      G_URI_FLAGS_HAS_PASSWORD | G_URI_FLAGS_PARSE_RELAXED, NULL);
  const char *host = uri ? g_uri_get_host (uri) : NULL;
  gboolean is_ipv6 = host && strchr (host, ':');
  int port = uri ? g_uri_get_port (uri) : -1;
  const char *scheme = uri ? g_uri_get_scheme (uri) : "";

  if (!host)
    return NULL;
  if (port < 0)
    port = g_str_equal (scheme, "https") ? 443
        : g_str_equal (scheme, "http") ? 80 : 1080;
  return g_strdup_printf ("%s%s%s:%d", is_ipv6 ? "[" : "", host,
      is_ipv6 ? "]" : "", port);
}

static gboolean
is_served (const char *url)
{
  g_autofree char *place = place_of (url);
  gboolean served;

  g_mutex_lock (&own_lock);
  served = place && own && g_hash_table_contains (own, place);
  g_mutex_unlock (&own_lock);
  return served;
}

static gboolean
is_direct (const char *url)
{
  g_autoptr (GUri) uri = g_uri_parse (url, G_URI_FLAGS_PARSE_RELAXED, NULL);
  const char *host = uri ? g_uri_get_host (uri) : NULL;

  return host && (mesh_proxy_is_this_machine (host) || is_served (url));
}

static void
count_own (const char *url, int change)
{
  g_autofree char *place = place_of (url);
  int count;

  if (!place)
    return;
  g_mutex_lock (&own_lock);
  if (!own)
    own = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  count = GPOINTER_TO_INT (g_hash_table_lookup (own, place)) + change;
  if (count > 0)
    g_hash_table_replace (own, g_steal_pointer (&place),
        GINT_TO_POINTER (count));
  else
    g_hash_table_remove (own, place);
  g_mutex_unlock (&own_lock);
}

/*
 * mesh_proxy_add_own:
 * @url: where this process serves, by whatever name
 *
 * From now on it is reached without a proxy, until mesh_proxy_remove_own() has
 * been called as often. Any thread.
 */
void
mesh_proxy_add_own (const char *url)
{
  count_own (url, 1);
}

void
mesh_proxy_remove_own (const char *url)
{
  count_own (url, -1);
}

/* Remembers which proxy the base has named, for error messages. */
static void
remember (MeshProxyResolver *self, const char *url, char **proxies)
{
  char *place = place_of (url);
  char *proxy = NULL;

  if (!place)
    return;
  if (proxies && *proxies && !g_str_has_prefix (*proxies, "direct:"))
    proxy = place_of (*proxies);
  g_mutex_lock (&self->lock);
  if (g_hash_table_size (self->used) >= MAX_REMEMBERED)
    g_hash_table_remove_all (self->used);
  if (proxy)
    g_hash_table_replace (self->used, g_steal_pointer (&place), proxy);
  else
    g_hash_table_remove (self->used, place);
  g_mutex_unlock (&self->lock);
  g_free (place);
}

static gboolean
is_supported (GProxyResolver *resolver)
{
  return TRUE;
}

static char **
dup_direct (void)
{
  return g_strdupv ((char *[]) { (char *) "direct://", NULL });
}

static char **
lookup (GProxyResolver *resolver, const char *url, GCancellable *cancellable,
    GError **error)
{
  MeshProxyResolver *self = MESH_PROXY_RESOLVER (resolver);
  char **proxies;

  if (is_direct (url))
    return dup_direct ();
  proxies = g_proxy_resolver_lookup (self->base, url, cancellable, error);
  remember (self, url, proxies);
  return proxies;
}

static void
on_looked_up (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  MeshProxyResolver *self = g_task_get_source_object (task);
  GError *error = NULL;
  char **proxies = g_proxy_resolver_lookup_finish (G_PROXY_RESOLVER (source),
      result, &error);

  if (!proxies) {
    g_task_return_error (task, error);
    return;
  }
  remember (self, g_task_get_task_data (task), proxies);
  g_task_return_pointer (task, proxies, (GDestroyNotify) g_strfreev);
}

static void
lookup_async (GProxyResolver *resolver, const char *url,
    GCancellable *cancellable, GAsyncReadyCallback callback,
    gpointer user_data)
{
  MeshProxyResolver *self = MESH_PROXY_RESOLVER (resolver);
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_task_data (task, g_strdup (url), g_free);
  if (is_direct (url)) {
    g_task_return_pointer (task, dup_direct (), (GDestroyNotify) g_strfreev);
    g_object_unref (task);
    return;
  }
  g_proxy_resolver_lookup_async (self->base, url, cancellable, on_looked_up,
      task);
}

static char **
lookup_finish (GProxyResolver *resolver, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
resolver_init (GProxyResolverInterface *iface)
{
  iface->is_supported = is_supported;
  iface->lookup = lookup;
  iface->lookup_async = lookup_async;
  iface->lookup_finish = lookup_finish;
}

static void
mesh_proxy_resolver_finalize (GObject *object)
{
  MeshProxyResolver *self = MESH_PROXY_RESOLVER (object);

  g_clear_object (&self->base);
  g_hash_table_unref (self->used);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (mesh_proxy_resolver_parent_class)->finalize (object);
}

static void
mesh_proxy_resolver_class_init (MeshProxyResolverClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mesh_proxy_resolver_finalize;
}

static void
mesh_proxy_resolver_init (MeshProxyResolver *self)
{
  g_mutex_init (&self->lock);
  self->used = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

/*
 * mesh_proxy_resolver_new:
 * @base: (nullable): whom to ask; %NULL = the system
 *
 * Returns: (transfer full): a resolver that sends nothing about this machine
 *   through a proxy. Lookups may come from any thread
 */
GProxyResolver *
mesh_proxy_resolver_new (GProxyResolver *base)
{
  MeshProxyResolver *self = g_object_new (MESH_TYPE_PROXY_RESOLVER, NULL);

  self->base = g_object_ref (base ? base : g_proxy_resolver_get_default ());
  return G_PROXY_RESOLVER (self);
}

/*
 * mesh_proxy_resolver_dup_way:
 * @url: where a connection was wanted to
 *
 * Returns: (transfer full) (nullable): "through the proxy HOST:PORT: ", as far
 *   as a proxy was looked up for @url, without its user and password
 */
char *
mesh_proxy_resolver_dup_way (MeshProxyResolver *resolver, const char *url)
{
  g_autofree char *place = place_of (url);
  const char *proxy;
  char *way = NULL;

  if (!place)
    return NULL;
  g_mutex_lock (&resolver->lock);
  proxy = g_hash_table_lookup (resolver->used, place);
  if (proxy)
    way = g_strdup_printf ("through the proxy %s: ", proxy);
  g_mutex_unlock (&resolver->lock);
  return way;
}

/*
 * mesh_proxy_resolver_explain:
 * @url: where a connection was wanted to
 * @error: (transfer full): what came of it
 *
 * Returns: (transfer full): @error, which says through which proxy
 */
GError *
mesh_proxy_resolver_explain (MeshProxyResolver *resolver, const char *url,
    GError *error)
{
  g_autofree char *way = mesh_proxy_resolver_dup_way (resolver, url);

  if (way)
    g_prefix_error_literal (&error, way);
  return error;
}
