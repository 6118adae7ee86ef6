// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * That what happens to one does not disturb the others, on a machine that may
 * have other things to do: their frames go on as many as before, and none is as
 * late as one would be that waits for somebody who has stopped.
 */

import assert from 'node:assert/strict';
import { now, until } from './wait.js';

/** Half of what it takes at least to notice that a peer is silent: that is how
 *  long whoever waits for that peer is held up. */
export const HELD_UP_MS = 2000;

/* Of the frames that were due; but for as many as the longest pause is long,
 * which may still be on their way. */
const FEWEST = 0.9;

/**
 * @param {object[]} parties pipelines that meet each other, each with its look
 *   as `look`, of @fps frames a second
 * @param {number} fps
 * @param {() => Promise<void>} act what happens; takes a few seconds
 */
export async function assertUndisturbed(parties, fps, act) {
  const each = parties.flatMap(a => parties.filter(b => b !== a)
    .map(b => [a, b.look, a.sight(b.look)]));
  parties.forEach(p => p.mark());
  await act();
  const end = now();
  for (const [a, look, before] of each) {
    await until(`a frame of ${look.colour} after it all`,
      () => a.sight(look)?.video.t > end, 60000, () => a.summary());
    const sight = a.sight(look);
    const text = `${look.colour}: ${JSON.stringify(a.summary())}`;
    assert.equal(sight, before, `another peer is ${text}`);
    const { frames, ms } = sight.sinceMark;
    const due = fps / 1000 * (FEWEST * ms - sight.worst.video);
    assert.ok(frames >= due, `${due - frames} frames are missing of ${text}`);
    assert.ok(sight.worst.video < HELD_UP_MS, `a frame came late of ${text}`);
  }
}
