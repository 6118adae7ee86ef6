// SPDX-License-Identifier: LGPL-2.1-or-later

/** When sources go: what of it the call sees, and that OBS does not wait. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { looks } from '../e2e/kit/media.js';
import { party } from '../e2e/kit/pipeline.js';
import { Server } from '../e2e/kit/server.js';
import { now, until } from '../e2e/kit/wait.js';
import { arrivalsOf, departuresOf, guest } from './kit/guests.js';
import { noPlugin, openObs } from './kit/obs.js';

const [red, green] = looks;

/** A frame of OBS' 30 a second. */
const FRAME_MS = 1000 / 30;
const SCENE = 'Scene';

async function remove(remote, inputName) {
  await remote.ask('RemoveInput', { inputName });
  await until(`${inputName} to be gone`, async () => !(await remote.ask(
    'GetInputList')).inputs.some(input => input.inputName === inputName));
}

const add = (remote, { name, kind, settings }) => remote.ask('CreateInput',
  { sceneName: SCENE, inputName: name, inputKind: kind,
    inputSettings: settings });

test('the call is left with the last source, unless it is to be kept',
  { skip: noPlugin }, async t => {
    const room = async (name, look) => {
      const server = new Server();
      t.after(() => server.stop('SIGKILL'));
      const link = await server.link();
      const person = party({ name, look, link });
      t.after(() => person.stop('SIGKILL'));
      return { link, person };
    };
    const left = await room('Ann', red), kept = await room('Bob', green);
    const bob = guest('bob', kept.link, '1', null,
      { leave_when_unused: false });
    const obs = await openObs(t, { scenes: { [SCENE]: [
      guest('ann', left.link, '1'), guest('too', left.link, 'Ann'), bob] } });
    const { remote } = obs;
    const arrivals = ({ person }) => arrivalsOf(person, 'Studio').length;
    const departures = ({ person }) => departuresOf(person, 'Studio');
    await remote.waitColour('ann', 'red');
    await remote.waitColour('too', 'red');
    await remote.waitColour('bob', 'green');

    // The one to be kept loses its source long before the other.
    await remove(remote, 'bob');
    await remove(remote, 'ann');
    await remote.waitColour('too', 'red');
    assert.equal(departures(left), 0);
    await remove(remote, 'too');
    await until('Ann to see it leave', () => departures(left) === 1, 30000,
      () => left.person.messages);
    await until('its goodbye', () => left.person.messages.some(m =>
      m.name === 'meshroom-peer-removed' && m.text.includes('left')), 5000,
    () => left.person.messages);
    assert.equal(departures(kept), 0);

    await add(remote, bob);
    await remote.waitColour('bob', 'green');
    assert.deepEqual([arrivals(kept), departures(kept)], [1, 0]);

    // Who has left can come again.
    await add(remote, guest('ann', left.link, '1'));
    await remote.waitColour('ann', 'red');
    assert.equal(arrivals(left), 2);

    const end = await obs.stop();
    assert.equal(end.code, 0, obs.log);
    assert.equal(end.leaks, obs.baseline, obs.log);
    for (const one of [left, kept])
      await until('the end of OBS to be seen', () =>
        departures(one) === arrivals(one), 15000, () => one.person.messages);
  });

test('OBS does not wait for a source that is removed', { skip: noPlugin },
  async t => {
    const server = new Server();
    t.after(() => server.stop('SIGKILL'));
    const link = await server.link();
    const ann = party({ name: 'Ann', look: red, link });
    t.after(() => ann.stop('SIGKILL'));
    const obs = await openObs(t, { scenes: { [SCENE]: [], Other: [] } });
    const { remote } = obs;
    const kinds = {
      'a colour, which is nothing': { name: 'It', kind: 'color_source_v3',
        settings: { color: 0xff2828dc, width: 64, height: 64 } },
      'a guest': guest('It', link, '1'),
      'a pipeline': { name: 'It', kind: 'meshroom_pipeline', settings: {
        pipeline: `meshroom link=${link} name=room
          room. : meshview name=view labels=false
          view.video ! video.  view.audio ! audio.` } },
    };
    // Both are carried out before they are answered, the second one by the UI.
    const scene = sceneName =>
      remote.ask('SetCurrentProgramScene', { sceneName });
    const best = {};
    for (const [name, source] of Object.entries(kinds)) {
      const times = [];
      for (let i = 0; i < 5; i++) {
        await add(remote, source);
        await until('a picture', async () =>
          (await remote.picture('It')).width > 0 &&
          remote.picture('It').then(p => p.colour() !== null || i > 0));
        const start = now();
        await remote.ask('RemoveInput', { inputName: 'It' });
        await scene('Other');
        times.push(now() - start);
        await scene(SCENE);
        await until('it to be gone', async () =>
          !(await remote.ask('GetInputList')).inputs.length);
      }
      best[name] = Math.min(...times);
      console.log(`# without ${name}: ${times.map(Math.round).join(', ')} ms`);
    }
    const [usual, ...ours] = Object.values(best);
    ours.forEach(ms => assert.ok(ms <= usual + FRAME_MS, JSON.stringify(best)));
  });
