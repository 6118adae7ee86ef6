// SPDX-License-Identifier: LGPL-2.1-or-later

/** Figures of what came to a member (clock-ends.js) and of a link's packets. */

import { readFileSync } from 'node:fs';
import { now } from '../e2e/kit/wait.js';

/** A picture is frozen while no new one comes for longer. */
export const FREEZE_MS = 200;
/** What a tone of clock.c lasts, and how many there are. */
const SOUND_MS = 20, TONES = 32;
const SOUND_RATE = 48;          // a packet's timestamps, per ms

export const quantile = (values, q) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * q), sorted.length - 1)];
};

/** The largest, also of more than what Math.max takes. */
export const largest = values =>
  values.reduce((a, b) => Math.max(a, b), -Infinity);

export const isIn = (ms, { from, to }) => ms >= from && ms < to;

/** The delay of a frame, whose number is the lower 24 bits of a time. */
export const delayOf = ([ms, number]) =>
  (ms - number + 0x800000) % 0x1000000 - 0x800000;

/** Reads what the shaper wrote of each packet, with the times in ms of day. */
export function readPackets(path) {
  const offset = Date.now() - now();
  return readFileSync(path, 'utf8').trim().split('\n').filter(Boolean)
    .map(line => {
      const [at, out, way, bytes, to, ssrc, pt, seq, time] = line.split(' ');
      return { at: at / 1000 + offset,
        out: out === '-1' ? null : out / 1000 + offset, way, to,
        bytes: Number(bytes), ssrc, pt: Number(pt), seq: Number(seq),
        time: Number(time) };
    });
}

/** The gaps between new frames that are too long, cut to a phase. */
export function findFreezes(frames, phase) {
  const seen = frames.filter((f, i) => f[1] >= 0 &&
    f[1] !== frames[i - 1]?.[1]).map(f => f[0]);
  const edges = [...seen.filter(ms => ms < phase.to), phase.to];
  if (edges[0] > phase.from)
    edges.unshift(phase.from);
  return edges.slice(1).map((ms, i) => ({ from: edges[i], to: ms }))
    .filter(({ from, to }) => to - from > FREEZE_MS && to > phase.from)
    .map(({ from, to }) => to - Math.max(from, phase.from));
}

/**
 * The missing tones before each tone, by its timestamp. Timestamps may be off by
 * what a packet was late.
 */
function findLost(tones) {
  return tones.slice(1).map(([ms, tone, pts], i) => {
    const [, lastTone, lastPts] = tones[i];
    const steps = (tone - lastTone + TONES) % TONES;
    const turns = Math.floor(
      ((pts - lastPts) / SOUND_MS - steps) / TONES + 0.25);
    return { ms, lost: Math.max(steps + turns * TONES - 1, 0) };
  });
}

/** The sound that a member never got, in units of 20 ms. */
export function countLost(end, phase) {
  if (end.tones) {
    return findLost(end.tones).filter(({ ms }) => isIn(ms, phase))
      .reduce((sum, { lost }) => sum + lost, 0);
  }
  const heard = end.counts.filter(c => isIn(c.ms, phase) &&
    'sound.concealedSamples' in c);
  const grown = name => (heard.at(-1)?.[name] ?? NaN) - (heard[0]?.[name] ?? 0);
  return Math.round(grown('sound.concealedSamples') / (SOUND_RATE * SOUND_MS));
}

/** What comes out of a link, in kbit/s. */
export const rateIn = (packets, from, to) => packets.reduce((sum, p) =>
  sum + (p.out !== null && isIn(p.out, { from, to }) ? p.bytes : 0), 0) *
  8 / (to - from);

/** How long packets waited at a link, in ms. @param {number} rtt its own */
export const waitsOf = (packets, rtt) => packets.filter(p => p.out !== null)
  .map(p => p.out - p.at - rtt / 2);

/** How late each packet of sound came to a link, by the earliest one. */
export function latenessOf(packets) {
  const streams = new Map();
  for (const packet of packets) {
    const key = `${packet.to} ${packet.ssrc} ${packet.pt}`;
    if (!streams.has(key))
      streams.set(key, []);
    streams.get(key).push(packet);
  }
  return [...streams.values()].filter(isSound).flatMap(stream => {
    const times = stream.map(p =>
      p.at - ((p.time - stream[0].time) | 0) / SOUND_RATE);
    const first = Math.min(...times);
    return times.map(ms => ms - first);
  });
}

/* Most packets of Opus follow another by 20 ms. */
function isSound(stream) {
  const steps = stream.slice(1).map((p, i) => p.time - stream[i].time);
  return steps.filter(step => step === SOUND_MS * SOUND_RATE).length >
    steps.length / 2;
}
