// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Pipelines whose environment names a proxy: this machine is reached without
 * the proxy, others through it, and errors name the proxy without its password.
 */

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { Pipeline } from './kit/pipeline.js';
import { Server } from './kit/server.js';
import { Tunnel } from './kit/tunnel.js';
import { until } from './kit/wait.js';

const PATIENCE = 60000;
const KEY = 'AAECAwQFBgcICQoLDA0ODw';

const pipeline = (env, ...room) => new Pipeline(['meshroom', 'name=room',
  ...room, 'audiotestsrc', 'is-live=true', '!', 'room.audio_sink'], { env });

const added = who => who.messages.some(m => m.name === 'meshroom-peer-added');

const meets = async (...parties) => {
  for (const one of parties) {
    await until('somebody to be connected', () => added(one), PATIENCE,
      () => one.output);
  }
};

async function start(t, options) {
  const server = new Server(['--pusher-app', '7:k:s']);
  const tunnel = new Tunnel(await server.url(), options);
  const parties = [];
  t.after(async () => {
    await Promise.all(parties.map(party => party.stop()));
    tunnel.close();
    await server.stop();
  });
  const env = await tunnel.environment();
  return { server, tunnel, join: (...room) => {
    parties.push(pipeline(env, ...room));
    return parties.at(-1);
  } };
}

/* 10.77.0.1 is this machine's address in the network namespace of the tests. */
for (const address of ['127.0.0.1', '0.0.0.0', '10.77.0.1']) {
  test(`what serves at ${address} is reached without the proxy`, async t => {
    const { tunnel, join } = await start(t, { tunnels: 'refuse' });
    const ada = join(`serve=${address}:0`);
    const bob = join(`link=${await ada.waitLink()}`);
    await meets(ada, bob);
    assert.deepEqual(tunnel.asked, []);
  });
}

test('so is a service for Pusher\'s clients', async t => {
  const { server, tunnel, join } = await start(t, { tunnels: 'refuse' });
  const { port } = new URL(await server.url());
  const link = `link=pusher://k@localhost:${port}/${randomUUID()}` +
    '?app=7&secret=s';
  await meets(join(link), join(link));
  assert.deepEqual(tunnel.asked, []);
});

test('others are reached through a tunnel, by WebSocket', async t => {
  const { tunnel, join } = await start(t);
  const link = `link=http://meet.example/room/${randomUUID()}#${KEY}`;
  await meets(join(link), join(link));
  assert.ok(tunnel.asked.includes('CONNECT meet.example:80'), tunnel.asked);
  assert.ok(!tunnel.asked.some(line => line.includes('/v1/poll')));
  assert.ok(tunnel.asked.some(line => line.includes('/v1/ice')));
});

test('a proxy that makes no tunnel is used by requests', async t => {
  const { tunnel, join } = await start(t,
    { tunnels: 'refuse', requests: 'pass' });
  const link = `link=http://meet.example/room/${randomUUID()}#${KEY}`;
  await meets(join(link), join(link));
  assert.ok(tunnel.asked.some(line => line.includes('/v1/poll')));
});

for (const [tunnels, words] of [['refuse', /not allowed/],
  ['password', /authentication/], ['hang', /no answer/]]) {
  for (const scheme of ['http', 'https']) {
    test(`an error names the proxy: ${tunnels}, ${scheme}`, async t => {
      const { tunnel, join } = await start(t, { tunnels });
      const ada = join(`link=${scheme}://meet.example/room/${randomUUID()}`);
      await until('its end', () => ada.exited, PATIENCE, () => ada.output);
      const [line] = ada.output.match(/could not reach meet\.example.*/) ?? [];
      assert.ok(line?.includes(`through the proxy ${tunnel.place}: `),
        ada.output);
      assert.match(line, words);
      assert.doesNotMatch(ada.output, /geheim|CRITICAL/);
    });
  }
}

test('an error names the proxy of a service for Pusher\'s clients', async t => {
  const { tunnel, join } = await start(t, { tunnels: 'refuse' });
  const ada = join(`link=pusher://k@meet.example:6001/${randomUUID()}` +
    '?api=http://meet.example');
  await until('its end', () => ada.exited, PATIENCE, () => ada.output);
  assert.match(ada.output, new RegExp(`through the proxy ${tunnel.place}: `));
  assert.doesNotMatch(ada.output, /geheim|CRITICAL/);
});

test('an error names a proxy that is not there', async t => {
  const { tunnel, join } = await start(t);
  const { place } = tunnel;
  tunnel.close();
  const ada = join(`link=http://meet.example/room/${randomUUID()}#${KEY}`);
  await until('its end', () => ada.exited, PATIENCE, () => ada.output);
  assert.match(ada.output,
    new RegExp(`could not reach meet.example.*through the proxy ${place}: `));
});
