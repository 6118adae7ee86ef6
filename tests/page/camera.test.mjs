// SPDX-License-Identifier: LGPL-2.1-or-later

// The page's camera: once it is stopped its device is closed and the others get
// the placeholder, however quickly the person changes the wish and whatever the
// device does.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {Window, kit, setUp, skip} from './window.mjs';

const here = setUp();

/**
 * Records which devices are opened and which tracks each sender gets. A test
 * may delay devices, refuse them, and slow down replaceTrack().
 */
function watchDevices() {
  const watch = window.watch = {asked: [], tracks: [], sent: new Set(),
    senders: new Set(), held: null, refusal: null, slow: 0,
    pending: 0};
  const {mediaDevices} = navigator;
  const get = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = async (wanted) => {
    watch.asked.push([wanted.audio && 'audio', wanted.video && 'video']
      .filter(Boolean).join());
    if (watch.held)
      await new Promise((resolve) => watch.held.push(resolve));
    if (watch.refusal)
      throw new DOMException('no', watch.refusal);
    const stream = await get(wanted);
    watch.tracks.push(...stream.getTracks());
    return stream;
  };
  const {prototype} = RTCRtpSender;
  const replace = prototype.replaceTrack;
  prototype.replaceTrack = async function (track) {
    watch.sent.add(track);
    watch.senders.add(this);
    watch.pending++;
    await new Promise((resolve) => setTimeout(resolve, watch.slow));
    await replace.call(this, track);
    watch.pending--;
  };
  const add = RTCPeerConnection.prototype.addTransceiver;
  RTCPeerConnection.prototype.addTransceiver = function (track, ...rest) {
    const transceiver = add.call(this, track, ...rest);
    watch.sent.add(track);
    watch.senders.add(transceiver.sender);
    return transceiver;
  };
  watch.live = (kind) => watch.tracks.filter((track) =>
    track.kind === kind && track.readyState === 'live').length;
  watch.isCamera = (track) => watch.tracks.includes(track);
}

/** The devices that the page has open, and the tracks that it sends. */
const inspect = (window) => window.page.evaluate(() => ({
  asked: window.watch.asked,
  cameras: window.watch.live('video'),
  microphones: window.watch.live('audio'),
  sending: [...window.watch.senders].filter(({track}) => track?.kind === 'video')
    .map(({track}) => (window.watch.isCamera(track) ? 'camera' : 'placeholder')),
  button: document.querySelector('#camera span').textContent,
  busy: document.querySelector('#camera').getAttribute('aria-busy') === 'true'
    || window.watch.pending > 0,
}));

async function settles(window, what, check) {
  return kit.until(what, async () => {
    const found = await inspect(window);
    return check(found) && found;
  }, 15000, async () => [await inspect(window), window.log]);
}

const isOff = ({cameras, sending, button, busy}) => cameras === 0
  && button === 'Start camera' && !busy && sending.length > 0
  && sending.every((what) => what === 'placeholder');
const isOn = ({cameras, sending, button, busy}) => cameras === 1
  && button === 'Stop camera' && !busy && sending.length > 0
  && sending.every((what) => what === 'camera');

/** Whether the one remote picture is the camera's. */
async function seesCamera(window) {
  const rgb = await window.page.evaluate(() => {
    const video = document.querySelector('video[data-peer]');
    const canvas = new OffscreenCanvas(1, 1);
    const draw = canvas.getContext('2d');
    draw.drawImage(video, 0, 0, 1, 1);
    return [...draw.getImageData(0, 0, 1, 1).data];
  });
  return kit.nameColour(rgb) === kit.looks[0].colour;
}

/** Connects Ann, whose camera is tested, with Bob, who sees her. */
async function meet(t, query = '', prepareBob = undefined) {
  const room = `${here.server.url}/room/${crypto.randomUUID()}`;
  const ann = await Window.open(here.browser, t, watchDevices);
  const bob = await Window.open(here.browser, t, prepareBob);
  await ann.go(`${room}${query}`);
  await bob.go(`${room}?hidden=1&muted=1`);
  await Promise.all([ann.inCall(1), bob.inCall(1)]);
  return {ann, bob};
}

const hold = (window) => window.page.evaluate(() => {
  window.watch.held = [];
});

const release = (window) => window.page.evaluate(() => {
  const {held} = window.watch;
  window.watch.held = null;
  held.forEach((resolve) => resolve());
});

/** Waits until the page waits for this many devices. */
const waits = (window, count) => kit.until('the page to ask', () =>
  window.page.evaluate((n) => window.watch.held.length === n, count));

test('camera: stopped, its device is closed and the others see a placeholder',
  {skip}, async (t) => {
    const {ann, bob} = await meet(t);
    await settles(ann, 'the camera to be on', isOn);
    await kit.until('Bob to see the camera', () => seesCamera(bob));
    await ann.press('Stop camera');
    await settles(ann, 'the camera to be off', isOff);
    const {peers: [{frames}]} = await bob.sees('the mark',
      ({peers}) => peers[0].hidden);
    await kit.until('Bob to see the placeholder', async () =>
      !await seesCamera(bob));
    await bob.sees('the placeholder going on',
      ({peers}) => peers[0].frames > frames + 5);
    assert.equal(await seesCamera(bob), false);

    await ann.press('Start camera');
    await settles(ann, 'the camera to be on', isOn);
    await kit.until('Bob to see the camera', () => seesCamera(bob));
    await bob.sees('no mark', ({peers}) => !peers[0].hidden);
    ann.assertNoTrouble();
  });

/** The brightest channel of any pixel of the one remote picture. */
const brightest = (window) => window.page.evaluate(() => {
  const video = document.querySelector('video[data-peer]');
  const canvas = new OffscreenCanvas(32, 18);
  const draw = canvas.getContext('2d');
  draw.drawImage(video, 0, 0, 32, 18);
  return Math.max(...draw.getImageData(0, 0, 32, 18).data
    .filter((_, i) => i % 4 !== 3));
});

test('camera: stopped without a placeholder, the others see black', {skip},
  async (t) => {
    const room = `${here.server.url}/room/${crypto.randomUUID()}`;
    const ann = await Window.open(here.browser, t, watchDevices);
    await ann.page.evaluateOnNewDocument(() =>
      delete HTMLCanvasElement.prototype.captureStream);
    const bob = await Window.open(here.browser, t);
    await ann.go(`${room}?muted=1`);
    await bob.go(`${room}?hidden=1&muted=1`);
    await Promise.all([ann.inCall(1), bob.inCall(1)]);
    for (let i = 0; i < 2; i++) {
      await kit.until('Bob to see the camera', () => seesCamera(bob), 60000);
      await ann.press('Stop camera');
      const enabled = await ann.page.evaluate(() =>
        window.watch.tracks.some((track) => track.kind === 'video'
          && track.readyState === 'live' && track.enabled));
      assert.equal(enabled, false);
      await bob.sees('the mark', ({peers}) => peers[0].hidden, 60000);
      await kit.until('the device to be closed, and nothing to be sent',
        async () => {
          const {cameras, button} = await inspect(ann);
          return cameras === 0 && button === 'Start camera'
            && ann.page.evaluate(() => [...window.watch.senders].every(
              ({track}) => track?.kind !== 'video'));
        }, 60000);
      await ann.sees('what the others see', ({text}) =>
        /they see a black picture/.test(text), 60000);
      await kit.until('Bob to see black', async () =>
        await brightest(bob) < 24, 60000);
      await ann.press('Start camera');
      await bob.sees('no mark', ({peers}) => !peers[0].hidden, 60000);
    }
    /* A camera that is started while black is sent must not be stopped when the
     * black ends. */
    await ann.press('Stop camera');
    await ann.press('Start camera');
    await settles(ann, 'the camera to be on', isOn);
    await kit.until('Bob to see the camera', () => seesCamera(bob), 60000);
    assert.doesNotMatch((await ann.look()).text, /black picture/);
    /* Leaving the call closes the camera at once. */
    await ann.press('Stop camera');
    await ann.press('Leave');
    assert.equal((await ann.page.evaluate(() => window.watch.live('video'))),
      0);
    ann.assertNoTrouble();
  });

test('camera: who joins hidden never opens it, whatever is chosen', {skip},
  async (t) => {
    const {ann, bob} = await meet(t, '?hidden=1');
    await bob.sees('that she can be heard', ({peers}) => !peers[0].muted);
    await ann.press('Settings');
    await kit.until('the cameras to be listed', () => ann.page.$eval(
      '#settings-camera', (select) => {
        select.selectedIndex = 1;
        return select.selectedIndex === 1
          && select.dispatchEvent(new Event('change'));
      }));
    await ann.page.keyboard.press('Escape');
    await ann.press('Mute');
    await ann.press('Unmute');
    const {asked, cameras} = await settles(ann, 'nothing to be open', isOff);
    assert.deepEqual([asked, cameras], [['audio'], 0]);

    await ann.press('Start camera');
    await settles(ann, 'the camera to be on', isOn);
    assert.deepEqual((await inspect(ann)).asked, ['audio', 'video']);
  });

test('camera: one that arrives when it is not wanted any more is never sent',
  {skip}, async (t) => {
    const {ann, bob} = await meet(t, '?hidden=1&muted=1');
    await hold(ann);
    await ann.press('Start camera');
    await waits(ann, 1);
    assert.ok((await inspect(ann)).busy);
    await ann.press('Stop camera');
    await release(ann);
    await settles(ann, 'the camera to be off', isOff);
    await kit.until('the device to have come and gone', () => ann.page.evaluate(() =>
      window.watch.tracks.length === 1
        && window.watch.tracks[0].readyState === 'ended'));
    assert.equal(await ann.page.evaluate(() =>
      [...window.watch.sent].some(window.watch.isCamera)), false);
    assert.ok((await bob.look()).peers[0].hidden);

    /* A camera that is wanted again while it opens is opened once. */
    await hold(ann);
    for (const name of ['Start', 'Stop', 'Start'])
      await ann.press(`${name} camera`);
    await waits(ann, 1);
    await release(ann);
    await settles(ann, 'the camera to be on', isOn);
    assert.equal((await inspect(ann)).asked.length, 2);
  });

test('camera: stopped while both devices are asked for', {skip}, async (t) => {
  const room = `${here.server.url}/room/${crypto.randomUUID()}`;
  const ann = await Window.open(here.browser, t, watchDevices);
  await ann.page.evaluateOnNewDocument(() => {
    window.watch.held = [];
  });
  await ann.go(room);
  await waits(ann, 1);
  await ann.press('Stop camera');
  await release(ann);
  await kit.until('the microphone alone', async () => {
    const {cameras, microphones, asked} = await inspect(ann);
    return cameras === 0 && microphones === 1 && asked.length === 1;
  });

  /* When both devices are refused, the camera is not requested alone, since it
   * was stopped meanwhile. */
  const bob = await Window.open(here.browser, t, watchDevices);
  await bob.page.evaluateOnNewDocument(() => {
    window.watch.held = [];
    window.watch.refusal = 'NotFoundError';
  });
  await bob.go(room);
  await waits(bob, 1);
  await bob.press('Stop camera');
  await release(bob);
  await bob.sees('why there is no sound', ({text}) =>
    /There is no microphone/.test(text));
  assert.deepEqual((await inspect(bob)).asked, ['audio,video', 'audio']);
});

test('camera: quick toggling ends as it was wanted last', {skip}, async (t) => {
  const {ann, bob} = await meet(t, '?hidden=1&muted=1');
  await ann.page.evaluate(() => {
    window.watch.slow = 40;
  });
  /* The camera is stopped while replaceTrack() gives its track to the
   * sender. */
  await ann.page.evaluate(async () => {
    document.querySelector('#camera').click();
    while (window.watch.pending === 0)
      await new Promise((resolve) => setTimeout(resolve));
    document.querySelector('#camera').click();
  });
  await settles(ann, 'the camera to be off', isOff);
  let on = false;
  for (const clicks of [15, 8, 7]) {
    await ann.page.evaluate(async (count) => {
      for (let i = 0; i < count; i++) {
        document.querySelector('#camera').click();
        await new Promise((resolve) => setTimeout(resolve, 40 * (i % 4)));
      }
    }, clicks);
    on = clicks % 2 === 0 ? on : !on;
    await settles(ann, `the camera to be ${on ? 'on' : 'off'}`,
      on ? isOn : isOff);
    await bob.sees('the same', ({peers}) => peers[0].hidden === !on);
  }
});

test('camera: one that cannot be opened again is explained, and tried again',
  {skip}, async (t) => {
    const {ann, bob} = await meet(t, '?muted=1');
    await settles(ann, 'the camera to be on', isOn);
    await ann.press('Stop camera');
    await ann.page.evaluate(() => {
      window.watch.refusal = 'NotReadableError';
    });
    await ann.press('Start camera');
    await ann.sees('why not', ({text}) =>
      /another program is using it[^]*Try again/.test(text));
    await settles(ann, 'the placeholder to stay', isOff);
    await ann.press('Try again');
    await ann.sees('why not', ({text}) => /another program/.test(text));
    await ann.page.evaluate(() => {
      window.watch.refusal = null;
    });
    await ann.press('Try again');
    await settles(ann, 'the camera to be on', isOn);
    await bob.sees('her', ({peers}) => !peers[0].hidden);
    assert.doesNotMatch((await ann.look()).text, /another program/);

    /* There is no notice about a request that the person has cancelled. */
    await ann.press('Stop camera');
    await hold(ann);
    await ann.press('Start camera');
    await waits(ann, 1);
    await ann.press('Stop camera');
    await ann.page.evaluate(() => {
      window.watch.refusal = 'NotReadableError';
    });
    await release(ann);
    await settles(ann, 'the camera to be off', isOff);
    assert.doesNotMatch((await ann.look()).text, /another program/);
  });

test('camera: taken away, the placeholder takes its place', {skip},
  async (t) => {
    const {ann, bob} = await meet(t, '?muted=1');
    await settles(ann, 'the camera to be on', isOn);
    await ann.page.evaluate(() => {
      const [track] = window.watch.tracks;
      track.stop();
      track.dispatchEvent(new Event('ended'));
    });
    await ann.sees('what happened', ({text}) => /was taken away/.test(text));
    await settles(ann, 'the camera to be off', isOff);
    await bob.sees('the mark', ({peers}) => peers[0].hidden);
    await ann.press('Try again');
    await settles(ann, 'the camera to be on', isOn);
  });

/** Can make the newest connection fail, and tell the width of the kept still. */
function watchConnections() {
  const connections = [];
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
    return document.querySelector('.still').width;
  };
}

test('camera: once stopped, no picture of it is kept either', {skip},
  async (t) => {
    const {ann, bob} = await meet(t, '?muted=1', watchConnections);
    await settles(ann, 'the camera to be on', isOn);
    await kit.until('Bob to see the camera', () => seesCamera(bob));
    assert.ok(await bob.page.evaluate(() => window.failNewest()) > 0);
    await bob.sees('that it is made again', ({peers}) => !peers[0].connected);
    await bob.inCall(1);
    await ann.press('Stop camera');
    await bob.sees('the mark', ({peers}) => peers[0].hidden);
    assert.equal(await bob.page.evaluate(() =>
      document.querySelector('.still').width), 0);
    assert.equal(await bob.page.evaluate(() => window.failNewest()), 0);
  });

test('camera: stopped in Firefox', {skip}, async (t) => {
  const room = `${here.server.url}/room/${crypto.randomUUID()}`;
  const firefox = await kit.openFirefox(kit.looks[0]);
  t.after(() => firefox.close());
  await firefox.page.evaluateOnNewDocument(watchDevices);
  const bob = await Window.open(here.browser, t);
  await bob.go(`${room}?hidden=1&muted=1`);
  await firefox.join(room);
  await bob.inCall(1);
  await kit.until('Bob to see the camera', () => seesCamera(bob));
  for (const show of [false, true, false]) {
    await firefox.press(show ? 'Start camera' : 'Stop camera');
    await settles(firefox, `the camera to be ${show ? 'on' : 'off'}`,
      show ? isOn : isOff);
    await kit.until('Bob to see the same', async () =>
      await seesCamera(bob) === show);
    await bob.sees('the mark', ({peers}) => peers[0].hidden === !show);
  }
});

test('microphone: muted it stays open, and sends silence', {skip},
  async (t) => {
    const {ann, bob} = await meet(t, '?hidden=1');
    await bob.page.evaluate(() => {
      const audio = new AudioContext();
      const analyser = audio.createAnalyser();
      audio.createMediaStreamSource(
        document.querySelector('video[data-peer]').srcObject).connect(analyser);
      const samples = new Float32Array(analyser.fftSize);
      window.loudness = () => {
        analyser.getFloatTimeDomainData(samples);
        return Math.max(...samples.map(Math.abs));
      };
    });
    const loudest = () => bob.page.evaluate(async () => {
      let most = 0;
      for (let i = 0; i < 40; i++) {
        most = Math.max(most, window.loudness());
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return most;
    });
    await kit.until('Bob to hear her', async () => await loudest() > 0.02);
    await ann.press('Mute');
    await kit.until('silence', async () => await loudest() < 0.001);
    assert.equal((await inspect(ann)).microphones, 1);
    await ann.press('Unmute');
    await kit.until('Bob to hear her', async () => await loudest() > 0.02);
    assert.deepEqual((await inspect(ann)).asked, ['audio']);
  });
