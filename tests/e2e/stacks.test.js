// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Other implementations of WebRTC in a room with pipelines: sound and picture
 * both ways, whoever of the two offers.
 */

import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { looks } from './kit/media.js';
import { MoozApp } from './kit/mooz.js';
import { party } from './kit/pipeline.js';
import { PusherService } from './kit/pusher.js';
import { Libwebrtc } from './kit/stack.js';
import { until } from './kit/wait.js';

const [red, green, blue] = looks;
const PATIENCE = 60000;

const service = await new PusherService().listen();
const app = await new MoozApp(service).listen();
test.after(() => {
  app.close();
  service.close();
  // libwebrtc's threads would keep the process for ever
  setTimeout(() => process.exit(), 500).unref();
});

async function meet(one, other) {
  await until(`${one.name} to meet ${other.name}`,
    () => one.party.meets(other.look), PATIENCE, () => one.party.summary());
}

for (const [name, Stack] of [['libwebrtc', Libwebrtc]]) {
  test(`${name} is called, and calls`, async t => {
    const room = randomUUID();
    const link = app.link(room);
    const ada = { name: 'ada', look: red };
    const bob = { name: 'bob', look: green };
    const stack = { name, look: blue };
    t.after(async () => {
      stack.party?.close();
      await Promise.all([ada, bob].map(who => who.party?.stop()));
    });
    ada.party = party({ ...ada, link, room: [`peer-id=${room}`] });
    await until('the host to listen', () => app.messages.some(m =>
      m.from === room && m.type === 'joinroom'), PATIENCE,
    () => ada.party.output);
    stack.party = new Stack(app, room, blue);
    await meet(ada, stack);
    await meet(stack, ada);
    bob.party = party({ ...bob, link });
    await meet(bob, stack);
    await meet(stack, bob);
    await meet(stack, ada);
  });
}
