// SPDX-License-Identifier: LGPL-2.1-or-later

// The page's room and client have the same times and limits as the core's.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {plain, readVectors} from './vectors.mjs';
import * as client from '../../gst/server/web/client-timing.js';
import * as timing from '../../gst/server/web/timing.js';

test('timing: the room has the times of tests/vectors/timing.json', () => {
  assert.deepEqual(plain({...timing}), readVectors('timing').room);
});

test('timing: and so has the client', () => {
  assert.deepEqual(plain({...client}), readVectors('timing').client);
});
