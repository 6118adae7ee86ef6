// SPDX-License-Identifier: LGPL-2.1-or-later

// The page's room decides as the core's does: both give the same actions in the
// same order in the scenarios of tests/vectors/README.md.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {describe, inputs} from './room-script.mjs';
import {plain, readVectors} from './vectors.mjs';
import {Room} from '../../gst/server/web/room.js';

for (const {name, why, config, steps} of readVectors('room').scenarios) {
  test(`room: ${name}: ${why}`, () => {
    const room = new Room(config);
    for (const [i, step] of steps.entries()) {
      inputs[step.in](room, step);
      const actions = room.takeActions()
        .filter(({type}) => type !== 'warning').map(describe);
      assert.deepEqual(plain(actions), step.out,
        `step ${i}, ${step.in} at ${step.at}`);
      assert.ok(room.deadline() > step.at || step.in !== 'tick',
        `step ${i}: nothing is due any more`);
    }
  });
}

test('room: one that nobody speaks to still asks, ever more rarely', () => {
  const room = new Room({id: '1', room: '2', inc: '0'.repeat(16)});
  room.join(0);
  const times = [];
  while (times.length < 7) {
    const at = room.deadline();
    room.tick(at);
    if (room.takeActions().length > 0)
      times.push(at);
  }
  assert.deepEqual(times.map((at, i) => at - (times[i - 1] ?? 0)),
    [500, 500, 1000, 2000, 4000, 8000, 8000]);
});

test('room: a new network ends the wait for the next attempt', () => {
  const id = 'aaaaaaaa-0000-4000-8000-00000000000a';
  const from = 'bbbbbbbb-0000-4000-8000-00000000000b';
  const inc = '0'.repeat(15) + '1';
  const room = new Room({id, inc});
  /** Lets the next attempt fail; returns when it began, or Infinity. */
  const failNext = (now, until) => {
    for (; now <= until; now += 100) {
      room.tick(now);
      const start = room.takeActions().find(({type}) => type === 'start');
      if (start) {
        room.failed(start.peer, start.sid, undefined, now);
        return now;
      }
    }
    return Infinity;
  };
  const see = (now) => room.feed({type: 'state', from, to: id, inc}, now);
  let now = 0;
  room.join(now);
  room.feed({type: 'call', from, to: id, inc, sid: `${inc}-1`}, now);
  for (let i = 0; i < 5; i++) {
    see(now);
    now = failNext(now, now + 60000);
    assert.notEqual(now, Infinity);
  }
  see(now);
  assert.equal(failNext(now, now + 7000), Infinity);
  now += 7000;
  room.hurry(now);
  assert.equal(failNext(now, now), now);
  assert.notEqual(failNext(now, now + 4000), Infinity);
});
