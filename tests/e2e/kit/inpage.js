// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Functions that run inside a browser's page. puppeteer passes them as text, so
 * each of them uses nothing outside of itself.
 */

/**
 * Watches every remote <video data-peer>. `meshSights()` then returns the
 * colour and the tone of each, and `meshMark()` resets the longest pauses.
 */
export function installProbe() {
  const states = new Map();
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 8;
  const draw = canvas.getContext('2d', { willReadFrequently: true });
  let audio = null;

  function watch(video) {
    const state = { frames: 0, last: 0, worst: 0, first: null, hz: 0,
      level: 0, tracks: '', analyser: null };
    const onFrame = time => {
      if (state.last)
        state.worst = Math.max(state.worst, time - state.last);
      else
        state.first = performance.timeOrigin + time;
      state.last = time;
      state.frames++;
      video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
    states.set(video, state);
    return state;
  }

  // The sound may be the video's, or that of another element.
  function listen(video, state) {
    const elements = [video, ...document.querySelectorAll(
      `audio[data-peer="${video.dataset.peer}"]`)];
    const tracks = elements.flatMap(e => e.srcObject?.getAudioTracks() ?? []);
    const ids = tracks.map(t => t.id).join();
    if (!tracks.length || ids === state.tracks)
      return;
    audio ??= new AudioContext();
    audio.resume();
    state.tracks = ids;
    state.analyser = audio.createAnalyser();
    state.analyser.fftSize = 4096;   // bins of 12 Hz; smaller ones cost time
    state.analyser.smoothingTimeConstant = 0;
    audio.createMediaStreamSource(new MediaStream(tracks))
      .connect(state.analyser);
  }

  function hear(state) {
    const bins = new Float32Array(state.analyser.frequencyBinCount);
    state.analyser.getFloatFrequencyData(bins);
    const step = audio.sampleRate / state.analyser.fftSize;
    let best = Math.ceil(200 / step);
    for (let i = best; i < 2000 / step; i++) {
      if (bins[i] > bins[best])
        best = i;
    }
    state.level = bins[best];
    if (bins[best] > -60)
      state.hz = Math.round(best * step);
  }

  function colour(video) {
    const { videoWidth: w, videoHeight: h } = video;
    if (!w)
      return null;
    draw.drawImage(video, w / 4, h / 4, w / 2, h / 2, 0, 0, 8, 8);
    const { data } = draw.getImageData(0, 0, 8, 8);
    const sum = [0, 0, 0];
    data.forEach((value, i) => {
      if (i % 4 < 3)
        sum[i % 4] += value / 64;
    });
    return sum.map(Math.round);
  }

  setInterval(() => {
    for (const video of document.querySelectorAll('video[data-peer]')) {
      const state = states.get(video) ?? watch(video);
      listen(video, state);
      if (state.analyser)
        hear(state);
    }
  }, 150);

  window.meshSights = () =>
    [...document.querySelectorAll('video[data-peer]')].map(video => {
      const s = states.get(video);
      return { peer: video.dataset.peer, rgb: colour(video), hz: s?.hz,
        level: s?.level, frames: s?.frames, first: s?.first,
        worst: s ? Math.max(s.worst, s.last ? performance.now() - s.last : 0)
          : null };
    });
  window.meshMark = () => states.forEach(s => { s.worst = 0; });
}

/**
 * A camera of one colour and a microphone of one tone, for a browser whose fake
 * devices cannot be set up.
 */
export function installDevices({ rgb, hz }) {
  function picture() {
    const canvas = document.createElement('canvas');
    canvas.width = 320;
    canvas.height = 240;
    const draw = canvas.getContext('2d');
    let n = 0;
    setInterval(() => {
      draw.fillStyle = `rgb(${rgb.join()})`;
      draw.fillRect(0, 0, 320, 240);
      // A corner changes, so that every frame is a new one.
      draw.fillStyle = '#888';
      draw.fillRect(n++ % 32, 0, 4, 4);
    }, 66);
    return canvas.captureStream(15).getVideoTracks();
  }
  function sound() {
    const context = new AudioContext();
    const tone = context.createOscillator();
    const volume = context.createGain();
    const out = context.createMediaStreamDestination();
    tone.frequency.value = hz;
    volume.gain.value = 0.4;
    tone.connect(volume).connect(out);
    tone.start();
    context.resume();
    return out.stream.getAudioTracks();
  }
  if (!navigator.mediaDevices)
    return;
  navigator.mediaDevices.getUserMedia = async wanted => new MediaStream([
    ...(wanted.video ? picture() : []), ...(wanted.audio ? sound() : [])]);
}

/**
 * Reads the numbers of all decoded frames of a peer (camera-frame.h);
 * `cameraLines()` returns those since its last call. Chromium only.
 */
export function installCameraReader(name) {
  const COLUMNS = 8, ROWS = 6, MARK = 0xa53c, CONTRAST = 60, SIZE = 8;
  const canvas = document.createElement('canvas');
  canvas.width = COLUMNS * SIZE;
  canvas.height = ROWS * SIZE;
  const draw = canvas.getContext('2d', { willReadFrequently: true });
  let lines = [];
  let reading = null;

  function crc(bytes) {
    let value = 0x5a;
    for (const byte of bytes) {
      value ^= byte;
      for (let bit = 0; bit < 8; bit++)
        value = (value & 0x80 ? value << 1 ^ 0x07 : value << 1) & 0xff;
    }
    return value;
  }

  function block(data, column, row) {
    let sum = 0, n = 0;
    for (let y = SIZE / 4; y < SIZE * 3 / 4; y++) {
      for (let x = SIZE / 4; x < SIZE * 3 / 4; x++) {
        sum += data[((row * SIZE + y) * canvas.width + column * SIZE + x) * 4];
        n++;
      }
    }
    return sum / n;
  }

  function read(frame) {
    draw.drawImage(frame, 0, 0, canvas.width, canvas.height);
    const { data } = draw.getImageData(0, 0, canvas.width, canvas.height);
    const values = Array.from({ length: COLUMNS * ROWS }, (_, i) =>
      block(data, i % COLUMNS, Math.floor(i / COLUMNS)));
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

  async function follow(track, tile) {
    const { readable } = new MediaStreamTrackProcessor(
      { track, maxBufferSize: 60 });
    for await (const frame of readable) {
      const n = read(frame);
      frame.close();
      lines.push({ n, hidden: !tile.querySelector('.hidden-mark')
        .hasAttribute('hidden') });
    }
  }

  setInterval(() => {
    for (const tile of document.querySelectorAll('.tile:not(.self)')) {
      const [track] = tile.querySelector('video').srcObject
        ?.getVideoTracks() ?? [];
      if (tile.querySelector('.name').textContent === name && track &&
          track !== reading) {
        reading = track;
        follow(track, tile);
      }
    }
  }, 50);
  window.cameraLines = () => {
    const taken = lines;
    lines = [];
    return taken;
  };
}
