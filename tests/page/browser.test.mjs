// SPDX-License-Identifier: LGPL-2.1-or-later

// Whole calls of the page in a real browser, with a real server.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {Window, kit, setUp, skip, startServer} from './window.mjs';

const here = setUp();

const openWindow = (t, prepare) => Window.open(here.browser, t, prepare);

/** Keeps the track of every camera and microphone that the page opens. */
function watchDevices() {
  window.devices = [];
  const {mediaDevices} = navigator;
  const get = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = async (wanted) => {
    const stream = await get(wanted);
    window.devices.push(...stream.getTracks());
    return stream;
  };
}

/** Keeps every connection, and can make the newest one fail. */
function watchConnections() {
  const connections = window.connections = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...args) {
      super(...args);
      connections.push(this);
    }
  };
  window.failNewest = () => {
    const newest = connections.at(-1);
    Object.defineProperty(newest, 'connectionState', {value: 'failed'});
    newest.dispatchEvent(new Event('connectionstatechange'));
  };
}

/** Makes the browser refuse camera and microphone, as a user may. */
function denyDevices() {
  navigator.mediaDevices.getUserMedia = () =>
    Promise.reject(new DOMException('no', 'NotAllowedError'));
}

async function createMeeting(t, name, prepare) {
  const window = await openWindow(t, prepare);
  await window.go(here.server.url);
  await window.page.type('#home-name', name);
  await window.press('Create meeting');
  const {link} = await window.sees('to be in the call',
    ({state}) => state === 'in-call');
  return {window, link};
}

test('page: create, join by the link, mute, stop the camera, leave', {skip},
  async (t) => {
    const {window: ann, link} = await createMeeting(t, 'Ann', watchDevices);
    assert.match(link, /\/room\/[0-9a-f-]{36}#[A-Za-z0-9_-]{22}$/);
    const bob = await openWindow(t);
    await bob.go(link);
    await ann.inCall(1);
    const [seen] = (await bob.inCall(1)).peers;
    assert.equal(seen.name, 'Ann');
    assert.equal(seen.muted || seen.hidden, false);

    await ann.press('Mute');
    await ann.press('Stop camera');
    await bob.sees('that Ann is muted and hidden',
      ({peers}) => peers[0].muted && peers[0].hidden);
    assert.deepEqual(await ann.page.evaluate(() => window.devices
      .map(({kind, readyState}) => `${kind} ${readyState}`)),
    ['audio live', 'video ended']);
    assert.equal(await ann.ownPicture(), 'placeholder');
    const {frames} = (await bob.look()).peers[0];
    await bob.sees('the placeholder going on',
      ({peers}) => peers[0].frames > frames + 5);

    await ann.press('Start camera');
    await ann.press('Unmute');
    await bob.sees('that Ann is back',
      ({peers}) => !peers[0].muted && !peers[0].hidden);
    assert.equal(await ann.ownPicture(), 'camera');

    await ann.press('Share');
    assert.equal(await ann.page.$eval('#share-link', ({value}) => value), link);
    await ann.page.keyboard.press('Escape');
    await ann.press('Leave');
    assert.equal((await ann.look()).state, 'left');
    await bob.sees('nobody', ({peers}) => peers.length === 0, 3000);
    assert.deepEqual(await ann.page.evaluate(() => window.devices
      .filter(({readyState}) => readyState !== 'ended')), []);
    for (const window of [ann, bob])
      window.assertNoTrouble();
  });

test('page: a name and what is written arrive, as text', {skip}, async (t) => {
  const {window: ann, link} = await createMeeting(t, '<b>Ann</b>');
  const bob = await openWindow(t);
  await bob.go(`${link.replace('#', '?muted=1&hidden=1#')}`);
  await ann.inCall(1);
  const [{name}] = (await bob.inCall(1)).peers;
  assert.equal(name, '<b>Ann</b>');
  const [shown] = (await ann.look()).peers;
  assert.ok(shown.muted && shown.hidden);
  assert.equal(await bob.ownPicture(), 'placeholder');

  await bob.press('Chat');
  await bob.page.type('#chat-text', '<img src=x onerror=alert(1)>\n');
  await ann.press('Chat 1 unread');
  await ann.sees('the line', ({text}) => text.includes('<img src=x onerror'));
  ann.assertNoTrouble();
});

test('page: the call outlives the server, and is whole when it is back',
  {skip}, async (t) => {
    const {window: ann, link} = await createMeeting(t, 'Ann');
    const bob = await openWindow(t);
    await bob.go(link);
    await ann.inCall(1);
    await bob.inCall(1);

    await here.server.stop();
    const {peers: [{frames}]} = await bob.sees('that it reconnects',
      ({state}) => state === 'reconnecting');
    await bob.sees('the picture going on',
      ({peers}) => peers.length === 1 && peers[0].frames > frames + 10);

    here.server = await startServer(new URL(here.server.url).host);
    await ann.inCall(1);
    await bob.inCall(1);
    const cay = await openWindow(t);
    await cay.go(link);
    for (const window of [ann, bob, cay])
      await window.inCall(2);
  });

test('page: a connection that fails is made again, in the same tile', {skip},
  async (t) => {
    const {window: ann, link} = await createMeeting(t, 'Ann', watchConnections);
    const bob = await openWindow(t);
    await bob.go(link);
    await ann.inCall(1);
    await bob.inCall(1);
    await ann.page.evaluate(() => {
      window.tile = document.querySelector('video[data-peer]');
      window.failNewest();
    });
    await ann.sees('that it is made again', ({text, peers}) =>
      peers.length === 1 && /reconnecting/.test(text));
    await ann.inCall(1);
    await bob.inCall(1);
    assert.deepEqual(await ann.page.evaluate(() => [window.connections.length,
      window.tile === document.querySelector('video[data-peer]')]), [2, true]);
  });

test('page: a path that may be gone is replaced without a gap', {skip},
  async (t) => {
    const {window: ann, link} = await createMeeting(t, 'Ann', watchConnections);
    const bob = await openWindow(t);
    await bob.go(link);
    await ann.inCall(1);
    const [{frames}] = (await bob.inCall(1)).peers;
    await ann.page.evaluate(() => {
      const [pc] = window.connections;
      window.tile = document.querySelector('video[data-peer]');
      window.states = [];
      new MutationObserver(() => window.states.push(
        document.querySelector('figure.connected') !== null))
        .observe(document.body, {subtree: true, attributes: true,
          childList: true});
      Object.defineProperty(pc, 'connectionState', {value: 'disconnected'});
      pc.dispatchEvent(new Event('connectionstatechange'));
      dispatchEvent(new Event('online'));
    });
    await ann.sees('the new path', () => ann.page.evaluate(() =>
      window.connections.length === 2
        && window.connections[0].signalingState === 'closed'));
    await ann.inCall(1);
    await bob.sees('that pictures go on', ({peers}) =>
      peers.length === 1 && peers[0].frames > frames);
    assert.deepEqual(await ann.page.evaluate(() =>
      [window.states.every((connected) => connected),
        window.tile === document.querySelector('video[data-peer]')]),
    [true, true]);
    await ann.sees('by what path', () => ann.page.evaluate(() =>
      document.querySelector('[data-path]').dataset.path === 'host'));
  });

test('page: the STUN and TURN servers of the server are used', {skip},
  async (t) => {
    const there = await startServer('127.0.0.1:0', ['--ice-server',
      'stun:127.0.0.1:9', '--ice-server', 'turn:u:p@127.0.0.1:9']);
    t.after(() => there.stop());
    const link = `${there.url}/room/5c8fd5c8-2c4c-4d3e-9f0a-1b2c3d4e5f60`;
    const ann = await openWindow(t, watchConnections);
    const bob = await openWindow(t, watchConnections);
    await ann.go(link);
    await bob.go(link);
    for (const window of [ann, bob]) {
      await window.inCall(1);
      assert.deepEqual(await window.page.evaluate(() =>
        window.connections[0].getConfiguration().iceServers
          .map(({urls, username}) => [urls[0] ?? urls, username])),
      [['stun:127.0.0.1:9', ''], ['turn:127.0.0.1:9', 'u']]);
      window.assertNoTrouble();
    }
  });

test('page: who has another key is not let in, and it is said', {skip},
  async (t) => {
    const {window: ann, link} = await createMeeting(t, 'Ann');
    const eve = await openWindow(t);
    await eve.go(link.replace(/#.*/, '#AAECAwQFBgcICQoLDA0ODw'));
    await ann.sees('the warning', ({text}) => /another key/.test(text));
    const fay = await openWindow(t);
    await fay.go(link.replace(/#.*/, ''));
    await fay.sees('the warning', ({text}) => /whole link/.test(text));
    assert.deepEqual((await ann.look()).peers
      .filter(({connected}) => connected), []);
  });

test('page: a link without a key works, and says what that means', {skip},
  async (t) => {
    const {link} = await createMeeting(t, 'Ann');
    const [open] = link.split('#');
    const bob = await openWindow(t);
    const cay = await openWindow(t);
    const other = open.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
    await bob.go(other);
    await cay.go(other);
    const {text} = await bob.inCall(1);
    await cay.inCall(1);
    assert.match(text, /no key/);
  });

test('page: a link with a damaged key is explained', {skip}, async (t) => {
  const {link} = await createMeeting(t, 'Ann');
  const bob = await openWindow(t);
  await bob.go(link.slice(0, -1));
  const {text} = await bob.sees('the end', ({state}) => state === 'left');
  assert.match(text, /key .* is too short \(21 of 22/);
});

test('page: without camera and microphone one sees and hears', {skip},
  async (t) => {
    const {window: ann, link} = await createMeeting(t, 'Ann');
    const bob = await openWindow(t, denyDevices);
    await bob.go(link);
    await bob.inCall(1);
    const {peers} = await ann.inCall(1);
    assert.ok(peers[0].muted && peers[0].hidden);
    assert.match((await bob.look()).text, /does not allow the camera/);
    await bob.press('Unmute');
    await bob.sees('why not', ({text}) => /allow the microphone/.test(text));
  });

test('page: over plain http from another machine', {skip}, async (t) => {
  // the address of the network namespace of tests/e2e/netns.sh
  const there = await startServer('10.77.0.1:0');
  t.after(() => there.stop());
  const room = '5c8fd5c8-2c4c-4d3e-9f0a-1b2c3d4e5f60';
  const ann = await openWindow(t);
  await ann.go(`${there.url}/room/${room}#AAECAwQFBgcICQoLDA0ODw`);
  const {text} = await ann.sees('a refusal', ({state}) => state === 'left');
  assert.match(text, /Open it with https/);

  const bob = await openWindow(t);
  await bob.go(`${there.url}/room/${room}`);
  await bob.sees('that it is in the call, and why it is not seen',
    (look) => look.state === 'in-call' && /no camera/.test(look.text));
});
