// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The kit itself: both browsers, with the devices that the kit gives them,
 * receive each other's colour and tone over a plain RTCPeerConnection.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { openChromium, openFirefox } from './kit/browser.js';
import { looks } from './kit/media.js';
import { until } from './kit/wait.js';

/** Runs in the page: a connection that sends camera and microphone. */
async function connect(offer) {
  const own = await navigator.mediaDevices.getUserMedia(
    { video: true, audio: true });
  const pc = window.pc = new RTCPeerConnection();
  own.getTracks().forEach(track => pc.addTrack(track, own));
  const video = document.createElement('video');
  video.dataset.peer = 'other';
  video.autoplay = true;
  video.srcObject = new MediaStream();
  document.body.append(video);
  pc.ontrack = event => video.srcObject.addTrack(event.track);
  if (offer)
    await pc.setRemoteDescription(offer);
  await pc.setLocalDescription();
  if (pc.iceGatheringState !== 'complete') {
    await new Promise(done => pc.onicegatheringstatechange = () =>
      pc.iceGatheringState === 'complete' && done());
  }
  return pc.localDescription.toJSON();
}

test('chromium and firefox meet each other\'s colour and tone', async t => {
  const server = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end('<!doctype html><title>kit</title><body>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const url = `http://127.0.0.1:${server.address().port}/`;
  const chromium = await openChromium(looks[0]);
  t.after(() => chromium.close());
  const firefox = await openFirefox(looks[1]);
  t.after(() => firefox.close());

  await chromium.join(url);
  await firefox.join(url);
  const offer = await chromium.page.evaluate(connect, null);
  const answer = await firefox.page.evaluate(connect, offer);
  await chromium.page.evaluate(
    sdp => window.pc.setRemoteDescription(sdp), answer);
  await until('chromium to see firefox', () => chromium.meets(looks[1]), 15000,
    () => chromium.summary());
  await until('firefox to see chromium', () => firefox.meets(looks[0]), 15000,
    () => firefox.summary());
  assert.equal(await chromium.countFaces(), 1);
});
