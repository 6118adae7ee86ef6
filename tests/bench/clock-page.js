// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * What clock.c is for a pipeline, for a page: functions that run inside of it.
 * puppeteer passes them as text, so each of them uses nothing outside of itself.
 */

/**
 * A camera and a microphone like clock.c's filters, in place of the browser's
 * own; and the page's connections, in `clockConnections`.
 */
export function installClock({ width, height, fps }) {
  const TEXTURES = 8, MARGIN = 64, MARK = 0xa53c;
  const part = height * 4 / 15 & ~1;

  const Connection = window.RTCPeerConnection;
  window.clockConnections = [];
  window.RTCPeerConnection = class extends Connection {
    constructor(...args) {
      super(...args);
      window.clockConnections.push(this);
      window.clockBegan ??= Date.now();
    }
  };

  function addNoise(plane, w, h, size, strength) {
    const columns = Math.floor(w / size) + 2;
    const spots = Float32Array.from(
      { length: columns * (Math.floor(h / size) + 2) },
      () => (Math.random() * 2 - 1) * strength);
    for (let y = 0; y < h; y++) {
      const row = Math.floor(y / size) * columns, down = y % size / size;
      for (let x = 0; x < w; x++) {
        const i = row + Math.floor(x / size), right = x % size / size;
        plane[y * w + x] +=
          (spots[i] * (1 - right) + spots[i + 1] * right) * (1 - down) +
          (spots[i + columns] * (1 - right) +
            spots[i + columns + 1] * right) * down;
      }
    }
  }

  function makeTextures(w, h) {
    const base = new Float32Array(w * h);
    for (const [size, strength] of [[160, 60], [40, 30], [8, 16]])
      addNoise(base, w, h, size, strength);
    return Array.from({ length: TEXTURES }, () => {
      const plane = base.slice();
      addNoise(plane, w, h, 4, 6);
      return Uint8Array.from(plane, v => Math.min(Math.max(125 + v, 20), 230));
    });
  }

  function crc(bytes) {
    let value = 0x5a;
    for (const byte of bytes) {
      value ^= byte;
      for (let bit = 0; bit < 8; bit++)
        value = (value & 0x80 ? value << 1 ^ 0x07 : value << 1) & 0xff;
    }
    return value;
  }

  /* The blocks, as rows of brightness of all columns. */
  function blocks() {
    const now = Date.now() % 0x1000000;
    const number = [now >> 16, now >> 8 & 0xff, now & 0xff];
    return [MARK >> 8, MARK & 0xff, ...number, crc(number)].map(byte =>
      Array.from({ length: 8 }, (_, i) => byte >> 7 - i & 1 ? 225 : 30));
  }

  let textures = null, count = 0;

  function draw(data) {
    textures ??= makeTextures(width + MARGIN, height + MARGIN);
    const texture = textures[count % TEXTURES];
    const turn = count++ / 40;
    const left = Math.floor(MARGIN / 2 * (1 + Math.cos(turn)));
    const top = Math.floor(MARGIN / 2 * (1 + Math.sin(turn)));
    for (let y = part; y < height; y++) {
      const at = (y + top) * (width + MARGIN) + left;
      data.set(texture.subarray(at, at + width), y * width);
    }
    const rows = blocks();
    for (let y = 0; y < part; y++) {
      rows[Math.floor(y * 6 / part)].forEach((value, column) =>
        data.fill(value, y * width + Math.floor(column * width / 8),
          y * width + Math.floor((column + 1) * width / 8)));
    }
  }

  function everyFrame(take) {
    const start = performance.now();
    let n = 0;
    (function next() {
      take();
      n = Math.max(n + 1, Math.ceil((performance.now() - start) * fps / 1000));
      setTimeout(next, start + n * 1000 / fps - performance.now());
    })();
  }

  function generated() {
    const track = new MediaStreamTrackGenerator({ kind: 'video' });
    const writer = track.writable.getWriter();
    const data = new Uint8Array(width * height * 3 / 2)
      .fill(128, width * height);
    everyFrame(() => {
      draw(data);
      writer.write(new VideoFrame(data, { format: 'I420', codedWidth: width,
        codedHeight: height, timestamp: performance.now() * 1000 }))
        .catch(() => {});
    });
    return track;
  }

  /* For browsers that take no frames but from a canvas. */
  function painted() {
    const canvas = Object.assign(document.createElement('canvas'),
      { width, height });
    const context = canvas.getContext('2d');
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const data = new Uint8Array(width * height);
    const [track] = canvas.captureStream(fps).getVideoTracks();
    everyFrame(() => {
      draw(data);
      for (let i = 0; i < data.length; i++)
        pixels[i] = 0xff000000 | data[i] * 0x10101;
      context.putImageData(image, 0, 0);
    });
    return track;
  }

  function tones() {
    const context = new AudioContext({ sampleRate: 48000 });
    const samples = new Float32Array(48000 * 0.02 * 32);
    let phase = 0;
    samples.forEach((_, i) => {
      samples[i] = 0.25 * Math.sin(phase);
      phase += 2 * Math.PI * (500 + 125 * Math.floor(i / 960)) / 48000;
    });
    const buffer = context.createBuffer(1, samples.length, 48000);
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(context, { buffer, loop: true });
    const out = context.createMediaStreamDestination();
    source.connect(out);
    source.start();
    context.resume();
    return out.stream.getAudioTracks()[0];
  }

  if (navigator.mediaDevices) {
    navigator.mediaDevices.getUserMedia = async wanted => new MediaStream([
      ...(wanted.video ? [window.MediaStreamTrackGenerator ? generated()
        : painted()] : []),
      ...(wanted.audio ? [tones()] : [])]);
  }
}

/**
 * Reads the clock in the pictures of each <video data-peer>. `clockLines()`
 * returns the frames since its last call, as [ms, number, width, height].
 * Chromium only.
 */
export function installClockReader() {
  const COLUMNS = 8, ROWS = 6, MARK = 0xa53c, CONTRAST = 60;
  let lines = [];
  const reading = new Set();

  function crc(bytes) {
    let value = 0x5a;
    for (const byte of bytes) {
      value ^= byte;
      for (let bit = 0; bit < 8; bit++)
        value = (value & 0x80 ? value << 1 ^ 0x07 : value << 1) & 0xff;
    }
    return value;
  }

  function block(luma, stride, width, height, column, row) {
    const w = Math.floor(width / COLUMNS), h = Math.floor(height / ROWS);
    let sum = 0, n = 0;
    for (let y = row * h + (h >> 2); y < row * h + (h >> 2) + (h >> 1); y++) {
      for (let x = column * w + (w >> 2); x < column * w + (w >> 2) + (w >> 1);
        x++, n++)
        sum += luma[y * stride + x];
    }
    return sum / n;
  }

  function decode(luma, stride, width, height) {
    const values = Array.from({ length: COLUMNS * ROWS }, (_, i) =>
      block(luma, stride, width, height, i % COLUMNS, Math.floor(i / COLUMNS)));
    const bytes = Array.from({ length: ROWS }, (_, i) => values
      .slice(i * 8, i * 8 + 8).reduce((b, v) => b * 2 + (v >= 128), 0));
    const mark = values.slice(0, 16);
    const isWhite = i => MARK >> 15 - i & 1;
    const contrast = Math.min(...mark.filter((_, i) => isWhite(i))) -
      Math.max(...mark.filter((_, i) => !isWhite(i)));
    if ((bytes[0] << 8 | bytes[1]) !== MARK || contrast < CONTRAST)
      return -1;
    const number = bytes.slice(2, 5);
    return crc(number) === bytes[5]
      ? number.reduce((n, byte) => n * 256 + byte, 0) : -2;
  }

  async function read(frame, at) {
    const { x, y, width, height } = frame.visibleRect;
    const part = height * 4 / 15 & ~1;
    const rect = { x, y, width, height: part };
    const data = new Uint8Array(frame.allocationSize({ rect }));
    const [{ offset, stride }] = await frame.copyTo(data, { rect });
    lines.push([at, decode(data.subarray(offset), stride, width, part), width,
      height]);
    frame.close();
  }

  async function follow(track) {
    const { readable } = new MediaStreamTrackProcessor(
      { track, maxBufferSize: 60 });
    for await (const frame of readable)
      read(frame, Date.now()).catch(error => console.log(error.message));
  }

  setInterval(() => {
    for (const video of document.querySelectorAll('video[data-peer]')) {
      const [track] = video.srcObject?.getVideoTracks() ?? [];
      if (track && !reading.has(track.id)) {
        reading.add(track.id);
        follow(track);
      }
    }
  }, 50);
  window.clockLines = () => {
    const taken = lines;
    lines = [];
    return taken;
  };
}

/** What the page's connections count, of interest here. */
export async function readConnections() {
  const all = {};
  const keep = (kind, report, names) => names.forEach(name => {
    if (report[name] !== undefined)
      all[`${kind}.${name}`] = report[name];
  });
  for (const connection of window.clockConnections) {
    if (connection.connectionState !== 'connected')
      continue;
    for (const report of (await connection.getStats()).values()) {
      if (report.type === 'inbound-rtp' && report.kind === 'audio')
        keep('sound', report, ['concealedSamples', 'silentConcealedSamples',
          'concealmentEvents', 'totalSamplesReceived', 'packetsLost',
          'jitterBufferDelay', 'jitterBufferEmittedCount']);
      if (report.type === 'inbound-rtp' && report.kind === 'video')
        keep('in', report, ['framesDecoded', 'freezeCount',
          'totalFreezesDuration', 'framesDropped', 'packetsLost', 'pliCount',
          'nackCount', 'jitterBufferDelay', 'jitterBufferEmittedCount']);
      if (report.type === 'outbound-rtp' && report.kind === 'video')
        keep('out', report, ['frameWidth', 'frameHeight', 'framesPerSecond',
          'targetBitrate', 'bytesSent', 'retransmittedBytesSent',
          'qualityLimitationReason', 'nackCount', 'pliCount']);
      if (report.type === 'candidate-pair' && report.nominated)
        keep('pair', report, ['availableOutgoingBitrate',
          'currentRoundTripTime']);
    }
  }
  return all;
}

/**
 * Makes a connection without a room.
 * @param {boolean} sends
 * @param {number} [bits] the most that it may send of video
 */
export async function plainCall(sends, bits) {
  const connection = window.clockCall = new RTCPeerConnection();
  connection.onicecandidate = ({ candidate }) => candidate &&
    window.putAcross(JSON.stringify({ candidate }));
  connection.ontrack = ({ streams: [stream] }) => {
    let video = document.querySelector('video');
    if (!video) {
      video = document.createElement('video');
      video.dataset.peer = 'peer';
      video.autoplay = true;
      document.body.append(video);
    }
    video.srcObject = stream;
  };
  window.takeAcross = async text => {
    const { candidate, description } = JSON.parse(text);
    if (candidate)
      return connection.addIceCandidate(candidate);
    await connection.setRemoteDescription(description);
    if (description.type === 'offer') {
      await connection.setLocalDescription();
      window.putAcross(JSON.stringify(
        { description: connection.localDescription }));
    }
  };
  if (sends) {
    const stream = await navigator.mediaDevices.getUserMedia(
      { video: true, audio: true });
    for (const track of stream.getTracks()) {
      connection.addTransceiver(track, { streams: [stream],
        sendEncodings: [track.kind === 'video' && bits
          ? { maxBitrate: bits } : {}] });
    }
    await connection.setLocalDescription();
    window.putAcross(JSON.stringify(
      { description: connection.localDescription }));
  }
}

/** The frames that came for each of the page's connections. */
export async function readTiles() {
  const tiles = [];
  for (const [index, connection] of window.clockConnections.entries()) {
    if (connection.connectionState !== 'connected')
      continue;
    for (const report of (await connection.getStats()).values()) {
      if (report.type === 'inbound-rtp' && report.kind === 'video')
        tiles.push({ id: `${window.clockId ??= crypto.randomUUID()} ${index}`,
          frames: report.framesDecoded ?? 0, height: report.frameHeight ?? 0 });
    }
  }
  return tiles;
}

/**
 * Makes `callTo()`, by which the page calls another one of a mesh without a
 * room, and a grid of all that it sees.
 */
export async function bareCall() {
  const connections = new Map();
  const own = await navigator.mediaDevices.getUserMedia(
    { video: true, audio: true });
  document.body.style.cssText = 'margin:0;display:grid;gap:4px;height:100vh;' +
    'grid-template-columns:repeat(3,1fr)';
  const open = other => {
    const connection = new RTCPeerConnection();
    connections.set(other, connection);
    own.getTracks().forEach(track => connection.addTrack(track, own));
    connection.onicecandidate = ({ candidate }) => candidate &&
      window.putTo(other, JSON.stringify({ candidate }));
    const video = Object.assign(document.createElement('video'),
      { autoplay: true });
    video.style.cssText = 'width:100%;height:100%;min-height:0';
    document.body.append(video);
    connection.ontrack = ({ streams: [stream] }) => { video.srcObject = stream; };
    return connection;
  };
  const describe = async (other, connection) => {
    await connection.setLocalDescription();
    window.putTo(other, JSON.stringify(
      { description: connection.localDescription }));
  };
  window.callTo = other => describe(other, open(other));
  window.takeFrom = async (other, text) => {
    const { candidate, description } = JSON.parse(text);
    const connection = connections.get(other) ?? open(other);
    if (candidate)
      return connection.addIceCandidate(candidate);
    await connection.setRemoteDescription(description);
    if (description.type === 'offer')
      await describe(other, connection);
  };
}
