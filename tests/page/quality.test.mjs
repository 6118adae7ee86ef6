// SPDX-License-Identifier: LGPL-2.1-or-later

// How good a connection is said to be: what is read in the browser's
// statistics, when the state changes, and the mark in the window.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {Quality, blame, describe, explain, judge, readFigures}
  from '../../gst/server/web/quality.js';
import {Window, kit, setUp, skip} from './window.mjs';

const flow = {bitrate: 0, loss: 0, width: 0, height: 0, framerate: 0};

/** Figures of a perfect connection, but for those given. */
const figures = ({lossSent = 0, lossReceived = 0, ...rest}) => ({
  rtt: 0.02, frozen: 0, relayed: false, ...rest,
  sent: {...flow, loss: lossSent}, received: {...flow, loss: lossReceived}});

test('quality: the worst figure decides', () => {
  for (const [given, state, reason] of [
    [{}, 'good', ''],
    [{rtt: 0.29, lossSent: 0.019, frozen: 0.09}, 'good', ''],
    [{rtt: 0.3}, 'fair', 'slow'],
    [{rtt: 0.8}, 'poor', 'slow'],
    [{lossSent: 0.02}, 'fair', 'lossy'],
    [{lossReceived: 0.02}, 'fair', 'lossy'],
    [{lossReceived: 0.1}, 'poor', 'lossy'],
    [{frozen: 0.1}, 'fair', 'frozen'],
    [{frozen: 1}, 'poor', 'frozen'],
    [{frozen: 0.1, lossSent: 0.1, rtt: 0.8}, 'poor', 'lossy'],
    [{frozen: 0.1, lossSent: 0.02, rtt: 0.3}, 'fair', 'frozen'],
  ])
    assert.deepEqual(judge(figures(given)), {state, reason});
});

/** Reports of a connection of n seconds, of which all else is given. */
const reportsAt = (n, {loss = 0, lossThere = 0, rtt = 0.02, frozen = 0}) => [
  {type: 'transport', selectedCandidatePairId: 'pair'},
  {type: 'candidate-pair', id: 'other', currentRoundTripTime: 9},
  {type: 'candidate-pair', id: 'pair', currentRoundTripTime: rtt},
  {type: 'inbound-rtp', kind: 'audio', bytesReceived: 4000 * n,
    packetsReceived: 50 * n, packetsLost: 0},
  {type: 'inbound-rtp', kind: 'video', bytesReceived: 125000 * n,
    packetsReceived: 50 * n, packetsLost: loss, framesDecoded: 30 * n,
    frameWidth: 1280, frameHeight: 720, totalFreezesDuration: frozen},
  {type: 'outbound-rtp', kind: 'video', bytesSent: 25000 * n,
    packetsSent: 100 * n, framesSent: 15 * n, frameWidth: 320,
    frameHeight: 180},
  {type: 'remote-inbound-rtp', packetsLost: lossThere, roundTripTime: 7},
];

test('quality: figures are those of the last two seconds', () => {
  const quality = new Quality();
  quality.take(reportsAt(10, {loss: 500, lossThere: 300, frozen: 7}), 0, true);
  assert.equal(quality.figures, null);
  quality.take(reportsAt(11, {}), 1000, true);
  assert.equal(quality.figures, null);
  quality.take(reportsAt(12, {loss: 550, lossThere: 310, frozen: 7.5}), 2000,
    true);
  assert.deepEqual(quality.figures, {
    rtt: 0.02, frozen: 0.25, relayed: true,
    sent: {bitrate: 200000, loss: 0.05, width: 320, height: 180,
      framerate: 15},
    received: {bitrate: 1032000, loss: 0.2, width: 1280, height: 720,
      framerate: 30},
  });
});

test('quality: what is not known is no fault', () => {
  const nothing = {bytesSent: 0, packetsSent: 0, framesSent: 0, lostThere: 0,
    bytesReceived: 0, packetsReceived: 0, framesReceived: 0, lost: 0,
    frozen: 0};
  const read = readFigures([], nothing, nothing, 2, false);
  assert.deepEqual(judge(read), {state: 'good', reason: ''});
  /* counters that go back, as those of a stream that ends */
  const less = readFigures([], {...nothing, lost: 9, bytesSent: 9}, nothing, 2,
    false);
  assert.deepEqual(less, read);
});

/** Takes a reading every two seconds; each is what the peer's losses are. */
function statesOf(losses) {
  const quality = new Quality();
  let lost = 0;
  quality.take(reportsAt(0, {}), 0, false);
  return losses.map((part, i) => {
    lost += 200 * part / (1 - part);
    quality.take(reportsAt(2 * i + 2, {loss: lost}), 2000 * (i + 1), false);
    return quality.verdict.state;
  });
}

test('quality: a single bad reading changes nothing', () => {
  assert.deepEqual(statesOf([0, 0.5, 0, 0.5, 0]), Array(5).fill('good'));
});

test('quality: it is told soon when it stays bad, and later when it is good',
  () => {
    assert.deepEqual(statesOf([0, 0.5, 0.5, 0.5, 0, 0, 0, 0]),
      ['good', 'good', 'poor', 'poor', 'poor', 'poor', 'good', 'good']);
  });

test('quality: what changes all the time does not flicker', () => {
  const states = statesOf([0.05, 0.05, ...Array(20).fill([0, 0, 0.05]).flat()]);
  assert.deepEqual(states.slice(1), Array(states.length - 1).fill('fair'));
});

test('quality: whose connection is to blame', () => {
  const of = (state) => ({figures: figures({}), verdict: {state, reason: ''}});
  assert.equal(blame([of('poor')]), 'the');
  assert.equal(blame([of('poor'), null, new Quality()]), 'the');
  assert.equal(blame([of('poor'), of('good')]), 'their');
  assert.equal(blame([of('poor'), of('fair'), null]), 'your');
  assert.equal(explain({state: 'fair', reason: 'slow'}, 'their'),
    'their connection is slow');
  assert.equal(explain({state: 'good', reason: ''}, 'your'), '');
});

test('quality: figures in words', () => {
  assert.deepEqual(describe({...figures({lossSent: 0.014, lossReceived: 0.2}),
    received: {bitrate: 1234567, loss: 0.2, width: 1280, height: 720,
      framerate: 29.97}, relayed: true}), [
    ['Round trip', '20 ms'],
    ['Lost', '20 % of what comes, 1 % of what is sent'],
    ['Received', '1280\u00d7720, 30 fps, 1.2 Mbit/s'],
    ['Sent', '0 kbit/s'],
    ['Path', 'through a relay'],
  ]);
});

test('quality: a round trip of less than a millisecond is known', () => {
  const take = (path) => describe({...figures({}),
    rtt: readFigures(path, {}, {}, 2, false).rtt})[0][1];
  const pair = (rtt) => [{type: 'candidate-pair', selected: true,
    currentRoundTripTime: rtt}];
  assert.equal(take(pair(0)), 'under 1 ms');
  assert.equal(take(pair(0.001)), '1 ms');
  assert.equal(take(pair(undefined)), 'not known');
  assert.equal(take([]), 'not known');
  const report = {type: 'remote-inbound-rtp', roundTripTime: 0};
  assert.equal(take([report]), 'under 1 ms');
  assert.equal(take([{...report, roundTripTime: undefined}]), 'not known');
});

// --- in a browser ---

const here = setUp();

/** The mark in the only tile of a window, and what its panel says. */
const look = ({page}) => page.evaluate(() => {
  const button = document.querySelector('#grid .quality, #solo .quality');
  const panel = button?.parentElement.querySelector('.figures');
  const rows = [...panel?.querySelectorAll('dd') ?? []];
  return {shown: button?.checkVisibility(),
    words: button?.getAttribute('aria-label'),
    expanded: button?.getAttribute('aria-expanded'),
    focused: button !== null && document.activeElement === button,
    open: panel?.checkVisibility(),
    rows: rows.map((row) => row.textContent)};
});

const until = (window, what, check) => kit.until(what, async () => {
  const seen = await look(window);
  return check(seen) && seen;
}, 30000, async () => [await look(window), window.log]);

test('quality: the mark is opened and closed by keyboard', {skip},
  async (t) => {
    const ann = await Window.open(here.browser, t);
    await ann.go(here.server.url);
    await ann.page.type('#home-name', 'Ann');
    await ann.press('Create meeting');
    const {link} = await ann.sees('to be in the call',
      ({state}) => state === 'in-call');
    const bob = await Window.open(here.browser, t);
    await bob.go(link);
    await ann.inCall(1);
    await bob.inCall(1);
    await bob.page.bringToFront();
    await until(bob, 'the mark', ({shown, words}) => shown
      && /^Connection with Ann: (good|fair|poor)/.test(words));
    assert.equal((await look(bob)).open, false);

    for (let i = 0; i < 30 && !(await look(bob)).focused; i++)
      await bob.page.keyboard.press('Tab');
    await bob.page.keyboard.press('Enter');
    const {rows, expanded} = await until(bob, 'the figures of a picture',
      ({open, rows: [, , received, sent]}) => open
        && /^\d+×\d+, \d+ fps/.test(received)
        && /^\d+×\d+, \d+ fps/.test(sent));
    assert.equal(expanded, 'true');
    const [rtt, lost, received, sent, path] = rows;
    assert.match(rtt, /^(\d{1,4}|under 1) ms$/);
    assert.match(lost, /^\d{1,3} % of what comes, \d{1,3} % of what is sent$/);
    for (const way of [received, sent]) {
      const [, width, height, fps] = /^(\d+)×(\d+), (\d+) fps, [\d.]+ [kM]bit/
        .exec(way).map(Number);
      assert.ok(width >= 100 && width <= 1920 && height >= 60, way);
      assert.ok(fps <= 90, way);
    }
    assert.equal(path, 'direct');

    await bob.page.keyboard.press('Escape');
    const closed = await look(bob);
    assert.deepEqual([closed.open, closed.expanded, closed.focused],
      [false, 'false', true]);
    bob.assertNoTrouble();
    ann.assertNoTrouble();

    const solo = await Window.open(here.browser, t);
    await solo.go(link.replace('#', '?solo=Ann#'));
    await solo.sees('Ann alone', ({peers}) => peers.length === 1
      && peers[0].connected && peers[0].frames > 2);
    assert.equal((await look(solo)).shown, false);
  });

/** Makes the page one that nobody sees, and counts its readings. */
function hideWindow() {
  Object.defineProperty(document, 'hidden', {value: true});
  window.readings = 0;
  const {prototype} = RTCPeerConnection;
  const {getStats} = prototype;
  prototype.getStats = function (...args) {
    window.readings++;
    return getStats.apply(this, args);
  };
}

test('quality: a page that nobody sees looks at nothing', {skip},
  async (t) => {
    const ann = await Window.open(here.browser, t);
    await ann.go(here.server.url);
    await ann.page.type('#home-name', 'Ann');
    await ann.press('Create meeting');
    const {link} = await ann.sees('to be in the call',
      ({state}) => state === 'in-call');
    const bob = await Window.open(here.browser, t, hideWindow);
    await bob.go(link);
    await bob.inCall(1);
    const before = await bob.page.evaluate(() => window.readings);
    /* it still asks whether Ann is heard */
    await kit.until('a few readings', () => bob.page.evaluate((n) =>
      window.readings > n + 5, before), 30000);
    assert.equal((await look(bob)).shown, false);
    bob.assertNoTrouble();
  });
