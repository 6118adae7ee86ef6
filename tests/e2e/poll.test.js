// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * A network that lets no WebSocket through, in which a page and pipelines join
 * by long polling.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import { openChromium } from './kit/browser.js';
import { looks } from './kit/media.js';
import { party } from './kit/pipeline.js';
import { Proxy } from './kit/proxy.js';
import { Server } from './kit/server.js';
import { now, until } from './kit/wait.js';

const [red, green, blue] = looks;
/* After a refusal no other WebSocket is tried, neither before the call nor in
 * it. */
test('without WebSockets page and pipeline join at once', async t => {
  const server = new Server();
  const proxy = new Proxy(await server.url(), { upgrade: 'refuse' });
  const link = (await server.link()).replace(await server.url(),
    await proxy.url());
  const ada = party({ name: 'ada', look: red, link });
  const bob = {};
  const page = await openChromium(blue);
  t.after(async () => {
    await page.close();
    await bob.party?.stop('SIGKILL');
    await ada.stop('SIGKILL');
    proxy.close();
    await server.stop();
  });
  /* A browser that has just started is still busy. */
  await page.join(await proxy.url());
  await until('ada to be welcomed', () => proxy.upgrades > 0);

  await t.test('a page', async t => {
    const since = now();
    await page.join(link);
    await until('the page to join', async () =>
      await page.state() === 'in-call' && (await page.look()).length === 1 &&
      ada.faces === 1, 60000, () => [page.summary(), ada.output]);
    t.diagnostic(`the page joined after ${Math.round(now() - since)} ms`);
    assert.equal(proxy.upgrades, 2);
  });

  await t.test('a pipeline', async t => {
    const since = now();
    bob.party = party({ name: 'bob', look: green, link });
    await until('the pipeline to join', () => bob.party.faces === 2, 60000,
      () => bob.party.output);
    t.diagnostic(`the pipeline joined after ${Math.round(now() - since)} ms`);
    assert.equal(proxy.upgrades, 3);
  });

  await t.test('they see and hear each other', async () => {
    for (const [who, others] of [[ada, [green, blue]],
      [bob.party, [red, blue]], [page, [red, green]]]) {
      for (const look of others) {
        await until(`everybody to meet ${look.colour}`, () => who.meets(look),
          60000, () => who.summary());
      }
    }
    assert.equal(proxy.upgrades, 3);
  });

  await t.test('and who leaves is gone', async () => {
    await bob.party.stop();
    await until('bob to be gone', async () => ada.faces === 1 &&
      (await page.look()).length === 1, 30000, () => ada.summary());
    assert.doesNotMatch(ada.output, /^ERROR/m);
  });
});
