// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * How a person joins, as the query of a link says it. The options are of the
 * one who opens the link: whoever is invited gets a link without them.
 */

/**
 * @typedef {object} Options
 * @property {boolean} muted the microphone stays closed
 * @property {boolean} hidden the camera stays closed
 * @property {string} solo whom alone to show; '' = a call as usual
 */

const SWITCHES = ['muted', 'hidden'];

/* A camera that opens against a person's wish is worse than one that has to be
 * started, so every spelling counts but a clear no. */
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
 * The query of a link that is opened from a page which was itself opened with
 * options: those go along.
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
