// SPDX-License-Identifier: LGPL-2.1-or-later

// The golden vectors, which the C tests read too.

import {readFileSync} from 'node:fs';
import {webcrypto} from 'node:crypto';

globalThis.crypto ??= webcrypto;        // Node 18

/** @param {string} name */
export const readVectors = (name) => JSON.parse(
  readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8'));

/** What JSON leaves of it. @param {unknown} value */
export const plain = (value) => JSON.parse(JSON.stringify(value));
