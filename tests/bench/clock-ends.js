// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The members of the benches of a call's picture and sound: pipelines (clock.c)
 * and browsers (clock-page.js) that send 1280x720@30 with a clock in it, or read
 * the clock out of what comes.
 */

import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { openChromium, openFirefox } from '../e2e/kit/browser.js';
import { start } from '../e2e/kit/children.js';
import { looks } from '../e2e/kit/media.js';
import { environment } from '../e2e/kit/pipeline.js';
import { installClock, installClockReader, plainCall, readConnections }
  from './clock-page.js';

export const SIZE = { width: 1280, height: 720, fps: 30 };

/** A pipeline that sends, or receives. */
export class PipelineEnd {
  /** [ms of day, number, width, height] of each frame */
  frames = [];
  /** [ms of day, tone, timestamp in ms] */
  tones = [];
  /** the frames of each member, by name */
  sights = new Map();
  /** the pictures that its view has shown, as frames */
  shown = [];
  output = '';

  /**
   * @param {string} name
   * @param {string} link
   * @param {string[]} within a command that runs it elsewhere
   * @param {string[]} description of its sources and meshroom's properties
   */
  constructor(name, link, within, description = []) {
    const [command, ...args] = [...within,
      `${process.env.MESH_BUILD_ROOT}/tests/bench/bench-clock`,
      'meshroom', 'name=room', `link=${link}`, `display-name=${name}`,
      ...description];
    this.name = name;
    /** when it began, by the time of day */
    this.began = Date.now();
    this.child = start(command, args, { stdio: 'pipe',
      env: { ...environment, MESHROOM_OWN_PROCESS: '1' } });
    createInterface({ input: this.child.stdout })
      .on('line', line => this.#take(line.split(' ')));
    this.child.stderr.on('data', text => { this.output += text; });
  }

  #take([kind, name, ms, value, width, height]) {
    const frame = [ms, value, width, height].map(Number);
    if (kind === 'video') {
      this.frames.push(frame);
      if (!this.sights.has(name))
        this.sights.set(name, []);
      this.sights.get(name).push(frame);
    } else if (kind === 'sound') {
      this.tones.push([ms, value, width].map(Number));
    } else if (kind === 'shown') {
      this.shown.push(frame);
    }
  }

  async look() {}

  /** Ends the pipeline, and begins it again. */
  again() {
    this.child.stdin.write('again\n');
  }

  async stop() {
    this.child.stdin.end();
    if (this.child.exitCode === null && !this.child.signalCode)
      await once(this.child, 'exit');
  }
}

/**
 * What a pipeline sends.
 * @param {string} [encoder] before the room, in place of the room's own
 * @param {object} [size]
 */
export const pipelineSource = (encoder = '', { width, height, fps } = SIZE) => [
  'videotestsrc', 'is-live=true', 'pattern=black', '!',
  `video/x-raw,format=I420,width=${width},height=${height},` +
    `framerate=${fps}/1`, '!', 'clockpicture', '!',
  ...encoder ? [...encoder.split(' '), '!'] : [], 'room.video_sink',
  'audiotestsrc', 'is-live=true', 'wave=silence', 'samplesperbuffer=960', '!',
  'audio/x-raw,format=S16LE,rate=48000,channels=1', '!', 'clocksound', '!',
  'room.audio_sink'];

/**
 * What a pipeline shows, on a screen that keeps to the clock.
 * @param {string[]} [how] meshview's properties
 */
export const pipelineView = (how = []) => ['meshview', 'name=view', ...how,
  'view.video', '!', 'video/x-raw,format=I420,width=1280,height=720,' +
    'framerate=30/1', '!', 'fakesink', 'name=shown', 'sync=true',
  'signal-handoffs=true', 'view.audio', '!', 'fakesink', 'sync=true'];

/** A browser that sends; Chromium receives as well. */
export class BrowserEnd {
  frames = [];
  tones = null;
  /** what its connections count, at each look */
  counts = [];

  /**
   * @param {string} name
   * @param {string} link of the room that it is to join
   * @param {string[]} within a command that runs it elsewhere
   */
  static async openChromium(name, link, within) {
    const browser = await openChromium(looks[0], { within,
      args: ['--no-proxy-server', '--unsafely-treat-insecure-origin-as-secure='
        + new URL(link).origin] });
    return new BrowserEnd(name, browser).#prepare();
  }

  /** Firefox runs where the bench does: its driver must be able to reach it. */
  static async openFirefox(name, link) {
    const browser = await openFirefox(looks[0], { prefs: {
      'network.proxy.type': 0,
      'dom.securecontext.allowlist': new URL(link).hostname,
      'media.devices.insecure.enabled': true } });
    return new BrowserEnd(name, browser).#prepare();
  }

  constructor(name, browser) {
    this.name = name;
    this.browser = browser;
  }

  async #prepare() {
    const { page } = this.browser;
    page.setDefaultNavigationTimeout(60000);
    await page.evaluateOnNewDocument(installClock, SIZE);
    await page.evaluateOnNewDocument(installClockReader);
    await this.browser.settle();
    return this;
  }

  get output() {
    return this.browser.log.slice(-20).join('\n');
  }

  /** Opens the room's page; large enough to ask for the full picture. */
  async join(link, sends) {
    if (!sends)
      await this.browser.page.setViewport(
        { width: SIZE.width, height: SIZE.height });
    await this.browser.join(sends ? link
      : link.replace('#', '?muted=1&hidden=1#'));
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

/**
 * Connects two pages by a bare connection, which is what a room's is compared
 * with.
 * @param {BrowserEnd} sender
 * @param {BrowserEnd} receiver
 * @param {string} link whose server gives them an origin
 * @param {number} [bits] the most that the sender may send of video
 */
export async function callPlainly(sender, receiver, link, bits) {
  for (const [from, to] of [[sender, receiver], [receiver, sender]]) {
    await from.browser.join(new URL('/lost.html', link).href);
    await from.browser.page.exposeFunction('putAcross', text =>
      to.browser.page.evaluate(t => window.takeAcross(t), text));
  }
  await receiver.browser.page.evaluate(plainCall, false);
  await sender.browser.page.evaluate(plainCall, true, bits);
}
