// SPDX-License-Identifier: LGPL-2.1-or-later

/** Settings that are kept from call to call, where the browser allows it. */

const PREFIX = 'meshroom.';

/** @param {'name' | 'camera' | 'microphone' | 'speaker'} key */
export function recall(key) {
  try {
    return localStorage.getItem(PREFIX + key) ?? '';
  } catch {
    return '';
  }
}

/**
 * @param {'name' | 'camera' | 'microphone' | 'speaker'} key
 * @param {string} value
 */
export function remember(key, value) {
  try {
    localStorage.setItem(PREFIX + key, value);
  } catch {
    /* Without storage the person is asked again in the next call. */
  }
}
