// SPDX-License-Identifier: LGPL-2.1-or-later

// The client of the envelope: over a reconnect no message is lost or comes
// twice.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {Client} from '../../gst/server/web/client.js';

const room = '5c8fd5c8-2c4c-4d3e-9f0a-1b2c3d4e5f60';
const me = '11111111-1111-4111-8111-111111111111';
const you = '22222222-2222-4222-8222-222222222222';
const token = 'AAECAwQFBgcICQoLDA0ODw';

const makeClient = (random = () => 0.5) =>
  new Client({room, id: me, token, random});
const text = (n) => ({type: 'chat', from: me, to: you, text: `${n}`});
const yours = (seq, n = seq) => JSON.stringify({seq, from: you,
  payload: {type: 'chat', from: you, to: me, text: `${n}`}});
const welcome = (fields = {}) => JSON.stringify({type: 'welcome', id: me, room,
  epoch: 'one', resumed: false, mid: 0, host: me, members: [me], ...fields});

const written = (actions) => actions.filter(({type}) => type === 'write')
  .map((action) => JSON.parse(action.text));
const received = (actions) => actions.filter(({type}) => type === 'message')
  .map(({message}) => message);

function online(client, now = 0, fields = {}) {
  client.start();
  client.tick(now);
  client.opened(now);
  client.feed(welcome(fields), now);
  return client.takeActions();
}

/** Loses the connection and opens the next; returns the hello. */
function reopen(client, now) {
  client.closed(1006, now);
  client.tick(client.deadline());
  client.takeActions();
  client.opened(now);
  return written(client.takeActions())[0];
}

test('client: says hello, and hands the welcome over', () => {
  const actions = online(makeClient());
  assert.equal(actions[0].type, 'connect');
  assert.deepEqual(written(actions),
    [{type: 'hello', v: 1, room, id: me, token}]);
  assert.deepEqual(received(actions), [{type: 'welcome', id: me, room,
    resumed: false, host: me, members: [me]}]);
});

test('client: what was said before the welcome goes out after it', () => {
  const client = makeClient();
  client.send(text(1), 0);
  const [, first] = written(online(client));
  assert.deepEqual(first, {mid: 1, to: you, payload: text(1)});
});

test('client: what was not taken is said again, in order', () => {
  const client = makeClient();
  online(client);
  for (let n = 1; n <= 4; n++)
    client.send(text(n), 0);
  client.feed('{"mid":1}', 0);
  reopen(client, 10);
  client.feed(welcome({resumed: true, mid: 2}), 20);
  assert.deepEqual(written(client.takeActions()).map(({mid}) => mid), [3, 4]);
  client.send(text(5), 20);
  assert.equal(written(client.takeActions())[0].mid, 5);
});

test('client: a server that forgot everything gets the old numbers', () => {
  const client = makeClient();
  online(client);
  client.send(text(1), 0);
  client.feed('{"mid":1}', 0);
  client.send(text(2), 0);
  reopen(client, 10);
  client.feed(welcome({epoch: 'two', mid: 0}), 20);
  const actions = client.takeActions();
  assert.deepEqual(written(actions).map(({mid}) => mid), [2]);
  client.feed(yours(1), 30);
  assert.equal(received(client.takeActions()).length, 1);
});

test('client: resumes at its cursor, and takes nothing twice', () => {
  const client = makeClient();
  online(client);
  client.feed(yours(1), 0);
  client.feed(yours(2), 0);
  client.takeActions();
  const hello = reopen(client, 10);
  assert.equal(hello.epoch, 'one');
  assert.equal(hello.after, 2);
  client.feed(welcome({resumed: true}), 20);
  client.takeActions();
  client.feed(yours(2), 20);
  client.feed(yours(3), 20);
  assert.deepEqual(received(client.takeActions()).map((m) => m.text), ['3']);
});

test('client: acknowledges together, and soon', () => {
  const client = makeClient();
  online(client);
  client.feed(yours(1), 100);
  client.feed(yours(2), 150);
  assert.deepEqual(written(client.takeActions()), []);
  assert.equal(client.deadline(), 300);
  client.tick(300);
  assert.deepEqual(written(client.takeActions()), [{ack: 2}]);
  for (let seq = 3; seq < 40; seq++)
    client.feed(yours(seq), 301);
  assert.deepEqual(written(client.takeActions()), [{ack: 34}]);
});

test('client: a message under another name is dropped', () => {
  const client = makeClient();
  online(client);
  client.feed(JSON.stringify({seq: 1, from: you,
    payload: {type: 'chat', from: me, text: 'x'}}), 0);
  const actions = client.takeActions();
  assert.deepEqual(received(actions), []);
  assert.equal(actions[0].type, 'warning');
});

test('client: what the server says of the room is handed over', () => {
  const client = makeClient();
  online(client);
  client.feed(JSON.stringify({seq: 1, event: {type: 'joined', id: you}}), 0);
  client.feed(JSON.stringify({seq: 2,
    event: {type: 'undeliverable', to: you, reason: 'gone'}}), 0);
  client.feed(JSON.stringify({seq: 3, event: {type: 'of the future'}}), 0);
  assert.deepEqual(received(client.takeActions()).map(({type}) => type),
    ['joined', 'undeliverable']);
});

test('client: pings, and takes silence for the end', () => {
  const client = makeClient();
  online(client, 1000);
  assert.equal(client.deadline(), 5000);
  client.tick(5000);
  assert.deepEqual(written(client.takeActions()), [{type: 'ping'}]);
  client.feed('{"type":"pong"}', 5001);
  client.tick(9000);
  client.takeActions();
  client.tick(13001);
  const actions = client.takeActions();
  assert.equal(actions[0].type, 'close');
  assert.deepEqual(received(actions), [{type: 'offline'}]);
  client.tick(client.deadline());
  assert.equal(client.takeActions()[0].type, 'connect');
});

test('client: a connection that never opens is given up', () => {
  const client = makeClient();
  client.start();
  client.tick(0);
  assert.equal(client.deadline(), 8000);
  client.tick(8000);
  assert.deepEqual(client.takeActions().map(({type}) => type),
    ['connect', 'close', 'lost']);
});

test('client: waits longer each time, until it was online for a while', () => {
  const client = makeClient(() => 0.999999);
  client.start();
  const waits = [];
  let now = 0;
  for (let i = 0; i < 7; i++) {
    client.tick(now);
    client.closed(1006, now);
    waits.push(Math.round(client.deadline() - now));
    now = client.deadline();
  }
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 4000, 4000]);
  client.tick(now);
  client.opened(now);
  client.feed(welcome(), now);
  client.closed(1001, now);
  assert.equal(Math.round(client.deadline() - now), 4000);
  now = client.deadline();
  client.tick(now);
  client.opened(now);
  client.feed(welcome(), now);
  client.closed(1001, now + 5000);
  assert.equal(Math.round(client.deadline() - now - 5000), 250);
});

test('client: does not wait when the network is back', () => {
  const client = makeClient();
  online(client);
  client.closed(1006, 0);
  client.takeActions();
  client.hurry();
  assert.ok(client.deadline() <= 0);
  client.tick(0);
  assert.equal(client.takeActions()[0].type, 'connect');
});

for (const code of ['bad-message', 'refused', 'replaced', 'room-full',
  'too-many-rooms', 'too-big']) {
  test(`client: ${code} is the end`, () => {
    const client = makeClient();
    online(client);
    client.feed(JSON.stringify({type: 'error', code, message: 'why'}), 0);
    const actions = client.takeActions();
    assert.deepEqual(actions.at(-1), {type: 'failed', code, text: 'why'});
    assert.equal(client.deadline(), Infinity);
    assert.equal(client.send(text(1), 0), false);
  });
}

const idTaken = JSON.stringify({type: 'error', code: 'id-taken', message: ''});

/** Opens the next connection, which says hello again. */
function askAgain(client) {
  const now = client.deadline();
  client.tick(now);
  client.opened(now);
  client.takeActions();
  return now;
}

test('client: an owner that lives keeps the id', () => {
  const client = makeClient();
  client.start();
  let now = 0;
  let tries = 0;
  client.tick(now);
  client.opened(now);
  client.takeActions();
  for (;; tries++) {
    client.feed(idTaken, now);
    if (client.deadline() === Infinity)
      break;
    const types = client.takeActions().map(({type}) => type);
    assert.deepEqual(types, tries === 0 ? ['close', 'warning', 'lost']
      : ['close', 'lost']);
    assert.equal(client.deadline(), now + 1000);
    now = askAgain(client);
  }
  assert.equal(tries, 16);
  assert.equal(client.takeActions().at(-1).code, 'id-taken');
});

test('client: the id is had when the lease of a former life ends', () => {
  const client = makeClient();
  client.start();
  client.tick(0);
  client.opened(0);
  client.feed(idTaken, 0);
  client.feed(welcome(), askAgain(client));
  assert.ok(client.isOnline);
});

for (const code of ['too-fast', 'hello-timeout', 'slow', 'going-away', 'new']) {
  test(`client: ${code} is not the end`, () => {
    const client = makeClient();
    online(client);
    client.feed(JSON.stringify({type: 'error', code, message: ''}), 0);
    client.takeActions();
    client.tick(client.deadline());
    assert.equal(client.takeActions()[0].type, 'connect');
  });
}

test('client: a close code alone tells the same', () => {
  const client = makeClient();
  online(client);
  client.closed(4409, 0);
  assert.equal(client.takeActions().at(-1).code, 'replaced');
});

test('client: leaving says bye and ends', () => {
  const client = makeClient();
  online(client);
  client.leave(0);
  const actions = client.takeActions();
  assert.deepEqual(written(actions), [{type: 'bye'}]);
  assert.equal(actions.at(-1).type, 'finish');
  client.closed(1000, 0);
  assert.deepEqual(client.takeActions(), []);
});

test('client: junk from the server is a warning', () => {
  const client = makeClient();
  online(client);
  for (const junk of ['', '[]', 'x', '{"seq":-1}', '{"seq":"1"}', '{"seq":1}',
    '['.repeat(60000), '{"mid":1e99}', '{"type":"welcome"}'])
    client.feed(junk, 0);
  assert.deepEqual(received(client.takeActions()), []);
  client.feed(yours(2), 0);
  assert.equal(received(client.takeActions()).length, 1);
});

test('client: does not hoard without end', () => {
  const client = makeClient();
  let n = 0;
  while (client.send(text(n), 0))
    n++;
  assert.equal(n, 4096);
  assert.equal(client.send({...text(1), text: 'x'.repeat(70000)}, 0), false);
});
