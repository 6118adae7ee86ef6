// SPDX-License-Identifier: LGPL-2.1-or-later

/** A picture on a link that gets worse, and better again. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { PipelineEnd, SIZE, pipelineSource } from '../bench/clock-ends.js';
import { Server } from '../e2e/kit/server.js';
import { until } from '../e2e/kit/wait.js';
import { Lab, SERVER, within } from './kit/lab.js';

const PATIENCE = 120000;
const QUEUE_MS = 300;

/** How many whole frames of @height came since the first @from frames. */
const count = (end, height, from = 0) => end.frames.slice(from)
  .filter(([, value, , h]) => value >= 0 && h === height).length;

test('a picture becomes small on a slow link, goes on, and is whole again',
  async t => {
    const lab = new Lab();
    const server = new Server(['--listen', `${SERVER}:0`]);
    const ends = [];
    t.after(async () => {
      await Promise.all(ends.map(end => end.stop()));
      await server.stop();
      lab.close();
    });
    const there = lab.open('receiver');
    const { space, cable } = await lab.beyond('sender', 'clean');
    const become = kbit =>
      cable.shape({ rtt: 20, kbit, queueMs: QUEUE_MS });
    const link = await server.link();
    await become(4000);
    const receiver = new PipelineEnd('receiver', link, within(there.space));
    ends.push(receiver);
    const sender = new PipelineEnd('sender', link, within(space),
      pipelineSource());
    ends.push(sender);
    const see = (what, seen) => until(what, seen, PATIENCE, () => [
      receiver.frames.slice(-5), receiver.output, sender.output]);

    await see('the full size', () => count(receiver, SIZE.height) > 30);
    await become(300);
    let from = receiver.frames.length;
    await see('a small picture that goes on', () =>
      receiver.frames.slice(from).filter(([, value, , h]) =>
        value >= 0 && h < SIZE.height).length > 60);
    await become(4000);
    from = receiver.frames.length;
    await see('the full size once more', () =>
      count(receiver, SIZE.height, from) > 30);
    assert.deepEqual(receiver.frames.filter(([, value]) => value < 0), [],
      'no frame is smeared');
  });
