// SPDX-License-Identifier: LGPL-2.1-or-later

/** The host is killed, and so is the server: the room goes on. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { looks } from '../e2e/kit/media.js';
import { Control } from '../e2e/kit/pipeline.js';
import { now, pause, until } from '../e2e/kit/wait.js';
import { CallLab, PATIENCE, explain, meet } from './kit/call.js';
import { skip } from './kit/lab.js';

/** Few frames, so that five parties are no load; one that is later than this
 *  was late: one of 10 a second, another one, and the jitterbuffer's 80 ms. */
const FPS = 10;
const LATE_MS = 280;
const names = ['ada', 'bob', 'cleo', 'dora', 'emil', 'fred'];

/** How many frames of everybody else somebody has had, by name. */
const frames = (a, all) => all.filter(b => a !== b).map(b =>
  [...a.sights.values()].find(s => s.colour === b.look.colour && !s.gone)
    .video.frames);

/** Joins, and gives how long it took to meet everybody. */
async function arrive(lab, name, look, place, others) {
  const began = now();
  const p = lab.join(name, look, place, { fps: FPS });
  await meet([p], others);
  const took = now() - began;
  await meet(others, [p]);
  return [p, took];
}

test('the room outlives its host, and its server', { skip }, async t => {
  const lab = await CallLab.open(t);
  const place = lab.open('all');
  const [host, ...four] = names.slice(0, 5).map((name, i) =>
    lab.join(name, looks[i], place, { fps: FPS }));
  await meet([host, ...four], [host, ...four]);

  await host.stop('SIGKILL');
  const [fred, joined] = await arrive(lab, 'fred', looks[5], place, four);
  t.diagnostic(`without the host a newcomer met four after ${
    joined.toFixed(0)} ms`);
  const five = [...four, fred];
  await until('the host to be gone everywhere',
    () => five.every(p => p.faces === 4), PATIENCE, explain(...five));

  const control = new Control();
  t.after(() => control.stop());
  five.forEach(p => p.mark());
  const began = now();
  const before = five.map(p => frames(p, five));
  await lab.killServer();
  await pause(10000);
  await lab.restartServer();
  // Long enough for everybody to be connected to it again.
  await pause(4000);
  const excuse = control.excuse();
  const worst = Math.max(...five.flatMap(a => five.filter(b => a !== b)
    .map(b => a.pauses(b.look).video)));
  const wanted = FPS * (now() - began) / 1000;
  const fewest = Math.min(...five.flatMap((p, i) => frames(p, five)
    .map((n, j) => n - before[i][j]))) / wanted;
  const [, again] = await arrive(lab, 'ada', looks[0], place, five);
  t.diagnostic(`after the server's return a newcomer met five after ${
    again.toFixed(0)} ms`);
  t.diagnostic(`the latest frame of the five came after ${worst} ms`);
  t.diagnostic(`of each one's frames at least ${
    Math.round(100 * fewest)} % came`);
  for (const p of five) {
    assert.ok([...p.sights.values()].filter(s => !s.gone).length === 5);
    // The host of before, and nobody else.
    assert.equal(p.messages.filter(m => m.name === 'meshroom-peer-removed')
      .length, p === fred ? 0 : 1);
  }
  if (excuse) {
    t.skip(excuse);
    return;
  }
  assert.ok(fewest > 0.95, `${fewest} of the frames`);
  assert.ok(worst <= LATE_MS, `a frame came after ${worst} ms`);
  assert.ok(again < 5000, `${again} ms`);
});
