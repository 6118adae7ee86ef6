// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The cost of a further peer to a sender: CPU, memory and threads of the
 * sender's process at 1 Mbit/s of VP8 for 1, 8 and 32 receivers in a process of
 * their own, and the slope between the first and the last. In the same run
 * Chromium sends to as many peers as it can with simple-peer, and a bare loop
 * encrypts and sends, for comparison, since absolute figures differ from machine
 * to machine.
 *
 *   tests/run bench      or      tests/e2e/netns.sh node tests/bench/fanout.js
 *
 * In the environment: RUNS, SECONDS, PEERS=1,8,32, and SENDER, the name of the
 * only row that is wanted, and ROOM, properties of the sender's meshroom.
 */

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { openChromium } from '../e2e/kit/browser.js';
import { start } from '../e2e/kit/children.js';
import { looks } from '../e2e/kit/media.js';
import { Pipeline } from '../e2e/kit/pipeline.js';
import { Server, WireTap } from '../e2e/kit/server.js';
import { now, pause, until } from '../e2e/kit/wait.js';
import { median, printTable } from './table.js';
import { TICKS, usage } from './usage.js';

const RUNS = Number(process.env.RUNS ?? 3);
const SECONDS = Number(process.env.SECONDS ?? 10);
const PEERS = (process.env.PEERS ?? '1,8,32').split(',').map(Number);
const CHROMIUM_PEERS = [1, 4, 8];
const LOOP = `${process.env.MESH_BUILD_ROOT}/tests/bench/bench-srtp-loop`;

function bytesSent() {
  return Number(readFileSync('/proc/net/dev', 'utf8')
    .match(/^ *lo:(.*)$/m)[1].trim().split(/ +/)[8]);
}

/** Measures percent of a core, MiB, threads, and Mbit/s for each peer. */
async function measure(pid, peers) {
  await pause(3000);            // the setup of connections does not count
  const [before, sent, since] = [usage(pid), bytesSent(), now()];
  await pause(SECONDS * 1000);
  const [after, seconds] = [usage(pid), (now() - since) / 1000];
  return {
    cpu: (after.ticks - before.ticks) / TICKS / seconds * 100,
    mib: after.kib / 1024,
    threads: after.threads,
    mbit: (bytesSent() - sent) * 8 / 1e6 / seconds / peers,
  };
}

/**
 * Hides the receivers from each other, so that they call the sender alone. No
 * frame is dropped, since clients notice a missing number.
 */
function star(text, sender) {
  const frame = JSON.parse(text);
  const message = frame.payload ?? frame.event ?? frame;
  if (message.type === 'welcome')
    message.members = message.members.filter(m => m === sender ||
      m === message.id);
  if (message.type === 'joined')
    frame.event = { type: 'left', id: randomUUID(), reason: 'bye' };
  if (message.type === 'roomreply')
    message.shouldCall = [sender];
  if (message.type === 'roster')
    message.members = [sender, message.to];
  return JSON.stringify(frame);
}

async function meshroomRun(peers) {
  const server = new Server();
  const url = await server.url();
  const link = await server.link({ key: false });
  const sender = 'aaaaaaaa-0000-4000-8000-000000000001';
  const tap = new WireTap(url, (text, way) =>
    way === 'down' ? star(text, sender) : text);
  const one = new Pipeline(['meshroom', 'name=room', `link=${link}`,
    `peer-id=${sender}`, 'max-peers=64',
    ...(process.env.ROOM ?? '').split(' ').filter(Boolean),
    // coarse noise, since fine noise does not fit into 1 Mbit/s
    'videotestsrc', 'is-live=true', 'pattern=snow', '!',
    'video/x-raw,width=64,height=36,framerate=30/1', '!',
    'videoscale', '!', 'video/x-raw,width=640,height=360', '!',
    'vp8enc', 'deadline=1', 'cpu-used=16', 'threads=1', 'end-usage=cbr',
    'target-bitrate=1000000', 'keyframe-max-dist=300', '!',
    'room.video_sink']);
  await until('the sender', () => /PLAYING/.test(one.output));
  const far = await tap.url() + new URL(link).pathname;
  const many = new Pipeline(Array.from({ length: peers }, (_, i) =>
    ['meshroom', `name=r${i}`, `link=${far}`, 'decode=false']).flat());
  await until('all to be connected', () => one.messages.filter(m =>
    m.name === 'meshroom-peer-added').length === peers, 60000,
  () => [one.output.slice(-2000), many.output.slice(-2000)]);
  const found = await measure(one.process.pid, peers);
  await many.stop();
  await one.stop();
  tap.close();
  await server.stop();
  return found;
}

/** Runs in the sender's page: makes one more connection, signalled by `put`. */
async function send(index) {
  window.own ??= await navigator.mediaDevices.getUserMedia({
    video: { width: 640, height: 360, frameRate: 30 } });
  const peer = new window.SimplePeer({ initiator: true, stream: window.own });
  (window.peers ??= [])[index] = peer;
  peer.on('signal', data => window.put(index, JSON.stringify(data)));
  peer.on('connect', () => {
    const [sender] = peer._pc.getSenders();
    const parameters = sender.getParameters();
    parameters.encodings[0].maxBitrate = 1000000;
    sender.setParameters(parameters);
  });
}

function receive(index) {
  const peer = new window.SimplePeer();
  (window.peers ??= [])[index] = peer;
  peer.on('signal', data => window.put(index, JSON.stringify(data)));
  peer.on('stream', stream => {
    const video = document.createElement('video');
    video.muted = video.autoplay = true;
    video.srcObject = stream;
    document.body.append(video);
  });
}

async function chromiumRun(peers) {
  const script = createRequire(import.meta.url)
    .resolve('simple-peer/simplepeer.min.js');
  const site = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end('<!doctype html><title>fan-out</title><body>');
  }).listen(0, '127.0.0.1');
  await once(site, 'listening');
  const camera = { width: 640, height: 360, fps: 30, noise: true };
  const a = await openChromium(looks[0], { camera });
  const b = await openChromium(looks[1]);
  for (const [from, to] of [[a, b], [b, a]]) {
    await from.join(`http://127.0.0.1:${site.address().port}/`);
    await from.page.addScriptTag({ path: script });
    await from.page.exposeFunction('put', (index, data) =>
      to.page.evaluate((i, d) => window.peers[i].signal(JSON.parse(d)), index,
        data));
  }
  for (let i = 0; i < peers; i++) {
    await b.page.evaluate(receive, i);
    await a.page.evaluate(send, i);
  }
  await until('all to be connected', () => a.page.evaluate(() =>
    window.peers.every(p => p.connected)), 60000);
  const found = await measure(a.browser.process().pid, peers);
  await a.close();
  await b.close();
  site.close();
  return found;
}

/** A bare loop that encrypts and sends (srtp-loop.c). */
async function loopRun(peers, ...cipher) {
  const sink = start(LOOP, ['sink'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = await once(createInterface({ input: sink.stdout }), 'line');
  const loop = start(LOOP, [String(peers), port, ...cipher],
    { stdio: 'inherit' });
  const found = await measure(loop.pid, peers);
  for (const child of [loop, sink]) {
    child.kill();
    await once(child, 'exit');
  }
  return found;
}

async function series(name, counts, run) {
  const rows = [];
  for (const peers of counts) {
    const runs = [];
    for (let i = 0; i < RUNS; i++)
      runs.push(await run(peers));
    const mid = key => median(runs.map(r => r[key]));
    rows.push({ sender: name, peers, 'CPU %': mid('cpu').toFixed(1),
      'memory MiB': mid('mib').toFixed(1), threads: mid('threads'),
      'Mbit/s each': mid('mbit').toFixed(2) });
  }
  const [first, last] = [rows[0], rows.at(-1)];
  const slope = (key, digits) => ((last[key] - first[key]) /
    (last.peers - first.peers)).toFixed(digits);
  rows.push({ sender: name, peers: 'a further one',
    'CPU %': slope('CPU %', 2), 'memory MiB': slope('memory MiB', 2),
    threads: slope('threads', 1), 'Mbit/s each': '' });
  return rows;
}

const kinds = {
  meshroom: [PEERS, meshroomRun],
  'SRTP and send': [PEERS, peers => loopRun(peers)],
  'with AES-GCM': [PEERS, peers => loopRun(peers, 'gcm')],
  'simple-peer': [CHROMIUM_PEERS, chromiumRun],
};
const rows = [];
for (const [name, [counts, run]] of Object.entries(kinds)) {
  const isWanted = !process.env.SENDER || process.env.SENDER === name;
  if (isWanted && (existsSync(LOOP) || counts === CHROMIUM_PEERS ||
      run === meshroomRun))
    rows.push(...await series(name, counts, run));
}
printTable(`the sender's side, ${SECONDS} s each, medians of ${RUNS} runs; ` +
  '% of one core', rows);
