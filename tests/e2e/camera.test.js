// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * A hidden camera sends nothing, from end to end: frames that contain the time
 * of their capture go through imageswitch, encoder, WebRTC and decoder to two
 * other processes, by VP8 and by H.264, and to Chromium. No frame that was
 * captured between the return of `hidden=true` and the next `hidden=false` is
 * ever decoded there, and later frames are.
 */

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import test from 'node:test';
import { openChromium } from './kit/browser.js';
import { start } from './kit/children.js';
import { installCameraReader } from './kit/inpage.js';
import { looks } from './kit/media.js';
import { environment } from './kit/pipeline.js';
import { Server } from './kit/server.js';
import { now, pause, until } from './kit/wait.js';

const TOGGLES = Number(process.env.MESH_CAMERA_TOGGLES ?? 200);
/** One of this many hides lasts until all receivers have the placeholder. */
const PATIENT = 5;
const NAME = 'counting camera';
const RELEASES = 10;
const NO_CAMERA = -1;
const TORN = -2;

/** A process of camera.c, which emits each line of output as 'line'. */
class Process extends EventEmitter {
  log = '';

  constructor(...args) {
    super();
    this.child = start(`${process.env.MESH_BUILD_ROOT}/tests/e2e/e2e-camera`,
      args, { env: environment, stdio: 'pipe' });
    createInterface({ input: this.child.stdout })
      .on('line', line => this.emit('line', JSON.parse(line)));
    this.child.stderr.on('data', text => this.log += text);
  }

  async stop() {
    if (this.child.exitCode === null && !this.child.signalCode) {
      this.child.stdin.end();
      await once(this.child, 'exit');
    }
  }
}

/** The sender, and the times at which its camera was hidden. */
class Camera extends Process {
  /** whether the device is open */
  open = false;
  /** whether it is to be closed while hidden; null until that is known */
  releases = null;
  /** times of the frames, in ms @type {{hidden: number, shown: number}[]} */
  spells = [];

  constructor(link, how) {
    super('send', link, how);
    this.on('line', line => {
      if ('releases' in line)
        this.releases = line.releases;
      if ('camera' in line)
        this.open = line.camera;
      if ('hidden' in line)
        this.spells.push({ hidden: line.hidden, shown: Infinity });
      if ('shown' in line)
        this.spells.at(-1).shown = line.shown;
    });
  }

  #order(command, answer) {
    this.child.stdin.write(`${command}\n`);
    return new Promise(done => {
      const onLine = line => {
        if (answer in line) {
          this.off('line', onLine);
          done(line[answer]);
        }
      };
      this.on('line', onLine);
    });
  }

  hide() {
    return this.#order('hide', 'hidden');
  }

  show() {
    return this.#order('show', 'shown');
  }

  /** Waits for the device to be opened or closed. */
  isOpen(open) {
    return until(`the device to be ${open ? 'open' : 'closed'}`,
      () => this.open === open, 15000, () => this.log);
  }

  /** The hidden spell in which a frame was captured, if any. */
  spellOf(n) {
    return this.spells.find(({ hidden, shown }) => hidden < n && n < shown);
  }
}

/** The frames of the camera that one receiver has decoded. */
class Watcher {
  frames = [];
  last = { n: NO_CAMERA, hidden: false };

  constructor(name, log = () => '') {
    this.name = name;
    this.log = log;
  }

  take(line) {
    this.frames.push(line.n);
    this.last = line;
  }

  /** Waits for a frame that was captured after a time. */
  sees(since) {
    return this.#wait(`a frame taken after ${since}`,
      () => this.last.n > since && !this.last.hidden);
  }

  /** Waits for the placeholder, and for the room to tell that it is one. */
  seesPicture() {
    return this.#wait('the picture', () => this.last.n === NO_CAMERA &&
      this.last.hidden && this.frames.at(-2) === NO_CAMERA);
  }

  #wait(what, look) {
    return until(`${this.name} to see ${what}`, look, 15000,
      () => ({ last: this.last, frames: this.frames.slice(-20),
        log: this.log() }));
  }
}

function watchByPipeline(t, link, codec) {
  const child = new Process('watch', link, codec);
  const watcher = new Watcher(codec, () => child.log);
  child.on('line', line => watcher.take(line));
  t.after(() => child.stop());
  return watcher;
}

async function watchByChromium(t, link) {
  const chromium = await openChromium(looks[0]);
  await chromium.page.evaluateOnNewDocument(installCameraReader, NAME);
  await chromium.join(link.replace('#', '?muted=1&hidden=1#'));
  const watcher = new Watcher('Chromium', () => chromium.log);
  let over = false;
  const polled = (async () => {
    while (!over) {
      for (const line of await chromium.page.evaluate(() => cameraLines()))
        watcher.take(line);
      await pause(20);
    }
  })();
  t.after(async () => {
    over = true;
    await polled.catch(() => {});
    await chromium.close();
  });
  return watcher;
}

/** Asserts that a watcher decoded only frames that it may. */
function judge(t, camera, { name, frames }) {
  const seen = frames.filter(n => n >= 0);
  t.diagnostic(`${name}: ${seen.length} frames of the camera, ` +
    `${frames.length - seen.length} of the picture`);
  const leaked = seen.filter(n => camera.spellOf(n))
    .map(n => ({ n, ...camera.spellOf(n) }));
  assert.deepEqual(leaked, [], `${name} decoded what was taken while hidden`);
  assert.ok(!frames.includes(TORN), `${name} decoded torn frames`);
}

test('200 times hidden and shown: nothing taken while hidden is decoded',
  async t => {
    const server = new Server();
    t.after(() => server.stop());
    const link = await server.link();
    const camera = new Camera(link, 'keep');
    t.after(() => camera.stop());
    const watchers = [watchByPipeline(t, link, 'VP8'),
      watchByPipeline(t, link, 'H264'), await watchByChromium(t, link)];
    const all = wait => Promise.all(watchers.map(wait));
    await all(watcher => watcher.sees(0));

    const since = now();
    for (let i = 0; i < TOGGLES / 2; i++) {
      await pause(randomInt(100));
      await camera.hide();
      if (i % PATIENT === 0)
        await all(watcher => watcher.seesPicture());
      await pause(randomInt(100));
      const shown = await camera.show();
      await all(watcher => watcher.sees(shown));
    }
    t.diagnostic(`${TOGGLES} toggles took ${Math.round(now() - since)} ms`);
    await camera.hide();
    await all(watcher => watcher.seesPicture());
    for (const watcher of watchers)
      judge(t, camera, watcher);
  });

test('hidden, the camera\'s device is closed, and opened again when shown',
  async t => {
    const server = new Server();
    t.after(() => server.stop());
    const link = await server.link();
    const camera = new Camera(link, 'release');
    t.after(() => camera.stop());
    await until('the camera to start', () => camera.releases !== null);
    assert.ok(camera.releases, 'this imageswitch keeps the camera open');
    const watcher = watchByPipeline(t, link, 'VP8');
    await watcher.sees(0);
    for (let i = 0; i < RELEASES; i++) {
      await camera.hide();
      await camera.isOpen(false);
      if (i % PATIENT === 0)
        await watcher.seesPicture();
      await pause(randomInt(100));
      const shown = await camera.show();
      await camera.isOpen(true);
      await watcher.sees(shown);
    }
    await camera.hide();
    await camera.isOpen(false);
    await watcher.seesPicture();
    judge(t, camera, watcher);
  });
