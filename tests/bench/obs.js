// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The age of a picture when OBS shows it, for each way into OBS, and the cost
 * of four guests there.
 *
 *   tests/run obs bench     or     tests/e2e/netns.sh node tests/bench/obs.js
 *
 * meshstamp draws the time at which a frame leaves its camera into the frame. A
 * screenshot of OBS' source is read back, and its age counts until it has
 * arrived here. So every figure includes half a frame of OBS' own 30 a second,
 * and the screenshot. ROWS=text measures only the rows whose name contains
 * text.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { start } from '../e2e/kit/children.js';
import { environment, Pipeline } from '../e2e/kit/pipeline.js';
import { Server } from '../e2e/kit/server.js';
import { now, pause, until } from '../e2e/kit/wait.js';
import { launchWords, mediaSource, readDocument } from '../obs/kit/document.js';
import { freePort, Obs, noObs, noPlugin } from '../obs/kit/obs.js';
import { Picture } from '../obs/kit/picture.js';
import { printTable, summary } from './table.js';

const SAMPLES = Number(process.env.SAMPLES ?? 60);
const WRAP = 1 << 24;
const SCENE = 'Scene';

const words = text => text.trim().split(/\s+/);

/** A camera of 640x360@30, whose frames show the time of their capture. */
const camera = `videotestsrc is-live=true !
  video/x-raw,format=I420,width=640,height=360,framerate=30/1 ! meshstamp`;
const tone = 'audiotestsrc is-live=true volume=0.2';
const h264 = `x264enc tune=zerolatency speed-preset=ultrafast bitrate=1500
  key-int-max=15 ! h264parse config-interval=-1`;
const aac = 'audioconvert ! avenc_aac ! aacparse';
const tcp = port => `tcpserversink host=127.0.0.1 port=${port} sync=false
  sync-method=latest-keyframe recover-policy=keyframe`;

const mux = (name, sink) => `${name} name=mux ! ${sink}
  ${camera} ! queue ! ${h264} ! mux.   ${tone} ! ${aac} ! mux.`;

const srt = port => `srtsink uri=srt://:${port}?mode=listener latency=40
  wait-for-connection=false`;

const low = { buffering_mb: 0, reconnect_delay_sec: 1,
  ffmpeg_options: 'fflags=nobuffer flags=low_delay probesize=20000 ' +
    'analyzeduration=300000' };

const media = (input, more = {}) => ({ kind: 'ffmpeg_source', settings: {
  is_local_file: false, input, hw_decode: false, reconnect_delay_sec: 1,
  ...more } });

const rtp = more => port => ({ kind: 'meshroom_pipeline', settings: {
  pipeline: `udpsrc port=${port} caps="application/x-rtp,media=video,` +
    'encoding-name=H264,clock-rate=90000,payload=96" ! ' +
    'rtpjitterbuffer latency=50 ! rtph264depay ! h264parse ! avdec_h264 ' +
    '! video.', ...more } });

const payloaded = port => `${camera} ! queue ! ${h264} ! rtph264pay !
  udpsink host=127.0.0.1 port=${port} sync=false`;

/** The ways from a pipeline: the sender, and the source that OBS shows. */
const ways = [
  { name: 'Media Source, tcp:// TS, default options',
    send: p => mux('mpegtsmux', tcp(p)),
    show: p => media(`tcp://127.0.0.1:${p}`, { input_format: 'mpegts' }) },
  { name: 'same, low options',
    send: p => mux('mpegtsmux', tcp(p)),
    show: p => media(`tcp://127.0.0.1:${p}`, { ...low,
      input_format: 'mpegts' }) },
  { name: 'Media Source, srt://, default options',
    send: p => mux('mpegtsmux alignment=7', srt(p)),
    show: p => media(`srt://127.0.0.1:${p}?mode=caller&latency=40000`,
      { input_format: 'mpegts' }) },
  { name: 'same, low options',
    send: p => mux('mpegtsmux alignment=7', srt(p)),
    show: p => media(`srt://127.0.0.1:${p}?mode=caller&latency=40000`,
      { ...low, input_format: 'mpegts' }) },
  { name: 'Media Source, udp:// TS, low options',
    send: p => mux('mpegtsmux alignment=7',
      `udpsink host=127.0.0.1 port=${p} sync=false`),
    show: p => media(`udp://127.0.0.1:${p}`, { ...low,
      input_format: 'mpegts' }) },
  { name: 'Media Source, tcp:// Matroska',
    send: p => mux('matroskamux streamable=true',
      tcp(p)),
    show: p => media(`tcp://127.0.0.1:${p}`, { ...low,
      input_format: 'matroska' }) },
  { name: 'Pipeline, RTP, jitterbuffer 50 ms', plugin: true,
    send: payloaded, show: rtp({}) },
  { name: 'same, not in time with the clock', plugin: true,
    send: payloaded, show: rtp({ sync_appsink_video: false }) },
];

/** The ways from a guest through a room, as in docs/obs.md. */
const chapter = title => readDocument().find(c => c.title === title);
const documented = title => ({ name: `guest, ${title}`, show: obs => {
  const { blocks, lists: [list] } = chapter(title);
  const sdp = blocks.find(b => b.kind === 'sdp');
  if (sdp) {
    list.Input = join(obs.folder, 'call.sdp');
    writeFileSync(list.Input, sdp.text);
  }
  return { line: blocks.find(b => b.kind === 'sh').text,
    ...mediaSource(list) };
} });
const rooms = [
  documented('Simplest: TS over UDP'),
  documented('Lowest delay: RTP'),
  documented('Over TCP'),
  { name: 'guest, Pipeline with meshroom and meshview', plugin: true,
    show: (_, link) => ({ kind: 'meshroom_pipeline', settings: {
      pipeline: chapter('With the obs-gstreamer plugin').blocks[0].text
        .replace('$LINK', link) } }) },
  { name: 'guest, Meshroom guest', plugin: true,
    show: (_, link) => ({ kind: 'meshroom_guest',
      settings: { link, guest: '1' } }) },
];

const guest = (link, more = '', picture = camera, name = 'guest') =>
  new Pipeline(words(`meshroom name=room link=${link} display-name=${name}
    ${more} ${picture} ! room.video_sink ${tone} ! room.audio_sink`));

const age = picture => {
  const stamp = picture.stamp();
  return stamp === null ? null : (Math.floor(now()) - stamp + WRAP) % WRAP;
};

/** Removes a source. Its name is free once its last reference is gone. */
async function remove({ remote }, inputName) {
  await remote.ask('RemoveInput', { inputName });
  await until(`${inputName} to be gone`, async () => !(await remote.ask(
    'GetInputList')).inputs.some(input => input.inputName === inputName));
  await pause(500);
}

/** The ages of the pictures that OBS shows, and the time until the first. */
async function watch(obs, { kind, settings }, also = () => {}) {
  const started = now();
  await obs.remote.ask('CreateInput', { sceneName: SCENE, inputName: 'It',
    inputKind: kind, inputSettings: settings });
  const look = async () => age(await obs.remote.picture('It', 160, 90));
  const ages = [];
  try {
    await until('a picture', async () => await look() !== null, 20000,
      () => obs.log.slice(-500));
    const first = now() - started;
    // The buffers of the start are played by then.
    await pause(5000);
    while (ages.length < SAMPLES) {
      const found = await look();
      if (found !== null)
        ages.push(found);
      await pause(40 + ages.length % 17);
    }
    await also(summary(ages).median);
    return { ...summary(ages),
      'first picture': `${(first / 1000).toFixed(1)} s` };
  } finally {
    await remove(obs, 'It');
  }
}

async function measureWay(obs, way) {
  const port = await freePort();
  const sender = new Pipeline(words(way.send(port)));
  try {
    await until('the sender', () => /PLAYING/.test(sender.output), 15000,
      () => sender.output);
    return await watch(obs, way.show(port));
  } finally {
    await sender.stop('SIGKILL');
  }
}

async function measureRoom(obs, way, server) {
  const link = await server.link();
  const sender = guest(link);
  const { line, ...source } = way.show(obs, link);
  const between = line && new Pipeline(launchWords(line, link));
  try {
    if (line) {
      await until('the line', () => between.said('PLAYING'), 15000,
        () => between.output);
    }
    return await watch(obs, source);
  } finally {
    await sender.stop('SIGKILL');
    await between?.stop('SIGKILL');
  }
}

/** Emits the age of each picture of the other member of a room. */
function listen(link) {
  const [width, height] = [160, 90];
  const child = start('gst-launch-1.0', words(`meshroom name=room link=${link}
    room.video_0 ! videoconvert ! videoscale !
    video/x-raw,format=RGB,width=${width},height=${height} !
    fdsink fd=3 sync=false`), { env: environment,
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const size = width * height * 3;
  let rest = Buffer.alloc(0);
  child.ages = [];
  child.stdio[3].on('data', data => {
    rest = Buffer.concat([rest, data]);
    for (; rest.length >= size; rest = rest.subarray(size)) {
      const found = age(new Picture(width, height, rest));
      if (found !== null)
        child.ages.push(found);
    }
  });
  return child;
}

/** The age of OBS' scene at a member: the whole loop less the way into OBS. */
async function measureOut(obs, server, line, url) {
  const link = await server.link();
  const between = new Pipeline(launchWords(line, link));
  const member = listen(link);
  let result = null;
  try {
    await until('the line', () => between.said('PLAYING'), 15000,
      () => between.output);
    await watch(obs, { kind: 'meshroom_pipeline', settings: {
      pipeline: `${camera} ! queue ! video. ${tone} ! queue ! audio.` } },
    async inbound => {
      await obs.remote.ask('SetStreamServiceSettings', {
        streamServiceType: 'rtmp_custom',
        streamServiceSettings: { server: url, key: '', use_auth: false } });
      await obs.remote.ask('StartStream');
      await until('the programme', () => member.ages.length > 150, 30000,
        () => between.output.slice(-1000));
      const { median, min, max } = summary(member.ages.slice(-SAMPLES));
      result = { 'loop, median': median, min, max, 'less the way in':
        median - inbound };
      await obs.remote.ask('StopStream');
    });
    return result;
  } finally {
    await between.stop('SIGKILL');
    member.kill('SIGKILL');
  }
}

/** The share of a core that OBS uses, in percent. */
async function share(obs) {
  const used = () => readFileSync(`/proc/${obs.pid}/stat`, 'utf8')
    .split(') ')[1].split(' ').slice(11, 13).reduce((a, b) => a + +b, 0) * 10;
  const [cpu, since] = [used(), now()];
  await pause(10000);
  return Math.round((used() - cpu) / (now() - since) * 100);
}

/** The share of a core that OBS uses with four sources in a grid. */
async function weigh(obs, sources) {
  for (const [i, { kind, settings }] of sources.entries()) {
    const { sceneItemId } = await obs.remote.ask('CreateInput', {
      sceneName: SCENE, inputName: `It${i}`, inputKind: kind,
      inputSettings: settings });
    await obs.remote.ask('SetSceneItemTransform', { sceneName: SCENE,
      sceneItemId, sceneItemTransform: { positionX: i % 2 * 320,
        positionY: (i >> 1) * 180, boundsType: 'OBS_BOUNDS_STRETCH',
        boundsWidth: 320, boundsHeight: 180 } });
  }
  try {
    for (const i of sources.keys()) {
      await until(`picture ${i}`, async () =>
        age(await obs.remote.picture(`It${i}`, 160, 90)) !== null, 30000,
      () => obs.log.slice(-500));
    }
    await pause(3000);
    return await share(obs);
  } finally {
    for (const i of sources.keys())
      await remove(obs, `It${i}`);
  }
}

async function weighMedia(obs) {
  const ports = await Promise.all([1, 2, 3, 4].map(freePort));
  const senders = ports.map(port => new Pipeline(words(
    mux('mpegtsmux alignment=7', `udpsink host=127.0.0.1 port=${port}
      sync=false`))));
  try {
    return await weigh(obs, ports.map(port =>
      media(`udp://127.0.0.1:${port}`, { ...low, input_format: 'mpegts' })));
  } finally {
    await Promise.all(senders.map(sender => sender.stop('SIGKILL')));
  }
}

async function weighGuests(obs, server, codecs) {
  const link = await server.link();
  const people = [1, 2, 3, 4].map(i =>
    guest(link, `video-codecs=${codecs}`, camera, `guest${i}`));
  try {
    return await weigh(obs, people.map((_, i) => ({ kind: 'meshroom_guest',
      settings: { link, guest: `guest${i + 1}` } })));
  } finally {
    await Promise.all(people.map(person => person.stop('SIGKILL')));
  }
}

const wanted = name => name.includes(process.env.ROWS ?? '');

/** The rows of a table, with a text where there is no figure. */
async function table(title, ways, measure) {
  const rows = [];
  for (const way of ways) {
    if (way.plugin && noPlugin || !wanted(way.name))
      continue;
    try {
      rows.push({ way: way.name, ...await measure(way) });
    } catch (error) {
      console.log(`${way.name}: ${error.message}`);
    }
  }
  if (rows.length)
    printTable(title, rows);
}

async function bench() {
  const server = new Server();
  const obs = await Obs.start({ scenes: { [SCENE]: [] } });
  const programme = chapter("OBS' programme in a call");
  await table('A pipeline\'s picture in OBS, ms', ways,
    way => measureWay(obs, way));
  await table('A guest\'s picture in OBS, through a room, ms', rooms,
    way => measureRoom(obs, way, server));
  await table('OBS\' programme in a call, ms', ['SRT', 'UDP'].map((name, i) =>
    ({ name: `out, ${name}`, plugin: true, i })), ({ i }) =>
    measureOut(obs, server, programme.blocks[i].text,
      programme.lists[i].Server));
  await table('OBS with four of 640x360@30, % of a core', [
    { name: 'cpu, nothing', measure: () => share(obs) },
    { name: 'cpu, Media Source, H.264', measure: () => weighMedia(obs) },
    { name: 'cpu, Meshroom guest, H.264', plugin: true,
      measure: () => weighGuests(obs, server, 'H264') },
    { name: 'cpu, Meshroom guest, VP8', plugin: true,
      measure: () => weighGuests(obs, server, 'VP8') },
  ], async ({ measure }) => ({ cpu: await measure() }));
  await obs.stop();
  await server.stop();
}

if (noObs)
  console.log(`obs: ${noObs}`);
else
  await bench();
