// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Display names, as gst/core/name.c. Keyboards and systems write one and the
 * same name in several ways: composed or decomposed, with a non-breaking blank,
 * with characters that have no width. All of them become one, so that a name is
 * found by whoever types it. tests/vectors/names.json holds both to it.
 */

import {MAX_NAME_BYTES, byteLength} from './message.js';

/* Characters that nobody sees. Some turn the direction of the text around them,
 * the label's as well; the rest have no meaning in a name. Joiners shape
 * letters and emoji, and stay. */
const IGNORED = new RegExp('[\\u00ad\\u034f\\u061c\\u200b\\u200e\\u200f'
  + '\\u202a-\\u202e\\u2060-\\u2064\\u2066-\\u206f\\ufeff]', 'gu');
const BLANKS = /[\p{Cc}\p{Z}]+/gu;
/* At an end there is nothing to join. */
const ENDS = /^[ \u200c\u200d]+|[ \u200c\u200d]+$/gu;
/* Half a character, which no UTF-8 can hold. */
const LONE = /[\ud800-\udfff]/gu;

/**
 * Brings a name into the one form in which names are compared and sent: one
 * line without blanks at its ends, composed (NFC, so that what only looks alike
 * stays apart), and within the limit. What is left may be empty.
 *
 * @param {string} text as it was typed or sent
 */
export function tidyName(text) {
  let name = text.replace(LONE, '\ufffd').replace(IGNORED, '')
    .replace(BLANKS, ' ').normalize('NFC').replace(ENDS, '');
  if (byteLength(name) <= MAX_NAME_BYTES)
    return name;
  const bytes = new TextEncoder().encode(name);
  let end = MAX_NAME_BYTES;
  while ((bytes[end] & 0xc0) === 0x80)
    end--;
  name = new TextDecoder().decode(bytes.subarray(0, end));
  return name.replace(ENDS, '');
}
