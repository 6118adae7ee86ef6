// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The delay between a guest's picture and sound in OBS.
 *
 *   tests/run bench
 *
 * A clip flashes and beeps at the same moment, every two seconds. A pipeline
 * plays the clip into a room, OBS shows it with a Meshroom guest and records
 * that, and each flash in the recording is compared with its beep. For
 * comparison the same clip is played by OBS' Media Source, which shows the
 * delay that OBS, its encoder and this measurement add. A positive figure means
 * that the sound is late.
 */

import { execFileSync } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { environment, Pipeline } from '../e2e/kit/pipeline.js';
import { Server } from '../e2e/kit/server.js';
import { pause } from '../e2e/kit/wait.js';
import { noPlugin, Obs } from '../obs/kit/obs.js';
import { printTable, summary } from './table.js';

const SECONDS = 60, FPS = 30, RATE = 48000, EVERY = 2, LENGTH = 0.1;
const RECORDING_MS = Number(process.env.RECORDING_MS ?? 20000);
const [WIDTH, HEIGHT] = [160, 90];

const words = text => text.trim().split(/\s+/);
const launch = text => execFileSync('gst-launch-1.0', words(text),
  { env: environment, encoding: 'latin1', maxBuffer: 1 << 28 });

/** Whether a flash and its beep are on at a time of the clip. */
const isOn = time => time % EVERY >= 1 && time % EVERY < 1 + LENGTH;

function writeClip(folder) {
  const frames = Buffer.alloc(SECONDS * FPS * WIDTH * HEIGHT * 3 / 2, 128);
  for (let i = 0; i < SECONDS * FPS; i++) {
    const start = i * WIDTH * HEIGHT * 3 / 2;
    frames.fill(isOn((i + 0.01) / FPS) ? 235 : 16, start,
      start + WIDTH * HEIGHT);
  }
  const sound = Buffer.alloc(SECONDS * RATE * 2);
  for (let i = 0; i < SECONDS * RATE; i++) {
    if (isOn(i / RATE))
      sound.writeInt16LE(
        Math.round(16000 * Math.sin(2 * Math.PI * 1000 * i / RATE)), i * 2);
  }
  const [video, audio, clip] = ['clip.yuv', 'clip.pcm', 'clip.mkv']
    .map(name => join(folder, name));
  writeFileSync(video, frames);
  writeFileSync(audio, sound);
  launch(`-q matroskamux name=mux ! filesink location=${clip}
    filesrc location=${video} ! rawvideoparse width=${WIDTH} height=${HEIGHT}
      format=i420 framerate=${FPS}/1 ! queue ! mux.
    filesrc location=${audio} ! rawaudioparse sample-rate=${RATE}
      num-channels=1 ! queue ! mux.`);
  return clip;
}

/** The times at which a series of `[seconds, value]` becomes high. */
function rises(values) {
  const high = Math.max(...values.map(([, value]) => value));
  const low = Math.min(...values.map(([, value]) => value));
  const found = [];
  values.forEach(([time, value], i) => {
    const on = value > (high + low) / 2;
    if (on && i && values[i - 1][1] <= (high + low) / 2)
      found.push(time);
  });
  return found;
}

/** The delay of each beep after its flash, in ms. */
function offsets(recording) {
  const read = (text, message, value) =>
    launch(`-m filesrc location=${recording} ! matroskademux name=demux
      demux.${text} ! fakesink`).split('\n')
      .filter(line => line.includes(`${message},`)).map(line => [
        Number(line.match(/stream-time=\(guint64\)(\d+)/)[1]) / 1e9,
        Number(line.match(value)[1])]);
  const flashes = rises(read('video_0 ! h264parse ! avdec_h264 ! videoconvert' +
    ' ! video/x-raw,format=I420 ! videoanalyse', 'GstVideoAnalyse',
  /luma-average=\(double\)([\d.e+-]+)/));
  const beeps = rises(read('audio_0 ! aacparse ! avdec_aac ! audioconvert !' +
    ' audio/x-raw,channels=1 ! level interval=2000000', 'level',
  /rms=\(GValueArray\)< ([^ ,>]+)/).map(([time, db]) =>
    [time, Number.isFinite(db) ? 10 ** (db / 20) : 0]));
  return flashes.map(flash => beeps.map(beep => (beep - flash) * 1000)
    .sort((a, b) => Math.abs(a) - Math.abs(b))[0])
    .filter(ms => ms !== undefined && Math.abs(ms) < EVERY * 500);
}

async function measure(obs, kind, inputSettings) {
  const { remote } = obs;
  await remote.ask('CreateInput', { sceneName: 'Scene', inputName: kind,
    inputKind: kind, inputSettings });
  await remote.waitLevel(kind, true, 60000);
  // The buffers of the start are played by then.
  await pause(5000);
  await remote.ask('StartRecord');
  await pause(RECORDING_MS);
  const { outputPath } = await remote.ask('StopRecord');
  await pause(2000);
  await remote.ask('RemoveInput', { inputName: kind });
  const recording = join(obs.folder, 'recording.mkv');
  renameSync(outputPath, recording);
  const found = offsets(recording);
  return { ...summary(found), flashes: found.length };
}

async function bench() {
  const server = new Server();
  const link = await server.link();
  const obs = await Obs.start({ scenes: { Scene: [] } });
  const clip = writeClip(obs.folder);
  const rows = [];
  rows.push({ way: 'the file in a Media Source', ...await measure(obs,
    'ffmpeg_source', { local_file: clip, looping: true, hw_decode: false }) });
  const sender = new Pipeline(words(`meshroom name=room link=${link}
    display-name=guest filesrc location=${clip} ! matroskademux name=demux
    demux.video_0 ! queue ! identity sync=true ! room.video_sink
    demux.audio_0 ! queue ! audiobuffersplit output-buffer-duration=1/50 !
    identity sync=true ! room.audio_sink`));
  for (const low_delay of [true, false])
    rows.push({ way: `Meshroom guest, low_delay=${low_delay}`,
      ...await measure(obs, 'meshroom_guest', { link, guest: '1',
        low_delay }) });
  printTable('Sound after picture in OBS, ms', rows);
  await sender.stop('SIGKILL');
  await obs.stop();
  await server.stop();
}

if (noPlugin)
  console.log(`obs: ${noPlugin}`);
else
  await bench();
