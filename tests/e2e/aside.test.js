// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * A connection that has fallen silent is set aside: it goes on beside another
 * attempt, and ends once that is connected. The test is between a page and a
 * pipeline, which have code of their own for it.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import { openChromium } from './kit/browser.js';
import { looks } from './kit/media.js';
import { party } from './kit/pipeline.js';
import { Server } from './kit/server.js';
import { until } from './kit/wait.js';

const [red, green] = looks;
const PATIENCE = 60000;

const server = new Server();
test.after(() => server.stop());

/** Records all connections that the page makes. */
function keepConnections() {
  const Plain = window.RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Plain {
    constructor(...args) {
      super(...args);
      window.connections.push(this);
    }
  };
}

test('a page that misses a pipeline for a while has one connection with it ' +
    'after', async t => {
  const link = await server.link();
  const chromium = await openChromium(red,
    { args: ['--allow-loopback-in-peer-connection'] });
  t.after(() => chromium.close());
  await chromium.page.evaluateOnNewDocument(keepConnections);
  const ada = party({ name: 'Ada', look: green, link });
  t.after(() => ada.stop('SIGKILL'));
  const wait = (what, look) => until(what, look, PATIENCE,
    async () => [await chromium.summary(), ada.summary(), chromium.log]);
  const countOpen = () => chromium.page.evaluate(() => window.connections
    .filter(({ signalingState: state }) => state !== 'closed').length);
  const meet = () => wait('the two to meet', async () =>
    await chromium.meets(green) && ada.meets(red));
  const frames = async () => [(await chromium.look())[0].frames,
    [...ada.sights.values()][0].video.frames];

  await chromium.join(link);
  await meet();
  await wait('one connection', async () => await countOpen() === 1);
  ada.signal('SIGSTOP');
  await wait('another one beside it', async () => await countOpen() === 2);
  assert.equal(await chromium.countFaces(), 1);
  ada.signal('SIGCONT');
  await wait('one connection to be left', async () => await countOpen() === 1);
  const before = await frames();
  await wait('frames to go both ways', async () =>
    (await frames()).every((n, i) => n > before[i] + 10));
  await meet();
  assert.equal(await chromium.countFaces(), 1);
  assert.equal(ada.messages.filter(({ name }) =>
    name === 'meshroom-peer-added').length, 1);
  assert.doesNotMatch(ada.output, /^ERROR/m);
});
