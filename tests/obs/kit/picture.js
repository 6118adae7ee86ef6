// SPDX-License-Identifier: LGPL-2.1-or-later

/** What is on a screenshot. */

import { nameColour } from '../../e2e/kit/media.js';

/** The blocks of tests/e2e/camera-frame.h. */
const COLUMNS = 8, ROWS = 6, MARK = 0xa53c;

export class Picture {
  constructor(width, height, rgb) {
    Object.assign(this, { width, height, rgb });
  }

  /**
   * The mean colour of a part of it.
   * @param {number[]} part x, y, width and height, each from 0 to 1
   */
  mean([x, y, w, h] = [0, 0, 1, 1]) {
    const left = Math.round(x * this.width), top = Math.round(y * this.height);
    const right = Math.max(left + 1, Math.round((x + w) * this.width));
    const bottom = Math.max(top + 1, Math.round((y + h) * this.height));
    const sum = [0, 0, 0];
    for (let row = top; row < bottom; row++) {
      for (let i = (row * this.width + left) * 3;
        i < (row * this.width + right) * 3; i++)
        sum[(i - row * this.width * 3) % 3] += this.rgb[i];
    }
    const n = (right - left) * (bottom - top);
    return sum.map(value => Math.round(value / n));
  }

  /** The look's colour that a part of it has, by its middle; or null. */
  colour([x, y, w, h] = [0, 0, 1, 1]) {
    return nameColour(this.mean([x + w / 4, y + h / 4, w / 2, h / 2]));
  }

  /** Whether there is more than one colour in it. */
  isPlain() {
    for (let i = 3; i < this.rgb.length; i++) {
      if (Math.abs(this.rgb[i] - this.rgb[i % 3]) > 8)
        return false;
    }
    return true;
  }

  /** The number that meshstamp drew, or null. */
  stamp() {
    const bits = Array.from({ length: COLUMNS * ROWS }, (_, i) =>
      Number(this.mean([(i % COLUMNS + 0.3) / COLUMNS,
        (Math.floor(i / COLUMNS) + 0.3) / ROWS,
        0.4 / COLUMNS, 0.4 / ROWS])[1] > 127));
    const value = (from, n) =>
      bits.slice(from, from + n).reduce((v, bit) => v * 2 + bit, 0);
    const bytes = [value(16, 8), value(24, 8), value(32, 8)];
    return value(0, 16) === MARK && value(40, 8) === crc(bytes)
      ? value(16, 24) : null;
  }
}

function crc(bytes) {
  let value = 0x5a;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++)
      value = (value & 0x80 ? value << 1 ^ 0x07 : value << 1) & 0xff;
  }
  return value;
}

/** @param {Buffer} data P6, with 255 as the brightest */
export function readPpm(data) {
  const head = data.subarray(0, 40).toString('latin1')
    .match(/^P6\s+(\d+)\s+(\d+)\s+255\s/);
  if (!head)
    throw new Error('not a picture that can be read');
  const [width, height] = [Number(head[1]), Number(head[2])];
  return new Picture(width, height, data.subarray(head[0].length));
}
