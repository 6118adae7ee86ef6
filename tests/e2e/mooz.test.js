// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Calls with pages that call as mooz does, of both of simple-peer's dialects:
 * four parties in a room, whoever hosts it, see and hear each other.
 */

import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import test from 'node:test';
import { openChromium } from './kit/browser.js';
import { looks } from './kit/media.js';
import { MoozApp, openRoom } from './kit/mooz.js';
import { Pipeline, party } from './kit/pipeline.js';
import { PusherService } from './kit/pusher.js';
import { Server } from './kit/server.js';
import { until } from './kit/wait.js';

const [red, green, blue, yellow, magenta, cyan] = looks;
const PATIENCE = 90000;

const service = await new PusherService().listen();
const app = await new MoozApp(service).listen();
const account = { app: '7', key: 'our-key', secret: 'our-secret' };
const server = new Server(['--pusher-app',
  Object.values(account).join(':')]);
const ourApp = await new MoozApp({ ...account, url: await server.url() })
  .listen();
const pages = {
  '9.7': { name: 'page 9.7', look: red, peer: '9.7',
    party: await openChromium(red) },
  '9.11': { name: 'page 9.11', look: green, peer: '9.11',
    party: await openChromium(green) },
};

test.after(async () => {
  for (const page of Object.values(pages))
    await page.party.close();
  app.close();
  ourApp.close();
  service.close();
  await server.stop();
});

const old = pages['9.7'], recent = pages['9.11'];
const pipeline = (name, look) => ({ name, look });

/** Joins as host or not, in the room. */
async function enter(who, room, host, via = app) {
  if (who.peer) {
    await openRoom(who.party, via, room, { host, peer: who.peer });
  } else {
    who.party = party({ ...who, link: via.link(room, { api: host }),
      room: host ? [`peer-id=${room}`] : [] });
    if (host) {
      await until('the host to listen', () => via.messages.some(m =>
        m.from === room && m.type === 'joinroom'), PATIENCE,
      () => who.party.output);
    }
  }
}

async function allMeet(all) {
  for (const who of all) {
    for (const other of all.filter(o => o !== who)) {
      await until(`${who.name} to meet ${other.name}`,
        () => who.party.meets(other.look), PATIENCE, () => who.party.summary());
    }
  }
}

const faces = who => who.party.countFaces?.() ?? who.party.faces;

async function leave(who) {
  if (who.party instanceof Pipeline)
    await who.party.stop();
  else
    await who.party.page.goto('about:blank');
}

/** The pipeline's view of a look. */
const sightOf = (who, look) =>
  [...who.party.sights.values()].find(s => s.colour === look.colour && !s.gone);

const ada = pipeline('ada', blue), bob = pipeline('bob', yellow);

for (const { order, via = app } of [
  { order: [old, ada, recent, bob] },
  { order: [recent, old, bob, ada] },
  { order: [ada, recent, bob, old] },
  { order: [bob, old, recent, ada], via: ourApp },
]) {
  const names = order.map(who => who.name).join(', ') +
    (via === ourApp ? ', over our own server' : '');
  test(`a call of ${names}, hosted by the first`, async t => {
    const room = randomUUID();
    const there = [];
    t.after(() => Promise.all(order.map(who => who.party && leave(who))));
    for (const who of order) {
      await enter(who, room, there.length === 0, via);
      there.push(who);
      if (there.length !== 3)
        await allMeet(there);
    }
    for (const who of there)
      assert.equal(await faces(who), 3, `${who.name} sees three`);
    for (const page of [old, recent])
      assert.doesNotMatch(page.party.log.join('\n'), /thrown/);
    assert.equal(service.refused, 0);
    for (const who of [ada, bob])
      assert.doesNotMatch(who.party.output, /^ERROR/m);
  });
}

test('the room outlives a page that hosts it', async t => {
  const room = randomUUID();
  const dan = pipeline('dan', cyan);
  t.after(() => Promise.all([old, recent, ada, dan].map(who =>
    who.party && leave(who))));
  await enter(old, room, true);
  await enter(ada, room);
  await allMeet([old, ada]);

  await t.test('who just goes is no ghost', async () => {
    await leave(old);
    await until('ada to be alone', () => faces(ada) === 0, PATIENCE,
      () => ada.party.summary());
  });
  await t.test('and newcomers are answered still', async () => {
    await enter(recent, room);
    await enter(dan, room);
    await allMeet([ada, recent, dan]);
  });
});

test('what a page does in a call', async t => {
  const room = randomUUID();
  t.after(() => Promise.all([recent, ada].map(who => leave(who))));
  await enter(ada, room, true);
  await openRoom(recent.party, app, room, { peer: '9.11' });

  await t.test('it asks twice, and there is one connection', async () => {
    await recent.party.page.evaluate(() => window.moozJoin());
    await allMeet([ada, recent]);
    assert.equal(await faces(ada), 1);
    assert.equal(await faces(recent), 1);
    const { page } = recent.party;
    assert.equal(await page.evaluate(() =>
      window.moozSent.filter(m => m.type === 'call').length), 1);
  });
  await t.test('it mutes itself, and back', async () => {
    const { page } = recent.party;
    const loud = () => sightOf(ada, green).audio.level > 0.01;
    await until('its tone', loud, PATIENCE);
    await page.evaluate(() => {
      window.moozStream.getAudioTracks()[0].enabled = false;
    });
    await until('silence', () => !loud(), PATIENCE);
    await page.evaluate(() => {
      window.moozStream.getAudioTracks()[0].enabled = true;
    });
    await until('its tone again', loud, PATIENCE);
  });
  await t.test('it shares another picture with replaceTrack', async () => {
    await recent.party.page.evaluate(rgb => {
      const canvas = document.createElement('canvas');
      canvas.width = 480;
      canvas.height = 320;
      const draw = canvas.getContext('2d');
      let n = 0;
      setInterval(() => {
        draw.fillStyle = `rgb(${rgb.join()})`;
        draw.fillRect(0, 0, 480, 320);
        draw.fillRect(n++ % 32, 0, 4, 4);
      }, 66);
      const [track] = window.moozStream.getVideoTracks();
      const [another] = canvas.captureStream(15).getVideoTracks();
      for (const peer of window.moozPeers.values())
        peer.replaceTrack(track, another, window.moozStream);
    }, magenta.rgb);
    await until('the other picture', () => sightOf(ada, magenta), PATIENCE,
      () => ada.party.summary());
    assert.equal(await faces(ada), 1);
  });
});

test('a page that misses the answer is called all the same', async t => {
  const room = randomUUID();
  t.after(() => Promise.all([old, ada].map(who => leave(who))));
  await enter(ada, room, true);
  await openRoom(old.party, app, room, { peer: '9.7', patient: false });
  await allMeet([ada, old]);
});

test('pipelines alone seal what they say, and the service may cut them off',
  async t => {
    const room = randomUUID();
    const link = app.link(room, { api: false }) + '#' +
      randomBytes(16).toString('base64url');
    const cleo = pipeline('cleo', cyan), dan = pipeline('dan', magenta);
    const join = who => { who.party = party({ ...who, link }); };
    t.after(() => Promise.all([ada, bob, cleo, dan].map(who =>
      who.party && leave(who))));
    const before = service.messages.length;
    [ada, bob].forEach(join);
    await allMeet([ada, bob]);

    await t.test('a cut is not noticed in the call', async () => {
      service.cut(4200);
      join(cleo);
      await allMeet([ada, bob, cleo]);
      for (const who of [ada, bob])
        assert.doesNotMatch(who.party.output, /meshroom-peer-removed/);
    });
    await t.test('the first leaves, and another one is let in', async () => {
      await leave(ada);
      join(dan);
      await allMeet([bob, cleo, dan]);
      for (const who of [bob, cleo, dan])
        assert.equal(await faces(who), 2);
    });
    await t.test('everything was sealed', () => {
      const sent = service.messages.slice(before);
      assert.ok(sent.length > 0);
      assert.deepEqual([...new Set(sent.map(m => m.type))], ['sealed']);
    });
  });
