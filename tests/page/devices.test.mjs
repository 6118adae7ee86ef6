// SPDX-License-Identifier: LGPL-2.1-or-later

// The choice of devices: the chosen camera, microphone and speaker are in use
// or, while they are missing, others, and a notice tells so.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';

import {Window, kit, skip, startServer} from './window.mjs';

const here = {};
before(async () => {
  if (skip)
    return;
  here.server = await startServer();
  here.browser = await kit.openChromium(kit.looks[0], {devices: 3,
    args: ['--allow-loopback-in-peer-connection']});
});
after(async () => {
  await here.browser?.close();
  await here.server?.stop();
});

/**
 * Records the open devices. `plug.out(label)` unplugs a device, and
 * `plug.in(label)` plugs it in again; `plug.busy` holds labels of devices that
 * another program uses, and with `plug.single` only one device of a kind can be
 * open at a time, as in some phones.
 */
function watchPlugs() {
  const plug = window.plug = {tracks: [], asked: 0, gone: new Set(),
    busy: new Set(), single: false, held: null};
  const {mediaDevices} = navigator;
  const list = mediaDevices.enumerateDevices.bind(mediaDevices);
  const get = mediaDevices.getUserMedia.bind(mediaDevices);
  const there = async () =>
    (await list()).filter(({label}) => !plug.gone.has(label));
  mediaDevices.enumerateDevices = there;
  const live = (kind) => plug.tracks.filter((track) =>
    track.kind === kind && track.readyState === 'live');
  const fail = (name) => {
    throw new DOMException('no', name);
  };
  mediaDevices.getUserMedia = async (wanted) => {
    plug.asked++;
    if (plug.held)
      await new Promise((resolve) => plug.held.push(resolve));
    const devices = await there();
    const exact = {};
    for (const [what, constraints] of Object.entries(wanted)) {
      if (!constraints)
        continue;
      const its = devices.filter(({kind}) => kind === `${what}input`);
      const id = constraints.deviceId?.exact;
      const device = its.find(({deviceId}) => !id || deviceId === id)
        ?? fail(id ? 'OverconstrainedError' : 'NotFoundError');
      if (plug.busy.has(device.label) || (plug.single && live(what).length))
        fail('NotReadableError');
      exact[what] = {...constraints, deviceId: {exact: device.deviceId}};
    }
    const stream = await get(exact);
    plug.tracks.push(...stream.getTracks());
    return stream;
  };
  plug.end = (label) => plug.tracks
    .filter((track) => track.label === label && track.readyState === 'live')
    .forEach((track) => {
      track.stop();
      track.dispatchEvent(new Event('ended'));
    });
  plug.out = (label) => {
    plug.gone.add(label);
    mediaDevices.dispatchEvent(new Event('devicechange'));
    plug.end(label);
  };
  plug.in = (label) => {
    plug.gone.delete(label);
    mediaDevices.dispatchEvent(new Event('devicechange'));
  };
  plug.live = () => plug.tracks.filter(({readyState}) => readyState === 'live')
    .map(({label}) => label).sort();
}

const CAMERAS = ['fake_device_0', 'fake_device_1', 'fake_device_2'];
const [MIC, MIC_1, MIC_2] = ['Fake Default Audio Input', 'Fake Audio Input 1',
  'Fake Audio Input 2'];

/** The labels of the open devices. */
const open = (window) => window.page.evaluate(() => window.plug.live());

const isOpen = (window, ...labels) => kit.until(`${labels} to be open`,
  async () => (await open(window)).join() === [...labels].sort().join(), 60000,
  async () => [await open(window), (await window.look()).text, window.log]);

/** The devices of a kind, as the settings list them. */
const listOf = (window, what) => window.page.$eval(`#settings-${what}`,
  ({options, selectedIndex}) => ({texts: [...options].map(({text}) => text),
    chosen: options[selectedIndex]?.text}));

/** Chooses a device by its label in the settings, which are open. */
async function choose(window, what, label) {
  await kit.until(`${label} in the list`, async () =>
    (await listOf(window, what)).texts.includes(label), 60000);
  await window.page.$eval(`#settings-${what}`, (select, text) => {
    const option = [...select.options].find((one) => one.text === text);
    select.value = option.value;
    select.dispatchEvent(new Event('change'));
  }, label);
}

const reads = (window, what, pattern) =>
  window.sees(what, ({text}) => pattern.test(text), 60000);

const room = (query = '') =>
  `${here.server.url}/room/${crypto.randomUUID()}${query}`;

async function enter(t, link, prepare) {
  const window = await Window.open(here.browser, t, watchPlugs);
  if (prepare)
    await window.page.evaluateOnNewDocument(prepare);
  await window.go(link);
  await window.sees('the call', ({state}) => state === 'in-call', 60000);
  return window;
}

test('devices: the chosen camera and microphone are used, also next time',
  {skip}, async (t) => {
    const ann = await enter(t, room());
    await isOpen(ann, CAMERAS[0], MIC);
    await ann.press('Settings');
    for (const camera of [CAMERAS[2], CAMERAS[1]]) {
      await choose(ann, 'camera', camera);
      await isOpen(ann, camera, MIC);
    }
    await choose(ann, 'microphone', MIC_2);
    await isOpen(ann, CAMERAS[1], MIC_2);
    assert.equal(await ann.page.$eval('[data-self]', ({srcObject}) =>
      srcObject.getVideoTracks()[0].label), CAMERAS[1]);

    await ann.page.reload();
    await isOpen(ann, CAMERAS[1], MIC_2);
    await ann.press('Settings');
    await choose(ann, 'camera', 'Any camera');
    await isOpen(ann, CAMERAS[0], MIC_2);
    ann.assertNoTrouble();
  });

test('devices: of two choices in a row the last counts, and nothing leaks',
  {skip}, async (t) => {
    const ann = await enter(t, room());
    await isOpen(ann, CAMERAS[0], MIC);
    await ann.press('Settings');
    await ann.page.evaluate(() => {
      window.plug.held = [];
    });
    for (const camera of [CAMERAS[1], CAMERAS[2], CAMERAS[1], CAMERAS[2]])
      await choose(ann, 'camera', camera);
    await ann.page.evaluate(() => {
      const {held} = window.plug;
      window.plug.held = null;
      held.forEach((resolve) => resolve());
    });
    await isOpen(ann, CAMERAS[2], MIC);
    assert.equal((await listOf(ann, 'camera')).chosen, CAMERAS[2]);
  });

test('devices: a choice while hidden and muted opens nothing', {skip},
  async (t) => {
    const link = room();
    const first = await enter(t, link);
    await isOpen(first, CAMERAS[0], MIC);
    await first.press('Mute');
    await first.press('Stop camera');
    await isOpen(first, MIC);
    const asked = await first.page.evaluate(() => window.plug.asked);
    await first.press('Settings');
    await choose(first, 'camera', CAMERAS[2]);
    await first.page.keyboard.press('Escape');
    assert.equal(await first.page.evaluate(() => window.plug.asked), asked);
    await first.press('Start camera');
    await isOpen(first, CAMERAS[2], MIC);

    /* The microphone stays muted when another one is chosen. */
    await first.press('Settings');
    await choose(first, 'microphone', MIC_1);
    await isOpen(first, CAMERAS[2], MIC_1);
    assert.deepEqual(await first.page.evaluate(() => window.plug.tracks
      .filter(({kind, readyState}) => kind === 'audio' && readyState === 'live')
      .map(({enabled}) => enabled)), [false]);
  });

test('devices: where the remembered ones are gone others are used, and said',
  {skip}, async (t) => {
    const ann = await enter(t, room(), () => {
      localStorage.setItem('meshroom.camera', 'a camera of last year');
      localStorage.setItem('meshroom.microphone', 'and its microphone');
    });
    await isOpen(ann, CAMERAS[0], MIC);
    const {text} = await reads(ann, 'the word', /microphone that you chose/);
    assert.match(text, /camera that you chose is not connected/);
    assert.match(text, /fake_device_0.* is used instead/);
    assert.doesNotMatch(text, /Try again/);
    await ann.press('Settings');
    assert.equal((await listOf(ann, 'camera')).chosen,
      'The chosen camera (not connected)');
    await choose(ann, 'camera', CAMERAS[1]);
    await isOpen(ann, CAMERAS[1], MIC);
    assert.ok(!(await listOf(ann, 'camera')).texts.join().includes('(not'));
  });

test('devices: unplugged, another one takes its place until it is back', {skip},
  async (t) => {
    const link = room();
    const bob = await enter(t, `${link}?muted=1&hidden=1`);
    const ann = await enter(t, link);
    await ann.inCall(1);
    await ann.press('Settings');
    await choose(ann, 'camera', CAMERAS[1]);
    await choose(ann, 'microphone', MIC_1);
    await ann.page.keyboard.press('Escape');
    await isOpen(ann, CAMERAS[1], MIC_1);

    await ann.page.evaluate((label) => window.plug.out(label), CAMERAS[1]);
    await isOpen(ann, CAMERAS[0], MIC_1);
    await reads(ann, 'the word', /fake_device_1.* was unplugged.*Now .*_0/);
    const {peers: [{frames}]} = await bob.sees('her', ({peers}) =>
      peers[0] && !peers[0].hidden, 60000);
    await bob.sees('her going on', ({peers}) => peers[0].frames > frames + 5,
      60000);
    await ann.page.evaluate((label) => window.plug.out(label), MIC_1);
    await isOpen(ann, CAMERAS[0], MIC);

    await ann.page.evaluate((label) => window.plug.in(label), CAMERAS[1]);
    await isOpen(ann, CAMERAS[1], MIC);
    await reads(ann, 'the word', /camera that you chose is back/);
    await ann.page.evaluate((label) => window.plug.in(label), MIC_1);
    await isOpen(ann, CAMERAS[1], MIC_1);
    ann.assertNoTrouble();
  });

test('devices: the last one unplugged, and one that is taken away', {skip},
  async (t) => {
    const ann = await enter(t, room('?muted=1'));
    await isOpen(ann, CAMERAS[0]);
    await ann.page.evaluate((labels) => labels.forEach(window.plug.out),
      [CAMERAS[1], CAMERAS[2], CAMERAS[0]]);
    await isOpen(ann);
    await reads(ann, 'what to do',
      /unplugged.*There is no camera. Plug one in/);
    await ann.page.evaluate((label) => window.plug.in(label), CAMERAS[2]);
    assert.deepEqual(await open(ann), [], 'nothing opens by itself');
    await ann.press('Try again');
    await isOpen(ann, CAMERAS[2]);

    /* The device is still plugged in, so its end was wanted. */
    await ann.page.evaluate((label) => window.plug.end(label), CAMERAS[2]);
    await reads(ann, 'what happened', /camera was taken away/);
    assert.deepEqual(await open(ann), []);
    await ann.press('Start camera');
    await isOpen(ann, CAMERAS[2]);
  });

test('devices: what the browser does not tell yet is not called gone', {skip},
  async (t) => {
    const ann = await enter(t, room('?muted=1&hidden=1'), () => {
      localStorage.setItem('meshroom.camera', 'chosen before');
      const {mediaDevices} = navigator;
      const list = mediaDevices.enumerateDevices.bind(mediaDevices);
      mediaDevices.enumerateDevices = async () => (await list())
        .filter(({kind, label}) => window.told || label.endsWith('_0')
          || kind !== 'videoinput')
        .map(({kind, deviceId, label}) => (window.told ? {kind, deviceId, label}
          : {kind, deviceId: '', label: ''}));
    });
    await ann.press('Settings');
    const seesCameras = (what, texts) => kit.until(what, async () =>
      (await listOf(ann, 'camera')).texts.join() === texts.join(), 60000,
    () => listOf(ann, 'camera'));
    await seesCameras('no camera by name', ['Any camera', 'The chosen camera']);
    assert.equal((await listOf(ann, 'camera')).chosen, 'The chosen camera');
    assert.deepEqual((await listOf(ann, 'microphone')).texts,
      ['Any microphone']);
    await ann.page.evaluate(() => {
      window.told = true;
      navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
    });
    await seesCameras('all', ['Any camera', ...CAMERAS,
      'The chosen camera (not connected)']);
  });

test('devices: what the person can do about a refusal', {skip}, async (t) => {
  const ann = await enter(t, room('?muted=1&hidden=1'), () => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(window.refusal);
  });
  for (const [name, message, words] of [
    ['NotAllowedError', 'Permission denied', /Allow it in the address bar/],
    ['NotAllowedError', 'Permission denied by system',
      /Allow it in the system.s privacy settings/],
    ['NotReadableError', 'in use', /another program.*Close that program/],
    ['NotFoundError', 'none', /There is no camera. Plug one in/],
    ['OverconstrainedError', 'none', /There is no camera. Plug one in/],
    ['TypeError', 'odd', /choose another one in the settings/]]) {
    await ann.page.evaluate((which, text) => {
      window.refusal = new DOMException(text, which);
    }, name, message);
    await ann.press('Start camera');
    await reads(ann, name, words);
    await ann.sees('that it is off', ({text}) => /Start camera/.test(text));
  }
});

test('devices: a camera that ends whenever it is opened is left alone', {skip},
  async (t) => {
    const ann = await enter(t, room('?muted=1'));
    await isOpen(ann, CAMERAS[0]);
    await ann.page.evaluate(() => {
      const get = navigator.mediaDevices.getUserMedia;
      const list = navigator.mediaDevices.enumerateDevices;
      navigator.mediaDevices.enumerateDevices = async () =>
        (await list()).filter(({kind}) => kind !== 'videoinput');
      navigator.mediaDevices.getUserMedia = async (wanted) => {
        const stream = await get(wanted);
        setTimeout(() => window.plug.end(stream.getTracks()[0].label));
        return stream;
      };
      window.plug.end('fake_device_0');
    });
    await reads(ann, 'that it is over', /camera was taken away/);
    assert.equal(await ann.page.evaluate(() => window.plug.asked), 4);
    assert.deepEqual(await open(ann), []);
  });

test('devices: one that another program uses is not taken, the old one stays',
  {skip}, async (t) => {
    const ann = await enter(t, room('?muted=1'));
    const setBusy = (camera) => ann.page.evaluate((label) =>
      window.plug.busy.add(label), camera);
    await isOpen(ann, CAMERAS[0]);
    await setBusy(CAMERAS[1]);
    await ann.press('Settings');
    await choose(ann, 'camera', CAMERAS[1]);
    const {text} = await reads(ann, 'why not', /The one before stays in use/);
    assert.match(text, /perhaps another program is using it/);
    await isOpen(ann, CAMERAS[0]);
    assert.equal((await listOf(ann, 'camera')).chosen, 'Any camera');
    assert.equal(await ann.page.evaluate(() =>
      localStorage.getItem('meshroom.camera')), '');

    /* The list names a device that has been unplugged. */
    await ann.page.evaluate(([label]) => {
      const {options} = document.querySelector('#settings-camera');
      [...options].find(({text: its}) => its === label).value = 'gone';
    }, [CAMERAS[2]]);
    await choose(ann, 'camera', CAMERAS[2]);
    await reads(ann, 'why not', /That camera is not connected any more/);
    await isOpen(ann, CAMERAS[0]);

    /* In a phone the other camera opens only once the first is closed. */
    await ann.page.evaluate(() => {
      window.plug.busy.clear();
      window.plug.single = true;
    });
    await choose(ann, 'camera', CAMERAS[2]);
    await isOpen(ann, CAMERAS[2]);
    await setBusy(CAMERAS[1]);
    await choose(ann, 'camera', CAMERAS[1]);
    await reads(ann, 'why not', /The one before stays in use/);
    await isOpen(ann, CAMERAS[2]);
    assert.equal((await listOf(ann, 'camera')).chosen, CAMERAS[2]);
  });

const SPEAKERS = ['Fake Audio Output 1', 'Fake Audio Output 2'];

/** The label of the speaker that plays the only peer. */
const speakerOf = (window) => window.page.evaluate(async () => {
  const {sinkId} = document.querySelector('video[data-peer]');
  const devices = await navigator.mediaDevices.enumerateDevices();
  return sinkId && devices.find(({kind, deviceId}) =>
    kind === 'audiooutput' && deviceId === sinkId)?.label;
});

const isHeardBy = (window, label) => kit.until(`the sound to come by ${label}`,
  async () => await speakerOf(window) === label, 60000,
  async () => [await speakerOf(window), (await window.look()).text,
    window.log]);

test('devices: the chosen speaker plays everybody, until it is unplugged',
  {skip}, async (t) => {
    const link = room();
    const ann = await enter(t, link);
    const bob = await enter(t, `${link}?hidden=1`);
    await ann.inCall(1);
    await isHeardBy(ann, '');
    await ann.press('Settings');
    for (const speaker of SPEAKERS) {
      await choose(ann, 'speaker', speaker);
      await isHeardBy(ann, speaker);
    }
    await bob.press('Leave');
    await ann.sees('nobody', ({peers}) => peers.length === 0, 60000);
    await enter(t, `${link}?hidden=1`);
    await ann.inCall(1);
    await isHeardBy(ann, SPEAKERS[1]);

    await ann.page.evaluate((label) => window.plug.out(label), SPEAKERS[1]);
    await isHeardBy(ann, '');
    await reads(ann, 'the word', /speaker that you chose is not connected/);
    assert.equal((await listOf(ann, 'speaker')).chosen,
      'The chosen speaker (not connected)');
    await ann.page.evaluate((label) => window.plug.in(label), SPEAKERS[1]);
    await isHeardBy(ann, SPEAKERS[1]);
    await reads(ann, 'the word', /speaker that you chose is back/);

    await ann.page.reload();
    await ann.inCall(1);
    await isHeardBy(ann, SPEAKERS[1]);
    await ann.press('Settings');
    await ann.page.evaluate(() => {
      HTMLMediaElement.prototype.setSinkId = () =>
        Promise.reject(new DOMException('no', 'AbortError'));
    });
    await choose(ann, 'speaker', SPEAKERS[0]);
    await reads(ann, 'why not', /That speaker cannot be used/);
    assert.equal((await listOf(ann, 'speaker')).chosen, SPEAKERS[1]);
    await isHeardBy(ann, SPEAKERS[1]);
  });

test('devices: where the page may not choose a speaker, it offers none', {skip},
  async (t) => {
    const ann = await enter(t, room(), () => {
      delete HTMLMediaElement.prototype.setSinkId;
    });
    await isOpen(ann, CAMERAS[0], MIC);
    await ann.press('Settings');
    assert.doesNotMatch((await ann.look()).text, /Speaker/);
    ann.assertNoTrouble();
  });
