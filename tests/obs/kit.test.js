// SPDX-License-Identifier: LGPL-2.1-or-later

/** What the other files here take for granted of OBS, and of the kit. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { looks } from '../e2e/kit/media.js';
import { noObs, openObs } from './kit/obs.js';

const [red, green] = looks;

/** OBS has a colour's alpha first, then blue. */
const plain = (name, { rgb: [r, g, b] }, at) => ({ name, at,
  kind: 'color_source_v3', settings: { width: 64, height: 64,
    color: (0xff << 24 | b << 16 | g << 8 | r) >>> 0 } });

test('a scene is seen, and OBS ends with what it leaks by itself',
  { skip: noObs }, async t => {
    const obs = await openObs(t, {
      scenes: {
        Both: [plain('left', red, [0, 0, 320, 360]),
          plain('right', green, [320, 0, 320, 360])],
        One: [{ name: 'left' }],
      },
      collections: { Other: { Only: [plain('all', green)] } },
    });
    const { remote } = obs;
    await remote.waitColour('left', 'red');
    await remote.waitColour('Both', 'red', { part: [0, 0, 0.5, 1] });
    await remote.waitColour('Both', 'green', { part: [0.5, 0, 0.5, 1] });
    await remote.waitColour('One', 'red');
    await obs.changeCollection('Other');
    await remote.waitColour('Only', 'green');
    await assert.rejects(remote.ask('GetSourceScreenshot',
      { sourceName: 'left', imageFormat: 'ppm' }), /600/);

    const end = await obs.stop();
    assert.equal(end.code, 0, obs.log);
    assert.equal(end.leaks, obs.baseline, obs.log);
  });
