// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The signalling server under load, beside relays made with other libraries, in
 * the same run: messages a second and how long they take, with few and with
 * 5000 idle connections around; connections a second when all come at once, as
 * after a restart; memory of an idle connection; CPU at a steady 1000 messages
 * a second. Server and load have a core each where there are two.
 *
 *   tests/run bench      or      tests/e2e/netns.sh node tests/bench/server.js
 */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import { start } from '../e2e/kit/children.js';
import { median, printTable } from './table.js';

const RUNS = Number(process.env.RUNS ?? 3);
const SECONDS = Number(process.env.SECONDS ?? 4);
const IDLE = Number(process.env.IDLE ?? 5000);
const BUSY = 200;
const bin = name => `${process.env.MESH_BUILD_ROOT}/tests/bench/${name}`;
const node = kind => [process.execPath,
  [fileURLToPath(new URL('relay-node.js', import.meta.url)), kind]];
const SERVERS = [
  { name: 'meshroom-server', protocol: 'meshroom',
    run: [bin('relay-own'), []] },
  // its accept queue holds ten: a client that does not fit waits for a second
  { name: 'libsoup, passing bytes on', protocol: 'plain', pending: 8,
    run: [bin('relay-soup'), []] },
  { name: 'Node, ws', protocol: 'plain', run: node('ws') },
  { name: 'PeerJS', protocol: 'peerjs', run: node('peerjs') },
].filter(s => !process.env.ONLY || s.name.includes(process.env.ONLY));

class Program {
  #lines = [];
  #waiting = [];

  constructor(command, args) {
    this.process = start(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.process.stdout }).on('line', line =>
      this.#waiting.length ? this.#waiting.shift()(line)
        : this.#lines.push(line));
  }

  line() {
    return this.#lines.length ? this.#lines.shift()
      : new Promise((resolve, reject) => {
        this.#waiting.push(resolve);
        this.process.once('exit', code => reject(new Error(`ended: ${code}`)));
      });
  }

  async figures() {
    const words = (await this.line()).split(' ');
    return Object.fromEntries(words.flatMap((word, i) =>
      i % 2 ? [] : [[word, Number(words[i + 1])]]));
  }

  async end() {
    if (this.process.exitCode === null && !this.process.signalCode) {
      this.process.kill();
      await once(this.process, 'exit');
    }
  }
}

function usage(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '').split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return { ticks: Number(stat[11]) + Number(stat[12]),
    kib: Number(status.match(/^RssAnon:\s+(\d+)/m)[1]) };
}

/** Runs one load on one server, and returns the figures of both. */
async function measure({ protocol, run, pending = 1e6 }, { busy, idle, bytes, rate = 0 }) {
  const server = new Program(...run);
  const port = (await server.line()).match(/:(\d+)$/)[1];
  const empty = usage(server.process.pid);
  const load = new Program(bin('relay-load'),
    [protocol, port, busy, idle, bytes, SECONDS, rate, pending].map(String));
  const opened = await load.figures();
  const full = usage(server.process.pid);
  load.process.stdin.end('\n');
  const said = busy ? await load.figures() : {};
  const after = usage(server.process.pid);
  await load.end();
  await server.end();
  return { ...said, opened: opened.ready / opened.seconds,
    failures: opened.failures, kib: (full.kib - empty.kib) / opened.ready,
    cpu: (after.ticks - full.ticks) / SECONDS };
}

const results = new Map(SERVERS.map(server => [server, {}]));

/** Takes the servers in turn, several times, so that other load hits all. */
async function compare(name, load) {
  for (let i = 0; i < RUNS; i++) {
    for (const [server, result] of results)
      (result[name] ??= []).push(await measure(server, load));
  }
}

await compare('small', { busy: BUSY, idle: 0, bytes: 200 });
await compare('sdp', { busy: BUSY, idle: 0, bytes: 1536 });
await compare('crowd', { busy: BUSY, idle: IDLE, bytes: 200 });
await compare('steady', { busy: BUSY, idle: IDLE, bytes: 200, rate: 1000 });

const of = (runs, key, digits = 0) =>
  median(runs.map(run => run[key])).toFixed(digits);
const speed = runs => `${(of(runs, 'per_second') / 1000).toFixed(1)} k/s, ` +
  `p50 ${(of(runs, 'p50') / 1000).toFixed(1)}, ` +
  `p99 ${(of(runs, 'p99') / 1000).toFixed(1)} ms`;
printTable(`Signalling, ${BUSY} busy clients; medians of ${RUNS}`,
  [...results].map(([{ name }, r]) => ({ server: name,
    '200 B': speed(r.small), '1.5 KiB': speed(r.sdp) })));
printTable(`The same with ${IDLE} idle connections besides`,
  [...results].map(([{ name }, r]) => ({ server: name,
    '200 B': speed(r.crowd),
    'opened a second': of(r.crowd, 'opened'),
    'KiB a connection': of(r.crowd, 'kib', 1),
    'CPU at 1000 msg/s': `${of(r.steady, 'cpu')} %`,
    'p99 at that': `${(of(r.steady, 'p99') / 1000).toFixed(1)} ms` })));
