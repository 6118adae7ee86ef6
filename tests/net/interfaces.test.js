// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Machines with many network interfaces, with loopback alone, and with an
 * address that comes only while the call is on.
 */

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test from 'node:test';
import { start } from '../e2e/kit/children.js';
import { looks } from '../e2e/kit/media.js';
import { party } from '../e2e/kit/pipeline.js';
import { now, until } from '../e2e/kit/wait.js';
import { CallLab, PATIENCE, explain, meet } from './kit/call.js';
import { PUBLIC, SERVER, sh, within } from './kit/lab.js';
import { PageParty } from './kit/page-party.js';
import { Turn, hasTurn } from './kit/turn.js';

const [red, green] = looks;

/** Bridges as a container engine leaves them: addresses, and nothing behind. */
function addBridges(space, n) {
  sh(`${within(space).join(' ')} sh -ec '
    echo 0 > /proc/sys/net/ipv6/conf/all/disable_ipv6
    echo 0 > /proc/sys/net/ipv6/conf/default/disable_ipv6'`);
  const lines = Array.from({ length: n }, (_, i) =>
    `link add br-${i} type bridge
     addr add 172.${16 + (i >> 8)}.${i & 255}.1/24 dev br-${i}
     link set br-${i} up`);
  sh(`ip -n ${space} -b - <<'LINES'
${lines.join('\n')}
LINES`);
}

/** Unplugs and plugs a member's cable, whose interface is then the last one. */
function plugAnew({ space, port, address }) {
  sh(`ip link del ${port}
    ip link add ${port} type veth peer name eth0 netns ${space}
    ip link set ${port} master pub up
    ip -n ${space} link set eth0 up
    ip -n ${space} addr add ${address}/24 dev eth0
    ip -n ${space} route add default via ${SERVER}`);
}

/* In an application's process libnice's own list is used while it is short. */
for (const [n, last, own] of [[40, false, 1], [40, true, 1], [200, false, 1],
  [200, true, 1], [10, false, 0], [10, true, 0], [200, true, 0]]) {
  test(`${n} bridges at both ends, ${last ? 'before' : 'after'} the way out${
    own ? '' : ", in an application's process"}`, async t => {
      const lab = await CallLab.open(t);
      const places = ['ada', 'bob'].map(name => lab.open(name));
      places.forEach(place => addBridges(place.space, n));
      if (last)
        places.forEach(plugAnew);
      const env = { MESHROOM_OWN_PROCESS: String(own) };
      const a = lab.join('ada', red, places[0], { env });
      const b = lab.join('bob', green, places[1], { env });
      await meet([a, b], [a, b]);
    });
}

test('a browser with 40 bridges', async t => {
  const lab = await CallLab.open(t);
  const place = lab.open('ada');
  addBridges(place.space, 40);
  // A browser aborts loading when an address appears, and link-local addresses
  // take a moment until they are known to be unique.
  await until('the addresses to be settled', () =>
    sh(`ip -n ${place.space} -6 addr show tentative`) === '', PATIENCE);
  const a = new PageParty('ada', 'chromium', red, lab.link,
    within(place.space));
  t.after(() => a.stop());
  const b = lab.join('bob', green, lab.open('bob'));
  await meet([a, b], [a, b], 2 * PATIENCE);
});

/* Candidates through a gateway rank below every address of the machine. */
test('40 bridges behind gateways', { skip: !hasTurn &&
  'coturn is not installed' }, async t => {
  let turn;
  const lab = await CallLab.open(t, () => {
    turn = new Turn(SERVER);
    t.after(() => turn.stop());
    return turn.serverOptions;
  });
  await turn.ready();
  const places = ['ada', 'bob'].map(name =>
    lab.behind(name, 'port-restricted'));
  places.forEach(place => addBridges(place.space, 40));
  const a = lab.join('ada', red, places[0]);
  const b = lab.join('bob', green, places[1]);
  await meet([a, b], [a, b]);
});

/* libnice aborts when an address of a candidate is none of the first 64. */
for (const own of [1, 0]) {
  test(`an address goes where there are 200 others${
    own ? '' : ", in an application's process"}`, async t => {
      const lab = await CallLab.open(t);
      const place = lab.open('ada');
      addBridges(place.space, 200);
      const a = lab.join('ada', red, place, {
        env: { MESHROOM_OWN_PROCESS: String(own) } });
      const b = lab.join('bob', green, lab.open('bob'));
      await meet([a, b], [a, b]);
      sh(`ip -n ada addr del ${place.address}/24 dev eth0
        ip -n ada addr add ${PUBLIC}.200/24 dev eth0
        ip -n ada route add default via ${SERVER}`);
      const since = now() + 300;
      for (const [p, look] of [[a, green], [b, red]]) {
        await until(`${p.name} to see the other again`, () =>
          [...p.sights.values()].some(s => s.colour === look.colour &&
            s.video.t > since), PATIENCE, explain(a, b));
      }
    });
}

test('loopback is all that both ends have', async t => {
  const lab = await CallLab.open(t);
  const { space } = lab.alone('ada');
  const a = party({ name: 'ada', look: red, serve: '127.0.0.1:0',
    within: within(space) });
  t.after(() => a.stop('SIGKILL'));
  a.name = 'ada';
  const link = await a.waitLink();
  // The warning comes while ada is alone in the room.
  await until('the machine to be called alone', () =>
    a.said('no network address but loopback'), PATIENCE, explain(a));
  const b = party({ name: 'bob', look: green, link, within: within(space) });
  t.after(() => b.stop('SIGKILL'));
  b.name = 'bob';
  await Promise.all([[a, green], [b, red]].map(([p, look]) =>
    until(`${p.name} to see the other`, () => p.meets(look), PATIENCE,
      explain(a, b))));
});

/** The lab's server at 127.0.0.1:PORT in a namespace. Returns its URL. */
async function tunnel(t, lab, space, port) {
  const folder = mkdtempSync(`${tmpdir()}/mesh-tunnel-`);
  t.after(() => rmSync(folder, { recursive: true }));
  const server = new URL(await lab.server.url());
  const script = new URL('kit/tunnel.js', import.meta.url).pathname;
  const ends = [
    [process.execPath, script, `${folder}/socket`, 'out', server.hostname,
      server.port],
    [...within(space), process.execPath, script, `${folder}/socket`, 'in',
      String(port)]];
  for (const [command, ...args] of ends) {
    const end = start(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => end.kill('SIGKILL'));
    await once(end.stdout, 'data');
  }
  return `http://127.0.0.1:${port}`;
}

test('an address comes only in the call', async t => {
  const lab = await CallLab.open(t);
  const place = lab.alone('ada');
  const url = await tunnel(t, lab, place.space, 8080);
  const link = new URL(lab.link);
  const a = party({ name: 'ada', look: red, within: within(place.space),
    link: url + link.pathname + link.hash });
  t.after(() => a.stop('SIGKILL'));
  a.name = 'ada';
  a.look = red;
  const b = lab.join('bob', green, lab.open('bob'));
  const added = p => p.messages.some(m => m.name === 'meshroom-peer-added');
  await until('ada to say what is missing', () =>
    a.said('no network address but loopback'), PATIENCE, explain(a));
  t.diagnostic(`bob is ${added(b) ? '' : 'not '}connected without`);
  const since = now();
  lab.connect(place);
  await meet([a, b], [a, b]);
  t.diagnostic(`met ${(now() - since).toFixed(0)} ms after the address came`);
});

test('a page that finds no network says so, and goes on when there is one', async t => {
    const lab = await CallLab.open(t);
    const place = lab.alone('ada');
    const url = await tunnel(t, lab, place.space, 8080);
    const link = new URL(lab.link);
    const page = new PageParty('ada', 'chromium', red,
      url + link.pathname + link.hash, within(place.space));
    t.after(() => page.stop());
    const b = lab.join('bob', green, lab.open('bob'));
    const told = () => page.newest.notices.some(line =>
      line.includes('has found no network'));
    await until('the page to say what is missing', told, 2 * PATIENCE,
      explain(page, b));
    await until('bob to say so, too', () =>
      b.said('it has named no network address'), 2 * PATIENCE,
    explain(page, b));
    const since = now();
    lab.connect(place);
    await meet([page, b], [page, b], 2 * PATIENCE);
    t.diagnostic(`met ${(now() - since).toFixed(0)} ms after the address came`);
    await until('the notice to go', () => !told(), PATIENCE, explain(page));
  });
