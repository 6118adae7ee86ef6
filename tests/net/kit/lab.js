// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Networks for the members of a test, made of network namespaces. The one of
 * the test itself (tests/net/netns.sh) is the public network: a bridge with
 * servers on it. Each member has a namespace of its own, on the bridge or
 * behind a gateway:
 *
 *     servers ─ pub ┬─ member (open)
 *                   ├─ gateway ── member
 *                   └─ post ~~~~~ member (at the end of a bad cable)
 *
 * Packets of servers to private addresses are lost, as on the Internet; for an
 * ICMP error a TURN server would end the session.
 */

import { execFileSync } from 'node:child_process';
import { Cable } from './cable.js';
import { gatewayRules } from './nat.js';

export const PUBLIC = '198.51.100';
export const SERVER = `${PUBLIC}.1`;

/* The bridge's link address, which would otherwise change with its ports. */
const BRIDGE = '02:00:00:00:00:01';

if (process.env.MESH_LAB !== 'in')
  throw new Error('these tests are run by tests/net/netns.sh');

/** Runs a shell script. */
export function sh(script) {
  return execFileSync('sh', ['-euc', script], { encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The command that runs another one in a namespace. */
export const within = space =>
  ['nsenter', `--net=/run/netns/${space}`, '--'];

export class Lab {
  #spaces = [];
  #cables = [];
  #count = 0;

  constructor() {
    sh(`ip link add pub address ${BRIDGE} type bridge forward_delay 0
      ip addr add ${SERVER}/24 dev pub
      ip link set pub up
      ip neigh add ${PUBLIC}.254 lladdr 02:00:00:00:00:fe dev pub
      ip route add default via ${PUBLIC}.254`);
  }

  #space(name) {
    // IPv4 only, since link-local addresses of IPv6 come a second late and are
    // part of no test.
    sh(`ip netns add ${name}
      ${within(name).join(' ')} sh -ec '
        echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
        echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6' || :
      ip -n ${name} link set lo up`);
    this.#spaces.push(name);
  }

  /* Makes a cable between the bridge and DEVICE in a namespace. */
  #plug(space, device) {
    const n = ++this.#count;
    sh(`ip link add port${n} type veth peer name ${device} netns ${space}
      ip link set port${n} master pub up
      ip -n ${space} link set ${device} up`);
    return { port: `port${n}`, address: `${PUBLIC}.${10 + n}` };
  }

  /* Gives the servers and a post each other's link addresses, so that the cable
   * alone delays and drops packets. Packets that wait for an answer to ARP do
   * so in the kernel, which drops them if there are too many; and while it
   * sends them on one processor, a newer packet on another one can overtake
   * them. Other members do ask by ARP: proxy_delay is 0, as proxy ARP would
   * otherwise answer up to 0.8 s late. */
  #introduce(post, address) {
    const [wan] = JSON.parse(sh(`ip -n ${post} -json link show wan`));
    sh(`ip neigh replace ${address} lladdr ${wan.address} dev pub nud permanent
      ip -n ${post} neigh replace ${SERVER} lladdr ${BRIDGE} dev wan nud permanent`);
  }

  /** A place with loopback only. */
  alone(space) {
    this.#space(space);
    return { space };
  }

  /** Connects such a place to the public network. */
  connect({ space }) {
    const { port, address } = this.#plug(space, 'eth0');
    sh(`ip -n ${space} addr add ${address}/24 dev eth0
      ip -n ${space} route add default via ${SERVER}`);
    return { space, port, address, device: 'eth0' };
  }

  /** A place on the public network. */
  open(space) {
    return this.connect(this.alone(space));
  }

  /**
   * A place behind a gateway.
   * @param {string} space
   * @param {string} kind see nat.js
   */
  behind(space, kind) {
    const gate = `${space}-gw`;
    this.#space(space);
    this.#space(gate);
    const { port, address } = this.#plug(gate, 'wan');
    const lan = `10.${this.#count}.0`;
    sh(`ip -n ${gate} addr add ${address}/24 dev wan
      ip -n ${gate} link add lan type veth peer name eth0 netns ${space}
      ip -n ${gate} addr add ${lan}.1/24 dev lan
      ip -n ${gate} link set lan up
      ip -n ${space} addr add ${lan}.2/24 dev eth0
      ip -n ${space} link set eth0 up
      ip -n ${space} route add default via ${lan}.1
      ${within(gate).join(' ')} sh -ec \
        'echo 1 > /proc/sys/net/ipv4/ip_forward; nft -f -' <<'RULES'
${gatewayRules(kind)}
RULES
      true`);
    return { space, gate, port, address: `${lan}.2`, outside: address,
      device: 'eth0' };
  }

  /**
   * A place with a public address at the end of a cable with a profile of
   * tests/net/link.c.
   */
  async beyond(space, profile, seed = 1) {
    const post = `${space}-post`;
    this.#space(space);
    this.#space(post);
    const { port } = this.#plug(post, 'wan');
    const address = `${PUBLIC}.${100 + this.#count}`;
    const cable = new Cable(profile, space, post, seed);
    this.#cables.push(cable);
    await cable.ready();
    sh(`ip -n ${space} addr add ${address}/32 dev cable
      ip -n ${space} link set cable up
      ip -n ${space} route add default dev cable
      ip -n ${post} link set cable up
      ip -n ${post} route add ${address}/32 dev cable
      ip -n ${post} addr add ${PUBLIC}.${200 + this.#count}/24 dev wan
      ${within(post).join(' ')} sh -ec '
        echo 1 > /proc/sys/net/ipv4/ip_forward
        echo 0 > /proc/sys/net/ipv4/neigh/wan/proxy_delay
        echo 1 > /proc/sys/net/ipv4/conf/wan/proxy_arp'`);
    this.#introduce(post, address);
    return { space, port, address, cable, device: 'cable' };
  }

  /** A place in a kind of network: 'open', or as in nat.js. */
  place(space, kind) {
    return kind === 'open' ? this.open(space) : this.behind(space, kind);
  }

  /** Takes all networks down; members that still run are cut off. */
  close() {
    this.#cables.forEach(cable => cable.stop());
    // The kernel removes a namespace with a delay, and a cable's name is in use
    // until then.
    for (let n = 1; n <= this.#count; n++)
      sh(`ip link del port${n}`);
    this.#count = 0;
    for (const space of this.#spaces.reverse())
      sh(`ip netns del ${space}`);
    this.#spaces = [];
    sh('ip link del pub');
  }
}
