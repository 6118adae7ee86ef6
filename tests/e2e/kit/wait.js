// SPDX-License-Identifier: LGPL-2.1-or-later

/** Milliseconds of the clock that meshprobe's lines carry as well. */
export const now = () => Number(process.hrtime.bigint() / 1000n) / 1000;

/** A pause between two looks at something that gives no event. */
export const pause = ms => new Promise(done => setTimeout(done, ms));

/**
 * Waits until `look` gives something true, and gives that.
 * @param {string} what what is waited for, for the error's text
 * @param {() => any} look may be async; what it throws is remembered
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
