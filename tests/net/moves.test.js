// SPDX-License-Identifier: LGPL-2.1-or-later

/** Members whose network changes, goes away, or comes back. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { looks } from '../e2e/kit/media.js';
import { now, pause, until } from '../e2e/kit/wait.js';
import { CallLab, PATIENCE, explain, meet } from './kit/call.js';
import { PUBLIC, SERVER, sh } from './kit/lab.js';

const [red, green, blue] = looks;

/** Returns how many ms after `since` a look was seen and heard again. */
async function back(p, look, since) {
  return until(`${look.colour} to be back`, () => {
    for (const s of p.sights.values()) {
      if (s.colour === look.colour && !s.gone && s.video.t > since &&
          s.audio?.t > since)
        return Math.max(s.video.t, s.audio.t) - since;
    }
    return 0;
  }, PATIENCE, explain(p));
}

const count = (p, name) => p.messages.filter(m => m.name === name).length;

/** Asserts that the members still have the same pads. */
function assertSamePads(p, peers) {
  assert.equal(p.sights.size, peers);
  assert.ok([...p.sights.values()].every(s => !s.gone), 'a pad is gone');
  assert.equal(count(p, 'meshroom-peer-removed'), 0);
  assert.equal(count(p, 'meshroom-peer-added'), peers);
}

test('an address is taken away and another given', async t => {
  const lab = await CallLab.open(t);
  const here = lab.open('ada');
  const a = lab.join('ada', red, here);
  const b = lab.join('bob', green, lab.open('bob'));
  await meet([a, b], [a, b]);
  const moved = now();
  sh(`ip -n ada addr del ${here.address}/24 dev eth0
    ip -n ada addr add ${PUBLIC}.200/24 dev eth0
    ip -n ada route add default via ${SERVER}`);
  // Packets that were sent before the move arrive within this time.
  const since = moved + 300;
  for (const [p, other] of [[a, b], [b, a]]) {
    const after = await back(p, other.look, since) + since - moved;
    t.diagnostic(`${p.name} sees and hears again after ${
      after.toFixed(0)} ms`);
    assertSamePads(p, 1);
  }
});

test('a link is out for 30 s', async t => {
  const lab = await CallLab.open(t);
  const silent = lab.open('ada');
  const unplugged = lab.open('cleo');
  const all = [lab.join('ada', red, silent),
    lab.join('bob', green, lab.open('bob')),
    lab.join('cleo', blue, unplugged)];
  await meet(all, all);
  // The machine cannot see the first outage, but it sees the second one.
  sh(`bridge link set dev ${silent.port} state 0
    ip link set ${unplugged.port} down`);
  await pause(30000);
  sh(`bridge link set dev ${silent.port} state 3
    ip link set ${unplugged.port} up`);
  const since = now();
  const waits = await Promise.all(all.flatMap(a => all.filter(b => a !== b)
    .map(async b => [a.name, b.name, await back(a, b.look, since)])));
  for (const [a, b, after] of waits)
    t.diagnostic(`${a} sees and hears ${b} after ${after.toFixed(0)} ms`);
});
