// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The colours and tones that identify the members of a test, and the files for
 * a browser's fake camera and microphone with one of each.
 */

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';

/** Colours that differ after any encoder, and tones that are no harmonics. */
export const looks = [
  { colour: 'red', rgb: [220, 40, 40], hz: 400 },
  { colour: 'green', rgb: [40, 180, 60], hz: 550 },
  { colour: 'blue', rgb: [50, 80, 220], hz: 700 },
  { colour: 'yellow', rgb: [220, 200, 40], hz: 900 },
  { colour: 'magenta', rgb: [200, 50, 180], hz: 1150 },
  { colour: 'cyan', rgb: [40, 190, 200], hz: 1450 },
];

/** The name of the nearest colour, or null if none is near. */
export function nameColour(rgb) {
  for (const look of looks) {
    const far = Math.hypot(...look.rgb.map((c, i) => c - rgb[i]));
    if (far < 60)
      return look.colour;
  }
  return null;
}

/** Whether a measured frequency is the tone; probes measure in 10 Hz steps. */
export function isTone(hz, wanted) {
  return Math.abs(hz - wanted) <= 25;
}

/** One second of a solid colour, or noise, for a browser's fake camera. */
export function writeY4m(path, [r, g, b],
  { width = 320, height = 240, fps = 15, noise = false } = {}) {
  const y = 16 + 0.257 * r + 0.504 * g + 0.098 * b;
  const u = 128 - 0.148 * r - 0.291 * g + 0.439 * b;
  const v = 128 + 0.439 * r - 0.368 * g - 0.071 * b;
  const size = width * height;
  const frame = () => Buffer.concat([
    Buffer.from('FRAME\n'),
    noise ? randomBytes(size) : Buffer.alloc(size, Math.round(y)),
    Buffer.alloc(size / 4, Math.round(u)),
    Buffer.alloc(size / 4, Math.round(v)),
  ]);
  const head = `YUV4MPEG2 W${width} H${height} F${fps}:1 Ip A1:1 C420jpeg\n`;
  writeFileSync(path, Buffer.concat([Buffer.from(head),
    ...Array.from({ length: fps }, frame)]));
}

/**
 * A pulsed tone for --use-file-for-fake-audio-capture, since a steady one would
 * be suppressed as noise.
 */
export function writeWav(path, hz, rate = 48000) {
  const seconds = 2;
  const samples = Buffer.alloc(rate * seconds * 2);
  for (let i = 0; i < rate * seconds; i++) {
    const on = (i / rate) % 0.5 < 0.4;
    const sample = on ? 16000 * Math.sin(2 * Math.PI * hz * i / rate) : 0;
    samples.writeInt16LE(Math.round(sample), i * 2);
  }
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples.length, 40);
  writeFileSync(path, Buffer.concat([head, samples]));
}
