// SPDX-License-Identifier: LGPL-2.1-or-later

/** OBS' programme as a participant, with and without guests of the same room. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { openChromium } from '../e2e/kit/browser.js';
import { looks } from '../e2e/kit/media.js';
import { party } from '../e2e/kit/pipeline.js';
import { Server } from '../e2e/kit/server.js';
import { until } from '../e2e/kit/wait.js';
import { noPlugin, openObs } from './kit/obs.js';

const [red, green, blue, , magenta] = looks;

/** A picture of one colour with a tone, which is what the programme is. */
function show({ rgb: [r, g, b], hz }) {
  const colour = (0xff << 24 | r << 16 | g << 8 | b) >>> 0;
  return { name: 'programme', kind: 'meshroom_pipeline', settings: { pipeline:
    `videotestsrc is-live=true pattern=solid-color foreground-color=${colour} !
     video/x-raw,width=320,height=180,framerate=15/1 ! video.
     audiotestsrc is-live=true freq=${hz} volume=0.4 ! audio.` } };
}

/** The vendor's requests, and what it tells. */
class Vendor {
  events = [];

  constructor(remote) {
    this.remote = remote;
    remote.on('VendorEvent', ({ vendorName, eventType, eventData }) =>
      vendorName === 'meshroom' &&
      this.events.push({ type: eventType, ...eventData }));
  }

  async ask(requestType, requestData) {
    const { responseData } = await this.remote.ask('CallVendorRequest',
      { vendorName: 'meshroom', requestType, requestData });
    return responseData;
  }

  async start(settings) {
    assert.deepEqual(await this.ask('start', settings), { started: true });
  }

  async stop() {
    assert.deepEqual(await this.ask('stop'), { stopped: true });
    await until('the programme to end',
      async () => !(await this.ask('status')).running);
  }

  /** Waits for an event that has not been waited for yet. */
  async hear(type, timeout = 20000) {
    const found = await until(`a ${type}`,
      () => this.events.find(e => e.type === type && !e.heard), timeout,
      () => this.events);
    found.heard = true;
    return found;
  }
}

async function openProgramme(t, items, files = {}) {
  const obs = await openObs(t, { files,
    scenes: { Scene: [...items, show(magenta)] } });
  return { obs, vendor: new Vendor(obs.remote) };
}

async function openServer(t) {
  const server = new Server();
  t.after(() => server.stop());
  return server;
}

function enter(t, options) {
  const one = party(options);
  t.after(() => one.stop('SIGKILL'));
  return one;
}

const meets = (who, look, timeout = 30000) => until(
  `${look.colour} to be seen and heard`, () => who.meets(look), timeout,
  () => who.summary());

/** Those that are there now. */
const present = pipeline =>
  [...pipeline.sights.values()].filter(s => !s.gone && (s.video || s.audio));

const isAlone = pipeline => until('everybody to be gone',
  () => present(pipeline).length === 0, 20000, () => pipeline.summary());

async function endsCleanly(obs, look = () => {}) {
  const end = await obs.stop(look);
  assert.equal(end.asked, false, 'something held it up');
  assert.equal(end.code, 0, obs.log);
  assert.equal(end.leaks, obs.baseline, obs.log);
}

test('a browser and a pipeline see and hear the programme',
  { skip: noPlugin }, async t => {
    const server = await openServer(t);
    const link = await server.link();
    const { obs, vendor } = await openProgramme(t, []);
    const browser = await openChromium(green);
    t.after(() => browser.close());

    assert.equal((await vendor.ask('status')).running, false);
    await vendor.start({ link, name: 'Programme', width: 320, fps: 15,
      bitrate: 200000 });
    const pipeline = enter(t, { name: 'pipe', look: blue, link });
    await browser.join(link);
    await meets(pipeline, magenta);
    await meets(browser, magenta);
    assert.equal(await browser.countFaces(), 2);
    assert.equal(present(pipeline).length, 2);
    await until('its name and its size', () => browser.page.evaluate(() =>
      [...document.querySelectorAll('.tile')].some(tile =>
        tile.textContent.includes('Programme') &&
        tile.querySelector('video').videoWidth === 320 &&
        tile.querySelector('video').videoHeight === 180)));

    const status = await vendor.ask('status');
    assert.equal(status.running, true);
    assert.equal(status.link, link);
    assert.equal(status.peers.length, 2);
    assert.ok(status.peers.some(p => p.name === 'pipe'));
    assert.ok((await vendor.hear('peer-added'))['peer-id']);
    assert.deepEqual(await vendor.ask('start', { link }),
      { started: false, error: 'the programme is already sent' });

    await pipeline.stop();
    assert.ok((await vendor.hear('peer-removed')).reason);
    await vendor.stop();
    await until('the programme to be gone',
      async () => await browser.countFaces() === 0, 20000,
      () => browser.summary());
    assert.ok(!obs.log.includes(link.split('#')[1]), 'the key is in the log');
    await endsCleanly(obs);
  });

test('with a guest of the same room as a source there is one participant',
  { skip: noPlugin }, async t => {
    const server = await openServer(t);
    const link = await server.link();
    const first = enter(t, { name: 'first', look: red, link });
    const { obs, vendor } = await openProgramme(t, [{ name: 'guest',
      kind: 'meshroom_guest', settings: { link, guest: '1' } }]);
    await obs.remote.waitColour('guest', 'red');
    await vendor.start({ link, name: 'Programme' });
    await meets(first, magenta);
    const second = enter(t, { name: 'second', look: blue, link });
    await meets(second, magenta);
    await meets(second, red);
    assert.equal(present(first).length, 2, JSON.stringify(first.summary()));
    assert.equal(present(second).length, 2, JSON.stringify(second.summary()));

    // The guest goes on being shown; what the others see of us is a picture.
    const isUnseen = () => until('the programme not to be seen',
      () => !present(first).some(s => s.colour === magenta.colour), 20000,
      () => first.summary());
    const hide = hidden => obs.remote.ask('SetInputSettings',
      { inputName: 'guest', inputSettings: { hidden } });
    for (let i = 0; i < 3; i++) {
      await vendor.stop();
      await isUnseen();
      assert.equal(present(first).length, 2);
      await obs.remote.waitColour('guest', 'red');
      await vendor.start({ link });
      await meets(first, magenta);
    }
    await hide(true);
    await isUnseen();
    await hide(false);
    await meets(first, magenta);
    assert.equal(present(first).length, 2);
    await vendor.stop();
    await endsCleanly(obs);
  });

test('it serves a room, and starts and stops ten times',
  { skip: noPlugin }, async t => {
    const { obs, vendor } = await openProgramme(t, []);
    assert.match((await vendor.ask('start', { link: '' })).error, /link/);
    let pipeline, room;
    for (let i = 0; i < 10; i++) {
      await vendor.start({ serve: '127.0.0.1:0', width: 320, fps: 15,
        bitrate: 200000 });
      const { link } = await vendor.hear('link-ready');
      assert.notEqual(link, room);
      room = link;
      // Somebody is there for some of them.
      if (i % 5 === 0) {
        pipeline = enter(t, { name: 'pipe', look: blue, link });
        await meets(pipeline, magenta);
        assert.equal((await vendor.ask('status')).link, link);
        assert.equal(present(pipeline).length, 1);
      }
      await vendor.stop();
      if (i % 5 === 0) {
        await isAlone(pipeline);
        await pipeline.stop();
      }
    }
    await endsCleanly(obs);
  });

test('guests of the room that it serves see one participant, also later',
  { skip: noPlugin }, async t => {
    const { obs, vendor } = await openProgramme(t, [{ name: 'guest',
      kind: 'meshroom_guest', settings: { guest: '1' } }]);
    await vendor.start({ serve: '127.0.0.1:0' });
    const { link } = await vendor.hear('link-ready');
    const pipeline = enter(t, { name: 'pipe', look: blue, link });
    await meets(pipeline, magenta);
    await obs.remote.ask('SetInputSettings',
      { inputName: 'guest', inputSettings: { link } });
    await obs.remote.waitColour('guest', 'blue');
    assert.equal(present(pipeline).length, 1);
    await endsCleanly(obs);
  });

test('it starts with OBS', { skip: noPlugin }, async t => {
  const server = await openServer(t);
  const link = await server.link();
  const pipeline = enter(t, { name: 'pipe', look: blue, link });
  const { obs, vendor } = await openProgramme(t, [], { 'programme.json':
    JSON.stringify({ link, start_with_obs: true }) });
  await meets(pipeline, magenta);
  assert.equal((await vendor.ask('status')).running, true);
  await endsCleanly(obs);
});

test('what a request asks for counts once', { skip: noPlugin }, async t => {
  const server = await openServer(t);
  const link = await server.link();
  const { obs, vendor } = await openProgramme(t, [],
    { 'programme.json': JSON.stringify({ link, name: 'Studio' }) });
  await vendor.start({ serve: '127.0.0.1:0', name: 'Elsewhere' });
  assert.notEqual((await vendor.hear('link-ready')).link, link);
  await vendor.stop();
  const pipeline = enter(t, { name: 'pipe', look: blue, link });
  await vendor.start();
  await meets(pipeline, magenta);
  assert.equal((await vendor.ask('status')).link, link);
  assert.ok(pipeline.messages.some(m => m.name === 'meshroom-peer-added' &&
    m.text.includes('Studio')), JSON.stringify(pipeline.messages));
  await endsCleanly(obs);
});

test("OBS' own StartOutput sends what the dialog says", { skip: noPlugin },
  async t => {
    const server = await openServer(t);
    const link = await server.link();
    const pipeline = enter(t, { name: 'pipe', look: blue, link });
    const { obs, vendor } = await openProgramme(t, [],
      { 'programme.json': JSON.stringify({ link, name: 'Studio' }) });
    const output = { outputName: 'Meshroom programme' };
    await obs.remote.ask('StartOutput', output);
    await meets(pipeline, magenta);
    await obs.remote.ask('StopOutput', output);
    await until('the programme to end',
      async () => !(await vendor.ask('status')).running);

    // What a request asks for counts once here, too.
    await vendor.start({ serve: '127.0.0.1:0', name: 'Elsewhere' });
    await vendor.hear('link-ready');
    await vendor.stop();
    await obs.remote.ask('StartOutput', output);
    await until('the programme to be sent',
      async () => (await vendor.ask('status')).running);
    assert.equal((await vendor.ask('status')).link, link);
    await endsCleanly(obs);
  });

const noKeys = noPlugin || (existsSync('/usr/bin/xdotool') ? false
  : 'xdotool is not installed');

test('OBS ends also with the dialog open, something typed, and the ' +
  'programme sent', { skip: noKeys }, async t => {
  const server = await openServer(t);
  const link = await server.link();
  const pipeline = enter(t, { name: 'pipe', look: blue, link });
  const { obs, vendor } = await openProgramme(t, [],
    { 'programme.json': JSON.stringify({ link }) });
  const xdotool = (...args) => execFileSync('xdotool', args, {
    env: { ...process.env, DISPLAY: obs.screen.name } }).toString().trim();
  const find = name => xdotool('search', '--onlyvisible', '--name', name);
  await until('the dialog', () => {
    xdotool('windowfocus', '--sync', find('^OBS '));
    xdotool('key', '--delay', '300', 'alt+t', 'Up', 'Return');
    return find('Meshroom programme');
  });
  await vendor.start();
  await meets(pipeline, magenta, 60000);

  // From one field to the next, until one has taken it: that is saved at once.
  const saved = () => JSON.parse(readFileSync(join(obs.folder,
    'config/obs-studio/plugin_config/meshroom/programme.json'), 'utf8'));
  xdotool('windowfocus', '--sync', find('Meshroom programme'));
  await until('what is typed to be saved', () => {
    if (Object.values(saved()).some(v => /5/.test(v) && v !== link))
      return true;
    xdotool('key', '--delay', '100', 'Tab', '5');
    return false;
  }, 30000, saved);
  const typed = saved();
  await endsCleanly(obs, () => assert.deepEqual(saved(), typed));
  await isAlone(pipeline);
});
