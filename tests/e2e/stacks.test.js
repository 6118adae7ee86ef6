// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Other implementations of WebRTC in a room with pipelines: sound and picture
 * go both ways, whichever end offers, with mooz's signalling and with ours,
 * which is sealed.
 */

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { promisify } from 'node:util';
import { looks } from './kit/media.js';
import { MoozMember, RoomMember } from './kit/members.js';
import { MoozApp } from './kit/mooz.js';
import { party } from './kit/pipeline.js';
import { PusherService } from './kit/pusher.js';
import { Server } from './kit/server.js';
import { Aiortc, Libwebrtc, Werift } from './kit/stack.js';
import { until } from './kit/wait.js';

const [red, green, blue] = looks;
const PATIENCE = 60000;

const service = await new PusherService().listen();
const app = await new MoozApp(service).listen();
const server = new Server();
test.after(async () => {
  app.close();
  service.close();
  await server.stop();
  // libwebrtc's threads would keep the process alive for ever
  setTimeout(() => process.exit(), 500).unref();
});

async function meet(one, other) {
  await until(`${one.name} to meet ${other.name}`,
    () => one.party.meets(other.look), PATIENCE, () => one.party.summary());
}

/** The kinds of rooms: the pipelines' properties, and the other member. */
const mooz = {
  name: "in mooz's way",
  async open() {
    const room = randomUUID(), link = app.link(room);
    return { link, host: [`peer-id=${room}`],
      listens: () => app.messages.some(m =>
        m.from === room && m.type === 'joinroom'),
      join: stack => new MoozMember(stack, app, room) };
  },
};
const ours = {
  name: 'in ours, sealed',
  async open() {
    const link = await server.link();
    const metrics = new URL('/metrics', link);
    return { link, host: [],
      listens: async () => /^meshroom_members [1-9]/m.test(
        await (await fetch(metrics)).text()),
      join: stack => new RoomMember(stack, link) };
  },
};

const aiortc = await promisify(execFile)('/usr/bin/python3',
  ['-c', 'import aiortc']).then(() => true, () => false);

for (const [name, Stack, short, missing] of [
  ['libwebrtc', Libwebrtc, mooz], ['werift', Werift, ours],
  ['aiortc', Aiortc, ours, !aiortc && 'python3-aiortc is not installed']]) {
  for (const way of [mooz, ours]) {
    const skip = missing || way !== short && !process.env.MESH_LONG &&
      'MESH_LONG is not set';
    test(`${name} is called, and calls, ${way.name}`, { skip }, async t => {
      const { link, host, listens, join } = await way.open();
      const ada = { name: 'ada', look: red };
      const bob = { name: 'bob', look: green };
      const stack = { name, look: blue };
      t.after(async () => {
        stack.party?.close();
        await Promise.all([ada, bob].map(who => who.party?.stop()));
      });
      ada.party = party({ ...ada, link, room: host });
      await until('the host to listen', listens, PATIENCE,
        () => ada.party.output);
      stack.party = join(new Stack(blue));
      await meet(ada, stack);
      await meet(stack, ada);
      bob.party = party({ ...bob, link });
      await meet(bob, stack);
      await meet(stack, bob);
      await meet(stack, ada);
    });
  }
}
