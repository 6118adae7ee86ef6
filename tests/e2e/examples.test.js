// SPDX-License-Identifier: LGPL-2.1-or-later

/** Runs each example by the command line at its top. */

import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { openChromium } from './kit/browser.js';
import { isTone, looks, nameColour } from './kit/media.js';
import { environment, party } from './kit/pipeline.js';
import { Server } from './kit/server.js';
import { until } from './kit/wait.js';

const root = process.env.MESH_SOURCE_ROOT;
const [red, green, blue] = looks;

/** Starts an example, whose output is collected in `output`. */
function run(t, program, args = [], variables = {}) {
  // In a process group of its own, so that all that a script starts ends with
  // it.
  const child = spawn(program, args, { detached: true,
    env: { ...environment, ...variables }, stdio: ['pipe', 'pipe', 'pipe'] });
  child.output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', text => child.output += text);
  child.on('exit', () => child.ended = true);
  t.after(() => child.ended || process.kill(-child.pid, 'SIGKILL'));
  return child;
}

/* The lines that examples/call prints before it starts, one for each step. */
const steps = [/^installing \d+ packages$/, /^building( \(.*\))?$/,
  /^camera: \/dev\/video\d+/, /^no camera: the others see a moving test picture$/,
  /^microphone and loudspeaker: /, /^no sound server: the others hear a quiet tone/,
  /^no window system: the others are not shown here$/];

async function interrupt(child) {
  process.kill(-child.pid, 'SIGINT');
  if (!child.ended)
    await once(child, 'exit');
}

async function room(t) {
  const server = new Server();
  t.after(() => server.stop());
  return server.link();
}

test('call starts a call, prints its link, and joins by one', async t => {
  const call = run(t, join(root, 'examples/call'),
    ['--listen', '127.0.0.1:0']);
  const [link] = await until('the link', () =>
    call.output.match(/http:\/\/127\.0\.0\.1:\d+\/room\/[\w-]+#[\w-]+/),
  60000, () => call.output);
  const lines = call.output.split('\n');
  const start = lines.findIndex(line => line.startsWith('starting: '));
  assert.ok(start > 0, call.output);
  for (const line of lines.slice(0, start))
    assert.ok(steps.some(step => step.test(line)), line);

  const guest = party({ name: 'guest', look: red, link });
  t.after(() => guest.stop('SIGKILL'));
  await until('the guest to see and hear', () =>
    [...guest.sights.values()].some(s => s.video && s.hz), 20000,
  () => guest.summary());

  const second = run(t, join(root, 'examples/call'), [link]);
  await until('the second call to be seen', () => guest.faces === 2, 60000,
    () => second.output);
  await interrupt(second);
  await until('the second call to have left', () => guest.faces === 1);
  await interrupt(call);
  assert.doesNotMatch(call.output, /ERROR|CRITICAL|WARNING \*\*/);
});

test('send-file sends a video file, and ends with it', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-file-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'green.webm');
  execFileSync('gst-launch-1.0', ['-q', 'webmmux', 'name=m', '!', 'filesink',
    `location=${file}`,
    'videotestsrc', 'num-buffers=240', 'pattern=solid-color',
    `foreground-color=${0xff28b43c}`, '!',
    'video/x-raw,width=160,height=120,framerate=30/1', '!',
    'vp8enc', 'deadline=1', 'cpu-used=16', '!', 'm.',
    'audiotestsrc', 'num-buffers=345', `freq=${green.hz}`, '!',
    'audioconvert', '!', 'opusenc', '!', 'm.']);
  const link = await room(t);
  const guest = party({ name: 'guest', look: red, link });
  t.after(() => guest.stop('SIGKILL'));
  const sender = run(t, join(root, 'examples/send-file'), [link, file]);
  await until('the guest to see the film', () => guest.meets(green), 20000,
    () => [guest.summary(), sender.output]);
  await until('the end of the film', () => sender.ended, 60000,
    () => [guest.summary(), sender.output]);
  assert.equal(sender.exitCode, 0, sender.output);
});

test('embed says who comes and goes', async t => {
  const link = await room(t);
  const app = run(t, join(process.env.MESH_BUILD_ROOT, 'examples/embed'),
    [link]);
  const guest = party({ name: 'guest', look: red, link });
  t.after(() => guest.stop('SIGKILL'));
  await until('it to say so', () => / is here/.test(app.output), 20000,
    () => app.output);
  await guest.stop();
  await until('it to say so', () => / is gone: left/.test(app.output), 20000,
    () => app.output);
  await interrupt(app);
  assert.equal(app.exitCode, 0, app.output);
});

test('serve.py serves a room, and is in it', async t => {
  const library = join(process.env.MESH_BUILD_ROOT, 'gst/server');
  const app = run(t, join(root, 'examples/serve.py'), ['127.0.0.1:0'],
    { GI_TYPELIB_PATH: library, LD_LIBRARY_PATH: library });
  const [link] = await until('the link', () => app.output.match(/^http\S+$/m),
    20000, () => app.output);
  const guest = party({ name: 'guest', look: red, link });
  t.after(() => guest.stop('SIGKILL'));
  await until('both to have met', () => guest.faces === 1 &&
    / is here/.test(app.output), 20000,
  () => [guest.summary(), app.output]);
  await guest.stop();
  await until('it to say so', () => / is gone: left/.test(app.output), 20000,
    () => app.output);
  await interrupt(app);
  assert.equal(app.exitCode, 0, app.output);
});

test('serve.py is found by the command line at its top', () => {
  const [, line] = readFileSync(join(root, 'examples/serve.py'), 'utf8')
    .match(/^ {4}(meson devenv -C build .*) \[ADDR:PORT\]$/m);
  const [meson, ...words] = line.replace('build', process.env.MESH_BUILD_ROOT)
    .split(' ');
  // The example ends at once, since it cannot listen there.
  const { stderr } = spawnSync(meson, [...words, 'nowhere'],
    { cwd: root, encoding: 'utf8', env: environment });
  assert.match(stderr, /^error: .*"nowhere"/m);
});

test('camera-on-off turns its camera on and off in mid-call', async t => {
  const link = await room(t);
  const app = run(t, join(process.env.MESH_BUILD_ROOT,
    'examples/camera-on-off'), [link]);
  const guest = party({ name: 'guest', look: red, link });
  t.after(() => guest.stop('SIGKILL'));
  const page = await openChromium(blue);
  t.after(() => page.close());
  await page.join(link);
  const host = async () => (await page.look()).find(s => s.hz &&
    isTone(s.hz, green.hz));
  const sight = () => [...guest.sights.values()]
    .find(s => isTone(s.hz, green.hz));
  await until('both to hear it', async () => sight() && await host(), 60000,
    () => [guest.summary(), page.summary(), app.output]);

  let lines = [];
  guest.on('line', line => lines.push(line));
  for (let i = 0; i < 2; i++) {
    lines = [];
    app.stdin.write('\n');
    await until('the guest to see it', () => lines.some(line =>
      line.kind === 'video' && nameColour(line.rgb) === green.colour), 60000,
    () => guest.summary());
    await until('the page to see it', async () =>
      (await host())?.colour === green.colour, 60000, () => page.summary());
    app.stdin.write('\n');
    await until('the guest to see it no more', () => lines.some(line =>
      line.kind === 'gone' && line.pad.startsWith('video')), 60000,
    () => guest.summary());
    await until('the page to see it no more', async () =>
      (await host())?.colour !== green.colour, 60000, () => page.summary());
  }
  lines = [];
  await until('the guest to hear it still', () => lines.some(line =>
    line.kind === 'audio' && isTone(line.hz, green.hz)), 60000,
  () => guest.summary());
  assert.ok(await host());
  app.stdin.end();
  await until('it to end', () => app.ended, 60000, () => app.output);
});

test('two-rooms connects two in one process', async t => {
  const both = run(t, join(root, 'examples/two-rooms'));
  await until('both to say so', () =>
    both.output.match(/meshroom-peer-added/g)?.length === 2, 20000,
  () => both.output);
  await interrupt(both);
});

test('every example has a test here', () => {
  const files = readdirSync(join(root, 'examples'))
    .filter(name => name !== 'meson.build').sort();
  assert.deepEqual(files, ['call', 'camera-on-off.c', 'embed.c', 'send-file',
    'serve.py', 'two-rooms']);
});
