// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Gateways of the kinds that RFC 4787 tells apart, as rules for nft. `wan` is
 * the public side, `lan` the private one.
 */

/* Packets of every sender to a mapped port get in. For that these rules keep
 * the owner of each port, beside the kernel's own table. */
const fullCone = `
table ip nat {
  map owners {
    type inet_service : ipv4_addr . inet_service
    flags dynamic
    timeout 300s
    size 4096
  }
  chain in {
    type nat hook prerouting priority dstnat
    iifname wan meta l4proto udp dnat ip to udp dport map @owners
  }
  chain out {
    type nat hook postrouting priority srcnat
    oifname wan meta l4proto udp update @owners { udp sport : ip saddr . udp sport }
    oifname wan masquerade persistent
  }
}`;

/* One outer port for each inner port, and only senders to which a packet was
 * sent get in. Earlier packets are dropped, as home gateways do: if the gateway
 * itself answered them, that would be a connection, whose port could not be
 * mapped any more. */
const portRestricted = `
table ip nat {
  chain in { type nat hook prerouting priority dstnat; }
  chain out {
    type nat hook postrouting priority srcnat
    oifname wan masquerade
  }
}
table ip filter {
  chain forward {
    type filter hook forward priority filter; policy accept
    iifname wan ct state established,related accept
    iifname wan drop
  }
  chain input {
    type filter hook input priority filter; policy accept
    iifname wan ct state established,related accept
    iifname wan drop
  }
}`;

/* Another outer port for each destination, which cannot be predicted. */
const symmetric = portRestricted.replace('masquerade',
  'masquerade fully-random');

/* A company's firewall: TCP only. */
const noUdp = portRestricted.replace('policy accept',
  'policy accept\n    meta l4proto udp drop');

const kinds = { 'full cone': fullCone, 'port-restricted': portRestricted,
  symmetric, 'no UDP': noUdp };

/** The kinds of networks, including `open`. */
export const networks = ['open', ...Object.keys(kinds)];

/** @param {string} kind */
export function gatewayRules(kind) {
  return kinds[kind];
}

/** Whether two kinds of networks can connect without a relay: one end's
 *  address must be known to the other, or be open to all. */
export function isDirect(a, b) {
  const has = kind => a === kind || b === kind;
  if (has('no UDP'))
    return false;
  return has('open') || has('full cone') || !has('symmetric');
}
