// SPDX-License-Identifier: LGPL-2.1-or-later

/** Browsers behind gateways, and pipelines behind others (MESH_LONG=1). */

import assert from 'node:assert/strict';
import test from 'node:test';
import { looks } from '../e2e/kit/media.js';
import { until } from '../e2e/kit/wait.js';
import { CallLab, PATIENCE, explain, meet } from './kit/call.js';
import { SERVER, within } from './kit/lab.js';
import { isDirect } from './kit/nat.js';
import { PageParty } from './kit/page-party.js';
import { Turn, hasTurn } from './kit/turn.js';

const why = (!hasTurn && 'coturn is not installed') ||
  (!process.env.MESH_LONG && 'MESH_LONG is not set');

const pipeKinds = ['open', 'port-restricted', 'symmetric'];
const pageKinds = ['port-restricted', 'symmetric', 'no UDP'];

/* The members, each in a kind of network of its own. Pipelines have properties
 * for STUN and TURN, pages get the servers from meshroom-server. */
for (const kind of ['chromium', 'firefox']) {
  test(`${kind} and pipelines connect through gateways`, { skip: why },
    async t => {
      let turn;
      const pages = [];
      t.after(() => Promise.all(pages.map(p => p.stop())));
      const lab = await CallLab.open(t, () => {
        turn = new Turn(SERVER);
        t.after(() => turn.stop());
        return turn.serverOptions;
      });
      await turn.ready();
      const room = [`stun-server=${turn.stun}`, `turn-servers=${turn.turn}`];
      const pipes = pipeKinds.map((network, i) => lab.join(network, looks[i],
        lab.place(`pipe${i}`, network), { room }));
      pages.push(...pageKinds.map((network, i) =>
        new PageParty(`${kind}, ${network}`, kind, looks[3 + i], lab.link,
          within(lab.place(`page${i}`, network).space))));
      const everybody = [...pipes, ...pages];
      await meet(everybody, everybody, 2 * PATIENCE);
      await until('the paths to be known', () => pages.every(page =>
        pipes.every(pipe => page.newest.paths[pipe.name])), PATIENCE,
      explain(...pages));
      pages.forEach((page, i) => {
        const { paths } = page.newest;
        t.diagnostic(`${page.name}: ${pipes.map(({ name }) =>
          `${name} ${paths[name]}`).join(', ')}`);
        for (const { name } of pipes) {
          if (!isDirect(pageKinds[i], name))
            assert.equal(paths[name], 'relay', `${page.name} and ${name}`);
        }
      });
    });
}
