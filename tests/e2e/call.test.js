// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * A whole call with real parties: three pipelines, Chromium and Firefox in one
 * room. Everybody sees and hears everybody; people leave, die and arrive, and
 * the rest never pause.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import { openChromium, openFirefox } from './kit/browser.js';
import { looks } from './kit/media.js';
import { party } from './kit/pipeline.js';
import { now, until } from './kit/wait.js';

const [red, green, blue, yellow, magenta, cyan] = looks;

/** Returns after how many ms `who` saw and heard everybody in `others`. */
async function meetingTime(who, others, since, timeout) {
  for (const look of others) {
    await until(`${who.name} to meet ${look.colour}`,
      () => who.party.meets(look), timeout, () => who.party.summary());
  }
  return now() - since;
}

/** Waits until all in `all` have met; returns the time of the last, in ms. */
async function allMeet(all, since, timeout = 60000) {
  const times = await Promise.all(all.map(who => meetingTime(who,
    all.filter(other => other !== who).map(other => other.look), since,
    timeout)));
  return Math.max(...times);
}

/** The silence after which a peer is taken for gone (docs/protocol.md). */
const SILENCE_MS = 4000;

const faces = who => who.party.countFaces?.() ?? who.party.faces;

/** Waits until everybody in `all` sees exactly the others. */
async function noGhosts(all, timeout) {
  for (const who of all) {
    await until(`${who.name} to see ${all.length - 1}`,
      async () => await faces(who) === all.length - 1, timeout,
      () => who.party.summary());
  }
}

/** When a page's videos of the others began, in the order of `others`. */
async function beginnings(who, others) {
  const sights = await who.party.look();
  return others.map(other =>
    sights.find(sight => sight.colour === other.look.colour)?.first);
}

/** How many peer-added or peer-removed messages a pipeline has posted. */
const told = (who, what) =>
  who.party.messages.filter(m => m.name === `meshroom-peer-${what}`).length;

/** Asserts that no stream between the members of `all` has paused. */
async function assertNoPause(all) {
  for (const who of all) {
    for (const other of all.filter(o => o !== who)) {
      const { video, audio } = await who.party.pauses(other.look);
      assert.ok(Math.max(video, audio) < SILENCE_MS,
        `${who.name} waited ${video} and ${audio} ms for ${other.name}: ` +
        JSON.stringify(who.party.summary()));
    }
  }
}

test('a call of three pipelines, Chromium and Firefox', async t => {
  const ada = { name: 'ada', look: red };
  const bob = { name: 'bob', look: green };
  const cleo = { name: 'cleo', look: blue };
  const chromium = { name: 'chromium', look: yellow };
  const firefox = { name: 'firefox', look: magenta };
  const dan = { name: 'dan', look: cyan };
  const everybody = [ada, bob, cleo, chromium, firefox];
  t.after(async () => {
    await firefox.party?.close();
    await chromium.party?.close();
    for (const who of [dan, cleo, bob, ada])
      await who.party?.stop('SIGKILL');
  });

  ada.party = party({ ...ada, serve: '127.0.0.1:0' });
  const link = await ada.party.waitLink();
  chromium.party = await openChromium(yellow);
  firefox.party = await openFirefox(magenta);
  await chromium.party.settle();
  await firefox.party.settle();

  await t.test('four join at once, and all meet, each for the first time',
    async t => {
      const since = now();
      bob.party = party({ ...bob, link });
      cleo.party = party({ ...cleo, link });
      await Promise.all([chromium.party.join(link), firefox.party.join(link)]);
      const took = await allMeet(everybody, since);
      t.diagnostic(`all five had met after ${Math.round(took)} ms`);
      await noGhosts(everybody, 60000);
      for (const who of [ada, bob, cleo]) {
        assert.deepEqual([told(who, 'added'), told(who, 'removed')], [4, 0],
          who.party.output);
      }
    });

  await t.test('one leaves, one dies, one joins: the rest go on', async t => {
    const stay = [ada, chromium, firefox];
    const pages = [[chromium, [ada, firefox]], [firefox, [ada, chromium]]];
    const before = await Promise.all(pages.map(page => beginnings(...page)));
    await Promise.all(stay.map(who => who.party.mark()));
    const since = now();
    cleo.party.signal('SIGKILL');
    dan.party = party({ ...dan, link });
    await bob.party.stop();
    const took = await allMeet([...stay, dan], since);
    t.diagnostic(`the sixth had met the rest after ${Math.round(took)} ms`);
    await noGhosts([...stay, dan], 60000);
    t.diagnostic(`no ghost after ${Math.round(now() - since)} ms`);
    await assertNoPause(stay);
    assert.deepEqual([told(ada, 'added'), told(ada, 'removed')], [5, 2],
      ada.party.output);
    assert.deepEqual(
      await Promise.all(pages.map(page => beginnings(...page))), before);
  });

  await t.test('nobody complained', () => {
    for (const who of [ada, bob, cleo, dan].filter(who => who.party)) {
      assert.doesNotMatch(who.party.output, /^ERROR/m);
      assert.doesNotMatch(who.party.output, /CRITICAL/);
    }
  });
});

test('who serves tells browsers of its own STUN and TURN servers', async t => {
  const host = party({ name: 'host', look: red, serve: '127.0.0.1:0',
    room: ['stun-server=stun://127.0.0.1:9',
      'turn-servers=<"turn://u:p@127.0.0.1:9?transport=tcp","turns://none">'] });
  t.after(() => host.stop());
  const { origin } = new URL(await host.waitLink());
  const answer = await (await fetch(`${origin}/v1/ice`)).json();
  assert.deepEqual(answer, { iceServers: [{ urls: 'stun:127.0.0.1:9' },
    { urls: 'turn:127.0.0.1:9?transport=tcp', username: 'u',
      credential: 'p' }] });
});
