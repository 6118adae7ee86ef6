// SPDX-License-Identifier: LGPL-2.1-or-later

// The page says how large it shows each picture, and sends no larger one than a
// peer has a use for.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {Window, kit, setUp, skip} from './window.mjs';
import {sizeSeen} from '../../gst/server/web/seen.js';
import {boundVideo, divideUplink} from '../../gst/server/web/uplink.js';

const unseen = {width: 0, height: 0, fps: 0};

for (const [name, box, picture, covers, ratio, width, height] of [
  ['fits', [640, 360], [1280, 720], true, 1, 640, 360],
  ['on a dense screen', [640, 360], [1280, 720], true, 2, 1280, 720],
  ['cropped at its sides', [360, 360], [1280, 720], true, 1, 640, 360],
  ['cropped above and below', [640, 360], [640, 480], true, 1, 640, 480],
  ['whole in a wide box', [640, 360], [480, 640], false, 1, 270, 360],
  ['before the first frame', [640, 360], [0, 0], true, 1.5, 960, 540],
  ['without a box', [0, 360], [1280, 720], true, 1, 0, 0]]) {
  test(`seen: a picture ${name}`, () => {
    const [sides, of] = [box, picture].map(([w, h]) => ({width: w, height: h}));
    assert.deepEqual(sizeSeen(sides, of, covers, ratio),
      {width, height, fps: 0});
  });
}

const full = {width: 1280, height: 720};
const limits = divideUplink(1);
const bound = (wanted, picture = full, most = limits) =>
  boundVideo(picture, most, wanted);

test('sent: everything, to a peer that has not said', () =>
  assert.deepEqual(bound(null), {active: true, maxBitrate: 1_000_000,
    scaleResolutionDownBy: 1, maxFramerate: undefined}));

test('sent: nothing that is not seen', () =>
  assert.equal(bound(unseen).active, false));

test('sent: no more than is wanted, in a third of the rate', () => {
  assert.deepEqual(bound({width: 640, height: 360, fps: 15}), {active: true,
    maxBitrate: 500_000, scaleResolutionDownBy: 2, maxFramerate: 15});
  assert.equal(bound({width: 640, height: 480, fps: 0}).scaleResolutionDownBy,
    1.5);
});

test('sent: all of it where more is wanted than there is', () =>
  assert.deepEqual(bound({width: 16384, height: 16384, fps: 0}), bound(null)));

test('sent: no larger than the uplink allows', () =>
  assert.equal(bound(full, full, divideUplink(4)).scaleResolutionDownBy, 2));

test('sent: never a speck', () => {
  assert.equal(bound({width: 16, height: 9, fps: 0}).scaleResolutionDownBy, 8);
  assert.equal(bound(full, {width: 60, height: 60}).scaleResolutionDownBy, 1);
});

test('sent: a picture of unknown size is left as it is', () =>
  assert.equal(bound({width: 64, height: 36, fps: 0}, {}).scaleResolutionDownBy,
    1));

const here = setUp();

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

/** What the page sends to its only peer: whether anything, and how large. */
const sent = ({page}) => page.evaluate(async () => {
  const pc = window.connections.at(-1);
  const sender = pc.getSenders().find(({track}) => track?.kind === 'video');
  const reports = [...(await pc.getStats()).values()];
  const {frameWidth, framesSent} = reports.find(({type, kind}) =>
    type === 'outbound-rtp' && kind === 'video') ?? {};
  return {active: sender?.getParameters().encodings[0]?.active, frameWidth,
    framesSent};
});

const sends = (window, what, check) => kit.until(`to send ${what}`, async () =>
  check(await sent(window)), 15000, () => sent(window));

/** Puts the page into the background, or back, as another tab would. */
const setHidden = ({page}, hidden) => page.evaluate((is) => {
  Object.defineProperty(document, 'visibilityState',
    {configurable: true, value: is ? 'hidden' : 'visible'});
  document.dispatchEvent(new Event('visibilitychange'));
}, hidden);

test('a page sends its picture as large as it is seen', {skip}, async (t) => {
  const a = await Window.open(here.browser, t, keepConnections);
  const b = await Window.open(here.browser, t);
  await b.page.setViewport({width: 1280, height: 900});
  await a.go(`${here.server.url}/`);
  await a.press('Create meeting');
  const {link} = await a.sees('a link', ({link: url}) => /#/.test(url));
  await b.go(link);
  await a.inCall(1);
  await sends(a, 'all of it', ({active, frameWidth}) =>
    active && frameWidth === 320);
  await b.page.setViewport({width: 400, height: 200});
  await sends(a, 'a smaller picture', ({frameWidth}) => frameWidth < 320);
  await setHidden(b, true);
  await sends(a, 'nothing', ({active}) => active === false);
  await b.inCall(1);
  await setHidden(b, false);
  await b.page.setViewport({width: 1280, height: 900});
  const {framesSent} = await sent(a);
  await sends(a, 'all of it again', (now) => now.active
    && now.frameWidth === 320 && now.framesSent > framesSent);
  a.assertNoTrouble();
  b.assertNoTrouble();
});

test('a page for one person wants nobody else', {skip}, async (t) => {
  const a = await Window.open(here.browser, t, keepConnections);
  const solo = await Window.open(here.browser, t);
  await a.go(`${here.server.url}/`);
  await a.press('Create meeting');
  const {link} = await a.sees('a link', ({link: url}) => /#/.test(url));
  await solo.go(link.replace('#', '?solo=Nobody#'));
  await sends(a, 'nothing', ({active}) => active === false);
  await solo.go(link.replace('#', '?solo=Guest#'));
  await solo.inCall(1);
  await sends(a, 'its picture', ({active, framesSent}) =>
    active && framesSent > 0);
  a.assertNoTrouble();
});
