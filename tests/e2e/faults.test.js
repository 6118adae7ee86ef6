// SPDX-License-Identifier: LGPL-2.1-or-later

/** A fault of one member, or with one peer, must not disturb the others. */

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { randomBytes, randomUUID } from 'node:crypto';
import test from 'node:test';
import { looks } from './kit/media.js';
import { party, Pipeline } from './kit/pipeline.js';
import { Member, Server, WireTap } from './kit/server.js';
import { assertUndisturbed } from './kit/steady.js';
import { until } from './kit/wait.js';

const [red, green, blue] = looks;

/** Few and small frames, so that three parties are no load. */
const FPS = 10;
const cheap = { fps: FPS, size: [160, 120] };

async function meet(a, look, timeout = 60000) {
  await until(`${look.colour} to be met`, () => a.meets(look), timeout,
    () => [a.summary(), a.output]);
}

/** Connects two pipelines, which end with the test. */
async function pair(t, link, room) {
  const a = party({ name: 'ada', look: red, link, room, ...cheap });
  const b = party({ name: 'bob', look: green, link, room, ...cheap });
  a.look = red;
  b.look = green;
  t.after(() => Promise.all([a.stop('SIGKILL'), b.stop('SIGKILL')]));
  await meet(a, green);
  await meet(b, red);
  return [a, b];
}

/** Waits for more frames between the two of a pair, by which time any fault
 *  between them has shown. */
async function seeMore([a, b], seconds) {
  const sights = [a.sight(b.look), b.sight(a.look)];
  const enough = sights.map(sight => sight.video.frames + seconds * FPS);
  await until('more frames',
    () => sights.every((sight, i) => sight.video.frames >= enough[i]), 60000,
    () => [a.summary(), b.summary()]);
}

async function serve(t, args, env) {
  const server = new Server(args, env);
  t.after(() => server.stop());
  await server.url();
  return server;
}

const errors = p => p.output.match(/^ERROR: from element/gm)?.length ?? 0;
const warnings = p => p.output.match(/^WARNING: from element.*$/gm) ?? [];

test('a process that is stopped costs the others no frame', async t => {
  const server = await serve(t);
  const link = await server.link();
  const [a, b] = await pair(t, link);
  const c = party({ name: 'cleo', look: blue, link, ...cheap });
  t.after(() => c.stop('SIGKILL'));
  await meet(a, blue);
  await meet(b, blue);
  await meet(c, red);
  await assertUndisturbed([a, b], FPS, async () => {
    c.signal('SIGSTOP');
    await until('cleo to be gone', () => a.faces === 1 && b.faces === 1, 60000,
      () => a.summary());
  });
  c.signal('SIGCONT');
  await meet(a, blue);
  await meet(b, blue);
});

test('a member that never answers costs the others no frame', async t => {
  const server = await serve(t);
  const link = await server.link({ key: false });
  const pipes = await pair(t, link);
  await assertUndisturbed(pipes, FPS, async () => {
    const mute = new Member(link);
    t.after(() => mute.close());
    const { members } = await mute.hear('welcome');
    members.filter(id => id !== mute.id).forEach(id => mute.say(id,
      { type: 'call', sid: `${mute.inc}-1`, codecs: ['VP8'] }));
    await mute.hear('signal');
    await mute.hear('bye', 60000);      // the attempt timed out
  });
});

test('a swapped fingerprint is refused, and the peer is named', async t => {
  const server = await serve(t);
  const swap = text => text.replace(/(a=fingerprint:sha-256 )(..)/g,
    (_, head, byte) => head + (byte === '00' ? '01' : '00'));
  const tap = new WireTap(await server.url(),
    (text, way) => way === 'down' ? swap(text) : text);
  t.after(() => tap.close());
  const path = new URL(await server.link({ key: false })).pathname;
  const a = party({ name: 'ada', look: red, link: await tap.url() + path });
  t.after(() => a.stop('SIGKILL'));
  const b = party({ name: 'bob', look: green,
    link: await server.url() + path, room: ['peer-id=' + randomUUID()] });
  t.after(() => b.stop('SIGKILL'));
  const id = b.process.spawnargs.find(a => a.startsWith('peer-id=')).slice(8);
  await until('a warning about the fingerprint', () =>
    warnings(a).some(w => /certificate|fingerprint/i.test(w) && w.includes(id)), 20000,
    () => a.output);
  assert.equal(a.faces, 0, 'ada sees bob');
  assert.equal(b.faces, 0, 'bob sees ada');
  assert.equal(a.exited, null);
});

test('with a wrong key there is no connection, and both are told', async t => {
  const server = await serve(t);
  const link = await server.link();
  const wrong = link.replace(/#.*/,
    '#' + randomBytes(16).toString('base64url'));
  const [a, b] = await pair(t, link);
  const eve = party({ name: 'eve', look: blue, link: wrong });
  t.after(() => eve.stop('SIGKILL'));
  for (const who of [a, eve]) {
    await until('a warning about the key', () =>
      warnings(who).some(w => /key/i.test(w)), 20000, () => who.output);
  }
  await seeMore([a, b], 3);
  assert.equal(eve.faces, 0);
  assert.equal(a.faces, 1);
});

test('the server\'s log of a call holds no SDP, address or key', async t => {
  const server = await serve(t, [], { G_MESSAGES_DEBUG: 'all' });
  const link = await server.link();
  const [a] = await pair(t, link);
  await a.stop();
  await server.stop();
  const key = new URL(link).hash.slice(1);
  assert.ok(!server.output.includes(key), 'the key is in the log');
  for (const secret of [/a=/, /candidate/i, /fingerprint/i, /ufrag/i,
    /10\.77\.0\.1/, /"box"/, /"sdp"/])
    assert.doesNotMatch(server.output, secret);
});

test('a party that is killed and started again has its id back', async t => {
  const server = await serve(t);
  const link = await server.link();
  const room = [`peer-id=${randomUUID()}`];
  const guest = party({ name: 'guest', look: red, link });
  t.after(() => guest.stop('SIGKILL'));
  const first = party({ name: 'first', look: green, link, room });
  t.after(() => first.stop('SIGKILL'));
  await meet(guest, green, 60000);
  await first.stop('SIGKILL');
  const second = party({ name: 'second', look: blue, link, room });
  t.after(() => second.stop('SIGKILL'));
  await meet(guest, blue, 60000);
  await meet(second, red, 60000);
  assert.ok(second.said('trying again'), second.output);
  assert.equal(second.exited, null);
});

test('a bad link, no server and a refusal are one clear error', async t => {
  const server = await serve(t);
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const closed = gone.address().port;
  gone.close();
  const taken = new Member(await server.link({ key: false }));
  t.after(() => taken.close());
  await taken.hear('welcome');
  const cases = {
    'no link at all': ['link=nonsense'],
    'nobody listens': [
      `link=http://127.0.0.1:${closed}/room/${randomUUID()}`],
    'the id is taken': [`peer-id=${taken.id}`,
      `link=${await server.url()}/room/${taken.room}`],
  };
  for (const [name, properties] of Object.entries(cases)) {
    await t.test(name, async () => {
      const p = new Pipeline(['meshroom', ...properties,
        'videotestsrc', 'is-live=true', '!', 'fakesink']);
      t.after(() => p.stop('SIGKILL'));
      await until('the pipeline to give up', () => p.exited, 60000,
        () => p.output);
      assert.equal(errors(p), 1, p.output);
      assert.notEqual(p.exited.code, 0);
    });
  }
});

const junk = ['', 'junk', '[]', '{', '{"seq":"x"}', '{"seq":-1,"from":7}',
  '{"seq":1e300,"from":"x","payload":[]}', '{"type":"welcome"}',
  '{"type":"nobody knows"}', '"\\ud800"', '\u0000', '['.repeat(5000)];

test('junk from the server is a warning, and the call goes on', async t => {
  const server = await serve(t);
  const tap = new WireTap(await server.url());
  t.after(() => tap.close());
  const path = new URL(await server.link()).pathname;
  const link = await tap.url() + path + '#' +
    randomBytes(16).toString('base64url');
  const pipes = await pair(t, link);
  await assertUndisturbed(pipes, FPS, async () => {
    junk.forEach(text => tap.inject(text));
    await until('a warning', () => warnings(pipes[0]).length > 0, 10000,
      () => pipes[0].output);
    await seeMore(pipes, 2);
  });
  pipes.forEach(p => assert.equal(errors(p), 0, p.output));
});

test('junk from a peer is a warning, and the call goes on', async t => {
  const server = await serve(t);
  const link = await server.link({ key: false });
  const pipes = await pair(t, link);
  const rude = new Member(link);
  t.after(() => rude.close());
  const { members } = await rude.hear('welcome');
  const sid = `${rude.inc}-1`;
  const bad = [
    { type: 'call', sid: 7 },
    { type: 'roomreply', shouldCall: 'everybody' },
    { type: 'signal', sid, data: { type: 'offer', sdp: 'v=0' } },
    { type: 'state', name: 'x'.repeat(5000) },
    { type: 'chat', text: 5 },
  ];
  await assertUndisturbed(pipes, FPS, async () => {
    for (const id of members.filter(m => m !== rude.id)) {
      bad.forEach(message => rude.say(id, message));
      rude.send(id, { type: 'joinroom', from: members[0], to: id });
      // An unusable answer to a real offer.
      rude.say(id, { type: 'call', sid, codecs: ['VP8'] });
    }
    const offer = await rude.hear('signal');
    rude.say(offer.from, { type: 'signal', sid,
      data: { type: 'answer', sdp: 'v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 200' } });
    await until('a warning', () => warnings(pipes[0]).length > 0, 10000,
      () => pipes[0].output);
    await seeMore(pipes, 2);
  });
  pipes.forEach(p => assert.equal(errors(p), 0, p.output));
});
