// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Members without a video codec in common hear each other, whichever end
 * offers, and are told why there is no picture. A page tells its user when a
 * member refuses to connect.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import { openChromium, openFirefox } from './kit/browser.js';
import { isTone, looks } from './kit/media.js';
import { party } from './kit/pipeline.js';
import { Server } from './kit/server.js';
import { until } from './kit/wait.js';

const [red, green] = looks;
const PATIENCE = 60000;

const server = new Server();
test.after(() => server.stop());

/** Makes Chromium act as one that was built without H.264. */
function withoutH264() {
  for (const kind of [RTCRtpReceiver, RTCRtpSender]) {
    const get = kind.getCapabilities.bind(kind);
    kind.getCapabilities = what => ({ ...get(what), codecs: get(what).codecs
      .filter(({ mimeType }) => !/h264/i.test(mimeType)) });
  }
  const { prototype } = RTCPeerConnection;
  const set = prototype.setRemoteDescription;
  prototype.setRemoteDescription = function ({ type, sdp }) {
    return set.call(this, { type, sdp: sdp.replace(
      /^(a=rtpmap:\d+ )H264/gm, '$1unknown') });
  };
}

const hears = (pipeline, hz) => [...pipeline.sights.values()]
  .some(sight => sight.audio && isTone(sight.hz, hz));

const textOf = page => page.evaluate(() => document.body.innerText);

const says = (chromium, pattern) => until(`the page to say ${pattern}`,
  async () => pattern.test(await textOf(chromium.page)), PATIENCE,
  async () => [await textOf(chromium.page), chromium.log]);

async function openPage(t) {
  const chromium = await openChromium(red,
    { args: ['--allow-loopback-in-peer-connection'] });
  t.after(() => chromium.close());
  return chromium;
}

function start(t, name, link, look, ...room) {
  const pipeline = party({ name, look, link, room });
  t.after(() => pipeline.stop());
  return pipeline;
}

const isThere = pipeline => until('the pipeline to be in the room',
  () => /async-done|Pipeline is PREROLLED|PLAYING/i.test(pipeline.output),
  PATIENCE, () => pipeline.output);

for (const first of ['page', 'pipeline']) {
  test(`a page without H.264 and a pipeline with nothing else, the ${first} ` +
    'first', async t => {
    const link = await server.link();
    const chromium = await openPage(t);
    await chromium.page.evaluateOnNewDocument(withoutH264);
    let pipe;
    const open = async () => {
      await chromium.join(link);
      await chromium.waitState('in-call', PATIENCE);
    };
    if (first === 'page')
      await open();
    pipe = start(t, 'Ada', link, green, 'video-codecs=H264');
    await isThere(pipe);
    if (first !== 'page')
      await open();
    await says(chromium,
      /Ada sends a picture that this browser cannot show \(H264\)/);
    await until('the page to hear the pipeline', async () =>
      (await chromium.look()).some(({ hz }) => isTone(hz, green.hz)),
    PATIENCE, () => chromium.summary());
    await until('the pipeline to hear the page',
      () => hears(pipe, red.hz), PATIENCE, () => pipe.summary());
    assert.doesNotMatch(await textOf(chromium.page), /Nobody/);
    if (first === 'pipeline')
      assert.match(pipe.output, /no video codec in common: it has VP8/);
    assert.doesNotMatch(pipe.output, /^ERROR/m);
  });
}

test('Firefox that has fetched no H.264', async t => {
  const link = await server.link();
  const firefox = await openFirefox(red,
    { prefs: { 'media.gmp-gmpopenh264.enabled': false } });
  t.after(() => firefox.close());
  const codecs = await firefox.page.evaluate(() => RTCRtpReceiver
    .getCapabilities('video').codecs.map(({ mimeType }) => mimeType));
  assert.ok(!codecs.includes('video/H264'), codecs.join());
  await firefox.join(link);
  await firefox.waitState('in-call', PATIENCE);
  const pipe = start(t, 'Ada', link, green, 'video-codecs=H264');
  await says(firefox, /Ada sends a picture that this browser cannot show/);
  await until('the pipeline to hear the page', () => hears(pipe, red.hz),
    PATIENCE, () => pipe.summary());
});

test('two pipelines without a codec in common hear each other', async t => {
  const link = await server.link();
  const ada = start(t, 'Ada', link, red, 'video-codecs=VP8');
  await isThere(ada);
  const bob = start(t, 'Bob', link, green, 'video-codecs=H264');
  await until('each to hear the other',
    () => hears(ada, green.hz) && hears(bob, red.hz), PATIENCE,
    () => [ada.output, bob.output]);
  await until('both to be told why there is no picture',
    () => /no video codec in common/.test(ada.output + bob.output) &&
      /in no codec of video-codecs/.test(ada.output + bob.output), PATIENCE,
    () => [ada.output, bob.output]);
});

test('a page that a full member does not take says so', async t => {
  const link = await server.link();
  const ada = start(t, 'Ada', link, red, 'max-peers=1');
  const bob = start(t, 'Bob', link, green, 'max-peers=1');
  await until('the two to meet', () => hears(ada, green.hz), PATIENCE,
    () => ada.output);
  const chromium = await openPage(t);
  await chromium.join(link);
  await says(chromium, /Somebody is in this room who does not take your call/);
  await says(chromium, /Nobody is connected with you yet/);
  await bob.stop();
});
