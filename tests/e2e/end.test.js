// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * A recording that is interrupted (gst-launch-1.0 -e, Ctrl-C) is a complete
 * file: the room's pads push EOS, and the pipeline ends by itself.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { looks } from './kit/media.js';
import { environment, party, Pipeline } from './kit/pipeline.js';
import { Server } from './kit/server.js';
import { until } from './kit/wait.js';

const [red] = looks;
const words = text => text.trim().split(/\s+/);

/** The part of the pipeline behind the room, which records to FILE. */
const recorders = [
  ['room.video_0 ! queue ! videoconvert ! x264enc tune=zerolatency'
    + ' ! mp4mux ! filesink location=FILE', 'call.mp4'],
  ['room.video_0 ! queue ! videoconvert ! x264enc tune=zerolatency'
    + ' ! matroskamux name=mux ! filesink location=FILE'
    + ' room.audio_0 ! queue ! audioconvert ! opusenc ! mux.', 'call.mkv'],
  ['room.video_0 ! queue ! videoconvert ! x264enc tune=zerolatency'
    + ' ! h264parse ! splitmuxsink location=FILE', 'call-%02d.mp4'],
  ['room. : meshview name=view view.video ! queue ! videoconvert'
    + ' ! x264enc tune=zerolatency speed-preset=ultrafast ! mp4mux'
    + ' ! filesink location=FILE view.audio ! fakesink', 'view.mp4'],
  ['room.video_0 ! queue ! webmmux name=mux ! filesink location=FILE'
    + ' room.audio_0 ! queue ! mux.audio_0', 'call.webm', 'decode=false'],
];

/** Plays @file to its end, which fails if the index is missing. */
function decode(file) {
  execFileSync('gst-launch-1.0', ['-q', 'filesrc', `location=${file}`, '!',
    'decodebin', '!', 'videoconvert', '!', 'fakesink'],
  { env: environment, timeout: 60000 });
}

for (const [line, name, ...properties] of recorders) {
  test(`${name} is whole after an interruption`, async t => {
    const folder = mkdtempSync(join(tmpdir(), 'mesh-end-'));
    const server = new Server();
    t.after(() => server.stop());
    t.after(() => rmSync(folder, { recursive: true }));
    const link = await server.link();
    const other = party({ name: 'ada', look: red, link, fps: 10,
      size: [160, 120] });
    t.after(() => other.stop('SIGKILL'));
    const recorder = new Pipeline(['-e', 'meshroom', 'name=room',
      ...properties, `link=${link}`,
      ...words(line).map(word => word.replace('FILE', join(folder, name)))]);
    t.after(() => recorder.stop('SIGKILL'));

    // every sink has data
    await until('something to be recorded', () =>
      recorder.said('meshroom-peer-added') && recorder.said('(async-done)')
        && readdirSync(folder).length > 0, 60000, () => recorder.output);
    recorder.process.kill('SIGINT');
    await until('the pipeline to end', () => recorder.exited, 60000,
      () => recorder.output);
    assert.equal(recorder.exited.code, 0, recorder.output);
    assert.doesNotMatch(recorder.output, /^(ERROR|WARNING): from element/m);
    for (const file of readdirSync(folder))
      decode(join(folder, file));
  });
}
