// SPDX-License-Identifier: LGPL-2.1-or-later

/** plugins/obs: the people of a call, each a source of OBS. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { looks } from '../e2e/kit/media.js';
import { Pipeline, party } from '../e2e/kit/pipeline.js';
import { Server } from '../e2e/kit/server.js';
import { until } from '../e2e/kit/wait.js';
import { arrivalsOf, departuresOf, guest } from './kit/guests.js';
import { freePort, noPlugin, openObs } from './kit/obs.js';

const [red, green, blue] = looks;

async function status(remote, source) {
  const { responseData } = await remote.ask('CallVendorRequest', {
    vendorName: 'meshroom', requestType: 'source-status',
    requestData: { source } });
  return responseData.status ?? responseData.error;
}

const waitStatus = (remote, name, pattern) => until(
  `the status of ${name} to be ${pattern}`,
  async () => pattern.test(await status(remote, name)), 20000,
  () => status(remote, name));

/** How often OBS has gone, as this party was told. */
const departures = pipeline => departuresOf(pipeline, 'Studio');

const watch = (t, pipeline) => {
  t.after(() => pipeline.stop('SIGKILL'));
  return pipeline;
};

test('a call of three, and two of them are sources', { skip: noPlugin },
  async t => {
    const port = await freePort();
    const listen = ['--listen', `127.0.0.1:${port}`];
    let server = new Server(listen);
    t.after(() => server.stop('SIGKILL'));
    const link = await server.link();

    // Who sends nothing takes no seat.
    watch(t, new Pipeline(['meshroom', `link=${link}`,
      'display-name=Watcher']));
    const join = (name, look) => watch(t, party({ name, look, link }));
    const ann = join('Ann', red);
    await until('Ann to be in', () => ann.said('meshroom-peer-added'));
    let bob = join('Bob', green);
    await until('Bob to see Ann', () => bob.meets(red));

    const obs = await openObs(t, {
      scenes: {
        Call: [guest('first', link, '1', [0, 0, 320, 360]),
          guest('bob', link, 'bob', [320, 0, 320, 360])],
        Away: [],
      },
      collections: { Other: { Only: [guest('again', link, '1')] } },
    });
    const { remote } = obs;
    const shows = async () => {
      await remote.waitColour('Call', 'red', { part: [0, 0, 0.5, 1] });
      await remote.waitColour('Call', 'green', { part: [0.5, 0, 0.5, 1] });
      await remote.waitLevel('first');
      await remote.waitLevel('bob');
    };
    await t.test('each is seen and heard in a source of their own', async () => {
      await shows();
      await waitStatus(remote, 'first', /^Showing Ann \(1\)/);
      await waitStatus(remote, 'bob', /^Showing Bob \(2\)/);
      await until('Ann to see one participant for both sources', () =>
        arrivalsOf(ann, 'Studio').length === 1, 5000, () => ann.messages);
    });

    await t.test('who leaves and returns is back in the same source',
      async () => {
        await bob.stop();
        await remote.waitLevel('bob', false);
        await until('a placeholder', async () =>
          !(await remote.picture('bob')).isPlain());
        await waitStatus(remote, 'bob', /^Waiting for bob/);
        bob = join('Bob', green);
        await shows();
        await waitStatus(remote, 'bob', /^Showing Bob \(2\)/);
      });

    await t.test('who crashes and returns is, too', async () => {
      await bob.stop('SIGKILL');
      bob = join('Bob', green);
      await until('the new Bob to be shown', async () =>
        (await remote.picture('bob')).colour() === 'green' &&
        (remote.levels.get('bob') ?? 0) > 0.01);
      await waitStatus(remote, 'bob', /^Showing Bob/);
    });

    await t.test('scenes come and go, the call stays', async () => {
      const before = departures(ann);
      for (let i = 0; i < 10; i++) {
        await remote.ask('SetCurrentProgramScene', { sceneName: 'Away' });
        await remote.ask('SetCurrentProgramScene', { sceneName: 'Call' });
      }
      await shows();
      assert.equal(departures(ann), before);
    });

    await t.test('items are hidden and shown, the call stays', async () => {
      const before = departures(ann);
      const { sceneItems } =
        await remote.ask('GetSceneItemList', { sceneName: 'Call' });
      for (const sceneItemEnabled of [false, true, false, true]) {
        for (const { sceneItemId } of sceneItems)
          await remote.ask('SetSceneItemEnabled',
            { sceneName: 'Call', sceneItemId, sceneItemEnabled });
      }
      await shows();
      assert.equal(departures(ann), before);
    });

    await t.test('so do collections', async () => {
      const before = departures(ann);
      for (const [name, source] of [['Other', 'again'], ['Test', 'first']]) {
        await obs.changeCollection(name);
        await remote.waitColour(source, 'red');
        await remote.waitLevel(source);
      }
      await shows();
      assert.equal(departures(ann), before);
    });

    await t.test('the server dies and returns', async () => {
      const before = departures(ann);
      await server.stop('SIGKILL');
      await shows();
      server = new Server(listen);
      await server.url();
      await shows();
      const carl = join('Carl', blue);
      await remote.ask('SetInputSettings', { inputName: 'first',
        inputSettings: { guest: 'Carl' } });
      await remote.waitColour('first', 'blue');
      await carl.stop();
      await remote.ask('SetInputSettings', { inputName: 'first',
        inputSettings: { guest: '1' } });
      await shows();
      assert.equal(departures(ann), before, JSON.stringify(ann.messages));
    });

    await t.test('OBS ends, says goodbye, and leaks nothing', async () => {
      const before = departures(ann);
      const end = await obs.stop();
      assert.equal(end.code, 0, obs.log);
      assert.equal(end.leaks, obs.baseline, obs.log);
      await until('Ann to be told', () => departures(ann) > before);
    });
  });

test('what is wrong is said in words', { skip: noPlugin }, async t => {
  const server = new Server();
  t.after(() => server.stop('SIGKILL'));
  const link = await server.link();
  const obs = await openObs(t, { scenes: {
    Call: [guest('nowhere', '', '1'), guest('wrong', 'not a link', '1')] } });
  const { remote } = obs;
  await waitStatus(remote, 'nowhere', /^Enter the link/);
  const set = (inputName, inputSettings) =>
    remote.ask('SetInputSettings', { inputName, inputSettings });

  // Set right, it joins without more ado; our own side is the call's.
  await set('wrong', { link });
  await waitStatus(remote, 'wrong', /^Waiting for guest 1/);
  await set('nowhere', { link });
  await waitStatus(remote, 'nowhere', /^Waiting for guest 1/);
  await set('wrong', { muted: true, name: 'Stage' });
  await until('the other one to know', async () => {
    const { inputSettings } =
      await remote.ask('GetInputSettings', { inputName: 'nowhere' });
    return inputSettings.muted && inputSettings.name === 'Stage';
  });

  // An open dialog is filled anew at each change, on the thread that says it.
  await remote.ask('OpenInputPropertiesDialog', { inputName: 'wrong' });
  const ann = watch(t, party({ name: 'Ann', look: red, link }));
  await waitStatus(remote, 'wrong', /^Showing Ann/);
  await ann.stop();
  await waitStatus(remote, 'wrong', /^Waiting for guest 1/);
  for (const studioModeEnabled of [true, false])
    await remote.ask('SetStudioModeEnabled', { studioModeEnabled });
  assert.equal(obs.child.exited, null, obs.log);
});
