// SPDX-License-Identifier: LGPL-2.1-or-later

/** The time in ms, by the clock that meshprobe's lines use as well. */
export const now = () => Number(process.hrtime.bigint() / 1000n) / 1000;

/** A pause between two looks at a state that emits no event. */
export const pause = ms => new Promise(done => setTimeout(done, ms));

/**
 * Waits until `look` returns a true value, and returns it.
 * @param {string} what the awaited state, for the error's text
 * @param {() => any} look may be async; its last error is kept for the text
 * @param {number} timeout in ms: a watchdog, not an expectation
 * @param {() => any} [explain] more for the error's text
 */
export async function until(what, look, timeout = 15000, explain = () => '') {
  const end = now() + timeout;
  let last = '';
  while (now() < end) {
    try {
      const found = await look();
      if (found)
        return found;
    } catch (error) {
      last = error.message;
    }
    await pause(50);
  }
  throw new Error(`waited ${timeout} ms for ${what}. ${last} ` +
    JSON.stringify(await explain()));
}
