// SPDX-License-Identifier: LGPL-2.1-or-later

// Display names, which have one form however they are typed or sent.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {byteLength} from '../../gst/server/web/message.js';
import {tidyName} from '../../gst/server/web/names.js';
import {chooseSolo} from '../../gst/server/web/solo.js';
import {readVectors} from './vectors.mjs';
import {Window, kit, setUp, skip} from './window.mjs';

const {names, pairs} = readVectors('names');
const here = setUp();

for (const {name, text, tidy, times = 1, tidyTimes = 1, tail = '',
  tidyTail = ''} of names) {
  test(`names: ${name}`, () => {
    const expected = tidy.repeat(tidyTimes) + tidyTail;
    assert.equal(tidyName(text.repeat(times) + tail), expected);
    assert.equal(tidyName(expected), expected);
  });
}

test('names: what is one name, also for ?solo=', () => {
  for (const {a, b, same} of pairs) {
    assert.equal(tidyName(a) === tidyName(b), same, `${a} and ${b}`);
    const view = {id: 'x', name: a, connected: true, silence: 0};
    assert.equal(chooseSolo([view], b)?.id, same ? 'x' : undefined);
  }
});

test('names: halves of characters, and any others', () => {
  assert.equal(tidyName('A\ud800nn'), 'A\ufffdnn');
  assert.equal(tidyName('\udfff\u{1f44b}'), '\ufffd\u{1f44b}');
  let state = 11;
  for (let i = 0; i < 2000; i++) {
    let text = '';
    for (let k = 0; k < i % 300; k++) {
      state = (state * 1103515245 + 12345) % 2147483648;
      text += String.fromCharCode(state % 65536);
    }
    const name = tidyName(text);
    assert.ok(byteLength(name) <= 256);
    assert.equal(tidyName(name), name);
    assert.doesNotMatch(name, /[\u202e\n]/);
  }
});

const COMPOSED = 'Zo\u00eb';
const DECOMPOSED = 'Zoe\u0308';

test('names: typed decomposed, found composed, and the other way', {skip},
  async (t) => {
    for (const [typed, wanted] of [[DECOMPOSED, COMPOSED],
      [` ${COMPOSED}\u00a0`, DECOMPOSED]]) {
      const link = `${here.server.url}/room/${crypto.randomUUID()}`;
      const viewer = await Window.open(here.browser, t);
      await viewer.go(`${link}?solo=${encodeURIComponent(wanted)}`);
      const ann = await Window.open(here.browser, t);
      await ann.go(here.server.url);
      await ann.page.type('#home-name', typed);
      await ann.page.type('#join-link', link);
      await ann.press('Join');
      await viewer.sees('her', ({peers}) => peers.length === 1
        && peers[0].frames > 2, 60000);
    }
  });

test('names: what others send is tidied, too', {skip}, async (t) => {
  const link = `${here.server.url}/room/${crypto.randomUUID()}`;
  const bob = await Window.open(here.browser, t);
  await bob.go(`${link}?muted=1&hidden=1`);
  const eve = await Window.open(here.browser, t, () => {
    /* This member sends its name without bringing it into that form. */
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (text) {
      send.call(this, text.replace('"name":"Guest"',
        '"name":" \\u202eevE\\u202c\\u200b Zoe\\u0308 \\n"'));
    };
  });
  await eve.go(`${link}?muted=1&hidden=1`);
  await kit.until('her name', async () =>
    (await bob.look()).peers[0]?.name === `evE ${COMPOSED}`, 60000);
});
