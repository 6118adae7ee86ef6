// SPDX-License-Identifier: LGPL-2.1-or-later

/** Our Pipeline source: any description is a picture and a sound in OBS. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { looks } from '../e2e/kit/media.js';
import { party } from '../e2e/kit/pipeline.js';
import { Server } from '../e2e/kit/server.js';
import { until } from '../e2e/kit/wait.js';
import { noPlugin, openObs } from './kit/obs.js';

const [red, green, blue] = looks;

const picture = ({ rgb: [r, g, b] }, more = '') =>
  `videotestsrc is-live=true pattern=solid-color ${more}
   foreground-color=${(0xff << 24 | r << 16 | g << 8 | b) >>> 0} !
   video/x-raw,width=320,height=180,framerate=30/1`;
const tone = 'audiotestsrc is-live=true volume=0.4';
const plain = look =>
  `${picture(look)} ! queue ! video.   ${tone} ! queue ! audio.`;

const source = (name, pipeline, more = {}) => ({ name,
  kind: 'meshroom_pipeline', settings: { pipeline, ...more } });

async function endsClean(obs) {
  const end = await obs.stop();
  assert.equal(end.code, 0, obs.log);
  assert.equal(end.leaks, obs.baseline, obs.log);
}

const isGone = (remote, name) => until(`${name} to be gone`, async () =>
  !(await remote.ask('GetInputList')).inputs.some(i => i.inputName === name));

test('a description is seen and heard, changed, broken, repaired and removed',
  { skip: noPlugin }, async t => {
    const obs = await openObs(t, { scenes: {
      Scene: [source('It', plain(red)),
        source('Bad', 'nosuchelement ! video.')],
    } });
    const { remote } = obs;
    const set = pipeline => remote.ask('SetInputSettings', { inputName: 'It',
      inputSettings: { pipeline } });
    await remote.waitColour('It', 'red');
    await remote.waitLevel('It');

    await set(plain(green));
    await remote.waitColour('It', 'green');
    await set('videotestsrc ! nosuchelement ! video.');
    await remote.waitLevel('It', false);
    await set('videotestsrc is-live=true ! video/x-raw,width=');
    await set(plain(blue));
    await remote.waitColour('It', 'blue');
    await remote.waitLevel('It');

    // From one picture to the next another size and format.
    await set(`${picture(red)} ! videoconvert ! videoscale !
      video/x-raw,format=BGRA,width=64,height=48 ! video.`);
    await remote.waitColour('It', 'red');
    await remote.ask('RemoveInput', { inputName: 'It' });
    await isGone(remote, 'It');
    await endsClean(obs);
  });

test('what ends begins again', { skip: noPlugin }, async t => {
  const obs = await openObs(t, { scenes: { Scene: [source('It',
    'videotestsrc is-live=true num-buffers=10 ! video/x-raw,format=I420,' +
    'width=320,height=240,framerate=30/1 ! meshstamp ! video.',
    { restart_timeout: 100, clear_on_end: false })] } });
  let rounds = 0, last = null;
  // Ten frames last a third of a second: what is later is of another round.
  await until('four rounds', async () => {
    const stamp = (await obs.remote.picture('It')).stamp();
    if (stamp !== null && (last === null || stamp - last > 350)) {
      last = stamp;
      rounds++;
    }
    return rounds === 4;
  }, 30000, () => obs.log.slice(-1000));
  await endsClean(obs);
});

test('links that are made later are not lost, and no scene leaves the call',
  { skip: noPlugin }, async t => {
    const server = new Server();
    t.after(() => server.stop());
    const link = await server.link();
    const guest = party({ name: 'guest', look: green, link });
    t.after(() => guest.stop('SIGKILL'));
    const obs = await openObs(t, { scenes: {
      With: [source('It', `meshroom name=room link=${link} display-name=OBS
        room.video_0 ! queue ! video.   room.audio_0 ! queue ! audio.`)],
      Without: [],
    }, collections: { Other: { Scene: [] } } });
    const { remote } = obs;
    await remote.waitColour('It', 'green');
    await remote.waitLevel('It');

    const removed = () => guest.messages.filter(m =>
      m.name === 'meshroom-peer-removed').length;
    for (let i = 0; i < 10; i++) {
      for (const sceneName of ['Without', 'With'])
        await remote.ask('SetCurrentProgramScene', { sceneName });
    }
    await remote.waitColour('With', 'green');
    await remote.waitLevel('It');
    assert.equal(removed(), 0);

    // Who is removed with their collection leaves as anybody does.
    await obs.changeCollection('Other');
    await until('OBS to have left the call', () => removed() === 1, 15000,
      () => guest.messages);
    await endsClean(obs);
  });
