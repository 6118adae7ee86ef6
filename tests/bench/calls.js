// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Whole calls on this machine: everybody sends 640x360@30 with a clock in the
 * picture (clock-ends.js) and a tone, sees all others in a grid of 1280x720, and
 * hears them. Pipelines are a process each, beside as many windows of one
 * Chromium with our page, and beside as many with a bare connection for each
 * pair, which no page limits.
 *
 *   tests/net/netns.sh node tests/bench/calls.js [--OPTION VALUE]…
 *
 *   --members 4,9
 *   --kinds pipelines,page,bare
 *   --settle 15, --seconds 15      before and during the measurement
 *   --room 'PROPERTY=…'            of each meshroom
 *
 * A tile's rate is that of frames that were decoded for it. CPU is of a core,
 * of all members together.
 */

import { parseArgs } from 'node:util';
import { openWindows } from '../e2e/kit/browser.js';
import { looks } from '../e2e/kit/media.js';
import { Server } from '../e2e/kit/server.js';
import { now, pause, until } from '../e2e/kit/wait.js';
import { Lab, SERVER } from '../net/kit/lab.js';
import { PipelineEnd, pipelineSource, pipelineView } from './clock-ends.js';
import { bareCall, installClock, readTiles } from './clock-page.js';
import { delayOf, isIn, quantile } from './figures.js';
import { printTable } from './table.js';
import { TICKS, usage } from './usage.js';

const { values: options } = parseArgs({ options: {
  members: { type: 'string', default: '4,9' },
  kinds: { type: 'string', default: 'pipelines,page,bare' },
  room: { type: 'string', default: '' },
  settle: { type: 'string', default: '15' },
  seconds: { type: 'string', default: '15' },
} });
const SIZE = { width: 640, height: 360, fps: 30 };
const GRID = { width: 1280, height: 720 };
const SETTLE_MS = Number(options.settle) * 1000;
const PHASE_MS = Number(options.seconds) * 1000;

/** Measures CPU and memory of processes for the time of the measurement. */
async function measure(pids) {
  const sum = () => pids.map(usage).reduce((a, b) =>
    ({ ticks: a.ticks + b.ticks, kib: a.kib + b.kib }));
  await pause(SETTLE_MS);
  const [before, since, from] = [sum(), now(), Date.now()];
  await pause(PHASE_MS);
  const [after, seconds] = [sum(), (now() - since) / 1000];
  return { phase: { from, to: Date.now() }, seconds,
    cpu: (after.ticks - before.ticks) / TICKS / seconds * 100,
    mib: after.kib / 1024 };
}

function row(kind, members, met, { cpu, mib }, rates, more) {
  return { call: `${members} ${kind}`, 'CPU %': Math.round(cpu),
    'memory MiB': Math.round(mib), 'all met after s': (met / 1000).toFixed(1),
    tiles: rates.length, 'slowest frames/s': Math.min(...rates).toFixed(1),
    median: quantile(rates, 0.5).toFixed(1), height: more.height,
    'delay p50, p95 ms': more.delays ?? '-', 'grid frames/s': more.grid ?? '-' };
}

async function pipelines(members, link) {
  const began = Date.now();
  const ends = Array.from({ length: members }, (_, i) =>
    new PipelineEnd(`member-${i}`, link, [],
      [...options.room.split(' ').filter(Boolean), ...pipelineSource('', SIZE),
        ...pipelineView()]));
  try {
    await until('all to meet', () => ends.every(e =>
      e.sights.size === members - 1), 120000, () => ends.map(e =>
      [e.name, [...e.sights.keys()], e.output]));
    const met = Date.now() - began;
    const found = await measure(ends.map(e => e.child.pid));
    const { phase } = found;
    const tiles = ends.flatMap(e => [...e.sights.values()].map(frames =>
      frames.filter(f => isIn(f[0], phase) && f[1] >= 0)));
    const delays = tiles.flat().map(delayOf);
    return row('pipelines', members, met, found, tiles.map(frames =>
      new Set(frames.map(f => f[1])).size / found.seconds), {
      height: quantile(tiles.flat().map(f => f[3]), 0.5),
      delays: `${quantile(delays, 0.5)}, ${quantile(delays, 0.95)}`,
      grid: Math.min(...ends.map(e => e.shown.filter(f => isIn(f[0],
        phase)).length / found.seconds)).toFixed(1) });
  } finally {
    await Promise.all(ends.map(e => e.stop()));
  }
}

/** Windows of one Chromium, which `join` brings together. */
async function windows(kind, members, link, join) {
  const origin = new URL(link).origin;
  const all = await openWindows(Array.from({ length: members }, (_, i) =>
    looks[i % looks.length]), ['--no-proxy-server',
    `--unsafely-treat-insecure-origin-as-secure=${origin}`]);
  try {
    for (const { page } of all) {
      page.setDefaultNavigationTimeout(120000);
      await page.setViewport(GRID);
      await page.evaluateOnNewDocument(installClock, SIZE);
    }
    const began = Date.now();
    await join(all.map(w => w.page));
    const look = () => Promise.all(all.map(w => w.page.evaluate(readTiles)));
    await until('all to meet', async () => (await look()).every(tiles =>
      tiles.filter(t => t.frames > 0).length === members - 1), 120000,
      () => all.map(w => w.log.slice(-5)));
    const met = Date.now() - began;
    // Read before and after the settled time, since looking costs time itself.
    await pause(SETTLE_MS);
    const before = (await look()).flat(), since = now();
    const found = await measureNow(all[0].browser.process().pid);
    const after = (await look()).flat(), seconds = (now() - since) / 1000;
    const rates = after.map(t => (t.frames - (before.find(b =>
      b.id === t.id)?.frames ?? 0)) / seconds);
    return row(kind, members, met, found, rates,
      { height: quantile(after.map(t => t.height), 0.5) });
  } finally {
    await all[0].close();
  }
}

async function measureNow(pid) {
  const [before, since] = [usage(pid), now()];
  await pause(PHASE_MS);
  const [after, seconds] = [usage(pid), (now() - since) / 1000];
  return { cpu: (after.ticks - before.ticks) / TICKS / seconds * 100,
    mib: after.kib / 1024 };
}

const page = (members, link) => windows('in our page', members, link,
  async pages => {
    for (const one of pages)
      await one.goto(link, { waitUntil: 'domcontentloaded' });
  });

const bare = (members, link) => windows('bare', members, link, async pages => {
  for (const one of pages) {
    await one.goto(new URL('/lost.html', link).href);
    await one.exposeFunction('putTo', (to, text) => pages[to].evaluate(
      (from, t) => window.takeFrom(from, t), pages.indexOf(one), text));
    await one.evaluate(bareCall);
  }
  for (let from = 0; from < members; from++) {
    for (let to = from + 1; to < members; to++)
      await pages[from].evaluate(other => window.callTo(other), to);
  }
});

const RUNS = { pipelines, page, bare };
const rows = [];
for (const members of options.members.split(',').map(Number)) {
  for (const kind of options.kinds.split(',')) {
    const lab = new Lab();
    // Browsers take a bridge for a network only if something is plugged in.
    lab.open('nobody');
    const server = new Server(['--listen', `${SERVER}:0`]);
    try {
      rows.push(await RUNS[kind](members, await server.link()));
    } finally {
      await server.stop();
      lab.close();
    }
  }
}
printTable(`everybody sends ${SIZE.width}x${SIZE.height}@${SIZE.fps} and sees ` +
  `all in ${GRID.width}x${GRID.height}; CPU in % of a core`, rows);
