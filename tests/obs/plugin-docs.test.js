// SPDX-License-Identifier: LGPL-2.1-or-later

/** Each line, pipeline and request of docs/obs-plugin.md, word for word. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { looks } from '../e2e/kit/media.js';
import { party } from '../e2e/kit/pipeline.js';
import { Server } from '../e2e/kit/server.js';
import { until } from '../e2e/kit/wait.js';
import { readDocument } from './kit/document.js';
import { arrivalsOf, guest } from './kit/guests.js';
import { noPlugin, openObs } from './kit/obs.js';

const [red] = looks;

/** A shell's lines in somebody's home, and in a checkout that was built. */
function shell(lines, home, checkout) {
  return execFileSync('sh', ['-euc', lines], { cwd: checkout,
    env: { PATH: process.env.PATH, HOME: home }, encoding: 'utf8' });
}

test('who follows the document has the plugin, a pipeline, and its requests',
  { skip: noPlugin }, async t => {
    const document = readDocument('docs/obs-plugin.md');
    const blocks = kind => document.flatMap(c => c.blocks)
      .filter(b => b.kind === kind).map(b => b.text);
    const [steps, ...moreSteps] = blocks('sh');
    const [pipeline, ...morePipelines] = blocks('text');
    const [sourceStatus, start, ...moreRequests] = blocks('json')
      .map(text => JSON.parse(text));
    assert.deepEqual([moreSteps, morePipelines, moreRequests, blocks('')],
      [[], [], [], []], 'nothing is left out here');

    const checkout = mkdtempSync(join(tmpdir(), 'mesh-checkout-'));
    t.after(() => rmSync(checkout, { recursive: true }));
    symlinkSync(process.env.MESH_BUILD_ROOT, join(checkout, 'build'));
    const lines = steps.trim().split('\n');
    const [, path] = lines.pop().match(/^GST_PLUGIN_PATH=(\S+) obs$/);
    const paths = shell(`echo "${path}"`, '/', checkout).trim();

    const server = new Server();
    t.after(() => server.stop('SIGKILL'));
    const link = await server.link();
    const ada = party({ name: 'Ada', look: red, link });
    t.after(() => ada.stop('SIGKILL'));
    const obs = await openObs(t, {
      scenes: { Scene: [guest('Ada', link, 'Ada'), { name: 'Call',
        kind: 'meshroom_pipeline',
        settings: { pipeline: pipeline.replace('LINK', link) } }] },
      env: { GST_PLUGIN_PATH: paths, GST_PLUGIN_PATH_1_0: undefined },
      install: home => shell(lines.join('\n'), home, checkout),
    });
    const { remote } = obs;
    await remote.waitColour('Ada', 'red', { timeout: 60000 });
    await remote.waitLevel('Call', true, 60000);
    await until('both to be in the call', () =>
      arrivalsOf(ada, 'Studio').length && arrivalsOf(ada, 'OBS').length);

    const send = async ({ requestType, requestData }) =>
      (await remote.ask(requestType, requestData)).responseData;
    const { status, failing } = await send(sourceStatus);
    assert.match(status, /^Showing Ada/);
    assert.equal(failing, false);

    const ready = new Promise(done => remote.on('VendorEvent', e =>
      e.eventType === 'link-ready' && done(e.eventData.link)));
    assert.deepEqual(await send(start), { started: true });
    const own = await ready;
    const vendor = requestType => send({ requestType: 'CallVendorRequest',
      requestData: { vendorName: 'meshroom', requestType } });
    const watcher = party({ name: 'watcher', look: red, link: own });
    t.after(() => watcher.stop('SIGKILL'));
    await until('the programme to be in its room', () =>
      arrivalsOf(watcher, 'Studio').length, 60000, () => watcher.messages);
    const now = await vendor('status');
    assert.deepEqual([now.running, now.failing, now.link],
      [true, false, own]);
    const row = document.flatMap(c => c.text.match(/^\| `status` .*$/m) ?? [])
      .join();
    for (const key of [...Object.keys(now), ...Object.keys(now.peers[0])])
      assert.ok(row.includes(`\`${key}\``), `${key} is not in the document`);
    assert.deepEqual(await vendor('stop'), { stopped: true });
  });
