// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * One uplink for several receivers, one of which is on a slow link of its own:
 * the pipeline at its end sends 1280x720@30 with a clock in the picture and
 * another in the sound (clock-ends.js).
 *
 *   tests/net/netns.sh node tests/bench/uplink.js [--OPTION VALUE]…
 *
 *   --up 2000          the uplink's capacity, kbit/s
 *   --receivers 4
 *   --slow 300         the last receiver's capacity, kbit/s; 0 = as the others'
 *   --queue-ms 300     of both links
 *   --rtt 20           ms, of each link
 *   --settle 15, --seconds 30      before and during the measurement
 *   --room 'PROPERTY=…'            of the sender's meshroom
 *   --json
 *
 * A row for each receiver: what the uplink passed on to it and what came out of
 * its own link, its picture, its lost sound in units of 20 ms. The last row is
 * the uplink: all rates together, how long packets waited at it, and how late
 * the sender gave it sound, by the earliest packet of sound.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Server } from '../e2e/kit/server.js';
import { pause, until } from '../e2e/kit/wait.js';
import { Lab, SERVER, within } from '../net/kit/lab.js';
import { PipelineEnd, pipelineSource } from './clock-ends.js';
import { countLost, delayOf, findFreezes, isIn, largest, latenessOf, quantile,
  rateIn, readPackets, waitsOf } from './figures.js';
import { printTable } from './table.js';

const { values: options } = parseArgs({ options: {
  up: { type: 'string', default: '2000' },
  receivers: { type: 'string', default: '4' },
  slow: { type: 'string', default: '300' },
  'queue-ms': { type: 'string', default: '300' },
  rtt: { type: 'string', default: '20' },
  settle: { type: 'string', default: '15' },
  seconds: { type: 'string', default: '30' },
  room: { type: 'string', default: '' },
  json: { type: 'boolean', default: false },
} });
const rtt = Number(options.rtt);
const queueMs = Number(options['queue-ms']);

async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-uplink-'));
  const log = join(folder, 'packets');
  const lab = new Lab();
  const ends = [];
  let server = null;
  try {
    const home = await lab.beyond('sender', 'clean');
    await home.cable.shape({ rtt, kbit: Number(options.up), queueMs });
    await home.cable.log(log);
    server = new Server(['--listen', `${SERVER}:0`]);
    const link = await server.link();
    const receivers = [];
    for (let i = 1; i <= Number(options.receivers); i++) {
      const isSlow = i === Number(options.receivers) && Number(options.slow);
      const place = isSlow ? await lab.beyond('slow', 'clean')
        : lab.open(`receiver${i}`);
      await place.cable?.shape({ rtt, kbit: Number(options.slow), queueMs });
      const end = new PipelineEnd(isSlow ? 'slow' : `receiver-${i}`, link,
        within(place.space));
      end.address = place.address;
      receivers.push(end);
    }
    ends.push(...receivers, new PipelineEnd('sender', link,
      within(home.space), [...options.room.split(' ').filter(Boolean), ...pipelineSource()]));
    // Not all of them need ever get a picture.
    await until('a receiver to see the sender', () => receivers.some(r =>
      r.frames.length), 60000, () => ends.map(e => e.output));
    await pause(Number(options.settle) * 1000);
    const phase = { from: Date.now() };
    await pause(Number(options.seconds) * 1000);
    phase.to = Date.now();
    await home.cable.end();
    return { receivers, phase, packets: readPackets(log)
      .filter(p => p.way === '0' && isIn(p.at, phase)) };
  } finally {
    await Promise.all(ends.map(end => end.stop()));
    await server?.stop();
    lab.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const whole = value => Math.round(value ?? NaN);

function judge({ receivers, phase, packets }) {
  const seconds = (phase.to - phase.from) / 1000;
  const rows = receivers.map(end => {
    const mine = packets.filter(p => p.to === end.address);
    const frames = end.frames.filter(f => isIn(f[0], phase) && f[1] >= 0);
    const freezes = findFreezes(end.frames, phase);
    return { to: end.name, 'kbit/s': whole(rateIn(mine, phase.from, phase.to)),
      dropped: mine.filter(p => p.out === null).length,
      'queue p95 ms': whole(quantile(waitsOf(mine, rtt), 0.95)),
      height: quantile(frames.map(f => f[3]), 0.5) ?? '-',
      'frames/s': (frames.length / seconds).toFixed(1),
      'frozen s': (freezes.reduce((a, b) => a + b, 0) / 1000).toFixed(2),
      'p95 ms': whole(quantile(frames.map(delayOf), 0.95)),
      'sound lost': countLost(end, phase),
      'sound late, p99': whole(quantile(latenessOf(mine), 0.99)),
      'at most': whole(largest(latenessOf(mine))) };
  });
  rows.push({ to: 'all', 'kbit/s': whole(rateIn(packets, phase.from, phase.to)),
    dropped: packets.filter(p => p.out === null).length,
    'queue p95 ms': whole(quantile(waitsOf(packets, rtt), 0.95)),
    height: '', 'frames/s': '', 'frozen s': '', 'p95 ms': '', 'sound lost': '',
    'sound late, p99': whole(quantile(latenessOf(packets), 0.99)),
    'at most': whole(largest(latenessOf(packets))) });
  return rows;
}

const rows = judge(await run());
if (options.json)
  rows.forEach(row => console.log(JSON.stringify(row)));
else
  printTable(`an uplink of ${options.up} kbit/s, the last receiver on ` +
    `${options.slow} kbit/s, queue ${queueMs} ms, round trips ${rtt} ms`, rows);
