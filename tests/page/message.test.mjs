// SPDX-License-Identifier: LGPL-2.1-or-later

// Messages and links, by the vectors that the C tests read too
// (tests/vectors/README.md).

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {plain, readVectors} from './vectors.mjs';
import {linkToHref, linkToString, makeLink, parseLink} from '../../gst/server/web/link.js';
import {parseMessage, writeMessage} from '../../gst/server/web/message.js';

const {valid, unknown, invalid, links} = readVectors('messages');
const pasted = readVectors('links');

/** The text of a vector's message, built as tests/vectors/README.md says. */
function arriving({message, text, repeat, around}) {
  if (around) {
    const {before, middle, after, count} = around;
    return before.repeat(count) + middle + after.repeat(count);
  }
  if (text !== undefined)
    return text;
  const built = structuredClone(message);
  if (repeat) {
    const path = [...repeat.path];
    const last = path.pop();
    const parent = path.reduce((object, name) => object[name], built);
    parent[last] = repeat.list ? Array(repeat.count).fill(repeat.text)
      : repeat.text.repeat(repeat.count);
  }
  return JSON.stringify(built);
}

for (const entry of valid) {
  test(`message: ${entry.name}`, () => {
    const text = arriving(entry);
    const message = parseMessage(text);
    assert.notEqual(message.type, 'unknown');
    assert.deepEqual(plain(writeMessage(message)),
      entry.canonical ?? JSON.parse(text));
  });
}

for (const entry of unknown) {
  test(`message ignored: ${entry.name}`, () =>
    assert.equal(parseMessage(arriving(entry)).type, 'unknown'));
}

for (const entry of invalid) {
  test(`message refused: ${entry.name}`, () =>
    assert.throws(() => parseMessage(arriving(entry))));
}

const toHex = (bytes) => bytes && Buffer.from(bytes).toString('hex');

for (const {link, room, key, canonical} of links.valid) {
  test(`link: ${link}`, () => {
    const parsed = parseLink(link);
    assert.equal(parsed.room, room);
    assert.equal(toHex(parsed.key), key);
    assert.equal(linkToString(parsed), canonical);
  });
}

for (const {name, link} of links.invalid) {
  test(`link refused: ${name}`, () => assert.throws(() => parseLink(link)));
}

for (const {name, text, link, query} of pasted.taken) {
  test(`link as people paste it: ${name}`, () => {
    const parsed = parseLink(text);
    assert.equal(linkToString(parsed), link);
    if (query !== undefined) {
      assert.equal(parsed.query, query);
      assert.equal(linkToHref(parsed), link.replace(/#|$/, (end) =>
        `?${query}${end}`));
    }
  });
}

/* The error's text must not contain the key; a few characters may match. */
for (const {name, text, says} of pasted.refused) {
  test(`link explained: ${name}`, () => assert.throws(() => parseLink(text),
    ({message}) => message.toLowerCase().includes(says)
      && message.includes('https://HOST/room/ROOM-ID#KEY')
      && !/AAECAw|secret/.test(message)));
}

test('link: one over Pusher is for pipelines', () =>
  assert.throws(() => parseLink('pusher://k@eu/x'), /pipeline/));

test('link: a text without an end is refused', () =>
  assert.throws(() => parseLink('http:'.repeat(200_000)), /too long/));

test('link: a new one is good, has a key, and is never the same', () => {
  const [one, two] = [1, 2].map(() => makeLink('https://example.org:8443'));
  assert.equal(linkToString(parseLink(one)), one);
  assert.ok(parseLink(one).key);
  assert.notEqual(one, two);
});
