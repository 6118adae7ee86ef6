// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Connections through gateways: which kinds of networks connect, and by which
 * path. One room with two members in each kind tests all pairs at once.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Server } from '../e2e/kit/server.js';
import { until } from '../e2e/kit/wait.js';
import { Lab, SERVER, within } from './kit/lab.js';
import { isDirect, networks } from './kit/nat.js';
import { Turn, hasTurn } from './kit/turn.js';
import { Watcher } from './kit/watcher.js';

/** The pairs of kinds, each once. */
const cells = networks.flatMap((a, i) => networks.slice(i).map(b => [a, b]));

/** Joins two members of each kind, called `KIND 1` and `KIND 2`, to one room.
 *  @param tell the server's options for the TURN server
 *  @param options the members' own properties */
async function gather(t, tell, options) {
  const lab = new Lab();
  const turn = new Turn(SERVER);
  const server = new Server(['--listen', `${SERVER}:0`, ...tell(turn)]);
  const members = new Map();
  t.after(async () => {
    await Promise.all([...members.values()].map(m => m.stop()));
    await server.stop();
    turn.stop();
    lab.close();
  });
  await turn.ready();
  const link = await server.link();
  networks.forEach((kind, i) => {
    for (const n of [1, 2]) {
      const place = lab.place(`n${i}${n}`, kind);
      members.set(`${kind} ${n}`, new Watcher(`${kind} ${n}`, link,
        within(place.space), options(turn)));
    }
  });
  return members;
}

/** The path between the two members of a cell, as both see it, or null. */
function pathOf(members, [a, b]) {
  const one = members.get(`${a} 1`), two = members.get(`${b} 2`);
  const paths = [one.path(two.name), two.path(one.name)];
  if (!paths.every(p => p))
    return null;
  return paths.includes('relay') ? 'TURN' : 'direct';
}

function drawTable(t, members) {
  const width = Math.max(...networks.map(n => n.length)) + 2;
  t.diagnostic([''.padEnd(width), ...networks.map(n => n.padEnd(width))]
    .join(''));
  networks.forEach((a, i) => {
    t.diagnostic([a.padEnd(width), ...networks.map((b, j) =>
      (j < i ? '' : pathOf(members, [a, b]) ?? '-').padEnd(width))].join(''));
  });
}

const report = members => [...members.values()].map(m =>
  [m.name, m.peers.map(p => `${p.name}: ${p.state} ${p.path}`),
    m.output.slice(-300)]);

test('with the server\'s TURN servers everybody reaches everybody',
  { skip: !hasTurn && 'coturn is not installed' }, async t => {
    const members = await gather(t, turn => turn.serverOptions, () => []);
    try {
      await until('everybody to be connected', () =>
        cells.every(cell => pathOf(members, cell)), 120000,
      () => report(members));
    } finally {
      drawTable(t, members);
    }
    for (const cell of cells) {
      if (!isDirect(...cell))
        assert.equal(pathOf(members, cell), 'TURN', cell.join(' and '));
    }
  });

test('without one those do whose gateways let them',
  { skip: !hasTurn && 'coturn is not installed' }, async t => {
    const members = await gather(t, () => [],
      turn => [`stun-server=${turn.stun}`]);
    const direct = cells.filter(cell => isDirect(...cell));
    try {
      await until('those to be connected', () =>
        direct.every(cell => pathOf(members, cell)), 120000,
      () => report(members));
    } finally {
      drawTable(t, members);
    }
    for (const cell of cells)
      assert.notEqual(pathOf(members, cell), 'TURN');
  });
