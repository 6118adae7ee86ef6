// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The time until a newcomer has a picture: from its `joinroom` on the wire to
 * the first decoded frame of the member that is in the room already.
 *
 *   tests/run bench        or        tests/e2e/netns.sh node tests/bench/join.js
 *
 * The newcomer is a pipeline with a process of its own, a pipeline in an
 * application's process, where OpenSSL makes the key, one that joins once more
 * and so has its key, and Chromium. With pipelines a wire-tap on the connection
 * sees the message and a probe sees the frame, both by one clock; in Chromium
 * the page's own socket and requestVideoFrameCallback do.
 */

import { openChromium } from '../e2e/kit/browser.js';
import { looks } from '../e2e/kit/media.js';
import { party } from '../e2e/kit/pipeline.js';
import { Server, WireTap } from '../e2e/kit/server.js';
import { now, pause, until } from '../e2e/kit/wait.js';
import { PipelineEnd } from './clock-ends.js';
import { printTable, summary } from './table.js';

const RUNS = Number(process.env.RUNS ?? 15);
const [red, green] = looks;

async function joinByPipeline(url, link, own) {
  const { pathname, hash } = new URL(link);
  const room = pathname.split('/').pop();
  let joined = null;
  const tap = new WireTap(url, (text, way) => {
    if (way === 'up' && text.includes(`"to":"${room}"`))
      joined ??= now();
    return text;
  });
  const guest = party({ name: 'guest', look: green,
    env: { MESHROOM_OWN_PROCESS: own },
    link: await tap.url() + pathname + hash });
  const sight = await until('a frame', () =>
    [...guest.sights.values()].find(s => s.firstFrame), 20000,
  () => guest.output);
  await guest.stop();
  tap.close();
  return sight.firstFrame - joined;
}

/** Joins again and again from one process, which has its key by then. */
async function rejoinByPipeline(url, link) {
  const { pathname, hash } = new URL(link);
  const room = pathname.split('/').pop();
  let joined = null;
  const tap = new WireTap(url, (text, way) => {
    if (way === 'up' && text.includes(`"to":"${room}"`))
      joined ??= Date.now();
    return text;
  });
  // Frames count as they leave the room, before a sink that keeps to the clock.
  const guest = new PipelineEnd('guest', await tap.url() + pathname + hash, [],
    ['funnel', 'name=view', '!', 'fakesink', 'async=false']);
  const times = [];
  while (times.length <= RUNS) {
    const frame = await until('a frame', () => joined &&
      guest.frames.find(([ms]) => ms > joined), 20000, () => guest.output);
    times.push(frame[0] - joined);
    // Key frames that follow each other faster are merged.
    await pause(1000);
    joined = null;
    guest.again();
  }
  await guest.stop();
  tap.close();
  return times.slice(1);
}

/** Runs in the page before its scripts, and notes when `joinroom` is sent. */
function watchSocket() {
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    const room = location.pathname.split('/').pop();
    if (String(data).includes(`"to":"${room}"`))
      window.meshJoined ??= performance.timeOrigin + performance.now();
    return send.call(this, data);
  };
}

async function joinByChromium(chromium, link) {
  await chromium.page.goto('about:blank');
  await chromium.join(link);
  const [sight] = await until('a frame', async () => {
    const sights = await chromium.look();
    return sights.some(s => s.first) && sights;
  }, 20000, () => chromium.summary());
  return sight.first - await chromium.page.evaluate(() => window.meshJoined);
}

const server = new Server();
const url = await server.url();
const rows = [];

async function series(name, limit, measure) {
  const link = await server.link();
  const host = party({ name: 'host', look: red, link });
  await until('the host', () => /PLAYING/.test(host.output));
  const times = await measure(link, host);
  await host.stop();
  rows.push({ newcomer: name, ...summary(times), 'at most': limit });
}

/** So many joins of newcomers that come and go. */
const each = once => async (link, host) => {
  const times = [];
  for (let i = 0; i < RUNS; i++) {
    times.push(await once(link));
    await until('the host to be alone', () => host.faces === 0);
  }
  return times;
};

await series('pipeline', 400, each(link => joinByPipeline(url, link, '1')));
await series('embedded pipeline', 1000,
  each(link => joinByPipeline(url, link, '0')));
await series('pipeline that has its key', 200, link =>
  rejoinByPipeline(url, link));
const chromium = await openChromium(green);
await chromium.page.evaluateOnNewDocument(watchSocket);
await series('chromium', 700, each(async link => {
  const time = await joinByChromium(chromium, link);
  await chromium.page.goto('about:blank');
  return time;
}));
await chromium.close();
await server.stop();
printTable(`joinroom to first decoded frame, ms, ${RUNS} joins each`, rows);
