// SPDX-License-Identifier: LGPL-2.1-or-later

// Which STUN and TURN servers are reported when a connection gets no candidates
// of them.

import assert from 'node:assert/strict';
import {mock, test} from 'node:test';

import {watchServers} from '../../gst/server/web/ice-report.js';
import {IceServers} from '../../gst/server/web/ice.js';

const TURN = 'turn:t.example:3478';

/** Plays events of gathering to watchServers(), and returns its reports. */
function gather(...events) {
  const pc = Object.assign(new EventTarget(), {iceGatheringState: 'gathering'});
  /** @type {[string, string][]} */
  const told = [];
  watchServers(/** @type {any} */ (pc), (...what) => told.push(what));
  for (const [name, fields] of events)
    pc.dispatchEvent(Object.assign(new Event(name), fields));
  assert.ok(told.every(([, why]) => !why.includes('not reached')));
  pc.iceGatheringState = 'complete';
  pc.dispatchEvent(new Event('icegatheringstatechange'));
  pc.dispatchEvent(new Event('icegatheringstatechange'));
  return told;
}

const error = (errorCode, url = TURN, errorText = '') =>
  ['icecandidateerror', {url, errorCode, errorText}];
const candidate = (url) => ['icecandidate', {candidate: {url}}];

test('ice report: a server without an answer is told, once', () => {
  assert.deepEqual(gather(error(701), error(701)),
    [[TURN, 'it is not reached, or does not answer']]);
});

test('ice report: an answer says more than none from another address', () => {
  for (const errors of [[error(701), error(401)], [error(401), error(701)]]) {
    assert.deepEqual(gather(...errors),
      [[TURN, 'it rejects the user and password']]);
  }
});

test('ice report: one that gave a candidate serves, whatever else', () => {
  assert.deepEqual(gather(error(701), candidate(TURN), error(701)), []);
  assert.deepEqual(gather(error(701), ['icecandidate',
    {candidate: {}, url: TURN}]), []);
});

test('ice report: gathering that has no end is not waited for', () => {
  mock.timers.enable({apis: ['setTimeout']});
  const pc = Object.assign(new EventTarget(), {iceGatheringState: 'gathering'});
  const told = [];
  watchServers(/** @type {any} */ (pc), (url) => told.push(url));
  const [name, fields] = error(701);
  pc.dispatchEvent(Object.assign(new Event(name), fields));
  mock.timers.tick(9999);
  assert.deepEqual(told, []);
  mock.timers.tick(1);
  assert.deepEqual(told, [TURN]);
  mock.timers.reset();
});

test('ice report: each server is told of by itself', () => {
  assert.deepEqual(gather(error(486), error(300, 'turn:o', 'Try Alternate'),
    candidate('stun:s'), ['icecandidate', {candidate: null}]),
  [[TURN, 'the user has as many relayed connections as it allows'],
    ['turn:o', 'it refuses (error 300: Try Alternate)']]);
});

test('ice report: nothing is told where nothing is wrong', () => {
  assert.deepEqual(gather(candidate(undefined), error(701, '')), []);
});

test('ice report: a person is told in one sentence a server', () => {
  const warn = mock.method(console, 'warn', () => {});
  const ice = new IceServers('https://m.example');
  assert.equal(ice.trouble, '');
  ice.blame(TURN, 'it is gone');
  ice.blame(TURN, 'it is gone');
  ice.blame('stun:s', 'it is not reached');
  assert.equal(ice.trouble, `TURN server ${TURN}: it is gone. `
    + 'STUN server stun:s: it is not reached.');
  assert.equal(warn.mock.callCount(), 2);
  warn.mock.restore();
});
