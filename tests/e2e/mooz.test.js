// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Calls with pages that call as mooz does, with both dialects of simple-peer:
 * four members of a room see and hear each other, whichever of them is the
 * host. MESH_LONG=1 tests every host with all combinations of joiners.
 */

import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import test from 'node:test';
import { openWindows } from './kit/browser.js';
import { looks } from './kit/media.js';
import { MoozApp, openRoom } from './kit/mooz.js';
import { Pipeline, party } from './kit/pipeline.js';
import { PusherService } from './kit/pusher.js';
import { Server } from './kit/server.js';
import { until } from './kit/wait.js';

const seats = looks.slice(0, 4);
const [, green, blue, yellow, magenta, cyan] = looks;
const PATIENCE = 90000;

const service = await new PusherService().listen();
const app = await new MoozApp(service).listen();
const account = { app: '7', key: 'our-key', secret: 'our-secret' };
const server = new Server(['--pusher-app',
  Object.values(account).join(':')]);
const ourApp = await new MoozApp({ ...account, url: await server.url() })
  .listen();
const windows = await openWindows(seats);

test.after(async () => {
  await windows[0].close();
  app.close();
  ourApp.close();
  service.close();
  await server.stop();
});

const pipeline = (name, look) => ({ name, look });
const page = (peer, seat) => ({ name: `page ${peer} (${seats[seat].colour})`,
  look: seats[seat], peer, party: windows[seat] });

/** Joins as host or not, in the room. */
async function enter(who, room, { host = false, via = app, api = host } = {}) {
  if (who.peer) {
    who.party.log.length = 0;
    await openRoom(who.party, via, room, { host, peer: who.peer });
  } else {
    who.party = party({ ...who, link: via.link(room, { api }),
      room: host ? [`peer-id=${room}`] : [] });
    if (host) {
      await until('the host to listen', () => via.messages.some(m =>
        m.from === room && m.type === 'joinroom'), PATIENCE,
      () => who.party.output);
    }
  }
}

/** Waits until all see and hear each other, except pairs that `but` names. */
async function allMeet(all, but = () => false) {
  for (const who of all) {
    for (const other of all.filter(o => o !== who && !but(who, o))) {
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

/** The pipeline's peer of a look. */
const sightOf = (who, look) =>
  [...who.party.sights.values()].find(s => s.colour === look.colour && !s.gone);

const ada = pipeline('ada', blue), bob = pipeline('bob', yellow);
const recent = page('9.11', 1), old = page('9.7', 0);

/** This test starts first, as it takes long until the host counts as gone. */
const orphaned = { room: randomUUID(), eve: pipeline('eve', cyan) };

test('a page hosts a call, and just goes', async () => {
  const { room, eve } = orphaned;
  await enter(old, room, { host: true, via: ourApp });
  await enter(eve, room, { via: ourApp });
  await allMeet([old, eve]);
  await leave(old);
});

const KINDS = ['9.7', '9.11', 'pipeline'];

/**
 * Each host, with three others that join in each order, and with each mix of
 * them at once. Connections of pages with each other are not tested.
 */
function everyCall() {
  const calls = [];
  const pick = order => {
    if (order.length < 4) {
      KINDS.forEach(kind => pick([...order, kind]));
    } else if (order.includes('pipeline')) {
      const ranks = order.slice(1).map(kind => KINDS.indexOf(kind));
      calls.push({ order });
      if (ranks.every((rank, i) => i === 0 || rank >= ranks[i - 1]))
        calls.push({ order, atOnce: true });
    }
  };
  pick([]);
  return calls.map((call, i) => ({ ...call, via: i % 2 ? ourApp : app }));
}

/** A selection in which each kind hosts, joins first and joins last. */
const someCalls = [
  { order: ['9.7', 'pipeline', '9.11', 'pipeline'], via: app },
  { order: ['pipeline', '9.11', '9.11', '9.7'], via: ourApp },
  { order: ['pipeline', '9.7', '9.11', 'pipeline'], via: app, atOnce: true },
  { order: ['9.11', '9.7', 'pipeline', 'pipeline'], via: ourApp, atOnce: true },
];

/** Describes a message in a line, without candidates, for a failure's text. */
const said = ({ at, type, from, to, data, shouldCall = [] }) =>
  [Math.round(at), type, data?.type, from.slice(0, 4), 'to', to.slice(0, 4),
    ...shouldCall.map(id => id.slice(0, 4))].filter(Boolean).join(' ');

for (const { order, atOnce, via } of process.env.MESH_LONG
  ? everyCall() : someCalls) {
  const [first, ...others] = order;
  const where = via === ourApp ? ', over our own server' : '';
  test(`${first} hosts, ${others.join(', ')} join ${
    atOnce ? 'all at once' : 'one after the other'}${where}`, async t => {
    const room = randomUUID();
    const all = order.map((kind, i) => kind === 'pipeline'
      ? pipeline(`pipeline (${seats[i].colour})`, seats[i]) : page(kind, i));
    t.after(() => Promise.all(all.map(who => who.party && leave(who))));
    const [host, ...joiners] = all;
    await enter(host, room, { host: true, via });
    if (atOnce) {
      via.gather(joiners.length);
      await Promise.all(joiners.map(who => enter(who, room, { via, api: true })));
    } else {
      for (const [i, who] of joiners.entries()) {
        await enter(who, room, { via });
        await allMeet(all.slice(0, i + 2));
      }
    }
    // A page that hosts names only members that have called, so two that ask at
    // once are not told of each other.
    const strangers = (a, b) =>
      atOnce && host.peer && a.peer && b.peer && a !== host && b !== host;
    await allMeet(all, strangers);
    for (const who of all) {
      const there = await faces(who);
      const known = all.filter(o => o !== who && !strangers(who, o)).length;
      assert.ok(there >= known && there <= 3, `${who.name} sees ${there}`);
      if (who.peer)
        assert.doesNotMatch(who.party.log.join('\n'), /thrown/, [
          who.name, ...who.party.log, ...via.messages.map(said)].join('\n'));
      else
        assert.doesNotMatch(who.party.output, /^ERROR/m);
    }
    assert.equal(service.refused, 0);
  });
}

test('what a page does in a call', async t => {
  const room = randomUUID();
  t.after(() => Promise.all([recent, old, ada].map(who => leave(who))));
  await enter(ada, room, { host: true });
  await openRoom(recent.party, app, room, { peer: '9.11' });

  await t.test('it asks twice, and there is one connection', async () => {
    await recent.party.page.evaluate(() => window.moozJoin());
    await allMeet([ada, recent]);
    assert.equal(await faces(ada), 1);
    assert.equal(await faces(recent), 1);
    assert.equal(await recent.party.page.evaluate(() =>
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
  await t.test('another one misses the answer, and is called', async () => {
    await openRoom(old.party, app, room, { peer: '9.7', patient: false });
    await allMeet([ada, old]);
  });
});

/* The members are pages only, since a pipeline would repair the room by calling
 * the newcomer. */
test('an answer that comes before its subscription is kept on our server',
  async t => {
    const room = randomUUID();
    t.after(() => Promise.all([recent, old].map(who => leave(who))));
    await enter(recent, room, { host: true, via: ourApp });
    ourApp.answersLast = true;
    t.after(() => { ourApp.answersLast = false; });
    await openRoom(old.party, ourApp, room, { peer: '9.7', late: true });
    await allMeet([recent, old]);
    assert.equal(await old.party.page.evaluate(() =>
      window.moozHeard.filter(type => type === 'roomreply').length), 1);
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

test('the room outlives a page that hosts it', async t => {
  const { room, eve } = orphaned;
  const dan = pipeline('dan', magenta);
  t.after(() => Promise.all([recent, eve, dan].map(who =>
    who.party && leave(who))));

  await t.test('who just goes is no ghost', async () => {
    await until('eve to be alone', () => faces(eve) === 0, PATIENCE,
      () => eve.party.summary());
  });
  await t.test('and newcomers are answered still', async () => {
    await enter(recent, room, { via: ourApp });
    await enter(dan, room, { via: ourApp });
    await allMeet([eve, recent, dan]);
  });
});
