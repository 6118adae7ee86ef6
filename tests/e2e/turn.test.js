// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Calls with a real TURN server (coturn), in all spellings of its address and
 * credentials; and the warnings when it is down or rejects the credentials.
 */

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test from 'node:test';
import { Turn, hasTurn } from '../net/kit/turn.js';
import { openChromium } from './kit/browser.js';
import { looks } from './kit/media.js';
import { Pipeline } from './kit/pipeline.js';
import { Server } from './kit/server.js';
import { until } from './kit/wait.js';

/* This machine's address in the network namespace of the tests. */
const ADDRESS = '10.77.0.1';
const PATIENCE = 60000;
const skip = !hasTurn && 'coturn is not installed';

const pipeline = (...room) => new Pipeline(['meshroom', 'name=room', ...room,
  'audiotestsrc', 'is-live=true', '!', 'room.audio_sink']);

async function start(t) {
  const turn = new Turn(ADDRESS);
  const server = new Server();
  const parties = [];
  t.after(async () => {
    await Promise.all(parties.map(party => party.stop()));
    await server.stop();
    turn.stop();
  });
  await turn.ready();
  const link = await server.link();
  return { turn, join: (...room) => {
    parties.push(pipeline(`link=${link}`, ...room));
    return parties.at(-1);
  } };
}

/** User and password in the form of coturn's REST interface. */
function login(turn) {
  const user = `${Math.floor(Date.now() / 1000) + 3600}:mesh`;
  return [user, createHmac('sha1', turn.secret).update(user).digest('base64')];
}

const meet = async (...parties) => {
  for (const one of parties) {
    await until('somebody to be connected', () => one.messages.some(m =>
      m.name === 'meshroom-peer-added'), PATIENCE, () => one.output);
  }
};

for (const [how, spell] of [
  ['without //', (user, password, host) => `turn:${user}:${password}@${host}`],
  ['as GStreamer has it', (user, password, host) =>
    `turn://${user}:${password}@${host}?transport=udp`],
  ['over TCP', (user, password, host) =>
    `TURN:${user}:${password}@${host}/?transport=TCP`],
]) {
  test(`relayed, with credentials ${how} and not escaped`, { skip }, async t => {
    const { turn, join } = await start(t);
    const url = spell(...login(turn), turn.host);
    const options = [`turn-servers=<"${url}">`, 'ice-transport-policy=relay'];
    const ada = join(...options), bob = join(...options);
    await meet(ada, bob);
    for (const one of [ada, bob])
      assert.doesNotMatch(one.output, /TURN server/);
  });
}

test('what is wrong with a server is told, and the call goes on', { skip },
  async t => {
    const { turn, join } = await start(t);
    const [user, password] = login(turn);
    const urls = [`turn:${user}:hush@${turn.host}`,
      `turn:${user}:hush@${turn.host}?transport=tcp`,
      `turn:ann:hush@${ADDRESS}:9`, `turn:ann:hush@${ADDRESS}:9?transport=tcp`,
      'turn:ann:hush@10.77.0.99', 'turn:ann:hush@nowhere.invalid',
      `turn:${user}:${password}@${turn.host}`, 'garbage'];
    const ada = join('stun-server=stun:10.77.0.99',
      `turn-servers=<${urls.map(url => `"${url}"`).join()}>`);
    const bob = join();
    await meet(ada, bob);
    for (const words of [
      `TURN server turn:${turn.host}: it rejects the user and password`,
      `TURN server turn:${turn.host}?transport=tcp: it rejects the user`,
      `TURN server turn:${ADDRESS}:9: nobody listens there`,
      `TURN server turn:${ADDRESS}:9?transport=tcp: nobody listens there`,
      'TURN server turn:10.77.0.99:3478: no answer within',
      'STUN server stun:10.77.0.99:3478: no answer within',
      'TURN server turn:nowhere.invalid:3478: its name',
      'STUN or TURN server \\"garbage\\"']) {
      await until(words, () => ada.said(words) ||
        ada.said(words.replaceAll('\\', '')), PATIENCE, () => ada.output);
    }
    assert.doesNotMatch(ada.output.replace(/turn-servers=.*/g, ''), /hush/);
    assert.doesNotMatch(ada.output, /^ERROR/m);
  });

test('so is what is wrong with one that the room\'s server names', { skip },
  async t => {
    const turn = new Turn(ADDRESS);
    const server = new Server(['--turn', `turn:${turn.host}`, '--turn-secret',
      'another one', '--stun', `stun:${turn.host}`]);
    const ada = pipeline(`link=${await server.link()}`);
    t.after(async () => {
      await ada.stop();
      await server.stop();
      turn.stop();
    });
    await turn.ready();
    await until('the warning', () => ada.said(
      `TURN server turn:${turn.host}: it rejects the user and password`),
    PATIENCE, () => ada.output);
    assert.ok(!ada.said('STUN server'));
  });

test('a page that reaches nobody says which server does not serve it', { skip },
  async t => {
    const turn = new Turn(ADDRESS);
    const server = new Server(['--turn', `turn:ann:hush@${turn.host}`,
      '--stun', 'stun:nowhere.invalid']);
    const page = await openChromium(looks[0]);
    const link = await server.link();
    const bob = pipeline(`link=${link}`, 'ice-transport-policy=relay');
    t.after(async () => {
      await page.close();
      await bob.stop();
      await server.stop();
      turn.stop();
    });
    await turn.ready();
    await page.join(link);
    for (const words of [`turn:${turn.host}?transport=udp: it rejects the user`,
      'stun:nowhere.invalid:3478: it is not reached']) {
      await until(words, () => page.log.some(line => line.includes(words)),
        PATIENCE, () => page.log);
    }
    await until('the notice', () => page.page.evaluate(() =>
      document.getElementById('notices').innerText.includes(
        'it rejects the user and password.')), PATIENCE);
  });
