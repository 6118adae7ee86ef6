// SPDX-License-Identifier: LGPL-2.1-or-later

/** The host is killed, and so is the server: the room goes on. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { looks } from '../e2e/kit/media.js';
import { assertUndisturbed } from '../e2e/kit/steady.js';
import { now, pause, until } from '../e2e/kit/wait.js';
import { CallLab, PATIENCE, explain, meet } from './kit/call.js';

/** Few and small frames, so that five parties are no load. */
const FPS = 10;
const cheap = { fps: FPS, size: [160, 120] };
const OUTAGE_MS = 10000;
const names = ['ada', 'bob', 'cleo', 'dora', 'emil', 'fred'];

/** Joins, and returns the time until everybody was met. */
async function arrive(lab, name, look, place, others) {
  const began = now();
  const p = lab.join(name, look, place, cheap);
  await meet([p], others);
  const took = now() - began;
  await meet(others, [p]);
  return [p, took];
}

test('the room outlives its host, and its server', async t => {
  const lab = await CallLab.open(t);
  const place = lab.open('all');
  const [host, ...four] = names.slice(0, 5).map((name, i) =>
    lab.join(name, looks[i], place, cheap));
  await meet([host, ...four], [host, ...four]);

  await host.stop('SIGKILL');
  const [fred, joined] = await arrive(lab, 'fred', looks[5], place, four);
  t.diagnostic(`without the host a newcomer met four after ${
    joined.toFixed(0)} ms`);
  const five = [...four, fred];
  await until('the host to be gone everywhere',
    () => five.every(p => p.faces === 4), PATIENCE, explain(...five));

  let again;
  await assertUndisturbed(five, FPS, async () => {
    await lab.killServer();
    await pause(OUTAGE_MS);
    await lab.restartServer();
    // The newcomer meets everybody, since all have come back to the room.
    [, again] = await arrive(lab, 'ada', looks[0], place, five);
  });
  t.diagnostic(`after the server's return a newcomer met five after ${
    again.toFixed(0)} ms`);
  for (const p of five) {
    assert.ok([...p.sights.values()].filter(s => !s.gone).length === 5);
    // Only the former host is gone.
    assert.equal(p.messages.filter(m => m.name === 'meshroom-peer-removed')
      .length, p === fred ? 0 : 1);
  }
});
