// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * What a call looks and sounds like while the sender's link gets worse and
 * better again: 1280x720@30 with a clock in the picture and another in the
 * sound (clock.c, clock-page.js), over real sockets, through tests/net/shaper.c.
 *
 *   tests/net/netns.sh node tests/bench/adapt.js [--OPTION VALUE]…
 *
 *   --mode pp,pc,cp,cc     sender and receiver: p = a pipeline, c = Chromium
 *                          with our page; cc = both Chromium with a bare
 *                          connection, the rival; `all` = these four
 *   --schedule 4000:20,500:15,4000:25
 *                          capacity in kbit/s, and seconds that it lasts; 0:20
 *                          alone = no limit
 *   --queue-ms 300         how long a packet may wait at the link
 *   --rtt 20, --jitter 0   ms, without the queue; deviation, each way
 *   --loss 0, --burst 1    share of packets lost, and how many in a row
 *   --settle 5             seconds of call before the schedule begins
 *   --room 'PROPERTY=…'    of the sender's meshroom
 *   --receive 'PROPERTY=…' of the receiver's meshroom
 *   --encoder 'ELEMENT…'   before the sender's room, in place of its own
 *   --view                 a pipeline's picture counts when meshview shows it,
 *                          and its sound does not
 *   --runs 1
 *   --json, --trace FILE   lines of JSON in place of the table; and what
 *                          happened in each tenth of a second, as JSON
 *   --packets FILE         a line for each packet (shaper.c), the mode appended
 *
 * A row for each phase. The picture is `frozen` while no new one comes for more
 * than 200 ms. Delay is from the camera to the screen; of the phases
 * after the first, it counts from 3 s on. The rate is what comes out of the
 * link. Recovery is the time until 80 % of the rate of the phase before last is
 * reached for a second. Lost sound is in units of 20 ms.
 */

import { mkdtempSync, rmSync, copyFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Server } from '../e2e/kit/server.js';
import { pause, until } from '../e2e/kit/wait.js';
import { Lab, SERVER, within } from '../net/kit/lab.js';
import { BrowserEnd, PipelineEnd, SIZE, callPlainly, pipelineSource,
  pipelineView } from './clock-ends.js';
import { countLost, delayOf, findFreezes, isIn, largest, quantile, rateIn,
  readPackets, waitsOf } from './figures.js';
import { printTable } from './table.js';

const STEP_MS = 100;
/** How long after a change of the capacity delays do not count. */
const GRACE_MS = 3000;

const { values: options } = parseArgs({ options: {
  mode: { type: 'string', default: 'all' },
  schedule: { type: 'string', default: '4000:20,500:15,4000:25' },
  'queue-ms': { type: 'string', default: '300' },
  rtt: { type: 'string', default: '20' },
  jitter: { type: 'string', default: '0' },
  loss: { type: 'string', default: '0' },
  burst: { type: 'string', default: '1' },
  settle: { type: 'string', default: '5' },
  room: { type: 'string', default: '' },
  receive: { type: 'string', default: '' },
  encoder: { type: 'string', default: '' },
  view: { type: 'boolean', default: false },
  runs: { type: 'string', default: '1' },
  json: { type: 'boolean', default: false },
  trace: { type: 'string' },
  packets: { type: 'string' },
} });
const schedule = options.schedule.split(',').map(step => {
  const [kbit, seconds] = step.split(':').map(Number);
  return { kbit, seconds };
});
const modes = options.mode === 'all' ? ['pp', 'pc', 'cp', 'cc']
  : options.mode.split(',');

/* ------------------------------------------------------------- the figures */

/** When the rate of the phase before last was there again for a second. */
function findRecovery(packets, phases, index) {
  const [phase, former] = [phases[index], phases[index - 2]];
  if (!former || former.kbit > phase.kbit)
    return null;
  const wanted = 0.8 * rateIn(packets,
    Math.max(former.to - 5000, former.from), former.to);
  for (let ms = phase.from; ms + 1000 <= phase.to; ms += STEP_MS) {
    if (rateIn(packets, ms, ms + 1000) >= wanted)
      return ms + 1000 - phase.from;
  }
  return Infinity;
}

function judge(mode, receiver, packets, phases) {
  const up = packets.filter(p => p.way === '0');
  return phases.map((phase, i) => {
    const frames = receiver.frames.filter(f => isIn(f[0], phase) && f[1] >= 0);
    const delays = frames.filter(f => i === 0 || f[0] >= phase.from + GRACE_MS)
      .map(delayOf);
    const freezes = findFreezes(receiver.frames, phase);
    const recovery = findRecovery(up, phases, i);
    const sizes = frames.map(f => f[3]);
    return {
      mode,
      'kbit/s': phase.kbit,
      'frozen s': (freezes.reduce((a, b) => a + b, 0) / 1000).toFixed(2),
      longest: (Math.max(0, ...freezes) / 1000).toFixed(2),
      'frames/s': (frames.length / phase.seconds).toFixed(1),
      height: quantile(sizes, 0.5) ?? '-',
      'p50 ms': Math.round(quantile(delays, 0.5) ?? NaN),
      'p95 ms': Math.round(quantile(delays, 0.95) ?? NaN),
      'rate kbit/s': Math.round(rateIn(up, phase.from, phase.to)),
      'queue p95': Math.round(quantile(waitsOf(up.filter(p =>
        isIn(p.at, phase)), Number(options.rtt)), 0.95) ?? NaN),
      'recovery s': recovery === null ? '-' : (recovery / 1000).toFixed(1),
      'sound lost': options.view ? '-' : countLost(receiver, phase),
      'after 1 s': options.view ? '-'
        : countLost(receiver, { ...phase, from: phase.from + 1000 }),
      dropped: up.filter(p => p.out === null && isIn(p.at, phase)).length,
      torn: receiver.frames.filter(f => isIn(f[0], phase) && f[1] < 0).length,
    };
  });
}

/** What happened in each step, for a curve. */
function traceOf(receiver, packets, phases) {
  const [{ from }, { to }] = [phases[0], phases.at(-1)];
  const up = packets.filter(p => p.way === '0');
  const steps = [];
  for (let ms = from; ms < to; ms += STEP_MS) {
    const step = { from: ms, to: ms + STEP_MS };
    const frames = receiver.frames.filter(f => isIn(f[0], step) && f[1] >= 0);
    steps.push({
      s: Math.round(ms - from) / 1000,
      kbit: phases.find(p => isIn(ms, p))?.kbit,
      rate: Math.round(rateIn(up, step.from, step.to)),
      queue: Math.max(0, Math.round(largest(waitsOf(up.filter(p =>
        isIn(p.at, step)), Number(options.rtt))))),
      dropped: up.filter(p => p.out === null && isIn(p.at, step)).length,
      frames: frames.length,
      height: frames.at(-1)?.[3] ?? null,
      delay: frames.length ? delayOf(frames.at(-1)) : null,
      lost: receiver.tones ? countLost(receiver, step) : null,
    });
  }
  return steps;
}

/* ----------------------------------------------------------------- the run */

/** Looks at both ends each second while the schedule is followed. */
async function followSchedule(cable, ends) {
  if (schedule[0].kbit > 0)
    await cable.become(`schedule both ${schedule.map(({ kbit, seconds }) =>
      `${kbit}:${seconds * 1000}`).join(' ')}`);
  let from = Date.now();
  const phases = schedule.map(({ kbit, seconds }) => {
    const phase = { kbit, seconds, from, to: from + seconds * 1000 };
    from = phase.to;
    return phase;
  });
  while (Date.now() < phases.at(-1).to + 1000) {
    await Promise.all(ends.map(end => end.look()));
    await pause(500);
  }
  return phases;
}

const openEnd = async (kind, name, link, where, description) => kind === 'p'
  ? new PipelineEnd(name, link, where, description)
  : BrowserEnd.openChromium(name, link, where);

async function run(mode) {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-adapt-'));
  const log = join(folder, 'packets');
  const lab = new Lab();
  const ends = [];
  let server = null;
  try {
    const here = await lab.beyond('sender', 'clean');
    const there = lab.open('receiver');
    await here.cable.shape({ kbit: schedule[0].kbit,
      ...Object.fromEntries(['rtt', 'jitter', 'loss', 'burst'].map(name =>
        [name, Number(options[name])])),
      queueMs: Number(options['queue-ms']) });
    await here.cable.log(log);
    server = new Server(['--listen', `${SERVER}:0`]);
    const link = await server.link();
    const receiver = await openEnd(mode[1], 'receiver', link, within(there.space),
      [...options.receive.split(' ').filter(Boolean),
        ...options.view ? pipelineView(['layout=solo', 'solo=sender']) : []]);
    ends.push(receiver);
    const sender = await openEnd(mode[0], 'sender', link, within(here.space),
      [...options.room.split(' ').filter(Boolean),
        ...pipelineSource(options.encoder)]);
    ends.push(sender);
    if (mode === 'cc') {
      await callPlainly(sender, receiver, link);
    } else {
      for (const end of ends.filter(e => e.browser))
        await end.join(link, end === sender);
    }
    await until('a picture', async () => {
      await receiver.look();
      return receiver.frames.some(f => f[1] >= 0);
    }, 30000, () => ends.map(e => e.output));
    await pause(Number(options.settle) * 1000);
    const phases = await followSchedule(here.cable, ends);
    await here.cable.end();
    const packets = readPackets(log);
    if (options.packets)
      copyFileSync(log, `${options.packets}.${mode}`);
    if (options.view && mode[1] === 'p')
      receiver.frames = receiver.shown;
    return { receiver, sender, packets, phases };
  } finally {
    await Promise.all(ends.map(end => end.stop()));
    await server?.stop();
    lab.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const rows = [];
const traces = [];
for (let i = 0; i < Number(options.runs); i++) {
  for (const mode of modes) {
    const { receiver, sender, packets, phases } = await run(mode);
    rows.push(...judge(mode, receiver, packets, phases));
    traces.push({ mode, steps: traceOf(receiver, packets, phases),
      sender: sender.counts, receiver: receiver.counts });
    if (options.json)
      rows.splice(0).forEach(row => console.log(JSON.stringify(row)));
  }
}
if (options.trace)
  writeFileSync(options.trace, JSON.stringify(traces, null, 1));
if (rows.length) {
  printTable(`${SIZE.width}x${SIZE.height}@${SIZE.fps}, ${options.schedule}, ` +
    `queue ${options['queue-ms']} ms, round trip ${options.rtt} ms, ` +
    `loss ${options.loss}`, rows);
}
