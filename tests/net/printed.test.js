// SPDX-License-Identifier: LGPL-2.1-or-later

/** The addresses that a server prints can be opened from other machines. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { Server } from '../e2e/kit/server.js';
import { Pipeline } from '../e2e/kit/pipeline.js';
import { until } from '../e2e/kit/wait.js';
import { PUBLIC, sh, within } from './kit/lab.js';

/* Two machines on one cable, which are made anew for each test. */
function machines(t, { ipv4 = true, ipv6 = true } = {}) {
  const tag = randomUUID().slice(0, 4);
  const [here, there] = [`here${tag}`, `there${tag}`];
  sh(`ip netns add ${here}
    ip netns add ${there}
    ip -n ${here} link set lo up
    ip -n ${there} link set lo up
    ip -n ${here} link add docker0 type bridge
    ip -n ${here} link set docker0 up
    ip -n ${here} link add eth0 type veth peer name eth0 netns ${there}
    ip -n ${here} link set eth0 up
    ip -n ${there} link set eth0 up`);
  t.after(() => sh(`ip netns del ${here}; ip netns del ${there}`));
  if (ipv4) {
    sh(`ip -n ${here} addr add 172.17.0.1/16 dev docker0
      ip -n ${here} addr add ${PUBLIC}.1/24 dev eth0
      ip -n ${there} addr add ${PUBLIC}.2/24 dev eth0
      ip -n ${here} route add default via ${PUBLIC}.2`);
  }
  if (ipv6) {
    sh(`ip -n ${here} addr add fd17::1/64 dev docker0 nodad
      ip -n ${here} addr add 2001:db8::1/64 dev eth0 nodad
      ip -n ${there} addr add 2001:db8::2/64 dev eth0 nodad
      ip -n ${here} route add default via 2001:db8::2`);
  }
  return { here, there };
}

/* Starts meshroom-server in a namespace, and waits until it listens. */
async function serve(t, space, ...options) {
  const server = new Server(options, {}, within(space));
  t.after(() => server.stop());
  await server.url();
  return server;
}

/* Whether a page can be loaded from an address in a namespace. */
function opens(space, url) {
  const [command, ...args] = [...within(space), process.execPath, '-e',
    `fetch(${JSON.stringify(url)}).then(a => process.exit(a.ok ? 0 : 1))`];
  execFileSync(command, args, { timeout: 60000,
    env: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0' } });
  return true;
}

const urls = server =>
  [...server.output.matchAll(/^(?:listening|also) on (.*)$/mg)]
    .map(found => new URL(found[1]));

for (const [what, families, listen, expected] of [
  ['0.0.0.0', {}, '0.0.0.0:0', [`${PUBLIC}.1`]],
  ['[::]', {}, '[::]:0', [`${PUBLIC}.1`, '[2001:db8::1]']],
  ['*', {}, '*:0', [`${PUBLIC}.1`, '[2001:db8::1]']],
  ['an interface', {}, 'eth0:0', [`${PUBLIC}.1`, '[2001:db8::1]']],
  ['[::] with IPv6 alone', { ipv4: false }, '[::]:0', ['[2001:db8::1]']],
  ['[::] with IPv4 alone', { ipv6: false }, '[::]:0', [`${PUBLIC}.1`]],
]) {
  test(`${what} is printed as others reach it`, async t => {
    const { here, there } = machines(t, families);
    const server = await serve(t, here, '--listen', listen);
    await until('all lines', () => urls(server).length >= expected.length);
    assert.deepEqual(urls(server).map(url => url.hostname), expected);
    for (const url of urls(server))
      assert.ok(opens(there, new URL('/healthz', url).href), url.href);
  });
}

test('where only IPv6 leads out, 0.0.0.0 is called useless', async t => {
    const { here } = machines(t, { ipv4: false });
    const server = await serve(t, here, '--listen', '0.0.0.0:0');
    await until('the advice', () => server.output.includes('*:PORT'));
  });

test('a certificate names every address that is printed', async t => {
    const { here, there } = machines(t);
    const server = await serve(t, here, '--listen', '*:0', '--tls-self-signed');
    await until('both lines', () => urls(server).length === 2);
    for (const url of urls(server)) {
      const host = url.hostname.replace(/[[\]]/g, '');
      const names = execFileSync('sh', ['-c', `${within(there).join(' ')} \
        openssl s_client -connect ${url.host} </dev/null 2>/dev/null |
        openssl x509 -noout -checkip ${host} -checkhost localhost`],
      { encoding: 'utf8' });
      assert.match(names, /IP .* does match/);
      assert.match(names, /localhost does match/);
    }
  });

test('the link of serve= is one that others can open', async t => {
  const { here, there } = machines(t);
  const p = new Pipeline(['meshroom', 'name=room', 'serve=0.0.0.0:0',
    'audiotestsrc', 'is-live=true', '!', 'room.audio_sink'],
  { within: within(here) });
  t.after(() => p.stop('SIGKILL'));
  const link = new URL(await p.waitLink());
  assert.equal(link.hostname, `${PUBLIC}.1`);
  assert.ok(opens(there, link.href));
});
