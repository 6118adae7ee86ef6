// SPDX-License-Identifier: LGPL-2.1-or-later

// The STUN and TURN servers that a page uses, and when it asks for them.

import assert from 'node:assert/strict';
import {afterEach, beforeEach, mock, test} from 'node:test';

import {readVectors} from './vectors.mjs';
import {IceServers, parseIceUrl, readIceServers}
  from '../../gst/server/web/ice.js';

const STUN = {urls: 'stun:s.example:3478'};
const TURN = {urls: 'turn:t.example?transport=tcp', username: 'u',
  credential: 'p'};
const ORIGIN = 'https://m.example';

/** @type {{url: string, answer: (body: any) => void,
 *   fail: (error: Error) => void}[]} */
let asked;
const real = globalThis.fetch;

beforeEach(() => {
  asked = [];
  mock.method(console, 'warn', () => {});
  globalThis.fetch = (url) => new Promise((resolve, fail) => asked.push({url,
    fail, answer: (body) => resolve({ok: true, json: async () => body})}));
});

afterEach(() => {
  globalThis.fetch = real;
  mock.restoreAll();
  mock.timers.reset();
});

test('ice: they are asked for once', async () => {
  const ice = new IceServers(ORIGIN);
  assert.deepEqual(ice.current, []);
  const known = ice.refresh(0);
  await ice.refresh(1);
  assert.deepEqual(asked.map(({url}) => url), [`${ORIGIN}/v1/ice`]);
  asked[0].answer({iceServers: [STUN, TURN]});
  await known;
  assert.deepEqual(ice.current, [STUN, TURN]);
  await ice.refresh(1e9);
  assert.equal(asked.length, 1);
});

test('ice: credentials that end are replaced in time', async () => {
  const ice = new IceServers(ORIGIN);
  const first = ice.refresh(0);
  asked[0].answer({iceServers: [TURN], ttl: 3600});
  await first;
  await ice.refresh(1_799_999);
  assert.equal(asked.length, 1);
  const second = ice.refresh(1_800_000);
  asked[1].answer({iceServers: [{...TURN, credential: 'q'}], ttl: 3600});
  await second;
  assert.equal(ice.current[0].credential, 'q');
});

test('ice: what cannot be had keeps nobody out, and is tried again',
  async () => {
    const ice = new IceServers(ORIGIN);
    const first = ice.refresh(0);
    asked[0].fail(new Error('gone'));
    await first;
    assert.deepEqual(ice.current, []);
    await ice.refresh(29_999);
    assert.equal(asked.length, 1);
    const second = ice.refresh(30_000);
    asked[1].answer({iceServers: [STUN]});
    await second;
    assert.deepEqual(ice.current, [STUN]);
  });

test('ice: nobody waits long, and what comes late is used from then on',
  async () => {
    mock.timers.enable({apis: ['setTimeout']});
    const ice = new IceServers(ORIGIN);
    const waiting = ice.refresh(0);
    mock.timers.tick(1500);
    await waiting;
    assert.deepEqual(ice.current, []);
    asked[0].answer({iceServers: [STUN]});
    for (let i = 0; i < 9; i++)
      await null;
    assert.deepEqual(ice.current, [STUN]);
  });

const {taken, refused} = readVectors('ice');

for (const {text, web, user, password} of taken) {
  test(`ice: taken: ${JSON.stringify(text)}`, () => assert.deepEqual(
    parseIceUrl(text), user === undefined ? {urls: web}
      : {urls: web, username: user, credential: password}));
}

for (const {text} of refused) {
  test(`ice: none: ${JSON.stringify(text)}`, () =>
    assert.equal(parseIceUrl(text), null));
}

test('ice: what a browser would throw at is left out', () => {
  for (const answer of [null, 3, {}, {iceServers: {}}, {iceServers: [null, 1,
    {}, {urls: 3}, {urls: 'http://x'}, {urls: 'turn:t'}, {urls: 'stun:x?y'},
    {...TURN, credential: 1}]}])
    assert.deepEqual(readIceServers(answer), []);
  assert.equal(readIceServers({iceServers: Array(20).fill(STUN)}).length, 8);
});
