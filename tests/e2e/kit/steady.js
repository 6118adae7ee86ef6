// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Asserts that an event at one member does not disturb the others, also on a
 * busy machine: as many frames come as before, and none is so late as if its
 * stream had waited for a member that has stopped.
 */

import assert from 'node:assert/strict';
import { now, until } from './wait.js';

/** Half of the shortest time in which the silence of a peer is noticed, for
 *  which a stream that waits for that peer would be blocked. */
export const HELD_UP_MS = 2000;

/* The least share of the frames that were due. Frames of the length of the
 * longest pause do not count, as they may still be in flight. */
const FEWEST = 0.9;

/**
 * @param {object[]} parties pipelines that meet each other, each with its look
 *   as `look`, of @fps frames a second
 * @param {number} fps
 * @param {() => Promise<void>} act the event; takes a few seconds
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
