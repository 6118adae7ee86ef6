// SPDX-License-Identifier: LGPL-2.1-or-later

// The page's transports with a real server: each frame arrives once and in
// order, through proxies that let no WebSocket through or cut connections.

import assert from 'node:assert/strict';
import {after, afterEach, before, test} from 'node:test';

import {PollTransport, joinBatch, splitBatch}
  from '../../gst/server/web/poll.js';
import {Route, Transport} from '../../gst/server/web/transport.js';
import {skip, startServer} from './window.mjs';

const {Proxy} = await import('../e2e/kit/proxy.js').catch(() => ({}));
const room = '5c8fd5c8-2c4c-4d3e-9f0a-1b2c3d4e5f60';
const me = '11111111-1111-4111-8111-111111111111';
const you = '22222222-2222-4222-8222-222222222222';
const tokens = {[me]: 'AAECAwQFBgcICQoLDA0ODw',
  [you]: 'BBECAwQFBgcICQoLDA0ODw'};

let server;
let members = [];

before(async () => {
  if (skip)
    return;
  const {default: NodeSocket} = await import('ws');
  globalThis.WebSocket = class extends NodeSocket {
    constructor(url) {
      super(url);
      this.on('error', () => {});       /* which a browser does not throw */
    }
  };
  server = await startServer();
});

after(() => server?.stop());

/* The members of a test that failed would try to connect for ever. */
afterEach(() => {
  members.forEach(({transport}) => transport.close(false));
  members = [];
});

/** A member at the server, which holds a transport and no room. */
class Member {
  frames = [];
  heard = 0;
  opened = 0;
  closed = [];
  #waiting = [];

  constructor(id, make) {
    this.id = id;
    members.push(this);
    const tell = (note) => (...args) => {
      note(...args);
      this.#waiting = this.#waiting.filter((ask) => !ask());
    };
    this.transport = make({
      opened: tell(() => {
        this.opened++;
        this.transport.send(JSON.stringify({type: 'hello', v: 1, room, id,
          token: tokens[id]}));
      }),
      frame: tell((text) => {
        const frame = JSON.parse(text);
        this.frames.push(frame);
        if (frame.seq % 50 === 0)
          this.transport.send(JSON.stringify({ack: frame.seq}));
      }),
      heard: tell(() => this.heard++),
      closed: tell((code) => this.closed.push(code)),
    });
  }

  until(check) {
    return new Promise((done) => {
      const ask = () => check(this) && (done(), true);
      if (!ask())
        this.#waiting.push(ask);
    });
  }

  /** The numbers of the messages that came. */
  numbers() {
    return this.frames.filter(({payload}) => payload)
      .map(({payload}) => payload.n);
  }

  say(to, mid) {
    this.transport.send(JSON.stringify({mid, to, payload: {n: mid}}));
  }

  leave() {
    this.transport.send('{"type":"bye"}');
    this.transport.close(true);
  }
}

const patient = {skip, timeout: 60000};
const welcomed = ({frames}) => frames[0]?.type === 'welcome';
const oneTo = (n) => Array.from({length: n}, (_, i) => i + 1);

test('poll: a body is taken apart as it was put together', () => {
  const frames = ['{"a":"\u00e4"}', '{}'];
  assert.deepEqual(splitBatch(joinBatch({v: 1}, frames)),
    {head: {v: 1}, frames});
  const whole = joinBatch({v: 1}, frames);
  for (let length = 0; length < whole.length; length++) {
    const part = splitBatch(whole.slice(0, length));
    assert.ok(!part || part.frames.length < 2);
  }
  for (const junk of ['', '<html>', '\x1e', '\x1e\n', '\x1ex\n', 'x\x1e{}\n'])
    assert.equal(splitBatch(junk), null);
});

test('poll: all arrives once and in order, whatever is cut off', patient,
  async (t) => {
    const proxy = new Proxy(server.url, {abort: 1 / 3, upgrade: 'refuse'});
    t.after(() => proxy.close());
    const url = await proxy.url();
    const [ann, bob] = [me, you].map((id) => new Member(id,
      (handlers) => new PollTransport(url, handlers)));
    await Promise.all([ann.until(welcomed), bob.until(welcomed)]);
    const count = 1500;
    for (let n = 1; n <= count; n++) {
      ann.say(you, n);
      bob.say(me, n);
      if (n % 100 === 0)
        await Promise.all([ann, bob].map((member) =>
          member.until(() => member.numbers().length >= n - 100)));
    }
    const all = ({frames}) =>
      frames.filter(({payload}) => payload).length >= count;
    await Promise.all([ann.until(all), bob.until(all)]);
    assert.deepEqual(ann.numbers(), oneTo(count));
    assert.deepEqual(bob.numbers(), oneTo(count));
    assert.deepEqual([ann.closed, bob.closed], [[], []]);
    assert.ok(proxy.aborted > 10);
    /* a bye is sent once, and may get lost */
    proxy.abort = 0;
    bob.leave();
    const left = ({frames}) => frames.find(({event}) => event?.type === 'left');
    await ann.until(left);
    assert.equal(left(ann).event.reason, 'bye');
    ann.leave();
  });

for (const upgrade of ['refuse', 'cut', 'swallow']) {
  test(`transport: a proxy that would ${upgrade} a WebSocket`, patient,
    async (t) => {
      const proxy = new Proxy(server.url, {upgrade});
      t.after(() => proxy.close());
      const url = await proxy.url();
      const route = new Route();
      const connect = () => new Member(me,
        (handlers) => new Transport(url, route, handlers));
      const first = connect();
      await first.until(welcomed);
      assert.ok(first.transport.polls);
      assert.equal(first.opened, 1);
      assert.equal(proxy.upgrades, 1);
      first.leave();

      const second = connect();
      await second.until(welcomed);
      assert.equal(proxy.upgrades, 1);
      second.leave();

      route.forget();
      const third = connect();
      await third.until(welcomed);
      assert.equal(proxy.upgrades, 2);
      third.leave();
    });
}

test('transport: a WebSocket where there is nothing in the way', patient,
  async () => {
    const member = new Member(me,
      (handlers) => new Transport(server.url, new Route(), handlers));
    await member.until(welcomed);
    assert.equal(member.transport.polls, false);
    member.leave();
  });

test('transport: WebSockets that are cut again and again are given up', patient,
  async (t) => {
    const proxy = new Proxy(server.url);
    t.after(() => proxy.close());
    const url = await proxy.url();
    const route = new Route();
    for (const polls of [false, false, true]) {
      const member = new Member(me,
        (handlers) => new Transport(url, route, handlers));
      await member.until(welcomed);
      assert.equal(member.transport.polls, polls);
      if (!polls) {
        proxy.cutAll();
        await member.until(({closed}) => closed.length === 1);
      } else {
        member.leave();
      }
    }
  });

test('transport: a server that is not there is not there', patient, async () => {
  const gone = await startServer();
  await gone.stop();
  const member = new Member(me,
    (handlers) => new Transport(gone.url, new Route(), handlers));
  await member.until(({closed}) => closed.length === 1);
  assert.equal(member.opened, 0);
});

test('transport: the newer of two replaces the older', patient, async (t) => {
  const proxy = new Proxy(server.url, {upgrade: 'refuse'});
  t.after(() => proxy.close());
  const url = await proxy.url();
  const make = (handlers) => new Transport(url, new Route(), handlers);
  const tab = new Member(me, make);
  await tab.until(welcomed);
  const other = new Member(me, make);
  await other.until(welcomed);
  await tab.until(({closed}) => closed.length === 1);
  assert.equal(tab.frames.at(-1).code, 'replaced');
  assert.deepEqual(tab.closed, [4409]);
  other.leave();
});

test('transport: a server that forgot us says so', patient, async (t) => {
  let lost = await startServer();
  t.after(() => lost.stop());
  const member = new Member(me,
    (handlers) => new PollTransport(lost.url, handlers));
  await member.until(welcomed);
  const listen = new URL(lost.url).host;
  await lost.stop();
  lost = await startServer(listen);
  await member.until(({closed}) => closed.length === 1);
});
