// SPDX-License-Identifier: LGPL-2.1-or-later

// The files of the page: all of them are shipped with the server, and they use
// nothing from elsewhere.

import assert from 'node:assert/strict';
import {readFileSync, readdirSync} from 'node:fs';
import {test} from 'node:test';

const web = new URL('../../gst/server/web/', import.meta.url);
const read = (name) => readFileSync(new URL(name, web), 'utf8');
const shipped = [...read('web.gresource.xml').matchAll(/<file>(.*)<\/file>/g)]
  .map(([, name]) => name);
const scripts = shipped.filter((name) => name.endsWith('.js'));

test('files: every file of the page is shipped', () => {
  const there = readdirSync(web).filter((name) =>
    /\.(js|html|css|svg)$/.test(name));
  assert.deepEqual([...shipped].sort(), there.sort());
});

test('files: imports stay within the page', () => {
  for (const name of scripts) {
    for (const [, target] of read(name).matchAll(/from '([^']+)'/g))
      assert.ok(scripts.includes(target.replace(/^\.\//, '')),
        `${name} imports ${target}`);
  }
});

test('files: nothing inline, which the policy forbids', () => {
  const html = read('index.html');
  assert.doesNotMatch(html, /<style|\sstyle=|\son[a-z]+=|<script(?![^>]*src=)/);
});

test('files: what others say is never set as HTML', () => {
  for (const name of scripts)
    assert.doesNotMatch(read(name), /innerHTML|outerHTML|insertAdjacentHTML/);
});

test('files: every id that a script asks for is in the page', () => {
  const ids = new Set([...read('index.html').matchAll(/\sid="([^"]+)"/g)]
    .map(([, id]) => id));
  for (const name of scripts) {
    for (const [, id] of read(name).matchAll(/byId\('([^']+)'\)/g))
      assert.ok(ids.has(id), `${name} wants #${id}`);
  }
});
