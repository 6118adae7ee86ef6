// SPDX-License-Identifier: LGPL-2.1-or-later

// Sealing: a sealed message opens only where it should, by the cases of
// tests/vectors/seal.json, which the C library runs too; and the bounds.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {plain, readVectors} from './vectors.mjs';
import {base64urlDecode} from '../../gst/server/web/ids.js';
import {readMessage, writeMessage} from '../../gst/server/web/message.js';
import {Sealer} from '../../gst/server/web/seal.js';

const makeSealer = ({key, room, id, inc}) =>
  Sealer.create(base64urlDecode(key), room, id, inc);

async function runStep(sealer, step) {
  if (step.renew) {
    sealer.renew(step.renew);
  } else if (step.seal) {
    const wire = writeMessage(readMessage(step.seal));
    assert.deepEqual(plain(await sealer.seal(wire)), step.sealed);
  } else if (step.refused) {
    await assert.rejects(async () => sealer.open(readMessage(step.open)),
      Error, step.refused);
  } else {
    const message = await sealer.open(readMessage(step.open));
    assert.deepEqual(plain(writeMessage(message)), step.message);
    assert.equal(message.newest, step.newest ?? step.message.newest);
  }
}

for (const {name, sealers, steps} of readVectors('seal').cases) {
  test(`sealing: ${name}`, async () => {
    const bySealer = {};
    for (const [owner, fields] of Object.entries(sealers))
      bySealer[owner] = await makeSealer(fields);
    for (const step of steps)
      await runStep(bySealer[step.by], step);
  });
}

const key = 'AAECAwQFBgcICQoLDA0ODw';
const room = '5c8fd5c8-2c4c-4d3e-9f0a-1b2c3d4e5f60';
const inc = '0199a3b0c1d20001';
const peer = (n) =>
  `${n.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`;
const call = (from, to) =>
  ({type: 'call', from: peer(from), to: peer(to), inc, sid: `${inc}-1`});

test('sealing: a number never repeats, also to one forgotten', async () => {
  const sealer = await makeSealer({key, room, id: peer(0), inc});
  let last = 0;
  for (let round = 0; round < 3; round++) {
    const {n} = await sealer.seal(call(0, 1));
    assert.ok(n > last);
    last = n;
    await Promise.all(Array.from({length: 600},
      (_, other) => sealer.seal(call(0, other + 2))));
  }
});

test('sealing: a crowd does not displace a member', async () => {
  const ours = await makeSealer({key, room, id: peer(0), inc});
  const member = await makeSealer({key, room, id: peer(1), inc});
  const recorded = readMessage(await member.seal(call(1, 0)));
  await ours.open(recorded);
  for (let other = 2; other < 600; other++) {
    const stranger = await makeSealer({key, room, id: peer(other), inc});
    await ours.open(readMessage(await stranger.seal(call(other, 0))));
    await ours.open(readMessage(await member.seal(call(1, 0))));
    await assert.rejects(ours.open(recorded));
  }
});

test('sealing: the same message twice at once opens once', async () => {
  const ours = await makeSealer({key, room, id: peer(0), inc});
  const member = await makeSealer({key, room, id: peer(1), inc});
  const sealed = readMessage(await member.seal(call(1, 0)));
  const results = await Promise.allSettled(
    [ours.open(sealed), ours.open(sealed)]);
  assert.deepEqual(results.map(({status}) => status),
    ['fulfilled', 'rejected']);
});
