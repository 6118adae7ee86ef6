// SPDX-License-Identifier: LGPL-2.1-or-later

/** What is remembered from call to call, where the browser lets us. */

import {MAX_NAME_BYTES, byteLength} from './message.js';

const PREFIX = 'meshroom.';

/** @param {'name' | 'camera' | 'microphone'} key */
export function recall(key) {
  try {
    return localStorage.getItem(PREFIX + key) ?? '';
  } catch {
    return '';
  }
}

/** @param {'name' | 'camera' | 'microphone'} key @param {string} value */
export function remember(key, value) {
  try {
    localStorage.setItem(PREFIX + key, value);
  } catch {
    /* Then it is asked for again. */
  }
}

/**
 * A name as it may be sent: one line, within the limit.
 *
 * @param {string} text
 */
export function tidyName(text) {
  let name = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  while (byteLength(name) > MAX_NAME_BYTES)
    name = [...name].slice(0, -1).join('');
  return name;
}
