// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * How long a call takes until its picture is as good as the link allows:
 * 1280x720@30 with a clock in it (clock-ends.js), from the moment that the
 * sender makes its connection.
 *
 *   tests/net/netns.sh node tests/bench/start.js [--OPTION VALUE]…
 *
 *   --mode pp,pc,cp,fp,cc,fc,CC,FC
 *                    sender and receiver: p = a pipeline, c = Chromium, f =
 *                    Firefox, with our page. In capitals, bare connections
 *                    between two browsers, limited to --bits as our page is
 *   --kbit 0         the link's capacity, 0 = no limit
 *   --queue-ms 300, --rtt 20
 *   --seconds 25     how long the call lasts
 *   --bits 1000000
 *   --room 'PROPERTY=…'    of the sender's meshroom
 *   --runs 1
 *   --json
 *
 * Height and rate (what comes out of the link) are those of the last five
 * seconds, and the times those at which they were reached first: the height, 80
 * % of the rate for a second, and 27 frames in a second of that height. `late`
 * counts frames whose delay was above 200 ms.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Server } from '../e2e/kit/server.js';
import { pause, until } from '../e2e/kit/wait.js';
import { Lab, SERVER, within } from '../net/kit/lab.js';
import { BrowserEnd, PipelineEnd, SIZE, callPlainly, pipelineSource }
  from './clock-ends.js';
import { delayOf, isIn, quantile, rateIn, readPackets, waitsOf }
  from './figures.js';
import { printTable } from './table.js';

const LAST_MS = 5000;
const LATE_MS = 200;
const STEP_MS = 100;

const { values: options } = parseArgs({ options: {
  mode: { type: 'string', default: 'pp,pc,cp,fp,cc,fc,CC,FC' },
  kbit: { type: 'string', default: '0' },
  'queue-ms': { type: 'string', default: '300' },
  rtt: { type: 'string', default: '20' },
  seconds: { type: 'string', default: '25' },
  bits: { type: 'string', default: '1000000' },
  room: { type: 'string', default: '' },
  runs: { type: 'string', default: '1' },
  json: { type: 'boolean', default: false },
} });

const openEnd = async (kind, name, link, where, description) =>
  kind === 'p' ? new PipelineEnd(name, link, where, description)
    : kind === 'f' ? BrowserEnd.openFirefox(name, link)
      : BrowserEnd.openChromium(name, link, where);

/** Joins both, the sender last, and returns when it began. */
async function connect(mode, sender, receiver, link) {
  if (mode === mode.toUpperCase()) {
    await callPlainly(sender, receiver, link, Number(options.bits));
  } else {
    await receiver.join?.(link, false);
    await sender.join?.(link, true);
  }
  if (!sender.browser)
    return sender.began;
  return until('a connection', () => sender.browser.page.evaluate(() =>
    window.clockBegan), 30000, () => sender.output);
}

async function run(mode) {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-start-'));
  const log = join(folder, 'packets');
  const lab = new Lab();
  const ends = [];
  let server = null;
  try {
    // Firefox must run where the bench does, so the cable is the receiver's.
    const there = await lab.beyond('receiver', 'clean');
    const here = lab.open('sender');
    await there.cable.shape({ rtt: Number(options.rtt),
      kbit: Number(options.kbit), queueMs: Number(options['queue-ms']) });
    await there.cable.log(log);
    server = new Server(['--listen', `${SERVER}:0`]);
    const link = await server.link();
    const [from, to] = mode.toLowerCase();
    const receiver = await openEnd(to, 'receiver', link, within(there.space));
    ends.push(receiver);
    // A pipeline as sender begins as soon as it is there.
    if (from === 'p') {
      await receiver.join?.(link, false);
      receiver.join = null;
      await receiver.browser?.waitState('connected').catch(() => {});
    }
    const sender = await openEnd(from, 'sender', link, within(here.space),
      [...options.room.split(' ').filter(Boolean), ...pipelineSource()]);
    ends.push(sender);
    const began = await connect(mode, sender, receiver, link);
    const end = Date.now() + Number(options.seconds) * 1000;
    while (Date.now() < end) {
      await receiver.look();
      await pause(300);
    }
    await receiver.look();
    await sender.look();
    await there.cable.end();
    return { began, ended: Date.now(), sender, receiver,
      packets: readPackets(log).filter(p => p.way === '1') };
  } finally {
    await Promise.all(ends.map(end => end.stop()));
    await server?.stop();
    lab.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The first step from which on something holds for a second. */
function firstSecond(began, ended, holds) {
  for (let ms = began; ms + 1000 <= ended; ms += STEP_MS) {
    if (holds(ms, ms + 1000))
      return ((ms + 1000 - began) / 1000).toFixed(1);
  }
  return '-';
}

function judge(mode, { began, ended, sender, receiver, packets }) {
  const frames = receiver.frames.filter(f => f[1] >= 0);
  const height = quantile(frames.filter(f => f[0] > ended - LAST_MS)
    .map(f => f[3]), 0.5) ?? NaN;
  const rate = rateIn(packets, ended - LAST_MS, ended);
  const tall = frames.filter(f => f[3] >= height);
  const within = (from, to) => tall.filter(f => isIn(f[0], { from, to }));
  return {
    mode,
    'first frame s': frames.length
      ? ((frames[0][0] - began) / 1000).toFixed(1) : '-',
    height,
    'after s': tall.length ? ((tall[0][0] - began) / 1000).toFixed(1) : '-',
    'with 27 frames/s': firstSecond(began, ended, (from, to) =>
      within(from, to).length >= 0.9 * SIZE.fps),
    'rate kbit/s': Math.round(rate),
    'at 80 % after s': firstSecond(began, ended, (from, to) =>
      rateIn(packets, from, to) >= 0.8 * rate),
    'queue p95 ms': Math.round(quantile(waitsOf(packets,
      Number(options.rtt)), 0.95)),
    late: frames.filter(f => delayOf(f) > LATE_MS).length,
    limited: sender.counts?.at(-1)?.['out.qualityLimitationReason'] ?? '-',
  };
}

const rows = [];
for (let i = 0; i < Number(options.runs); i++) {
  for (const mode of options.mode.split(',')) {
    rows.push(judge(mode, await run(mode)));
    if (options.json)
      console.log(JSON.stringify(rows.pop()));
  }
}
if (rows.length) {
  printTable(`from the sender's connection on, ${SIZE.width}x${SIZE.height}` +
    `@${SIZE.fps}, ${Number(options.kbit) ? `${options.kbit} kbit/s` :
      'no limit'}, round trip ${options.rtt} ms`, rows);
}
