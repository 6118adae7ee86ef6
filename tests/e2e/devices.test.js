// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Firefox with microphones of a real sound server: the chosen one is used,
 * another one while the chosen one is unplugged, and the chosen one again when
 * it is back.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import { openFirefox } from './kit/browser.js';
import { looks } from './kit/media.js';
import { Server } from './kit/server.js';
import { until } from './kit/wait.js';

const PATIENCE = 60000;

/** Records the microphones that the page opens. */
function watchTracks() {
  window.tracks = [];
  const { mediaDevices } = navigator;
  const get = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = async wanted => {
    const stream = await get(wanted);
    window.tracks.push(...stream.getTracks());
    return stream;
  };
}

test('the chosen microphone, unplugged and plugged in again', async t => {
  const server = new Server();
  t.after(() => server.stop());
  const firefox = await openFirefox(looks[0],
    { microphones: ['desk', 'headset'] });
  t.after(() => firefox.close());
  const { page, microphones } = firefox;
  await page.evaluateOnNewDocument(watchTracks);
  await firefox.join((await server.link()).replace('#', '?hidden=1#'));
  await firefox.waitState('in-call', PATIENCE);

  const look = () => page.evaluate(() => ({
    open: window.tracks.filter(({ readyState }) => readyState === 'live')
      .map(({ label }) => label),
    notices: document.querySelector('#notices').innerText,
    list: [...document.querySelector('#settings-microphone').options]
      .map(({ text }) => text),
  }));
  const sees = (what, check) => until(what, async () => check(await look()),
    PATIENCE, async () => [await look(), firefox.log]);
  const isOpen = name => sees(`${name} alone to be open`, ({ open }) =>
    open.length === 1 && open[0] === name);

  await sees('a microphone to be open', ({ open }) => open.length === 1);
  await firefox.press('Settings');
  for (const name of ['desk', 'headset']) {
    await sees(`${name} in the list`, ({ list }) => list.includes(name));
    await page.evaluate(wanted => {
      const select = document.querySelector('#settings-microphone');
      select.value = [...select.options].find(({ text }) => text === wanted)
        .value;
      select.dispatchEvent(new Event('change'));
    }, name);
    await isOpen(name);
  }
  await page.keyboard.press('Escape');

  microphones.pullOut('headset');
  await sees('another one', ({ open, notices }) => open.length === 1 &&
    open[0] !== 'headset' && /headset.* was unplugged. Now .* in use/
    .test(notices));
  microphones.plugIn('headset');
  await isOpen('headset');
  assert.match((await look()).notices, /that you chose is back/);
});
