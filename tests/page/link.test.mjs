// SPDX-License-Identifier: LGPL-2.1-or-later

// Links as chats change them, opened in a browser or pasted on the home screen.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {Window, setUp, skip} from './window.mjs';

const here = setUp();
const ROOM = 'aaaaaaaa-0000-4000-8000-00000000000a';
const KEY = 'AAECAwQFBgcICQoLDA0ODw';

const openWindow = (t) => Window.open(here.browser, t);
const base = () => here.server.url.replace(/\/$/, '');

for (const [what, path] of [['a slash before the key', `/room/${ROOM}/#${KEY}`],
  ['the # encoded', `/room/${ROOM}%23${KEY}`],
  ['the id in upper case', `/room/${ROOM.toUpperCase()}#${KEY}`],
  ['two slashes and a full stop', `//room/${ROOM}#${KEY}.`]]) {
  test(`link: opened with ${what}`, {skip}, async (t) => {
    const ann = await openWindow(t);
    const bob = await openWindow(t);
    await ann.go(`${base()}/room/${ROOM}#${KEY}`);
    await bob.go(base() + path);
    await ann.inCall(1);
    await bob.inCall(1);
    assert.doesNotMatch((await bob.look()).text, /no key/);
    await ann.press('Leave');
    await bob.press('Leave');
  });
}

test('link: the parameters of a link spelled otherwise are kept', {skip},
  async (t) => {
    const ann = await openWindow(t);
    await ann.go(`${base()}/room/${ROOM}/?muted=1&hidden=1#${KEY}`);
    await ann.sees('the call', ({state}) => state === 'in-call');
    assert.equal(await ann.ownPicture(), 'placeholder');
  });

test('link: parameters count in whatever way they are encoded', {skip},
  async (t) => {
    const ann = await openWindow(t);
    for (const tail of [`%3Fmuted=1&hidden=1#${KEY}`,
      `%3Fmuted%3D1%26hidden%3D1%23${KEY}`, `.?muted=1&hidden=1#${KEY}`,
      `%22?muted=1&hidden=1#${KEY}`, `;muted=1;hidden=1#${KEY}`,
      `?MUTED=1&Hidden=1#${KEY}`]) {
      await ann.go(here.server.url);
      await ann.go(`${base()}/room/${ROOM}${tail}`);
      const {link, text} = await ann.sees(`the call of ${tail}`,
        ({state}) => state === 'in-call');
      assert.equal(new URL(link).hash, `#${KEY}`, tail);
      assert.match(text, /Unmute\s+Start camera/, tail);
      assert.equal(await ann.ownPicture(), 'placeholder', tail);
    }
  });

test('link: a text with a link in it is pasted on the start page', {skip},
  async (t) => {
    const ann = await openWindow(t);
    await ann.go(here.server.url);
    await ann.page.evaluate((text) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text/plain', text);
      document.getElementById('join-link').dispatchEvent(
        new ClipboardEvent('paste', {clipboardData, cancelable: true}));
    }, `Join:\n<${base()}/room/${ROOM}?hidden=1#${KEY}>\nsee you`);
    await ann.press('Join');
    const {link} = await ann.sees('the call', ({state}) => state === 'in-call');
    assert.equal(link, `${base()}/room/${ROOM}?hidden=1#${KEY}`);
    assert.equal(await ann.ownPicture(), 'placeholder');
    await ann.press('Share');
    assert.equal(await ann.page.$eval('#share-link', ({value}) => value),
      `${base()}/room/${ROOM}#${KEY}`);
  });

test('link: what is none is explained on the start page', {skip}, async (t) => {
  const ann = await openWindow(t);
  await ann.go(here.server.url);
  for (const [text, words] of [['', /empty/], ['see you', /no link/],
    [`${base()}/room/${ROOM}#${KEY.slice(1)}`, /too short/],
    ['pusher://k@eu/x', /pipeline/]]) {
    await ann.page.$eval('#join-link', (input, value) => {
      input.value = value;
    }, text);
    await ann.press('Join');
    await ann.sees('why not', (look) => words.test(look.text));
  }
});

test('link: an address without a room is explained', {skip}, async (t) => {
  const ann = await openWindow(t);
  const answer = await ann.go(`${base()}/room/${ROOM.slice(1)}`);
  assert.equal(answer.status(), 404);
  assert.match((await ann.look()).text, /Copy all of it/);
  await ann.page.click('a[href="/"]');
  await ann.sees('the start page', ({text}) => /Create meeting/.test(text));
});
