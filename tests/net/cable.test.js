// SPDX-License-Identifier: LGPL-2.1-or-later

/** The bad cable itself, and connections across it. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { Server } from '../e2e/kit/server.js';
import { now, until } from '../e2e/kit/wait.js';
import { Lab, SERVER, sh, within } from './kit/lab.js';
import { volley } from './kit/volley.js';
import { Watcher } from './kit/watcher.js';

/* The number of datagrams that fit into a socket's buffer, so that none is lost
 * when the reader is late. */
const FIT = 150;

const inOrder = back => back.every(([n], i) => i === 0 || n > back[i - 1][0]);

test('a cable is as bad as its profile, and can change', async t => {
  const lab = new Lab();
  t.after(() => lab.close());
  const { space, cable } = await lab.beyond('ada', 'cellular');
  // 50 ms and 2 % loss each way: 4 % are lost on average, and never 15 %.
  let back = await volley(within(space), SERVER, FIT);
  assert.ok(back.length > 0.85 * FIT && back.length < FIT,
    `${back.length} of ${FIT}`);
  assert.ok(back.every(([, ms]) => ms >= 20));
  const mean = back.reduce((sum, [, ms]) => sum + ms, 0) / back.length;
  assert.ok(mean >= 95, `${mean} ms`);
  assert.ok(inOrder(back), `out of order: ${JSON.stringify(back)}`);

  await cable.become('dead');
  back = await volley(within(space), SERVER, 20);
  assert.equal(back.length, 0);

  await cable.become('clean');
  back = await volley(within(space), SERVER, FIT);
  assert.equal(back.length, FIT);
});

test('a cable takes single figures, a schedule, and notes each packet',
  async t => {
    const lab = new Lab();
    const folder = mkdtempSync(join(tmpdir(), 'mesh-cable-'));
    const log = join(folder, 'packets');
    t.after(() => lab.close());
    t.after(() => rmSync(folder, { recursive: true }));
    const { space, cable } = await lab.beyond('ada', 'clean');
    await cable.become('set up delay_ms=30 loss=0');
    let back = await volley(within(space), SERVER, 20);
    assert.equal(back.length, 20);
    assert.ok(back.every(([, ms]) => ms >= 29), JSON.stringify(back));

    await cable.log(log);
    await cable.become('schedule down 0:60000 1000:1000');
    back = await volley(within(space), SERVER, 20);
    assert.equal(back.length, 0);
    await cable.end();
    const ways = readFileSync(log, 'utf8').trim().split('\n')
      .map(line => Number(line.split(' ')[2]));
    assert.equal(ways.filter(way => way === 0).length, 20);
    assert.equal(ways.filter(way => way === 1).length, 20);
  });

/* The cable alone delays and drops the datagrams, and not the kernel, in which
 * they could wait for an answer to ARP. */
test('what goes first over a cable arrives, and in order', async t => {
  const lab = new Lab();
  t.after(() => lab.close());
  for (let n = 0; n < 5; n++) {
    const { space, address } = await lab.beyond(`far${n}`, 'clean', n);
    let back = await volley(within(space), SERVER, FIT, 0);
    assert.equal(back.length, FIT);
    assert.ok(inOrder(back), `out of order: ${JSON.stringify(back)}`);
    assert.match(sh(`ip neigh show ${address}`), /PERMANENT/);

    // Other members on the bridge ask for the address by ARP, and get it at
    // once.
    const near = lab.open(`near${n}`);
    back = await volley(within(near.space), address, FIT, 0, within(space));
    assert.equal(back.length, FIT);
    assert.ok(inOrder(back), `out of order: ${JSON.stringify(back)}`);
  }
});

const profiles = ['wifi', 'lossy', 'congested', 'cellular', 'moderate',
  'international', 'satellite'];

test('on every kind of link there is a connection', async t => {
  const lab = new Lab();
  const pairs = [];
  const server = new Server(['--listen', `${SERVER}:0`]);
  t.after(async () => {
    await Promise.all(pairs.flat().map(m => m.stop()));
    await server.stop();
    lab.close();
  });
  const near = within(lab.open('near').space);
  for (const [i, profile] of profiles.entries()) {
    const { space } = await lab.beyond(`far${i}`, profile, i);
    const link = await server.link();
    pairs.push([new Watcher('near', link, near),
      new Watcher(profile, link, within(space), [], { stubborn: true })]);
  }
  const began = now();
  const waits = await Promise.all(pairs.map(async ([a, b]) => {
    await until(`${b.name} to be connected`,
      () => a.path(b.name) && b.path(a.name), 120000,
      () => [a.peers, a.output, b.peers, b.output]);
    return now() - began;
  }));
  pairs.forEach(([, b], i) => t.diagnostic(
    `${b.name.padEnd(14)} connected after ${waits[i].toFixed(0)} ms`));
});
