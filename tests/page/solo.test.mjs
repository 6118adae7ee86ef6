// SPDX-License-Identifier: LGPL-2.1-or-later

// The solo view (?solo=NAME), which is a source for other programs.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {chooseSolo} from '../../gst/server/web/solo.js';
import {Window, kit, setUp, skip, startServer} from './window.mjs';

const ROOM = '5c8fd5c8-2c4c-4d3e-9f0a-1b2c3d4e5f60#AAECAwQFBgcICQoLDA0ODw';

const here = setUp();

const link = (query = '') =>
  `${here.server.url}/room/${ROOM.replace('#', `${query}#`)}`;

async function openGuest(t, name) {
  const window = await Window.open(here.browser, t);
  await window.page.evaluateOnNewDocument((text) =>
    localStorage.setItem('meshroom.name', text), name);
  await window.go(link());
  return window;
}

/** Counts how often the page asks for a camera or a microphone. */
function countRequests() {
  window.requests = 0;
  navigator.mediaDevices.getUserMedia = () => {
    window.requests++;
    return Promise.reject(new DOMException('no', 'NotAllowedError'));
  };
}

/** The visible parts of the page: its pictures, and anything else. */
const look = (window) => window.page.evaluate(() => {
  const isVisible = (element) => element.checkVisibility();
  return {
    state: document.documentElement.dataset.state,
    text: document.body.innerText.trim(),
    controls: [...document.querySelectorAll('button, input, a, figcaption, '
      + '[data-self], .progress')].filter(isVisible).map(({id}) => id),
    requests: window.requests,
    videos: [...document.querySelectorAll('video')].filter(isVisible)
      .map((video) => {
        const {x, y, width, height} = video.getBoundingClientRect();
        return {id: video.dataset.peer, muted: video.muted,
          paused: video.paused,
          fills: x === 0 && y === 0 && width === innerWidth
            && height === innerHeight,
          tracks: video.srcObject?.getTracks().map(({kind}) => kind).sort(),
          frames: video.getVideoPlaybackQuality().totalVideoFrames};
      }),
  };
});

function sees(window, what, check) {
  return kit.until(what, async () => {
    const seen = await look(window);
    return check(seen) && seen;
  }, 15000, async () => [await look(window), window.log]);
}

/** Red, green, blue and alpha of the page's middle, on no background. */
async function middle(window, t) {
  const encoded = await window.page.screenshot({omitBackground: true,
    encoding: 'base64'});
  const other = await Window.open(here.browser, t);
  return other.page.evaluate(async (data) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    const context = new OffscreenCanvas(1, 1).getContext('2d');
    context.drawImage(image, -image.width / 2, -image.height / 2);
    return [...context.getImageData(0, 0, 1, 1).data];
  }, encoded);
}

const isPlaying = ({videos}) => videos.length === 1 && videos[0].frames > 2;

test('solo: an id before a name, and of one name who came first', () => {
  const view = (id, name, connected = true, silence = 0) =>
    ({id, name, connected, silence});
  const choose = (views, who, shown) => chooseSolo(views, who, shown)?.id;
  assert.equal(choose([view('a', 'Ann'), view('b', 'a')], 'a'), 'a');
  assert.equal(choose([view('a', 'Ann'), view('b', 'Ann')], 'Ann'), 'a');
  assert.equal(choose([view('a', 'Ann'), view('b', 'Ann')], 'Ann', 'b'), 'b');
  assert.equal(choose([view('a', 'Ann', false), view('b', 'Ann')], 'Ann'), 'b');
  assert.equal(choose([view('a', ' Ann ', false)], 'Ann'), 'a');
  const crashed = view('a', 'Ann', true, 3);
  assert.equal(choose([crashed], 'Ann', 'a'), 'a');
  assert.equal(choose([crashed, view('b', 'Ann')], 'Ann', 'a'), 'b');
  assert.equal(choose([view('a', 'Anna'), view('b', '')], 'Ann'), undefined);
});

test('solo: one person, who may leave and return, and nothing else', {skip},
  async (t) => {
    const viewer = await Window.open(here.browser, t, countRequests);
    await viewer.go(link('?solo=Ann%20B.'));
    const empty = ({state, text, controls, videos}) => state === 'in-call'
      && text === '' && controls.length === 0 && videos.length === 0;
    await sees(viewer, 'an empty stage', empty);
    assert.deepEqual(await middle(viewer, t), [0, 0, 0, 0]);

    const bob = await openGuest(t, 'Bob');
    const [seen] = (await bob.inCall(1)).peers;
    assert.deepEqual([seen.name, seen.muted, seen.hidden],
      ['View of Ann B.', true, true]);
    assert.ok(empty(await look(viewer)), 'Bob is nobody it looks for');

    const ann = await openGuest(t, 'Ann B.');
    const first = await sees(viewer, 'Ann', isPlaying);
    assert.deepEqual([first.text, first.controls], ['', []]);
    assert.deepEqual({...first.videos[0], id: '', frames: 0}, {id: '',
      muted: false, paused: false, fills: true, tracks: ['audio', 'video'],
      frames: 0});

    await ann.press('Leave');
    await sees(viewer, 'an empty stage again', empty);
    await openGuest(t, 'Ann B.');
    const second = await sees(viewer, 'Ann again', isPlaying);
    assert.ok(second.videos[0].fills);
    assert.notEqual(second.videos[0].id, first.videos[0].id);
    assert.equal(second.requests, 0);
    viewer.assertNoTrouble();

    await here.server.stop();
    const {videos: [{frames}]} = await sees(viewer, 'the server gone',
      ({state}) => state === 'reconnecting');
    await sees(viewer, 'the picture going on', ({videos, controls, text}) =>
      videos[0]?.frames > frames + 5 && controls.length === 0 && text === '');
    here.server = await startServer(new URL(here.server.url).host);
    await sees(viewer, 'the server back', (now) =>
      now.state === 'in-call' && isPlaying(now));
  });
