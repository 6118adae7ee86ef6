// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * A member that is a browser in a network namespace. The driver of a browser
 * must be in the same network, so this file runs there as well:
 *
 *   node page-party.js chromium|firefox LOOK LINK
 *
 * opens the room's page, and writes a line with the sights and sounds of the
 * others a few times a second, until its stdin ends.
 */

import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { openChromium, openFirefox } from '../../e2e/kit/browser.js';
import { start } from '../../e2e/kit/children.js';
import { isTone, looks } from '../../e2e/kit/media.js';
import { pause } from '../../e2e/kit/wait.js';

/** A browser that trusts a server without TLS, as browsers trust localhost:
 *  otherwise its page may use neither camera nor cryptography. */
function openTrusting(kind, look, { origin, hostname }) {
  if (kind === 'chromium') {
    return openChromium(look, { args: ['--no-proxy-server',
      `--unsafely-treat-insecure-origin-as-secure=${origin}`] });
  }
  return openFirefox(look, { prefs: { 'network.proxy.type': 0,
    'dom.securecontext.allowlist': hostname,
    'media.devices.insecure.enabled': true } });
}

/** The path of the connection with each of the others, by name. */
const readPaths = () => Object.fromEntries(
  [...document.querySelectorAll('[data-path]')].map(tile =>
    [tile.querySelector('.name').textContent, tile.dataset.path]));

/** The notices of the page. */
const readNotices = () => [...document.querySelectorAll('#notices p')]
  .map(line => line.textContent);

async function main([kind, look, link]) {
  const browser = await openTrusting(kind, looks[Number(look)],
    new URL(link));
  let over = false;
  process.stdin.on('end', () => { over = true; }).resume();
  browser.page.setDefaultNavigationTimeout(60000);
  await browser.join(link);
  while (!over) {
    console.log(JSON.stringify({ sights: await browser.look(),
      paths: await browser.page.evaluate(readPaths),
      notices: await browser.page.evaluate(readNotices),
      log: browser.log.slice(-5) }));
    await pause(300);
  }
  await browser.close();
  process.exit();
}

export class PageParty {
  newest = { sights: [], paths: {}, notices: [], log: [] };
  output = '';

  /**
   * @param {string} name
   * @param {'chromium' | 'firefox'} kind
   * @param {object} look
   * @param {string} link
   * @param {string[]} within
   */
  constructor(name, kind, look, link, within) {
    this.name = name;
    this.look = look;
    const [command, ...args] = [...within, process.execPath,
      fileURLToPath(import.meta.url), kind, String(looks.indexOf(look)), link];
    this.process = start(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    createInterface({ input: this.process.stdout })
      .on('line', line => { this.newest = JSON.parse(line); });
    createInterface({ input: this.process.stderr })
      .on('line', line => { this.output += line + '\n'; });
  }

  meets(look) {
    return this.newest.sights.some(s =>
      s.colour === look.colour && isTone(s.hz, look.hz));
  }

  summary() {
    return [this.newest, this.output.slice(-500)];
  }

  async stop() {
    this.process.stdin.end();
    if (this.process.exitCode === null && !this.process.signalCode)
      await once(this.process, 'exit');
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await main(process.argv.slice(2));
