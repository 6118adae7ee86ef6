// SPDX-License-Identifier: LGPL-2.1-or-later

/** When sources go: what of it the call sees, and that OBS does not wait. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { looks } from '../e2e/kit/media.js';
import { party } from '../e2e/kit/pipeline.js';
import { Server } from '../e2e/kit/server.js';
import { until } from '../e2e/kit/wait.js';
import { arrivalsOf, departuresOf, guest } from './kit/guests.js';
import { noPlugin, openObs } from './kit/obs.js';

const [red, green] = looks;

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

test('OBS does not wait for a pipeline that cannot end', { skip: noPlugin },
  async t => {
    const obs = await openObs(t, { scenes: { [SCENE]: [], Other: [] } });
    const { remote } = obs;
    // A read from this pipe returns when its other end is closed.
    const path = join(obs.folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const pipe = openSync(path, 'r+');
    await add(remote, { name: 'It', kind: 'meshroom_pipeline', settings: {
      pipeline: `videotestsrc is-live=true pattern=solid-color
        foreground-color=${0xffdc2828} ! video.
        filesrc location=${path} ! fakesink async=false` } });
    await remote.waitColour('It', 'red');

    // Both are carried out before they are answered, the second one by the UI.
    await remote.ask('RemoveInput', { inputName: 'It' });
    await remote.ask('SetCurrentProgramScene', { sceneName: 'Other' });
    await until('it to be gone', async () =>
      !(await remote.ask('GetInputList')).inputs.length);
    const runs = () => obs.threads.includes('meshroom-pipe');
    assert.ok(runs());
    closeSync(pipe);
    await until('the pipeline to end', () => !runs());
    assert.equal((await obs.stop()).code, 0, obs.log);
  });
