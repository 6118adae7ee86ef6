// SPDX-License-Identifier: LGPL-2.1-or-later

/** Sound and picture of a pipeline, as they come out of another one. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Server } from '../e2e/kit/server.js';
import { until } from '../e2e/kit/wait.js';
import { Beacon } from './kit/beacon.js';
import { Lab, SERVER, within } from './kit/lab.js';

/** By how much sound and picture may be apart, in ms. */
const TOGETHER = 45;

const median = values => values.slice().sort((a, b) => a - b)
  .at(values.length / 2);

/** Waits for as many beeps, across a cable of a shape. */
async function watch(t, name, shape, beeps) {
  const lab = new Lab();
  const server = new Server(['--listen', `${SERVER}:0`]);
  const members = [];
  t.after(async () => {
    await Promise.all(members.map(m => m.stop()));
    await server.stop();
    lab.close();
  });
  const near = lab.open('near');
  const { space, cable } = await lab.beyond('far', 'clean');
  await cable.shape(shape);
  const link = await server.link();
  const receiver = new Beacon('receive', link, within(near.space));
  const sender = new Beacon('send', link, within(space));
  members.push(receiver, sender);
  await until(`${beeps} flashes with their beeps`,
    () => receiver.offsets().length >= beeps, 120000,
    () => [receiver.lines.slice(-5), receiver.output, sender.output]);
  const stats = receiver.all('stats').at(-1);
  t.diagnostic(`${name}: sound ${median(receiver.offsets()).toFixed(0)} ms ` +
    `after the picture, delay ${stats.delay} ms, frozen ${stats.frozen} ms ` +
    `of ${beeps} s`);
  return receiver;
}

const cables = {
  'a local network': { rtt: 1 },
  'a long way': { rtt: 150 },
  'bursts of losses': { rtt: 100, loss: 0.05, burst: 4 },
};

for (const [name, shape] of Object.entries(cables)) {
  test(`sound and picture stay together over ${name}`, async t => {
    const receiver = await watch(t, name, shape, 12);
    const offset = median(receiver.offsets());
    assert.ok(Math.abs(offset) <= TOGETHER, `${receiver.offsets()}`);
    assert.deepEqual(receiver.all('jump'), [],
      'the samples of sound have no gap');
  });
}
