// SPDX-License-Identifier: LGPL-2.1-or-later

// Browsers that lack something a call needs: the person is told what, and the
// page joins only rooms that it can connect in. Also the options of a link.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {findLack} from '../../gst/server/web/needs.js';
import {addOptions, readOptions} from '../../gst/server/web/options.js';
import {Window, kit, setUp, skip, startServer} from './window.mjs';

const here = setUp();
const PATIENCE = 60000;
const KEY = '#AAECAwQFBgcICQoLDA0ODw';

const room = (rest = '') =>
  `${here.server.url}/room/${crypto.randomUUID()}${rest}`;

async function open(t, link, prepare) {
  const window = await Window.open(here.browser, t, prepare);
  await window.go(link);
  return window;
}

const reads = (window, pattern, state) => window.sees(String(pattern),
  (look) => pattern.test(look.text) && (!state || look.state === state),
  PATIENCE);

const inCall = (window) => window.sees('the call',
  ({state}) => state === 'in-call', PATIENCE);

/** Asserts that a member which joined earlier sees nobody join. */
async function staysAlone(window) {
  const {text, peers} = await window.look();
  assert.match(text, /Nobody else is here yet/);
  assert.deepEqual(peers, []);
}

test('needs: what is missing is named', () => {
  class Connection {
    addTransceiver() {}

    createOffer() {}

    getStats() {}

    get connectionState() {
      throw new TypeError('Illegal invocation');
    }
  }
  class Sender {
    getParameters() {}

    setParameters() {}

    replaceTrack() {}
  }
  /** A class without one of its properties. */
  const without = (Class, name) => {
    const Copy = class {};
    for (const one of Object.getOwnPropertyNames(Class.prototype)) {
      if (one !== name && one !== 'constructor') {
        Object.defineProperty(Copy.prototype, one,
          Object.getOwnPropertyDescriptor(Class.prototype, one));
      }
    }
    return Copy;
  };
  class Dialog {
    showModal() {}
  }
  const browser = {RTCPeerConnection: Connection, RTCRtpSender: Sender,
    MediaStream: Connection,
    HTMLDialogElement: Dialog, ResizeObserver: Connection, Object, TextEncoder,
    crypto: globalThis.crypto ?? {getRandomValues() {}, subtle: {}},
    isSecureContext: true};
  const title = (change, key = new Uint8Array(16)) =>
    findLack({key}, {...browser, ...change})?.title;
  assert.equal(title({}), undefined);
  for (const Broken of [undefined, null, () => {}, class {}])
    assert.match(title({RTCPeerConnection: Broken}), /cannot make calls/);
  class Old {
    createOffer() {}
  }
  for (const change of [{RTCPeerConnection: Old}, {MediaStream: undefined},
    {HTMLDialogElement: undefined}, {ResizeObserver: undefined}, {Object: {}},
    {TextEncoder: undefined}, {crypto: undefined}, {RTCRtpSender: undefined},
    ...['addTransceiver', 'connectionState', 'getStats'].map((name) =>
      ({RTCPeerConnection: without(Connection, name)})),
    ...['getParameters', 'setParameters', 'replaceTrack'].map((name) =>
      ({RTCRtpSender: without(Sender, name)}))])
    assert.match(title(change), /too old/, Object.keys(change)[0]);
  const plain = {crypto: {getRandomValues() {}}};
  assert.match(title(plain), /private/);
  assert.match(title({...plain, isSecureContext: false}), /this connection/);
  assert.equal(title(plain, null), undefined);
});

test('options: every spelling but a clear no', () => {
  for (const [query, muted, hidden, solo] of [['', false, false, ''],
    ['muted=1&hidden=1', true, true, ''],
    ['muted=0&hidden=no', false, false, ''],
    ['muted', true, false, ''], ['muted=true&hidden=YES', true, true, ''],
    ['muted=1&amp;hidden=1', true, true, ''],
    ['hidden=False', false, false, ''],
    ['MUTED=1&Hidden=1&SOLO=A', true, true, 'A'],
    ['solo=Ada%20L&x=1', false, false, 'Ada L'],
    ['muted=0&muted=1', true, false, '']])
    assert.deepEqual(readOptions(query), {muted, hidden, solo}, query);
  for (const [link, page, sum] of [['', '', ''], ['muted=1', '', 'muted=1'],
    ['', 'muted=1&hidden=1&utm=3&solo=X', 'muted=1&hidden=1'],
    ['muted=yes&solo=A', 'muted=1&hidden=1', 'muted=yes&solo=A&hidden=1']])
    assert.equal(addOptions(link, page), sum);
});

for (const [what, prepare] of [
  ['no RTCPeerConnection', () => delete window.RTCPeerConnection],
  ['WebRTC that an extension turned off', () => {
    window.RTCPeerConnection = function () {
      throw new Error('off');
    };
  }]]) {
  test(`needs: ${what}: it is said, and nobody joins`, {skip}, async (t) => {
    const link = room(KEY);
    const ann = await open(t, link);
    await inCall(ann);
    const bob = await open(t, link, prepare);
    const {text} = await reads(bob, /cannot make calls/, 'left');
    assert.match(text, /Turn it on, then reload/);
    assert.equal(await bob.page.evaluate(() => document.activeElement.id),
      'end-title');
    await bob.press('Try again');
    await reads(bob, /cannot make calls/, 'left');
    await staysAlone(ann);
    await bob.go(here.server.url);
    await reads(bob, /WebRTC is turned off/);
    assert.ok(await bob.page.$$eval('#home button', (buttons) =>
      buttons.length === 2 && buttons.every(({disabled}) => disabled)));
    bob.assertNoTrouble();
  });
}

for (const [what, prepare] of [
  ['replaceTrack', () => delete RTCRtpSender.prototype.replaceTrack],
  ['setParameters', () => delete RTCRtpSender.prototype.setParameters],
  ['connectionState', () =>
    delete RTCPeerConnection.prototype.connectionState],
  ['getStats', () => delete RTCPeerConnection.prototype.getStats]]) {
  test(`needs: no ${what}: the browser is too old, and nobody joins`, {skip},
    async (t) => {
      const link = room(KEY);
      const ann = await open(t, link);
      await inCall(ann);
      const bob = await open(t, link, prepare);
      await reads(bob, /browser is too old[^]*Update it/, 'left');
      await staysAlone(ann);
      bob.assertNoTrouble();
    });
}

test('needs: a part of the page that is too new, or did not arrive', {skip},
  async (t) => {
    for (const answer of [{status: 200, contentType: 'text/javascript',
      body: 'const a = b ??? c;'}, {status: 404, body: 'Not Found'}]) {
      const window = await Window.open(here.browser, t);
      await window.page.setRequestInterception(true);
      window.page.on('request', (request) => (request.url().endsWith('/grid.js')
        ? request.respond(answer) : request.continue()));
      await window.go(room(KEY));
      await reads(window, /does not run in this browser[^]*Reload/, 'left');
    }
  });

test('needs: without JavaScript the page says so', {skip}, async (t) => {
  const window = await Window.open(here.browser, t);
  await window.page.setJavaScriptEnabled(false);
  await window.go(room(KEY));
  await window.page.setJavaScriptEnabled(true);
  assert.match(await window.page.$eval('noscript', (element) =>
    element.innerText), /Allow JavaScript for this page/);
});

for (const [what, prepare] of [
  ['no captureStream', () => delete HTMLCanvasElement.prototype.captureStream],
  ['a canvas that may not be drawn on', () => {
    HTMLCanvasElement.prototype.getContext = () => null;
  }],
  ['a captureStream that throws', () => {
    HTMLCanvasElement.prototype.captureStream = () => {
      throw new DOMException('no', 'NotSupportedError');
    };
  }]]) {
  test(`needs: ${what}: the call goes on without a placeholder`, {skip},
    async (t) => {
      const link = room(KEY);
      const ann = await open(t, link, prepare);
      await inCall(ann);
      await ann.press('Stop camera');
      const bob = await open(t, link);
      await ann.inCall(1);
      await bob.sees('that Ann is here, and hidden', ({peers}) =>
        peers[0]?.connected && peers[0].hidden, PATIENCE);
      await ann.press('Start camera');
      await bob.inCall(1);
      await bob.sees('her', ({peers}) => !peers[0].hidden, PATIENCE);
      ann.assertNoTrouble();
    });
}

for (const [what, prepare] of [
  ['no WebSocket', () => delete window.WebSocket],
  ['a WebSocket that throws', () => {
    window.WebSocket = class {
      constructor() {
        throw new DOMException('off', 'SecurityError');
      }
    };
  }]]) {
  test(`needs: ${what}: the call goes by long polling`, {skip}, async (t) => {
    const link = room(KEY);
    const ann = await open(t, link, prepare);
    const bob = await open(t, link);
    await ann.inCall(1);
    await bob.inCall(1);
    ann.assertNoTrouble();
  });
}

test('needs: no camera to ask for: one sees, hears, and is told', {skip},
  async (t) => {
    const link = room(KEY);
    const ann = await open(t, link, () =>
      Object.defineProperty(navigator, 'mediaDevices', {value: undefined}));
    const bob = await open(t, link);
    const {text} = await ann.inCall(1);
    assert.match(text, /gives pages no camera[^]*open the link in a current/);
    assert.doesNotMatch(text, /plain http/);
    await ann.press('Unmute');
    await reads(ann, /gives pages no microphone. Turn that on/);
    const [seen] = (await bob.inCall(1)).peers;
    assert.ok(seen.muted && seen.hidden);
    ann.assertNoTrouble();
  });

/** Makes the constructor of the connections with these numbers throw. */
const breakConnections = (numbers) => `{
  const Connection = RTCPeerConnection;
  let made = 0;
  window.RTCPeerConnection = class extends Connection {
    constructor(...args) {
      if (${JSON.stringify(numbers)}.includes(++made))
        throw new DOMException('too many', 'UnknownError');
      super(...args);
    }
  };
}`;

test('needs: a connection that cannot be made is one that fails', {skip},
  async (t) => {
    const link = room(KEY);
    const ann = await open(t, link, breakConnections([2, 3]));
    await open(t, link);
    await ann.inCall(1);
    const cay = await open(t, link);
    await ann.inCall(2);
    await cay.inCall(2);
    assert.equal(ann.log.filter((line) => /no connection made/.test(line))
      .length, 2);
  });

test('needs: who can make no connection at all leaves, and is told why', {skip},
  async (t) => {
    const link = room(KEY);
    const ann = await open(t, link);
    await inCall(ann);
    const bob = await open(t, link, breakConnections([1, 2, 3, 4]));
    await reads(bob, /WebRTC is turned off/, 'left');
    await ann.sees('nobody', ({peers}) => peers.length === 0, PATIENCE);
  });

test('needs: a call that cannot begin is over, and its camera off', {skip},
  async (t) => {
    const ann = await open(t, room(KEY), () => {
      crypto.subtle.importKey = () =>
        Promise.reject(new DOMException('no such key', 'NotSupportedError'));
      const {mediaDevices} = navigator;
      const get = mediaDevices.getUserMedia.bind(mediaDevices);
      mediaDevices.getUserMedia = async (wanted) => {
        window.stream = await get(wanted);
        return window.stream;
      };
    });
    await reads(ann, /does not work in this browser \(no such key\)/, 'left');
    await kit.until('the devices to be closed', () => ann.page.evaluate(() =>
      window.stream.getTracks().every(({readyState}) =>
        readyState === 'ended')), PATIENCE);
    ann.assertNoTrouble();
  });

test('options: those of an address that is put right are kept', {skip},
  async (t) => {
    const ann = await open(t, room(`?muted=1&hidden=1${KEY}`)
      .replace('/room/', '//ROOM/'));
    await inCall(ann);
    assert.equal(await ann.ownPicture(), 'placeholder');
    assert.match((await ann.look()).text, /Unmute\s+Start camera/);
  });

test('options: those of a pasted link, and of the start page, are kept', {skip},
  async (t) => {
    const options = '?muted=1&hidden=1';
    for (const [page, pasted] of [['', room(`${options}${KEY}`)],
      [options, room(KEY)], ['?hidden=1', room(`${KEY}?muted=1`)],
      ['', `${room(KEY).replace('/room/', '//room/').replace('#',
        '?muted&hidden=true#')}`], [options, null]]) {
      const ann = await open(t, `${here.server.url}/${page}`);
      if (pasted) {
        await ann.page.type('#join-link', pasted);
        await ann.press('Join');
      } else {
        await ann.press('Create meeting');
      }
      const {link, text} = await inCall(ann);
      assert.deepEqual(readOptions(new URL(link).search.slice(1)),
        {muted: true, hidden: true, solo: ''}, link);
      for (const again of [false, true]) {
        if (again) {
          await ann.page.reload();
          await inCall(ann);
        }
        assert.equal(await ann.ownPicture(), 'placeholder');
        assert.match((await ann.look()).text, /Unmute\s+Start camera/);
      }
      assert.doesNotMatch(text, /muted=|hidden=/, 'the invitation has them');
      await ann.press('Share');
      assert.doesNotMatch(await ann.page.$eval('#share-link',
        ({value}) => value), /[?]/);
      await ann.page.keyboard.press('Escape');
      await ann.press('Leave');
      assert.equal(await ann.page.$eval('#to-home', ({search}) => search),
        options);
      ann.assertNoTrouble();
    }
  });

test('options: a link to another server has them too', {skip}, async (t) => {
  const there = await startServer();
  t.after(() => there.stop());
  const ann = await open(t, `${here.server.url}/?hidden=1`);
  await ann.page.type('#join-link', `${there.url}/room/${crypto.randomUUID()
  }?muted=1${KEY}`);
  await ann.press('Join');
  const {link} = await inCall(ann);
  assert.ok(link.startsWith(there.url));
  assert.equal(new URL(link).search, '?muted=1&hidden=1');
  assert.equal(await ann.ownPicture(), 'placeholder');
});

test('options: ?solo= is kept when its link is pasted', {skip}, async (t) => {
  const ann = await open(t, here.server.url);
  await ann.page.type('#join-link', room(`?solo=Ann%20B.${KEY}`));
  await ann.press('Join');
  await inCall(ann);
  assert.match(await ann.page.title(), /View of Ann B\./);
  assert.equal((await ann.look()).text.trim(), '');
});

test('needs: Firefox with WebRTC turned off', {skip}, async (t) => {
  const firefox = await kit.openFirefox(kit.looks[0],
    {prefs: {'media.peerconnection.enabled': false}});
  t.after(() => firefox.close());
  await firefox.join(room(KEY));
  await kit.until('what is missing', async () => /about:config[^]*reload/.test(
    await firefox.page.evaluate(() => document.body.innerText)), PATIENCE);
  assert.equal(await firefox.state(), 'left');
});
