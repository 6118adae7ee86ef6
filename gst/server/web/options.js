// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The options in the query of a link, which say how a person joins. They are
 * for the person who opens the link: the link to share does not contain them.
 */

/**
 * @typedef {object} Options
 * @property {boolean} muted the microphone stays closed
 * @property {boolean} hidden the camera stays closed
 * @property {string} solo the name or id of the only peer to show; '' = a call
 *   as usual
 */

const SWITCHES = ['muted', 'hidden'];

/* A camera that opens against a person's wish is worse than one that has to be
 * started, so every value but these counts as yes. */
const NO = /^(?:0|false|no|off)$/i;

/**
 * @param {URLSearchParams} query
 * @param {string} name
 */
const isOn = (query, name) => [...query].some(([key, value]) =>
  key.trim().toLowerCase() === name && !NO.test(value.trim()));

/**
 * @param {string} query without "?"
 * @returns {Options}
 */
export function readOptions(query) {
  const read = new URLSearchParams(query.replaceAll('&amp;', '&'));
  return {muted: isOn(read, 'muted'), hidden: isOn(read, 'hidden'),
    solo: [...read].find(([key]) =>
      key.trim().toLowerCase() === 'solo')?.[1] ?? ''};
}

/**
 * Adds the options of the page to the query of a link that is opened from it.
 *
 * @param {string} query of the link
 * @param {string} page the query of the page
 * @returns {string} without "?"
 */
export function addOptions(query, page) {
  const here = readOptions(page);
  const there = readOptions(query);
  return [query, ...SWITCHES.filter((name) => here[name] && !there[name])
    .map((name) => `${name}=1`)].filter(Boolean).join('&');
}
