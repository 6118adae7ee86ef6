// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Display names, as gst/core/name.c. Keyboards and systems write the same name
 * in several ways: composed or decomposed, with a non-breaking blank, with
 * characters that have no width. All of them are brought into one form, so that
 * a name which somebody types is found. tests/vectors/names.json holds both
 * files to it.
 */

import {MAX_NAME_BYTES, byteLength} from './message.js';

/* Invisible characters. Some change the direction of the text around the name;
 * the others have no meaning in a name. Joiners are kept, since they shape
 * letters and emoji. */
const IGNORED = new RegExp('[\\u00ad\\u034f\\u061c\\u200b\\u200e\\u200f'
  + '\\u202a-\\u202e\\u2060-\\u2064\\u2066-\\u206f\\ufeff]', 'gu');
const BLANKS = /[\p{Cc}\p{Z}]+/gu;
/* A joiner at an end of the name joins nothing. */
const ENDS = /^[ \u200c\u200d]+|[ \u200c\u200d]+$/gu;
/* Lone surrogates, which cannot be encoded in UTF-8. */
const LONE = /[\ud800-\udfff]/gu;

/**
 * Brings a name into the form in which names are compared and sent: one line
 * without blanks at its ends, composed (NFC, as NFKC would make different names
 * equal), and within the limit. The result may be empty.
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
