// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Receivers say how large they show a picture: a page tells a pipeline, and a
 * page sends a pipeline no more than its view draws.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import { openChromium } from './kit/browser.js';
import { looks } from './kit/media.js';
import { Pipeline } from './kit/pipeline.js';
import { Server } from './kit/server.js';
import { pause, until } from './kit/wait.js';

const [red, green] = looks;
const PATIENCE = 60000;

const server = new Server();
test.after(() => server.stop());

/** A pipeline that sends a picture, and shows the others as `view` says. */
function start(t, link, view) {
  const pipeline = new Pipeline([
    'meshroom', 'name=room', `link=${link}`, 'display-name=Ada',
    'videotestsrc', 'is-live=true', 'pattern=ball', '!',
    'video/x-raw,format=I420,width=640,height=360,framerate=15/1', '!',
    'room.video_sink', 'room.', ':', 'meshview', 'name=view', ...view,
    'view.video', '!', 'fakesink', 'sync=true', 'view.audio', '!',
    'fakesink', 'sync=true',
  ], { env: { GST_DEBUG: 'meshroom:5', GST_DEBUG_NO_COLOR: '1' } });
  t.after(() => pipeline.stop());
  return pipeline;
}

/** Keeps the page's connections where a test finds them. */
function keepConnections() {
  window.connections = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...args) {
      super(...args);
      window.connections.push(this);
    }
  };
}

async function openPage(t, link) {
  const chromium = await openChromium(red, {
    args: ['--allow-loopback-in-peer-connection'],
    camera: { width: 640, height: 360 },
  });
  t.after(() => chromium.close());
  await chromium.page.evaluateOnNewDocument(keepConnections);
  await chromium.join(link);
  await chromium.waitState('in-call', PATIENCE);
  return chromium;
}

/** What the page sends to its only peer. */
const sent = ({ page }) => page.evaluate(async () => {
  const pc = window.connections.at(-1);
  const sender = pc?.getSenders().find(({ track }) => track?.kind === 'video');
  const reports = [...(await pc?.getStats() ?? new Map()).values()];
  const { frameWidth } = reports.find(({ type, kind }) =>
    type === 'outbound-rtp' && kind === 'video') ?? {};
  return { active: sender?.getParameters().encodings[0]?.active, frameWidth };
});

const sends = (page, what, check) => until(`the page to send ${what}`,
  async () => check(await sent(page)), PATIENCE,
  async () => [await sent(page), page.log]);

/** What the page gets of its only peer's picture. */
const got = ({ page }) => page.evaluate(async () => {
  const reports = [...(await window.connections.at(-1).getStats()).values()];
  const { framesDecoded = 0, frameWidth } = reports.find(({ type, kind }) =>
    type === 'inbound-rtp' && kind === 'video') ?? {};
  return { framesDecoded, frameWidth };
});

/** Waits until the page gets frames, or none any more. */
const gets = (page, some) => until(`${some ? '' : 'no '}frames to come`,
  async () => {
    const before = await got(page);
    await pause(1000);
    return (await got(page)).framesDecoded > before.framesDecoded === some;
  }, PATIENCE, async () => [await got(page), page.log]);

/** The sizes that a pipeline was told, in their order. */
const wanted = pipeline => [...pipeline.output.matchAll(
  / can use (\d+)x(\d+) /g)].map(([, width, height]) => [+width, +height]);

const isWanted = (pipeline, what, check) => until(`${what} to be wanted`,
  () => check(...(wanted(pipeline).at(-1) ?? [])), PATIENCE,
  () => [wanted(pipeline), pipeline.output.slice(-3000)]);

/** Puts the page into the background, or back, as another tab would. */
const setHidden = ({ page }, hidden) => page.evaluate(is => {
  Object.defineProperty(document, 'visibilityState',
    { configurable: true, value: is ? 'hidden' : 'visible' });
  document.dispatchEvent(new Event('visibilitychange'));
}, hidden);

test('a page tells a pipeline how large it shows its picture', async t => {
  const link = await server.link();
  const pipeline = start(t, link, ['width=320', 'height=180']);
  const page = await openPage(t, link);
  await page.page.setViewport({ width: 1280, height: 900 });
  await isWanted(pipeline, 'the whole picture', width => width >= 640);
  await gets(page, true);
  await page.page.setViewport({ width: 400, height: 200 });
  await isWanted(pipeline, 'a small picture', width =>
    width > 0 && width < 400);
  await setHidden(page, true);
  await isWanted(pipeline, 'no picture', (width, height) =>
    width === 0 && height === 0);
  await gets(page, false);
  await setHidden(page, false);
  await isWanted(pipeline, 'a picture', width => width > 0);
  await gets(page, true);
  await sends(page, 'what the view draws', ({ active, frameWidth }) =>
    active && frameWidth === 320);
  assert.doesNotMatch(pipeline.output, /^ERROR/m);
});

test('a page sends nothing to a pipeline that shows somebody else', async t => {
  const link = await server.link();
  start(t, link, ['layout=solo', 'solo=Nobody']);
  const page = await openPage(t, link);
  await sends(page, 'nothing', ({ active }) => active === false);
});

test('a pipeline tells another how large its view draws it', async t => {
  const link = await server.link();
  const [one, other] = [[160, 90], [320, 180]].map(([width, height]) =>
    start(t, link, [`width=${width}`, `height=${height}`]));
  await isWanted(one, 'a picture as in the other\'s view', (width, height) =>
    width === 320 && height === 180);
  await isWanted(other, 'a smaller one', (width, height) =>
    width === 160 && height === 90);
});
