// SPDX-License-Identifier: LGPL-2.1-or-later

/** Members that are real browsers, each with a colour and a tone of its own. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync }
  from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer from 'puppeteer-core';
import { start } from './children.js';
import { installDevices, installProbe } from './inpage.js';
import { isTone, nameColour, writeWav, writeY4m } from './media.js';
import { now, pause, until } from './wait.js';

const LOOK_MS = 200;

/** The window is small, since drawing in software takes most of the CPU. */
const VIEW = { width: 400, height: 300 };

/** The CPU time of a process, in hundredths of a second. */
function readTicks(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const [utime, stime] = stat.slice(stat.lastIndexOf(')')).split(' ').slice(12);
  return Number(utime) + Number(stime);
}

export class Browser {
  /** @type {string[]} the page's console messages and exceptions */
  log = [];
  #looking = null;
  #lookedAt = 0;

  constructor(browser, page, folder, sound) {
    this.browser = browser;
    this.sound = sound;
    this.page = page;
    this.folder = folder;
    page.on('console', message => this.log.push(message.text()));
    page.on('pageerror', error => this.log.push(`thrown: ${error.message}`));
  }

  /**
   * Waits until the browser has started, which takes seconds of CPU time that a
   * call would lack.
   */
  async settle() {
    const { pid } = this.browser.process();
    const done = () => readTicks(pid);
    for (let i = 0, before = done(); i < 40; i++) {
      await pause(250);
      const ticks = done();
      if (ticks - before <= 3)
        return;
      before = ticks;
    }
  }

  /** Joins a room by opening its link. */
  async join(link) {
    await this.page.goto(link, { waitUntil: 'domcontentloaded' });
  }

  state() {
    return this.page.evaluate(() => document.documentElement.dataset.state);
  }

  async waitState(state, timeout = 20000) {
    await until(`the page to be ${state}`,
      async () => await this.state() === state, timeout, () => this.log);
  }

  /**
   * The sights and sounds of each peer, at most LOOK_MS old, since each look
   * takes time that the page needs for the call.
   */
  look() {
    if (!this.#looking || now() - this.#lookedAt > LOOK_MS) {
      this.#lookedAt = now();
      this.#looking = this.#look();
    }
    return this.#looking;
  }

  async #look() {
    this.sights = (await this.page.evaluate(() => window.meshSights()))
      .map(s => ({ ...s, colour: s.rgb && nameColour(s.rgb) }));
    return this.sights;
  }

  async meets(look) {
    return (await this.look()).some(s =>
      s.colour === look.colour && isTone(s.hz, look.hz));
  }

  async countFaces() {
    return (await this.look()).length;
  }

  mark() {
    this.#looking = null;
    return this.page.evaluate(() => window.meshMark());
  }

  /** The longest pause of a look's video since mark(). */
  async pauses(look) {
    const sight = (await this.look()).find(s => s.colour === look.colour);
    return { video: sight ? sight.worst : Infinity, audio: 0 };
  }

  summary() {
    return { sights: this.sights, log: this.log.slice(-20) };
  }

  async press(name) {
    await this.page.locator(`aria/${name}[role="button"]`).click();
  }

  /** Closes the browser, and kills one that is too busy to react. */
  async close() {
    const child = this.browser.process();
    await Promise.race([this.browser.close().catch(() => {}), pause(5000)]);
    child.kill('SIGKILL');
    this.sound?.kill();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }

  /** Kills the browser. */
  kill() {
    this.browser.process().kill('SIGKILL');
    this.sound?.kill();
  }
}

/** A program that starts Chromium by a command, such as in a namespace. */
function wrapChromium(folder, within) {
  const path = join(folder, 'chromium');
  writeFileSync(path, `#!/bin/sh\nexec ${within.join(' ')} chromium "$@"\n`,
    { mode: 0o755 });
  return path;
}

const launchChromium = (folder, args, within = []) => puppeteer.launch({
  executablePath: within.length ? wrapChromium(folder, within)
    : '/usr/bin/chromium',
  pipe: within.length > 0,      // since its port cannot be reached from here
  defaultViewport: VIEW,
  userDataDir: join(folder, 'profile'),
  args: [
    '--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu',
    '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream',
    '--autoplay-policy=no-user-gesture-required',
    '--disable-background-timer-throttling',
    '--disable-renderer-backgrounding', ...args,
  ],
});

/** Chromium's options for a camera and a microphone with the look. */
function fakeDevices(folder, look, camera) {
  writeY4m(join(folder, 'camera.y4m'), look.rgb, camera);
  writeWav(join(folder, 'microphone.wav'), look.hz);
  return [
    `--use-file-for-fake-video-capture=${join(folder, 'camera.y4m')}`,
    `--use-file-for-fake-audio-capture=${join(folder, 'microphone.wav')}`];
}

/**
 * @param {object} look the colour of its camera and the tone of its microphone
 * @param {object} [options]
 * @param {string[]} [options.args] further options of Chromium
 * @param {object} [options.camera] options for writeY4m()
 * @param {number} [options.devices] number of cameras, each with a name of its
 *   own and Chromium's own test picture, instead of the one with the look
 * @param {string[]} [options.within] a command that runs it elsewhere, such as
 *   in a network namespace
 */
export async function openChromium(look,
  { args = [], camera = {}, devices = 0, within } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-chromium-'));
  const browser = await launchChromium(folder, [...devices
    ? [`--use-fake-device-for-media-stream=device-count=${devices}`]
    : fakeDevices(folder, look, camera), ...args], within);
  const page = (await browser.pages())[0] ?? await browser.newPage();
  await page.evaluateOnNewDocument(installProbe);
  return new Browser(browser, page, folder);
}

/**
 * Opens a window for each of the looks in one Chromium, which costs less than
 * several browsers. The first window's close() closes all.
 */
export async function openWindows(looks, args = []) {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-chromium-'));
  const browser = await launchChromium(folder, args);
  return Promise.all(looks.map(async look => {
    const page = await browser.newPage({ type: 'window' });
    await page.evaluateOnNewDocument(installDevices, look);
    await page.evaluateOnNewDocument(installProbe);
    return new Browser(browser, page, folder);
  }));
}

/** Microphones of a sound server, which can be plugged in and out. */
class Microphones {
  #modules = new Map();
  #environment;

  constructor(environment) {
    this.#environment = environment;
  }

  #control(...args) {
    return execFileSync('pactl', args, { env: this.#environment })
      .toString().trim();
  }

  plugIn(name) {
    this.#modules.set(name, this.#control('load-module', 'module-remap-source',
      'master=null.monitor', `source_name=${name}`,
      `source_properties=device.description=${name}`));
  }

  pullOut(name) {
    this.#control('unload-module', this.#modules.get(name));
    this.#modules.delete(name);
  }
}

/**
 * A sound server without a listener. Without it Firefox's AudioContexts do not
 * run, and so neither measure nor make sound in a page.
 */
async function startSound(folder) {
  const socket = join(folder, 'sound');
  const environment = { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder };
  const server = start('pulseaudio', ['-n', '--daemonize=no',
    '--use-pid-file=no', '--exit-idle-time=-1', '--disable-shm=yes',
    '--load=module-null-sink sink_name=null',
    `--load=module-native-protocol-unix auth-anonymous=1 socket=${socket}`,
  ], { stdio: 'ignore', env: environment });
  await until('the sound server', () => existsSync(socket));
  const address = `unix:${socket}`;
  return { server, address,
    microphones: new Microphones({ ...environment, PULSE_SERVER: address }) };
}

/**
 * @param {object} look the colour of its camera and the tone of its microphone
 * @param {object} [options]
 * @param {object} [options.prefs] further preferences
 * @param {string[]} [options.microphones] names of microphones to plug in; the
 *   page then gets the browser's own devices instead of those with the look
 */
export async function openFirefox(look, { prefs = {}, microphones } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-firefox-'));
  const sound = await startSound(folder);
  microphones?.forEach(name => sound.microphones.plugIn(name));
  const browser = await puppeteer.launch({
    browser: 'firefox',
    env: { ...process.env, PULSE_SERVER: sound.address },
    executablePath: '/usr/bin/firefox-esr',
    defaultViewport: VIEW,
    userDataDir: join(folder, 'profile'),
    // The tests need neither backups of the profile nor calls to the vendor.
    extraPrefsFirefox: {
      'media.navigator.permission.disabled': true,
      'media.navigator.streams.fake': !microphones,
      'media.autoplay.default': 0,
      'media.autoplay.blocking_policy': 0,
      'media.autoplay.block-webaudio': false,
      'media.peerconnection.ice.obfuscate_host_addresses': false,
      'network.captive-portal-service.enabled': false,
      'network.connectivity-service.enabled': false,
      'media.gmp-manager.updateEnabled': false,
      ...prefs,
    },
  });
  const page = await browser.newPage();
  if (!microphones)
    await page.evaluateOnNewDocument(installDevices, look);
  await page.evaluateOnNewDocument(installProbe);
  const firefox = new Browser(browser, page, folder, sound.server);
  firefox.microphones = sound.microphones;
  return firefox;
}
