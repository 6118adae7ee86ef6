// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The figures of a call: what a participant that serves the room tells
 * Prometheus, and what a page shows of its connection with a pipeline.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import { openChromium, openFirefox } from './kit/browser.js';
import { looks } from './kit/media.js';
import { party } from './kit/pipeline.js';
import { until } from './kit/wait.js';

const [red, green] = looks;

/** Reads Prometheus' text: each metric's value, of those without labels. */
function read(text) {
  const values = {};
  for (const line of text.split('\n')) {
    const [, name, value] = line.match(/^meshroom_(\w+) (\S+)$/) ?? [];
    if (name) {
      assert.ok(!(name in values), `${name} is there twice`);
      assert.match(text, new RegExp(`^# TYPE meshroom_${name} `, 'm'));
      values[name] = Number(value);
    }
  }
  return values;
}

test('/metrics of a participant has the sums of its call', async t => {
  const host = party({ name: 'ada', look: red, serve: '127.0.0.1:0' });
  t.after(() => host.stop());
  const link = await host.waitLink();
  const { origin } = new URL(link);
  const get = async () =>
    read(await (await fetch(`${origin}/metrics`)).text());

  const alone = await get();
  assert.equal(alone.peers, 0);
  assert.equal(alone.sent_bits_per_second, 0);

  const guest = party({ name: 'bob', look: green, link });
  t.after(() => guest.stop());
  let figures;
  await until('figures of the call', async () => {
    figures = await get();
    return figures.peers === 1 && figures.sent_bits_per_second > 10000
      && figures.received_bits_per_second > 10000 && figures.rtt_seconds > 0;
  }, 60000, () => figures);
  assert.ok(figures.rtt_seconds < 10);
  assert.ok(figures.key_frames_sent_total >= 1);
  assert.equal(figures.peers_relayed, 0);
  assert.ok(figures.playout_delay_seconds < 10);
  for (const name of ['loss_sent_ratio', 'loss_received_ratio'])
    assert.ok(figures[name] >= 0 && figures[name] <= 1, name);
  for (const name of ['estimate_bits_per_second', 'freezes_total',
    'frozen_seconds_total', 'key_frames_asked_total'])
    assert.ok(figures[name] >= 0, name);

  await guest.stop();
  let after;
  await until('the guest to be gone', async () => {
    after = await get();
    return after.peers === 0;
  }, 60000, () => after);
  assert.equal(after.sent_bits_per_second, 0);
  // counters never go back
  assert.ok(after.key_frames_sent_total >= figures.key_frames_sent_total);
});

test('/metrics names nobody', async t => {
  const host = party({ name: 'ada', look: red, serve: '127.0.0.1:0',
    room: ['peer-id=0a000000-0000-4000-8000-000000000001'] });
  t.after(() => host.stop());
  const link = await host.waitLink();
  const guest = party({ name: 'bob', look: green, link,
    room: ['peer-id=0b000000-0000-4000-8000-000000000002'] });
  t.after(() => guest.stop());
  let text;
  await until('the two to be connected', async () => {
    text = await (await fetch(`${new URL(link).origin}/metrics`)).text();
    return read(text).peers === 1;
  }, 60000, () => text);
  assert.doesNotMatch(text, /ada|bob|0a000000|0b000000|127\.0\.0\.1/);
});

/** Opens the panel of the only tile, and returns what it says. */
const openPanel = ({ page }) => page.evaluate(() => {
  const button = document.querySelector('#grid .quality');
  if (!button?.checkVisibility())
    return null;
  if (button.getAttribute('aria-expanded') === 'false')
    button.click();
  return [button.getAttribute('aria-label'),
    ...[...button.parentElement.querySelectorAll('dd')]
      .map(row => row.textContent)];
});

for (const [name, open] of [['Chromium', openChromium],
  ['Firefox', openFirefox]]) {
  test(`${name} and a pipeline have figures of each other`, async t => {
    const host = party({ name: 'ada', look: red, serve: '127.0.0.1:0' });
    t.after(() => host.stop());
    const link = await host.waitLink();
    const browser = await open(green);
    t.after(() => browser.close());
    await browser.join(link);

    let figures;
    await until('figures of the browser', async () => {
      figures = read(await (await
        fetch(`${new URL(link).origin}/metrics`)).text());
      return figures.sent_bits_per_second > 10000
        && figures.estimate_bits_per_second > 10000
        && figures.received_bits_per_second > 10000
        && figures.rtt_seconds > 0;
    }, 60000, () => figures);
    assert.ok(figures.rtt_seconds < 10);
    assert.ok(figures.key_frames_sent_total >= 1);

    let panel;
    const isPicture = row => /^\d+\u00d7\d+, \d+ fps, /.test(row);
    await until('figures of the pipeline', async () => {
      panel = await openPanel(browser);
      return panel && isPicture(panel[3]) && isPicture(panel[4])
        && / ms$/.test(panel[1]);
    }, 60000, () => [panel, browser.log]);
    t.diagnostic(panel.join('; '));
    const [words, rtt, lost, , , path] = panel;
    assert.match(words, /^Connection with ada: (good|fair|poor)/);
    assert.match(rtt, /^(\d{1,4}|under 1) ms$/);
    assert.match(lost, /^\d{1,3} % of what comes, \d{1,3} % of what is sent$/);
    assert.equal(path, 'direct');
  });
}
