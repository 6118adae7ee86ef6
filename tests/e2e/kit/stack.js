// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Parties that are neither browser nor GStreamer: other implementations of
 * WebRTC, in node, that call as mooz does.
 */

import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import Pusher from 'pusher-js';
import { isTone, nameColour } from './media.js';

const require = createRequire(import.meta.url);

/** Joins a room over Pusher, and makes a connection with everybody there. */
export class MoozMember {
  id = randomUUID();
  /** what is seen and heard of each @type {Map<string, {rgb, hz}>} */
  sights = new Map();
  peers = new Map();
  errors = [];
  #posted = Promise.resolve();

  constructor(app, room, look) {
    this.app = app;
    this.room = room;
    this.look = look;
    this.pusher = new Pusher(app.service.key, { cluster: 'none',
      forceTLS: false, wsHost: '127.0.0.1',
      wsPort: Number(new URL(app.service.url).port),
      enabledTransports: ['ws'] });
    const channel = this.pusher.subscribe(this.id);
    channel.bind('signal', message => this.#hear(message));
    channel.bind('pusher:subscription_succeeded', () =>
      this.post(room, { type: 'joinroom' }));
  }

  post(to, message) {
    this.#posted = this.#posted.then(() =>
      fetch(`${this.app.url}/api/messages/${to}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ ...message, from: this.id }),
      })).catch(error => this.errors.push(error.message));
  }

  #hear({ type, from, shouldCall, data }) {
    if (type === 'roomreply') {
      for (const other of shouldCall.filter(id => !this.peers.has(id))) {
        this.#add(other, false);
        this.post(other, { type: 'call' });
      }
    } else if (type === 'call') {
      this.#add(from, true);
    } else if (type === 'signal') {
      this.peers.get(from)?.signal(data);
    }
  }

  #add(other, initiator) {
    this.peers.get(other)?.destroy();
    this.sights.set(other, { rgb: null, hz: 0 });
    this.peers.set(other, this.makePeer(this.sights.get(other), initiator,
      data => this.post(other, { type: 'signal', data })));
  }

  meets(look) {
    return [...this.sights.values()].some(s => s.rgb &&
      nameColour(s.rgb) === look.colour && isTone(s.hz, look.hz));
  }

  summary() {
    return { sights: [...this.sights], errors: this.errors };
  }

  close() {
    this.peers.forEach(peer => peer.destroy());
    this.pusher.disconnect();
  }
}

const toYuv = ([r, g, b]) => [16 + 0.257 * r + 0.504 * g + 0.098 * b,
  128 - 0.148 * r - 0.291 * g + 0.439 * b,
  128 + 0.439 * r - 0.368 * g - 0.071 * b];
const toRgb = ([y, u, v]) => [1.164 * (y - 16) + 1.596 * (v - 128),
  1.164 * (y - 16) - 0.813 * (v - 128) - 0.391 * (u - 128),
  1.164 * (y - 16) + 2.018 * (u - 128)].map(Math.round);

/** By how often half a second of it crosses zero. */
class Ear {
  #crossings = 0;
  #samples = 0;
  #last = 0;

  /** @returns {number | null} Hz, twice a second */
  hear({ samples, sampleRate, channelCount }) {
    for (let i = 0; i < samples.length; i += channelCount) {
      if (samples[i] > 300 && this.#last < 0 ||
          samples[i] < -300 && this.#last > 0)
        this.#crossings++;
      if (Math.abs(samples[i]) > 300)
        this.#last = samples[i];
      this.#samples++;
    }
    if (this.#samples < sampleRate / 2)
      return null;
    const hz = this.#crossings * sampleRate / 2 / this.#samples;
    this.#crossings = this.#samples = 0;
    return hz;
  }
}

/** Google's libwebrtc, by way of @roamhq/wrtc, under simple-peer. */
export class Libwebrtc extends MoozMember {
  #timers = [];
  #sinks = [];

  constructor(app, room, look) {
    super(app, room, look);
    this.wrtc = require('@roamhq/wrtc');
    this.stream = new this.wrtc.MediaStream([this.#picture(), this.#tone()]);
  }

  #picture() {
    const source = new this.wrtc.nonstandard.RTCVideoSource();
    const width = 320, height = 240, size = width * height;
    const data = new Uint8ClampedArray(size * 3 / 2);
    const [y, u, v] = toYuv(this.look.rgb);
    data.fill(y, 0, size).fill(u, size, size * 5 / 4).fill(v, size * 5 / 4);
    this.#timers.push(setInterval(() =>
      source.onFrame({ width, height, data }), 66));
    return source.createTrack();
  }

  /** As many blocks of 10 ms as are due: timers come late. */
  #tone() {
    const source = new this.wrtc.nonstandard.RTCAudioSource();
    const started = performance.now();
    let n = 0;
    this.#timers.push(setInterval(() => {
      for (; n * 10 < performance.now() - started; n++) {
        const samples = Int16Array.from({ length: 480 }, (_, i) =>
          12000 * Math.sin(2 * Math.PI * this.look.hz * (n * 480 + i) / 48000));
        source.onData({ samples, sampleRate: 48000, bitsPerSample: 16,
          channelCount: 1, numberOfFrames: 480 });
      }
    }, 10));
    return source.createTrack();
  }

  makePeer(sight, initiator, send) {
    const SimplePeer = require('simple-peer');
    const peer = new SimplePeer({ initiator, wrtc: this.wrtc,
      stream: this.stream, config: { iceServers: [] } });
    peer.on('signal', send);
    peer.on('error', error => this.errors.push(error.message));
    peer.on('stream', stream => this.#watch(stream, sight));
    return peer;
  }

  #watch(stream, sight) {
    const { RTCVideoSink, RTCAudioSink } = this.wrtc.nonstandard;
    const eye = new RTCVideoSink(stream.getVideoTracks()[0]);
    eye.onframe = ({ frame: { width, height, data } }) => {
      const size = width * height, middle = height / 2 * width + width / 2;
      const chroma = height / 4 * width / 2 + width / 4;
      sight.rgb = toRgb([data[middle], data[size + chroma],
        data[size * 5 / 4 + chroma]]);
    };
    const ear = new RTCAudioSink(stream.getAudioTracks()[0]);
    const measure = new Ear();
    ear.ondata = data => { sight.hz = measure.hear(data) ?? sight.hz; };
    this.#sinks.push(eye, ear);
  }

  close() {
    this.#timers.forEach(clearInterval);
    this.#sinks.forEach(sink => sink.stop());
    super.close();
  }
}
