// SPDX-License-Identifier: LGPL-2.1-or-later

/** Every line and setting of docs/obs.md for who has no plugin of ours. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { looks, writeWav } from '../e2e/kit/media.js';
import { party, Pipeline } from '../e2e/kit/pipeline.js';
import { Server } from '../e2e/kit/server.js';
import { until } from '../e2e/kit/wait.js';
import { launchWords, mediaSource, readDocument } from './kit/document.js';
import { noObs, noPlugin, Obs } from './kit/obs.js';

const [red, green] = looks;
const document = readDocument();
const chapter = title => document.find(c => c.title === title);
const tried = new Set();

const scenes = folder => ({
  Guests: [],
  Programme: [
    { name: 'plain', kind: 'color_source_v3', settings: { width: 64,
      height: 64, color: (0xff << 24 | red.rgb[2] << 16 | red.rgb[1] << 8 |
        red.rgb[0]) >>> 0 } },
    { name: 'tone', kind: 'ffmpeg_source', settings: { is_local_file: true,
      looping: true, local_file: join(folder, 'tone.wav') } }],
});

/** A room with a guest in it, and an OBS; both end with the file's tests. */
const shared = noObs ? null : await (async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-docs-'));
  writeWav(join(folder, 'tone.wav'), red.hz);
  const server = new Server();
  const link = await server.link();
  const guest = party({ name: 'guest', look: green, link });
  const obs = await Obs.start({ scenes: scenes(folder) });
  return { folder, server, link, guest, obs, remote: obs.remote };
})();

test.after(async () => {
  await shared?.obs.kill();
  await shared?.guest.stop('SIGKILL');
  await shared?.server.stop();
  rmSync(shared?.folder ?? '', { recursive: true, force: true });
});

/** A document's line that runs while the test does. */
function run(t, block, link) {
  tried.add(block.text);
  const line = new Pipeline(launchWords(block.text, link));
  t.after(() => line.stop());
  return line;
}

async function show(t, { kind, settings }) {
  const { remote } = shared;
  await remote.ask('CreateInput', { sceneName: 'Guests', inputName: 'Call',
    inputKind: kind, inputSettings: settings });
  t.after(async () => {
    await remote.ask('RemoveInput', { inputName: 'Call' });
    await until('it to be gone', async () => !(await remote
      .ask('GetInputList')).inputs.some(i => i.inputName === 'Call'));
  });
  await remote.waitColour('Call', green.colour, { timeout: 30000 });
  await remote.waitLevel('Call');
}

for (const title of ['Simplest: TS over UDP', 'Lowest delay: RTP',
  'Over TCP']) {
  test(`${title}: a guest is seen and heard`, { skip: noObs }, async t => {
    const { blocks, lists: [list] } = chapter(title);
    const [sdp] = blocks.filter(b => b.kind === 'sdp');
    if (sdp) {
      tried.add(sdp.text);
      list.Input = join(shared.folder, 'call.sdp');
      writeFileSync(list.Input, sdp.text);
    }
    const line = run(t, blocks.find(b => b.kind === 'sh'), shared.link);
    await until('the line to run', () => line.said('PLAYING'), 15000,
      () => line.output);
    await show(t, mediaSource(list));
  });
}

const gstreamer = chapter('With the obs-gstreamer plugin')?.blocks[0];

test("obs-gstreamer's text is a pipeline, in the frame which it gets there",
  { skip: noObs }, async t => {
    const { text } = gstreamer;
    const line = new Pipeline(`${text.replace('$LINK', shared.link)}
      videoconvert name=video !
      video/x-raw,format={I420,NV12,BGRA,BGRx,RGBx,RGBA,YUY2,YVYU,UYVY} !
      appsink name=video_appsink drop=true max-buffers=1
      audioconvert name=audio ! audioresample !
      audio/x-raw,format={U8,S16LE,S32LE,F32LE},layout=interleaved !
      appsink name=audio_appsink drop=true max-buffers=1`
      .trim().split(/\s+/));
    t.after(() => line.stop());
    await until('it to be in the call', () => line.messages.some(m =>
      m.name === 'meshroom-peer-added'), 15000, () => line.output);
    assert.doesNotMatch(line.output, /ERROR/);
  });

test("obs-gstreamer's text runs in our Pipeline source", { skip: noPlugin },
  async t => {
    tried.add(gstreamer.text);
    await show(t, { kind: 'meshroom_pipeline', settings: {
      pipeline: gstreamer.text.replace('$LINK', shared.link) } });
  });

async function stream(t, block, { Server: server }) {
  const { remote, guest } = shared;
  const link = await shared.server.link();
  const watcher = party({ name: 'watcher', look: green, link });
  t.after(() => watcher.stop('SIGKILL'));
  const line = run(t, block, link);
  await until('the line to listen', () => line.said('PLAYING'), 15000,
    () => line.output);
  await remote.ask('SetCurrentProgramScene', { sceneName: 'Programme' });
  await remote.ask('SetStreamServiceSettings', {
    streamServiceType: 'rtmp_custom',
    streamServiceSettings: { server, key: '', use_auth: false } });
  await remote.ask('StartStream');
  t.after(async () => {
    await remote.ask('StopStream');
    await until('the stream to have ended', async () =>
      !(await remote.ask('GetStreamStatus')).outputActive);
  });
  await until('the programme to be in the call', () => watcher.meets(red),
    30000, () => [watcher.summary(), line.output.slice(-2000)]);
  assert.equal(guest.exited, null);
}

const programme = chapter("OBS' programme in a call");
for (const [i, way] of ['SRT', 'UDP'].entries()) {
  test(`OBS' programme is in a call by ${way}`, { skip: noObs }, t =>
    stream(t, programme.blocks[i], programme.lists[i]));
}

test('nothing that the document says was left out', { skip: noPlugin }, () => {
  const rest = document.flatMap(c => c.blocks.map(b => [c.title, b]))
    .filter(([, b]) => !tried.has(b.text));
  assert.deepEqual(rest, []);
});
