/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/addresses.h"

#include <arpa/inet.h>          /* inet_pton(): text to bytes, nothing else */
#include <string.h>

typedef struct {
  const MeshAddress *address;
  gboolean ipv6;
  MeshReach reach;
  guint turn;                   /* the number of addresses of the same interface
                                 * that come before */
  guint index;                  /* the index in the input, which keeps the order
                                 * stable */
} Ranked;

static gboolean
is_any (const guint8 *bytes, gsize length)
{
  for (gsize i = 0; i < length; i++) {
    if (bytes[i] != 0)
      return FALSE;
  }
  return TRUE;
}

/* How far an address reaches by its number alone. */
static MeshReach
reach_of_ipv4 (const guint8 *a)
{
  if (is_any (a, 4) || a[0] >= 224)
    return MESH_REACH_NOTHING;
  if (a[0] == 127)
    return MESH_REACH_LOOPBACK;
  return a[0] == 169 && a[1] == 254 ? MESH_REACH_LINK : MESH_REACH_NETWORK;
}

/* An IPv6 link-local address cannot be announced: it has a different meaning on
 * each interface, and a candidate's line cannot name the interface (RFC 8839,
 * 5.1). */
static MeshReach
reach_of_ipv6 (const guint8 *a)
{
  if (is_any (a, 15))
    return a[15] == 1 ? MESH_REACH_LOOPBACK : MESH_REACH_NOTHING;
  if (a[0] == 0xff || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80))
    return MESH_REACH_NOTHING;
  return MESH_REACH_NETWORK;
}

static MeshReach
reach_of (const MeshAddress *address, gboolean *ipv6)
{
  guint8 bytes[16];
  MeshReach reach;

  *ipv6 = FALSE;
  if (inet_pton (AF_INET, address->text, bytes) == 1) {
    reach = reach_of_ipv4 (bytes);
  } else if (inet_pton (AF_INET6, address->text, bytes) == 1) {
    *ipv6 = TRUE;
    reach = reach_of_ipv6 (bytes);
  } else {
    return MESH_REACH_NOTHING;
  }
  if (address->flags & (MESH_ADDRESS_DOWN | MESH_ADDRESS_UNUSABLE))
    return MESH_REACH_NOTHING;
  /* An alias reaches no peer that the first address of its subnet does not
   * reach. */
  if ((address->flags & MESH_ADDRESS_SECONDARY)
      && !(address->flags & MESH_ADDRESS_PREFERRED))
    return MESH_REACH_NOTHING;
  /* Routers keep their own address on the loopback interface, where it is
   * reachable from outside if a route leads there; but few machines do. */
  if (reach > MESH_REACH_MACHINE && ((address->flags & MESH_ADDRESS_LOOPBACK)
          || ((address->flags & MESH_ADDRESS_BRIDGE)
              && !(address->flags & MESH_ADDRESS_HAS_PORTS))))
    return MESH_REACH_MACHINE;
  return reach;
}

static gint
compare_flag (const Ranked *a, const Ranked *b, guint flag)
{
  return !!(a->address->flags & flag) - !!(b->address->flags & flag);
}

/* Orders the addresses of one interface: those that the kernel prefers come
 * first, and of IPv6 addresses the temporary ones. */
static gint
compare_siblings (gconstpointer a, gconstpointer b)
{
  const Ranked *x = a, *y = b;
  gint order = compare_flag (y, x, MESH_ADDRESS_PREFERRED);

  if (order == 0)
    order = compare_flag (y, x, MESH_ADDRESS_TEMPORARY);
  return order ? order : (gint) x->index - (gint) y->index;
}

/* Orders all addresses: first those of the best default route, then other
 * default routes by their metric, then one address of each interface before the
 * second of any. */
static gint
compare (gconstpointer a, gconstpointer b)
{
  const Ranked *x = a, *y = b;
  gint order = compare_flag (y, x, MESH_ADDRESS_PREFERRED);

  if (order == 0 && x->turn != y->turn)
    order = x->turn < y->turn ? -1 : 1;
  if (order == 0 && x->address->metric != y->address->metric)
    order = x->address->metric < y->address->metric ? -1 : 1;
  if (order == 0)
    order = compare_flag (x, y, MESH_ADDRESS_IS_PORT);
  if (order == 0)
    order = compare_flag (x, y, MESH_ADDRESS_BRIDGE);
  return order ? order : (gint) x->index - (gint) y->index;
}

/* Two interfaces may have the same address: libnice could not tell them
 * apart, and the kernel picks the interface by its routes anyway. */
static Ranked *
find_duplicate (const GArray *ranked, const char *text)
{
  for (guint i = 0; i < ranked->len; i++) {
    Ranked *entry = &g_array_index (ranked, Ranked, i);

    if (strcmp (entry->address->text, text) == 0)
      return entry;
  }
  return NULL;
}

static GArray *
rank (const MeshAddress *addresses, guint n)
{
  GArray *ranked = g_array_new (FALSE, FALSE, sizeof (Ranked));

  for (guint i = 0; i < n; i++) {
    Ranked entry = { .address = &addresses[i], .index = i };
    Ranked *other;

    entry.reach = reach_of (&addresses[i], &entry.ipv6);
    if (entry.reach == MESH_REACH_NOTHING)
      continue;
    other = find_duplicate (ranked, addresses[i].text);
    if (!other)
      g_array_append_val (ranked, entry);
    else if (entry.reach > other->reach || (entry.reach == other->reach
            && entry.address->metric < other->address->metric))
      *other = entry;
  }
  return ranked;
}

/* Counts for each address how many of the same interface and family come
 * before; @ranked is in the order of siblings. */
static void
take_turns (GArray *ranked)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < ranked->len; i++) {
    Ranked *entry = &g_array_index (ranked, Ranked, i);
    gpointer key = GUINT_TO_POINTER (entry->address->interface * 2
        + (entry->ipv6 ? 1 : 0));

    entry->turn = GPOINTER_TO_UINT (g_hash_table_lookup (seen, key));
    g_hash_table_insert (seen, key, GUINT_TO_POINTER (entry->turn + 1));
  }
}

/**
 * mesh_addresses_choose:
 * @addresses: (array length=n): the addresses of this machine's interfaces, in
 *   the kernel's order
 * @n: how many
 * @reach: (out): how far the chosen ones reach
 *
 * Chooses the addresses to announce to peers, best first: at most
 * %MESH_ADDRESSES_MAX_IPV4 and %MESH_ADDRESSES_MAX_IPV6. Addresses that reach
 * less far are chosen only where none reaches farther.
 *
 * Returns: (transfer full) (array zero-terminated=1): the chosen ones, none
 *   twice
 */
char **
mesh_addresses_choose (const MeshAddress *addresses, guint n,
    MeshReach *reach)
{
  g_autoptr (GArray) ranked = rank (addresses, n);
  g_autoptr (GStrvBuilder) chosen = g_strv_builder_new ();
  guint left[2] = { MESH_ADDRESSES_MAX_IPV4, MESH_ADDRESSES_MAX_IPV6 };

  *reach = MESH_REACH_NOTHING;
  g_array_sort (ranked, compare_siblings);
  for (guint i = 0; i < ranked->len; i++)
    *reach = MAX (*reach, g_array_index (ranked, Ranked, i).reach);
  for (guint i = ranked->len; i > 0; i--) {
    if (g_array_index (ranked, Ranked, i - 1).reach != *reach)
      g_array_remove_index (ranked, i - 1);
  }
  take_turns (ranked);
  g_array_sort (ranked, compare);
  for (guint i = 0; i < ranked->len; i++) {
    const Ranked *entry = &g_array_index (ranked, Ranked, i);

    if (left[entry->ipv6] == 0)
      continue;
    left[entry->ipv6]--;
    g_strv_builder_add (chosen, entry->address->text);
  }
  return g_strv_builder_end (chosen);
}
