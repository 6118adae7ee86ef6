// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * What a call looks and sounds like while the sender's link gets worse and
 * better again: 1280x720@30 with a clock in the picture and another in the
 * sound (clock.c, clock-page.js), over real sockets, through tests/net/shaper.c.
 *
 *   tests/net/netns.sh node tests/bench/adapt.js [--OPTION VALUE]…
 *
 *   --mode pp,pc,cp,cc     sender and receiver: p = a pipeline, c = Chromium with
 *                          our page; cc = both Chromium with a bare connection,
 *                          which is the rival; `all` = these four
 *   --schedule 4000:20,500:15,4000:25
 *                          capacity in kbit/s, and seconds that it lasts
 *   --queue-ms 300         how long a packet may wait at the link
 *   --rtt 20               ms, without the queue
 *   --loss 0, --burst 1    share of packets lost, and how many in a row
 *   --settle 5             seconds of call before the schedule begins
 *   --room 'PROPERTY=…'    of the sender's meshroom
 *   --encoder 'ELEMENT…'   before the sender's room, in place of the room's own
 *   --runs 1
 *   --json, --trace FILE   lines of JSON in place of the table; and what happened
 *                          in each tenth of a second, as JSON
 *   --packets FILE         a line for each packet (shaper.c), the mode appended
 *
 * A row for each phase. The picture is `frozen` while no new one comes for more
 * than FREEZE_MS. Delay is from the camera to the decoded frame; of the phases
 * after the first, it counts from 3 s on. The rate is what comes out of the link.
 * Recovery is the time until 80 % of the rate of the phase before last is
 * reached for a second. Lost sound is in units of 20 ms.
 */

import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openChromium } from '../e2e/kit/browser.js';
import { start } from '../e2e/kit/children.js';
import { looks } from '../e2e/kit/media.js';
import { environment } from '../e2e/kit/pipeline.js';
import { Server } from '../e2e/kit/server.js';
import { now, pause, until } from '../e2e/kit/wait.js';
import { Lab, SERVER, within } from '../net/kit/lab.js';
import { installClock, installClockReader, plainCall, readConnections }
  from './clock-page.js';
import { printTable } from './table.js';

const FREEZE_MS = 200;
const SOUND_MS = 20, TONES = 32;
const STEP_MS = 100;
const SIZE = { width: 1280, height: 720, fps: 30 };
/** How long after a change of the capacity delays do not count. */
const GRACE_MS = 3000;

const { values: options } = parseArgs({ options: {
  mode: { type: 'string', default: 'all' },
  schedule: { type: 'string', default: '4000:20,500:15,4000:25' },
  'queue-ms': { type: 'string', default: '300' },
  rtt: { type: 'string', default: '20' },
  loss: { type: 'string', default: '0' },
  burst: { type: 'string', default: '1' },
  settle: { type: 'string', default: '5' },
  room: { type: 'string', default: '' },
  encoder: { type: 'string', default: '' },
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

/* ------------------------------------------------------------- the members */

/** A pipeline that sends, or receives. */
class PipelineEnd {
  frames = [];
  tones = [];
  output = '';

  constructor(name, link, place, description) {
    const [command, ...args] = [...within(place.space),
      `${process.env.MESH_BUILD_ROOT}/tests/bench/bench-clock`,
      'meshroom', 'name=room', `link=${link}`, `display-name=${name}`,
      ...description];
    this.child = start(command, args, { stdio: 'pipe',
      env: { ...environment, MESHROOM_OWN_PROCESS: '1' } });
    createInterface({ input: this.child.stdout })
      .on('line', line => this.#take(line.split(' ')));
    this.child.stderr.on('data', text => { this.output += text; });
  }

  #take([kind, , ms, value, width, height]) {
    if (kind === 'video')
      this.frames.push([ms, value, width, height].map(Number));
    else if (kind === 'sound')
      this.tones.push([ms, value].map(Number));
  }

  async look() {}

  async stop() {
    this.child.stdin.end();
    if (this.child.exitCode === null && !this.child.signalCode)
      await once(this.child, 'exit');
  }
}

/** A Chromium that sends, or receives. */
class ChromiumEnd {
  frames = [];
  tones = null;
  /** what its connections count, each second */
  counts = [];

  static async open(place, link) {
    const self = new ChromiumEnd();
    self.browser = await openChromium(looks[0], { within: within(place.space),
      args: ['--no-proxy-server', '--unsafely-treat-insecure-origin-as-secure='
        + new URL(link).origin] });
    const { page } = self.browser;
    await page.evaluateOnNewDocument(installClock, SIZE);
    await page.evaluateOnNewDocument(installClockReader);
    return self;
  }

  get output() {
    return this.browser.log.slice(-20).join('\n');
  }

  /** Takes what the page has found since the last look. */
  async look() {
    const { page } = this.browser;
    const ms = Date.now();
    this.frames.push(...await page.evaluate(() => window.clockLines()));
    this.counts.push({ ms, ...await page.evaluate(readConnections) });
  }

  stop() {
    return this.browser.close();
  }
}

const pipelineSource = () => ['videotestsrc', 'is-live=true', 'pattern=black',
  '!', `video/x-raw,format=I420,width=${SIZE.width},height=${SIZE.height},` +
    `framerate=${SIZE.fps}/1`, '!', 'clockpicture', '!',
  ...options.encoder ? [...options.encoder.split(' '), '!'] : [],
  'room.video_sink', 'audiotestsrc', 'is-live=true', 'wave=silence',
  'samplesperbuffer=960', '!',
  'audio/x-raw,format=S16LE,rate=48000,channels=1', '!', 'clocksound', '!',
  'room.audio_sink'];

async function openEnd(kind, name, link, place, sends) {
  if (kind === 'p') {
    return new PipelineEnd(name, link, place, sends
      ? [...options.room.split(' ').filter(Boolean), ...pipelineSource()] : []);
  }
  const end = await ChromiumEnd.open(place, link);
  await end.browser.settle();
  return end;
}

const openPage = (end, link, sends) => end.browser.join(sends ? link
  : link.replace('#', '?muted=1&hidden=1#'));

/** Connects two pages by a connection without a room. */
async function callPlainly(sender, receiver, link) {
  for (const [from, to] of [[sender, receiver], [receiver, sender]]) {
    await from.browser.join(new URL('/lost.html', link).href);
    await from.browser.page.exposeFunction('putAcross', text =>
      to.browser.page.evaluate(t => window.takeAcross(t), text));
  }
  await receiver.browser.page.evaluate(plainCall, false);
  await sender.browser.page.evaluate(plainCall, true);
}

/* ------------------------------------------------------------- the figures */

const quantile = (values, q) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * q), sorted.length - 1)];
};
const isIn = (ms, { from, to }) => ms >= from && ms < to;

/** The delay of a frame, whose number is the lower 24 bits of a time. */
const delayOf = ([ms, number]) =>
  (ms - number + 0x800000) % 0x1000000 - 0x800000;

/** Reads what the shaper wrote of each packet, with the times in ms of day. */
function readPackets(path, offset) {
  return readFileSync(path, 'utf8').trim().split('\n').filter(Boolean)
    .map(line => {
      const [at, out, way, bytes, ssrc, pt, seq, time] =
        line.split(' ').map(Number);
      return { at: at / 1000 + offset, out: out < 0 ? null : out / 1000 + offset,
        way, bytes, ssrc, pt, seq, time };
    });
}

/** The gaps between new frames that are too long, cut to a phase. */
function findFreezes(frames, phase) {
  const seen = frames.filter((f, i) => f[1] >= 0 &&
    f[1] !== frames[i - 1]?.[1]).map(f => f[0]);
  const edges = [...seen.filter(ms => ms < phase.to), phase.to];
  return edges.slice(1).map((ms, i) => ({ from: edges[i], to: ms }))
    .filter(({ from, to }) => to - from > FREEZE_MS && to > phase.from)
    .map(({ from, to }) => to - Math.max(from, phase.from));
}

/** The missing tones before each tone, by its arrival. */
function findLost(tones) {
  return tones.slice(1).map(([ms, tone], i) => {
    const [before, last] = tones[i];
    const steps = (tone - last + TONES) % TONES;
    const turns = Math.round(((ms - before) / SOUND_MS - steps) / TONES);
    return { ms, lost: Math.max(steps + turns * TONES - 1, 0) };
  });
}

function countLost(end, phase) {
  if (end.tones) {
    return findLost(end.tones).filter(({ ms }) => isIn(ms, phase))
      .reduce((sum, { lost }) => sum + lost, 0);
  }
  const heard = end.counts.filter(c => isIn(c.ms, phase) &&
    'sound.concealedSamples' in c);
  const grown = name => (heard.at(-1)?.[name] ?? NaN) - (heard[0]?.[name] ?? 0);
  return Math.round(grown('sound.concealedSamples') / (48 * SOUND_MS));
}

const rateIn = (packets, from, to) => packets.reduce((sum, p) =>
  sum + (p.out !== null && isIn(p.out, { from, to }) ? p.bytes : 0), 0) *
  8 / (to - from);

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
  const up = packets.filter(p => p.way === 0);
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
      'queue p95': Math.round(quantile(up.filter(p => p.out !== null &&
        isIn(p.at, phase)).map(p => p.out - p.at - Number(options.rtt) / 2),
      0.95) ?? NaN),
      'recovery s': recovery === null ? '-' : (recovery / 1000).toFixed(1),
      'sound lost': countLost(receiver, phase),
      dropped: up.filter(p => p.out === null && isIn(p.at, phase)).length,
      torn: receiver.frames.filter(f => isIn(f[0], phase) && f[1] < 0).length,
    };
  });
}

/** What happened in each step, for a curve. */
function traceOf(receiver, packets, phases) {
  const [{ from }, { to }] = [phases[0], phases.at(-1)];
  const up = packets.filter(p => p.way === 0);
  const steps = [];
  for (let ms = from; ms < to; ms += STEP_MS) {
    const step = { from: ms, to: ms + STEP_MS };
    const frames = receiver.frames.filter(f => isIn(f[0], step) && f[1] >= 0);
    steps.push({
      s: Math.round(ms - from) / 1000,
      kbit: phases.find(p => isIn(ms, p))?.kbit,
      rate: Math.round(rateIn(up, step.from, step.to)),
      queue: Math.round(Math.max(0, ...up.filter(p => p.out !== null &&
        isIn(p.at, step)).map(p => p.out - p.at))),
      dropped: up.filter(p => p.out === null && isIn(p.at, step)).length,
      frames: frames.length,
      height: frames.at(-1)?.[3] ?? null,
      delay: frames.length ? delayOf(frames.at(-1)) : null,
    });
  }
  return steps;
}

/* ----------------------------------------------------------------- the run */

/** Makes the sender's link what the options say. */
async function prepareCable(cable, log) {
  const loss = Number(options.loss), burst = Number(options.burst);
  await cable.become('spare tcp');
  await cable.become(`set both delay_ms=${Number(options.rtt) / 2} ` +
    `queue_ms=${options['queue-ms']} kbit=${schedule[0].kbit} ` +
    // Of each packet that is not in a burst so many begin one.
    (burst > 1 ? `to_bad=${loss / (burst * (1 - loss))} to_good=${1 / burst} ` +
      'burst_loss=1' : `loss=${loss}`));
  await cable.become(`log ${log}`);
}

/** Looks at both ends each second while the schedule is followed. */
async function followSchedule(cable, ends) {
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

async function run(mode) {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-adapt-'));
  const log = join(folder, 'packets');
  const lab = new Lab();
  const ends = [];
  let server = null;
  try {
    const here = await lab.beyond('sender', 'clean');
    const there = lab.open('receiver');
    await prepareCable(here.cable, log);
    server = new Server(['--listen', `${SERVER}:0`]);
    const link = await server.link();
    const receiver = await openEnd(mode[1], 'receiver', link, there, false);
    ends.push(receiver);
    const sender = await openEnd(mode[0], 'sender', link, here, true);
    ends.push(sender);
    if (mode === 'cc') {
      await callPlainly(sender, receiver, link);
    } else {
      for (const end of ends.filter(e => e.browser))
        await openPage(end, link, end === sender);
    }
    await until('a picture', async () => {
      await receiver.look();
      return receiver.frames.some(f => f[1] >= 0);
    }, 30000, () => ends.map(e => e.output));
    await pause(Number(options.settle) * 1000);
    const phases = await followSchedule(here.cable, ends);
    here.cable.stop();
    await once(here.cable.process, 'exit');
    const packets = readPackets(log, Date.now() - now());
    if (options.packets)
      writeFileSync(`${options.packets}.${mode}`, readFileSync(log));
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
