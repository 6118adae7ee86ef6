// SPDX-License-Identifier: LGPL-2.1-or-later

// The layout of the grid, which fills the window and never exceeds it; and the
// initials and hue of the placeholder.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {chooseGrid} from '../../gst/server/web/layout.js';
import {hueOf, initials} from '../../gst/server/web/placeholder.js';
import {tidyName} from '../../gst/server/web/names.js';

const GAP = 10;
const windows = [[1280, 680], [1920, 900], [390, 700], [700, 330], [300, 300]];

for (const [width, height] of windows) {
  test(`grid: everybody fits into ${width}x${height}`, () => {
    for (let count = 1; count <= 32; count++) {
      const {columns, tileWidth, tileHeight} = chooseGrid(count, width, height,
        GAP);
      const rows = Math.ceil(count / columns);
      assert.ok(columns * tileWidth + (columns - 1) * GAP <= width);
      assert.ok(rows * tileHeight + (rows - 1) * GAP <= height);
      assert.ok(tileWidth > 0 && tileHeight > 0);
    }
  });
}

test('grid: side by side in a wide window, one under the other in a tall one',
  () => {
    assert.equal(chooseGrid(2, 1280, 600, GAP).columns, 2);
    assert.equal(chooseGrid(2, 390, 700, GAP).columns, 1);
    assert.equal(chooseGrid(4, 1280, 680, GAP).columns, 2);
    assert.equal(chooseGrid(9, 1280, 680, GAP).columns, 3);
  });

test('grid: a window without any room is no error', () => {
  const {tileWidth, tileHeight} = chooseGrid(3, 0, 0, GAP);
  assert.equal(tileWidth, 0);
  assert.equal(tileHeight, 0);
});

test('names: one line, and no longer than a message may carry', () => {
  assert.equal(tidyName('  Ann \n\t B. \u0000'), 'Ann B.');
  assert.equal(Buffer.byteLength(tidyName('\u{1f44b}'.repeat(100))), 256);
});

test('names: initials of the first and the last word', () => {
  assert.equal(initials('Ann Bea Cay'), 'AC');
  assert.equal(initials('änn'), 'Ä');
  assert.equal(initials(' (\u{1f44b}) '), '');
  assert.equal(hueOf('Ann'), hueOf('Ann'));
});
