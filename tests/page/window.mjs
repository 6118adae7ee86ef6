// SPDX-License-Identifier: LGPL-2.1-or-later

// A server, and windows of a browser with its page. The tests need the build
// (MESH_BUILD_ROOT) and the packages of tests/package.json.

import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {existsSync} from 'node:fs';
import {createInterface} from 'node:readline';
import {after, before} from 'node:test';

export const kit = await Promise.all([import('../e2e/kit/browser.js'),
  import('../e2e/kit/media.js'), import('../e2e/kit/wait.js')])
  .then(([browser, media, wait]) => ({...browser, ...media, ...wait}))
  .catch(() => null);
const program = `${process.env.MESH_BUILD_ROOT}/gst/server/meshroom-server`;
export const skip = !kit ? 'no puppeteer-core: npm ci in tests/'
  : !existsSync(program) ? 'meshroom-server is not built' : false;

/** @param {string} [listen] @param {string[]} [options] */
export async function startServer(listen = '127.0.0.1:0', options = []) {
  const child = spawn(program, ['--listen', listen, ...options],
    {stdio: ['ignore', 'pipe', 'ignore']});
  const lines = createInterface({input: child.stdout});
  const url = await new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      const found = /listening on (\S+)/.exec(line);
      if (found)
        resolve(found[1]);
    });
    child.on('exit', () => reject(new Error('the server ended')));
  });
  return {url, stop: () => new Promise((resolve) => {
    child.on('exit', resolve);
    child.kill('SIGKILL');
  })};
}

/** Starts one server and one Chromium for all tests of a file. */
export function setUp() {
  const here = {};
  before(async () => {
    if (skip)
      return;
    here.server = await startServer();
    here.browser = await kit.openChromium(kit.looks[0],
      {args: ['--allow-loopback-in-peer-connection']});
  });
  after(async () => {
    await here.browser?.close();
    await here.server?.stop();
  });
  return here;
}

/** One person's window; an error on its console fails the test. */
export class Window {
  #context;
  log = [];

  /**
   * @param {import('../e2e/kit/browser.js').Browser} browser
   * @param {import('node:test').TestContext} t closes the window at its end
   * @param {() => void} [prepare] runs in the page, before it
   */
  static async open(browser, t, prepare) {
    const window = new Window();
    window.#context = await browser.browser.createBrowserContext();
    window.page = await window.#context.newPage();
    window.page.on('console', (message) => window.log.push(message.text()));
    window.page.on('pageerror', (error) =>
      window.log.push(`thrown: ${error.message}`));
    if (prepare)
      await window.page.evaluateOnNewDocument(prepare);
    t.after(() => window.#context.close());
    return window;
  }

  go(link) {
    return this.page.goto(link, {waitUntil: 'domcontentloaded'});
  }

  press(name) {
    return this.page.locator(`aria/${name}[role="button"]`).click();
  }

  look() {
    return this.page.evaluate(() => ({
      state: document.documentElement.dataset.state,
      link: location.href,
      text: document.body.innerText,
      peers: [...document.querySelectorAll('video[data-peer]')].map((video) => {
        const tile = video.closest('.tile');
        const has = (mark) => !tile.querySelector(mark).hasAttribute('hidden');
        return {id: video.dataset.peer,
          name: tile.querySelector('.name').textContent,
          muted: has('.muted-mark'), hidden: has('.hidden-mark'),
          connected: tile.classList.contains('connected'),
          frames: video.getVideoPlaybackQuality().totalVideoFrames};
      }),
    }));
  }

  /** Waits until the window's content passes the check. */
  sees(what, check, timeout = 15000) {
    return kit.until(what, async () => {
      const look = await this.look();
      return check(look) && look;
    }, timeout, async () => [await this.look(), this.log]);
  }

  inCall(count) {
    return this.sees(`${count} others`, ({state, peers}) =>
      state === 'in-call' && peers.length === count
        && peers.every(({connected, frames}) => connected && frames > 2));
  }

  /** The kind of the self view's picture: a camera's, or the placeholder. */
  ownPicture() {
    return this.page.evaluate(() => {
      const [track] = document.querySelector('[data-self]').srcObject
        .getVideoTracks();
      return track instanceof CanvasCaptureMediaStreamTrack ? 'placeholder'
        : 'camera';
    });
  }

  assertNoTrouble() {
    assert.deepEqual(this.log.filter((line) =>
      /thrown|Content Security|Uncaught|Error/.test(line)), []);
  }
}
