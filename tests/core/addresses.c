/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which addresses of a machine are announced to peers, for the machines that
 * people have. */

#include <string.h>

#include "core/addresses.h"

#define NONE MESH_ADDRESS_NO_ROUTE
#define LO MESH_ADDRESS_LOOPBACK
#define BRIDGE MESH_ADDRESS_BRIDGE
#define USED_BRIDGE (MESH_ADDRESS_BRIDGE | MESH_ADDRESS_HAS_PORTS)
#define BEST MESH_ADDRESS_PREFERRED

#define LOOPBACK { "127.0.0.1", 1, LO, NONE }, { "::1", 1, LO, NONE }

static const struct {
  const char *name;
  MeshAddress addresses[12];
  MeshReach reach;
  const char *chosen;
} machines[] = {
  { "a usual one",
    { LOOPBACK, { "192.168.1.7", 2, BEST, 100 },
      { "2001:db8::7", 2, BEST, 1024 }, { "fe80::1", 2, 0, 1024 } },
    MESH_REACH_NETWORK, "192.168.1.7 2001:db8::7" },
  { "no address at all", { { "", 0, 0, 0 } }, MESH_REACH_NOTHING, "" },
  { "loopback only", { LOOPBACK }, MESH_REACH_LOOPBACK, "127.0.0.1 ::1" },
  { "loopback that is down",
    { { "127.0.0.1", 1, LO | MESH_ADDRESS_DOWN, NONE } },
    MESH_REACH_NOTHING, "" },
  { "an IPv6 link-local address leads nowhere",
    { LOOPBACK, { "fe80::1", 2, 0, NONE } },
    MESH_REACH_LOOPBACK, "127.0.0.1 ::1" },
  { "IPv6 only",
    { LOOPBACK, { "2001:db8::7", 2, BEST, 1024 } },
    MESH_REACH_NETWORK, "2001:db8::7" },
  { "docker0 and used and empty bridges",
    { LOOPBACK, { "172.17.0.1", 3, BRIDGE, NONE },
      { "172.18.0.1", 4, USED_BRIDGE, NONE }, { "172.19.0.1", 5, BRIDGE, NONE },
      { "192.168.1.7", 6, BEST, 100 } },
    MESH_REACH_NETWORK, "192.168.1.7 172.18.0.1" },
  { "docker0 alone",
    { LOOPBACK, { "172.17.0.1", 3, BRIDGE, NONE } },
    MESH_REACH_MACHINE, "172.17.0.1" },
  { "the way out is a bridge, and its port has an address, too",
    { { "10.0.0.3", 2, MESH_ADDRESS_IS_PORT, NONE },
      { "10.0.0.2", 3, USED_BRIDGE | BEST, 0 } },
    MESH_REACH_NETWORK, "10.0.0.2 10.0.0.3" },
  { "a VPN has the default route",
    { { "192.168.1.7", 2, 0, NONE }, { "10.8.0.6", 9, BEST, 50 } },
    MESH_REACH_NETWORK, "10.8.0.6 192.168.1.7" },
  { "a VPN by rules, which is in no table that we see",
    { { "192.168.1.7", 2, 0, 100 }, { "10.8.0.6", 9, BEST, NONE } },
    MESH_REACH_NETWORK, "10.8.0.6 192.168.1.7" },
  { "two default routes",
    { { "10.0.0.2", 2, 0, 600 }, { "10.1.0.2", 3, 0, 100 },
      { "10.2.0.2", 4, 0, NONE } },
    MESH_REACH_NETWORK, "10.1.0.2 10.0.0.2 10.2.0.2" },
  { "link-local only",
    { LOOPBACK, { "169.254.3.4", 2, 0, NONE } },
    MESH_REACH_LINK, "169.254.3.4" },
  { "link-local beside another one",
    { { "169.254.3.4", 2, 0, NONE }, { "10.0.0.2", 2, 0, 0 } },
    MESH_REACH_NETWORK, "10.0.0.2" },
  { "interfaces that are down, and addresses that are not to be used",
    { { "10.0.0.2", 2, MESH_ADDRESS_DOWN, 0 },
      { "2001:db8::1", 3, MESH_ADDRESS_UNUSABLE, 0 },
      { "10.0.1.2", 3, 0, 100 } },
    MESH_REACH_NETWORK, "10.0.1.2" },
  { "privacy addresses first",
    { { "2001:db8::1", 2, 0, 1024 },
      { "2001:db8::abcd", 2, MESH_ADDRESS_TEMPORARY, 1024 },
      { "fd00::1", 2, 0, 1024 } },
    MESH_REACH_NETWORK, "2001:db8::abcd 2001:db8::1 fd00::1" },
  { "the same address twice, once where it leads out",
    { { "10.0.0.2", 2, BRIDGE, NONE }, { "10.0.0.2", 3, 0, 5 } },
    MESH_REACH_NETWORK, "10.0.0.2" },
  { "an address on the loopback interface",
    { LOOPBACK, { "10.255.0.1", 1, LO, NONE } },
    MESH_REACH_MACHINE, "10.255.0.1" },
  { "point-to-point",
    { { "10.64.64.64", 2, BEST, 0 } },
    MESH_REACH_NETWORK, "10.64.64.64" },
  { "NAT64, with the CLAT's address",
    { { "192.0.0.4", 3, BEST, 2048 }, { "2001:db8::9", 2, BEST, 100 } },
    MESH_REACH_NETWORK, "2001:db8::9 192.0.0.4" },
  { "junk", { { "junk", 2, 0, 0 }, { "10.0.0.2%eth0", 2, 0, 0 },
      { "0.0.0.0", 2, 0, 0 }, { "255.255.255.255", 2, 0, 0 },
      { "ff02::1", 2, 0, 0 } },
    MESH_REACH_NOTHING, "" },
};

static void
assert_chosen (const MeshAddress *addresses, guint n, MeshReach reach,
    const char *chosen)
{
  MeshReach found;
  g_auto (GStrv) list = mesh_addresses_choose (addresses, n, &found);
  g_autofree char *text = g_strjoinv (" ", list);

  g_assert_cmpstr (text, ==, chosen);
  g_assert_cmpint (found, ==, reach);
}

static void
machines_announce_what_leads_to_them (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (machines); i++) {
    guint n = 0;

    while (machines[i].addresses[n].text[0])
      n++;
    g_test_message ("%s", machines[i].name);
    assert_chosen (machines[i].addresses, n, machines[i].reach,
        machines[i].chosen);
  }
}

/* Interface @i of many. */
static MeshAddress
make_address (guint i, guint interface, guint flags)
{
  MeshAddress address = { .interface = interface, .flags = flags,
    .metric = NONE
  };

  g_snprintf (address.text, sizeof address.text, "172.%u.%u.1", 16 + i / 200,
      i % 200);
  return address;
}

static void
of_200_interfaces_the_way_out_comes_first (void)
{
  MeshAddress addresses[201];

  for (guint last = 0; last < 2; last++) {
    for (guint i = 0; i < 200; i++)
      addresses[last ? i : i + 1] = make_address (i, 10 + i, BRIDGE);
    addresses[last ? 200 : 0] = (MeshAddress) {
    "10.0.0.2", 2, BEST, 0};
    assert_chosen (addresses, 201, MESH_REACH_NETWORK, "10.0.0.2");
    for (guint i = 0; i < 201; i++)
      addresses[i].flags |= MESH_ADDRESS_HAS_PORTS;
    assert_chosen (addresses, 201, MESH_REACH_NETWORK,
        "10.0.0.2 172.16.0.1 172.16.1.1 172.16.2.1 172.16.3.1 172.16.4.1");
  }
}

/* Fifty addresses of one interface do not crowd out another interface, and
 * those in one subnet are one. */
static void
aliases_come_after_other_interfaces (void)
{
  MeshAddress addresses[52];

  for (guint i = 0; i < 50; i++)
    addresses[i] = make_address (i, 2, 0);
  addresses[50] = (MeshAddress) {
  "10.0.0.2", 3, 0, NONE};
  addresses[51] = (MeshAddress) {
  "10.0.1.2", 4, BEST, 0};
  assert_chosen (addresses, 52, MESH_REACH_NETWORK,
      "10.0.1.2 172.16.0.1 10.0.0.2 172.16.1.1 172.16.2.1 172.16.3.1");
  for (guint i = 1; i < 50; i++)
    addresses[i].flags = MESH_ADDRESS_SECONDARY;
  assert_chosen (addresses, 52, MESH_REACH_NETWORK,
      "10.0.1.2 172.16.0.1 10.0.0.2");
  addresses[7].flags |= BEST;
  assert_chosen (addresses, 51, MESH_REACH_NETWORK,
      "172.16.7.1 10.0.0.2 172.16.0.1");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/addresses/machines", machines_announce_what_leads_to_them);
  g_test_add_func ("/addresses/200", of_200_interfaces_the_way_out_comes_first);
  g_test_add_func ("/addresses/aliases", aliases_come_after_other_interfaces);
  return g_test_run ();
}
