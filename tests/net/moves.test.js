// SPDX-License-Identifier: LGPL-2.1-or-later

/** Members whose network changes, goes away, or comes back. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { looks } from '../e2e/kit/media.js';
import { party } from '../e2e/kit/pipeline.js';
import { Server } from '../e2e/kit/server.js';
import { now, pause, until } from '../e2e/kit/wait.js';
import { Lab, PUBLIC, SERVER, sh, skip, within } from './kit/lab.js';

const [red, green, blue] = looks;

/** A laboratory with a server, a room's link, and parties by name. */
async function open(t, args = []) {
  const lab = new Lab();
  const parties = [];
  const server = new Server(['--listen', `${SERVER}:0`, ...args]);
  t.after(async () => {
    await Promise.all(parties.map(p => p.stop('SIGKILL')));
    await server.stop();
    lab.close();
  });
  const link = await server.link();
  const join = (name, look, place, room = []) => {
    const p = party({ name, look, link, room, fps: 15,
      within: within(place.space) });
    parties.push(p);
    return p;
  };
  return { lab, server, link, join };
}

const explain = (...all) => () => all.map(p => [p.summary(),
  p.output.split('\n').slice(-15)]);

async function meet(a, look, timeout = 20000) {
  await until(`${look.colour} to be met`, () => a.meets(look), timeout,
    explain(a));
}

/** How long after `since` a look was seen and heard again, in ms. */
async function back(p, look, since, timeout) {
  return until(`${look.colour} to be back`, () => {
    for (const s of p.sights.values()) {
      if (s.colour === look.colour && !s.gone && s.video.t > since &&
          s.audio?.t > since)
        return Math.max(s.video.t, s.audio.t) - since;
    }
    return 0;
  }, timeout, explain(p));
}

const count = (p, name) => p.messages.filter(m => m.name === name).length;

/** That nobody was taken for somebody else meanwhile. */
function assertSamePads(p, peers) {
  assert.equal(p.sights.size, peers);
  assert.ok([...p.sights.values()].every(s => !s.gone), 'a pad is gone');
  assert.equal(count(p, 'meshroom-peer-removed'), 0);
  assert.equal(count(p, 'meshroom-peer-added'), peers);
}

test('an address is taken away and another given', { skip }, async t => {
  const { lab, join } = await open(t);
  const here = lab.open('ada');
  const a = join('ada', red, here);
  const b = join('bob', green, lab.open('bob'));
  await meet(a, green);
  await meet(b, red);
  const moved = now();
  sh(`ip -n ada addr del ${here.address}/24 dev eth0
    ip -n ada addr add ${PUBLIC}.200/24 dev eth0
    ip -n ada route add default via ${SERVER}`);
  // What was under way before arrives within a moment.
  const since = moved + 300;
  for (const [who, p, look] of [['ada', a, green], ['bob', b, red]]) {
    const after = await back(p, look, since, 20000) + since - moved;
    t.diagnostic(`${who} sees and hears again after ${after.toFixed(0)} ms`);
    assert.ok(after < 8000);
    assertSamePads(p, 1);
  }
});

test('a link is out for 30 s', { skip }, async t => {
  const { lab, join } = await open(t);
  const silent = lab.open('ada');
  const unplugged = lab.open('cleo');
  const parties = [['ada', red, silent], ['bob', green, lab.open('bob')],
    ['cleo', blue, unplugged]].map(([name, look, place]) =>
    ({ name, look, p: join(name, look, place) }));
  const pairs = parties.flatMap(a => parties.filter(b => a !== b)
    .map(b => [a, b]));
  for (const [a, b] of pairs)
    await meet(a.p, b.look);
  // One that the machine cannot see, and one that it can.
  sh(`bridge link set dev ${silent.port} state 0
    ip link set ${unplugged.port} down`);
  await pause(30000);
  sh(`bridge link set dev ${silent.port} state 3
    ip link set ${unplugged.port} up`);
  const since = now();
  const waits = await Promise.all(pairs.map(async ([a, b]) =>
    [a.name, b.name, await back(a.p, b.look, since, 30000)]));
  for (const [a, b, after] of waits)
    t.diagnostic(`${a} sees and hears ${b} after ${after.toFixed(0)} ms`);
  for (const [a, b, after] of waits)
    assert.ok(after < 5000, `${a} sees ${b} after ${after} ms`);
});
