// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * A member that is a gst-launch-1.0 of its own. Its sights and sounds are
 * measured by tests/e2e/probe.c, which takes all of the room's streams.
 */

import { createInterface } from 'node:readline';
import { EventEmitter, once } from 'node:events';
import { start } from './children.js';
import { isTone, nameColour } from './media.js';
import { now, until } from './wait.js';

/** The interval at which meshprobe writes a line for each stream. */
const LINE_MS = 200;

const root = process.env.MESH_BUILD_ROOT;

/** The environment in which GStreamer finds our plugins and the probe. */
export const environment = {
  ...process.env,
  GST_PLUGIN_PATH_1_0:
    `${root}/plugins:${root}/tests/e2e:${root}/tests/obs`,
  GST_REGISTRY: `${root}/tests/registry.bin`,
  LC_ALL: 'C',
};

/** The measurements of one peer, by the newest line of each kind. */
class Sight {
  video = null;
  audio = null;
  gone = false;
  /** the longest pauses since `mark()`, in ms */
  worst = { video: 0, audio: 0 };
  /** the newest line of the video at `mark()` */
  marked = null;
  firstFrame = null;
  /** the loudest tone since the last line that heard one */
  hz = 0;

  take(line) {
    if (line.kind === 'gone') {
      this.gone = true;
      return;
    }
    this.gone = false;
    if (line.kind === 'video' && this.firstFrame === null)
      this.firstFrame = line.t;
    if (line.kind === 'audio' && line.level > 0.01)
      this.hz = line.hz;
    this[line.kind] = line;
    this.worst[line.kind] = Math.max(this.worst[line.kind], line.gap);
  }

  /** The longest pause, including one that still lasts. */
  longest(kind) {
    const silent = this[kind] ? now() - this[kind].t : Infinity;
    return silent > 2 * LINE_MS ? Math.max(silent, this.worst[kind])
      : this.worst[kind];
  }

  /** The frames since `mark()`, and the time from first to last. */
  get sinceMark() {
    const { marked: from, video: to } = this;
    return { frames: from ? to.frames - from.frames : NaN,
      ms: from ? to.t - from.t : NaN };
  }

  get colour() {
    return this.video && nameColour(this.video.rgb);
  }
}

export class Pipeline extends EventEmitter {
  /** the measurements of each peer, by its id @type {Map<string, Sight>} */
  sights = new Map();
  /** meshroom's element messages @type {{name: string, text: string}[]} */
  messages = [];
  output = '';
  link = null;
  exited = null;

  /**
   * @param {string[]} description the arguments of gst-launch-1.0
   * @param {object} [options]
   * @param {string[]} [options.within] a command that runs it elsewhere, such
   * as
   *   in a network namespace
   * @param {number} [options.pipes] the number of further pipes, from fd 4
   */
  constructor(description, { env = {}, within = [], pipes = 0 } = {}) {
    super();
    const [command, ...args] = [...within, 'gst-launch-1.0', '-m',
      ...description];
    this.process = start(command, args, {
      env: { ...environment, ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe',
        ...Array(pipes).fill('pipe')],
    });
    const [, out, err, probe] = this.process.stdio;
    createInterface({ input: out }).on('line', line => this.#read(line));
    createInterface({ input: err }).on('line', line => this.#read(line));
    createInterface({ input: probe }).on('line', line => this.#probe(line));
    this.process.on('exit', (code, signal) => {
      this.exited = { code, signal };
      this.emit('exit');
    });
  }

  #probe(text) {
    const line = JSON.parse(text);
    const key = line.peer || line.pad;
    if (!this.sights.has(key))
      this.sights.set(key, new Sight());
    this.sights.get(key).take(line);
    this.emit('line', line);
  }

  #read(line) {
    if (!/^Got message .*(state-changed|stream-status|tag|latency)\)/.test(line))
      this.output += line + '\n';
    const message = line.match(/\(element\): (meshroom-[a-z-]+)(.*)/);
    if (message)
      this.messages.push({ name: message[1], text: message[2] });
    const link = line.replace(/\\/g, '').match(/https?:\/\/[^\s"';,)]+\/room\/[^\s"';,)]+/);
    if (link && !this.link)
      this.link = link[0];
    this.emit('output', line);
  }

  /** The link of the room that the pipeline serves. */
  async waitLink() {
    await until('the link', () => this.link || this.exited, 20000,
      () => this.output);
    if (!this.link)
      throw new Error(`no link, but: ${this.output}`);
    return this.link;
  }

  /** Whether one peer has both the colour and the tone of a look. */
  meets(look) {
    for (const sight of this.sights.values()) {
      if (!sight.gone && sight.colour === look.colour &&
          isTone(sight.hz, look.hz))
        return true;
    }
    return false;
  }

  /** The number of peers whose video arrives. */
  get faces() {
    return [...this.sights.values()].filter(s => s.video && !s.gone).length;
  }

  /** Resets the longest pauses. */
  mark() {
    for (const sight of this.sights.values()) {
      sight.worst = { video: 0, audio: 0 };
      sight.marked = sight.video;
    }
  }

  /** The peer of a look. */
  sight(look) {
    return [...this.sights.values()]
      .find(sight => sight.colour === look.colour && !sight.gone);
  }

  /** The longest pause of a look's video and audio since mark(). */
  pauses(look) {
    const sight = this.sight(look);
    return { video: sight?.longest('video') ?? Infinity,
      audio: sight?.longest('audio') ?? Infinity };
  }

  summary() {
    return [...this.sights].map(([peer, s]) => ({ peer, gone: s.gone,
      colour: s.colour, rgb: s.video?.rgb, hz: s.hz, worst: s.worst,
      ...s.sinceMark }));
  }

  /** Whether a message on the bus has this in its text. */
  said(text) {
    return this.output.includes(text);
  }

  signal(name) {
    this.process.kill(name);
  }

  /** Ends the pipeline as Ctrl-C does, by which it leaves, and waits for it. */
  async stop(signal = 'SIGINT') {
    if (!this.exited) {
      this.process.kill(signal);
      if (signal !== 'SIGKILL') {
        const timer = setTimeout(() => this.process.kill('SIGKILL'), 10000);
        await once(this, 'exit');
        clearTimeout(timer);
      } else {
        await once(this, 'exit');
      }
    }
    return this.exited;
  }
}

/**
 * A party with a colour and a tone.
 * @param {object} options
 * @param {string} options.name its display name
 * @param {object} options.look one of `looks`
 * @param {string} [options.link] or
 * @param {string} [options.serve]
 * @param {string[]} [options.room] further properties of meshroom
 * @param {number} [options.fps] 15; a lower rate costs less
 * @param {number[]} [options.size] of its picture
 * @param {string[]} [options.within] as for Pipeline
 * @param {object} [options.env] as for Pipeline
 */
export function party({ name, look, link, serve, room = [], fps = 15,
  size: [width, height] = [320, 240], within = [], env = {} }) {
  const [r, g, b] = look.rgb;
  const colour = ((0xff << 24 | r << 16 | g << 8 | b) >>> 0).toString();
  const where = link ? `link=${link}` : `serve=${serve}`;
  return new Pipeline([
    'meshroom', 'name=room', where, `display-name=${name}`, ...room,
    'videotestsrc', 'is-live=true', 'pattern=solid-color',
    `foreground-color=${colour}`, '!',
    `video/x-raw,format=I420,width=${width},height=${height},framerate=${fps}/1`,
    '!',
    'room.video_sink',
    'audiotestsrc', 'is-live=true', `freq=${look.hz}`, 'volume=0.4', '!',
    'room.audio_sink',
    'room.', ':', 'meshprobe', 'fd=3',
  ], { within, env });
}
