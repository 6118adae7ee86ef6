// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Implementations of WebRTC that are neither a browser's nor GStreamer's, each
 * with a picture and a tone of its own. `makePeer()` returns an object with
 * simple-peer's signal() and destroy(), which members.js connects.
 */

import { createSocket } from 'node:dgram';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { start } from './children.js';
import { Pipeline } from './pipeline.js';

const require = createRequire(import.meta.url);

const toYuv = ([r, g, b]) => [16 + 0.257 * r + 0.504 * g + 0.098 * b,
  128 - 0.148 * r - 0.291 * g + 0.439 * b,
  128 + 0.439 * r - 0.368 * g - 0.071 * b];
const toRgb = ([y, u, v]) => [1.164 * (y - 16) + 1.596 * (v - 128),
  1.164 * (y - 16) - 0.813 * (v - 128) - 0.391 * (u - 128),
  1.164 * (y - 16) + 2.018 * (u - 128)].map(Math.round);

/** Measures a tone by the zero crossings in half a second. */
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
export class Libwebrtc {
  codecs = ['VP8'];
  errors = [];
  #timers = [];
  #sinks = [];

  constructor(look) {
    this.look = look;
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

  /** Sends as many blocks of 10 ms as are due, since timers are late. */
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

  makePeer({ sight, initiator, send, connected }) {
    const SimplePeer = require('simple-peer');
    const peer = new SimplePeer({ initiator, wrtc: this.wrtc,
      stream: this.stream, config: { iceServers: [] } });
    peer.on('signal', send);
    peer._pc.addEventListener('connectionstatechange', () =>
      peer._pc?.connectionState === 'connected' && connected());
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
  }
}

/**
 * Reads packets from a stream, in which each follows its length (RFC 4571).
 * @param {(packet: Buffer) => void} take
 */
function readFramed(stream, take) {
  let rest = Buffer.alloc(0);
  stream.on('data', data => {
    rest = Buffer.concat([rest, data]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE()) {
      const end = 2 + rest.readUInt16BE();
      take(rest.subarray(2, end));
      rest = rest.subarray(end);
    }
  });
}

function writeFramed(stream, packet) {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(packet.length);
  stream.write(Buffer.concat([length, packet]));
}

/** Answers STUN binding requests (RFC 8489) with the requester's address. */
function answerStun(socket) {
  const COOKIE = 0x2112a442;
  socket.on('message', (request, { address, port }) => {
    const answer = Buffer.alloc(32);
    request.copy(answer, 4, 4, 20);
    answer.writeUInt16BE(0x0101, 0);
    answer.writeUInt16BE(12, 2);
    answer.writeUInt16BE(0x0020, 20);
    answer.writeUInt16BE(8, 22);
    answer.writeUInt16BE(1, 24);
    answer.writeUInt16BE(port ^ COOKIE >>> 16, 26);
    Buffer.from(address.split('.').map(Number)).copy(answer, 28);
    answer.writeInt32BE(answer.readInt32BE(28) ^ COOKIE, 28);
    socket.send(answer, port, address);
  });
  socket.bind(0, '127.0.0.1').unref();
  return socket;
}

/**
 * werift, which is all JavaScript and so has no codecs: it sends the packets of
 * one gst-launch, and passes the packets that it receives to another.
 */
export class Werift {
  codecs = ['VP8'];
  errors = [];
  #tracks = new Set();
  // Without a STUN server of ours, werift asks one on the Internet and waits.
  #stun = answerStun(createSocket('udp4'));

  constructor(look) {
    this.werift = require('werift');
    const [r, g, b] = look.rgb;
    this.feed = new Pipeline([
      'videotestsrc', 'is-live=true', 'pattern=solid-color',
      `foreground-color=${((0xff << 24 | r << 16 | g << 8 | b) >>> 0)}`, '!',
      'video/x-raw,width=320,height=240,framerate=15/1', '!',
      // a key frame every 400 ms, since requests for key frames are not passed
      'vp8enc', 'deadline=1', 'keyframe-max-dist=6', '!', 'rtpvp8pay', '!',
      'rtpstreampay', '!', 'fdsink', 'fd=4',
      'audiotestsrc', 'is-live=true', `freq=${look.hz}`, 'volume=0.4', '!',
      'opusenc', '!', 'rtpopuspay', '!', 'rtpstreampay', '!', 'fdsink', 'fd=5',
    ], { pipes: 2 });
    for (const [i, kind] of ['video', 'audio'].entries()) {
      readFramed(this.feed.process.stdio[4 + i], packet => {
        for (const track of this.#tracks) {
          if (track.kind === kind)
            track.writeRtp(Buffer.from(packet));
        }
      });
    }
  }

  makePeer({ sight, initiator, send, connected }) {
    const { RTCPeerConnection, MediaStreamTrack, useOPUS, useVP8 } = this.werift;
    const pc = new RTCPeerConnection({
      iceServers: [{ urls: `stun:127.0.0.1:${this.#stun.address().port}` }],
      bundlePolicy: 'max-bundle',
      codecs: { audio: [useOPUS()], video: [useVP8()] } });
    const tracks = ['audio', 'video'].map(kind =>
      new MediaStreamTrack({ kind }));
    const viewer = this.#view(sight);
    let steps = Promise.resolve();
    const next = step => {
      steps = steps.then(step).catch(error => this.errors.push(error.stack));
    };
    const describe = async how => {
      await pc.setLocalDescription(await pc[how]());
      const { type, sdp } = pc.localDescription;
      send({ type, sdp });
    };
    const accept = async ({ type, sdp }) => {
      await pc.setRemoteDescription({ type, sdp });
      if (type === 'offer') {
        tracks.forEach(track => pc.addTrack(track));
        await describe('createAnswer');
      }
      // ontrack does not come: werift takes `m=video 0` for a rejected m-line,
      // also with a=bundle-only.
      for (const { kind, receiver } of pc.getTransceivers())
        this.#pass(kind, receiver, viewer, sight);
    };
    pc.onconnectionstatechange = () => {
      if (pc.connectionState === 'connected') {
        tracks.forEach(track => this.#tracks.add(track));
        connected();
      }
    };
    pc.onicecandidate = ({ candidate }) => candidate?.candidate &&
      send({ type: 'candidate', candidate: candidate.toJSON() });
    if (initiator) {
      tracks.forEach(track =>
        pc.addTransceiver(track, { direction: 'sendrecv' }));
      next(() => describe('createOffer'));
    }
    return {
      signal: said => next(async () => {
        if (said.sdp)
          await accept(said);
        else if (said.candidate?.candidate)
          await pc.addIceCandidate(said.candidate);
      }),
      destroy: () => {
        tracks.forEach(track => this.#tracks.delete(track));
        viewer.stop('SIGKILL');
        next(() => pc.close());
      },
    };
  }

  #pass(kind, receiver, viewer, sight) {
    const into = viewer.process.stdio[kind === 'video' ? 4 : 5];
    into.on('error', () => {});
    receiver.track.onReceiveRtp.subscribe(packet => {
      writeFramed(into, packet.serialize());
      // the stream may have begun between two key frames
      if (kind === 'video' && !sight.rgb)
        receiver.sendRtcpPLI(packet.header.ssrc).catch(() => {});
    });
  }

  /** Decodes the streams of one peer, and measures colour and tone. */
  #view(sight) {
    const caps = 'application/x-rtp-stream,payload=96,clock-rate=';
    const viewer = new Pipeline([
      'meshprobe', 'name=probe', 'fd=3',
      'fdsrc', 'fd=4', '!', `${caps}90000,media=video,encoding-name=VP8`, '!',
      'rtpstreamdepay', '!', 'rtpvp8depay', '!', 'vp8dec', '!',
      'videoconvert', '!', 'video/x-raw,format=I420', '!', 'probe.video_%u',
      'fdsrc', 'fd=5', '!', `${caps}48000,media=audio,encoding-name=OPUS`, '!',
      'rtpstreamdepay', '!', 'rtpopusdepay', '!', 'opusdec', '!',
      'audioconvert', '!', 'audio/x-raw,format=S16LE', '!', 'probe.audio_%u',
    ], { pipes: 2 });
    viewer.on('line', ({ kind, rgb, hz, level }) => {
      if (kind === 'video')
        sight.rgb = rgb;
      else if (level > 0.01)
        sight.hz = hz;
    });
    return viewer;
  }

  close() {
    this.feed.stop('SIGKILL');
    this.#stun.close();
  }
}

/** aiortc, in a Python of its own. */
export class Aiortc {
  codecs = ['VP8'];
  errors = [];
  #peers = [];

  constructor({ rgb, hz }) {
    this.process = start('/usr/bin/python3',
      [fileURLToPath(new URL('aiortc-peer.py', import.meta.url)),
        JSON.stringify({ rgb, hz })], { stdio: 'pipe' });
    createInterface({ input: this.process.stdout })
      .on('line', line => this.#read(JSON.parse(line)));
    createInterface({ input: this.process.stderr })
      .on('line', line => this.errors.push(line));
    this.process.stdin.on('error', () => {});
  }

  #read({ peer, signal, connected, rgb, hz }) {
    const wish = this.#peers[peer];
    if (signal)
      wish.send(signal);
    if (connected)
      wish.connected();
    wish.sight.rgb = rgb ?? wish.sight.rgb;
    wish.sight.hz = hz ?? wish.sight.hz;
  }

  #tell(line) {
    this.process.stdin.write(JSON.stringify(line) + '\n');
  }

  makePeer(wish) {
    const peer = this.#peers.push(wish) - 1;
    this.#tell({ peer, open: { initiator: wish.initiator } });
    return {
      signal: signal => this.#tell({ peer, signal }),
      destroy: () => this.#tell({ peer, close: true }),
    };
  }

  close() {
    this.process.kill('SIGKILL');
  }
}
