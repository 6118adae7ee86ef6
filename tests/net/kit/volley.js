// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Sends numbered datagrams, and reports those that an echo sends back:
 *
 *   node volley.js ADDRESS PORT COUNT INTERVAL-MS
 *
 * writes [[NUMBER, MS], …] in the order of arrival, a second after the last.
 *
 *   node volley.js ADDRESS
 *
 * is an echo, which prints its port.
 */

import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { start } from '../../e2e/kit/children.js';

function echoAt(address) {
  const echo = createSocket('udp4', (data, from) =>
    echo.send(data, from.port, from.address));
  return new Promise(done => echo.bind(0, address, () => done(echo)));
}

async function main([address, port, count, interval]) {
  if (!port)
    return console.log((await echoAt(address)).address().port);
  const socket = createSocket('udp4');
  const sent = [];
  const back = [];
  let quiet = null;
  socket.on('message', data => {
    const n = data.readUInt32BE();
    back.push([n, Math.round(performance.now() - sent[n])]);
    quiet?.refresh();
  });
  for (let n = 0; n < Number(count); n++) {
    const data = Buffer.alloc(200);
    data.writeUInt32BE(n);
    sent.push(performance.now());
    socket.send(data, Number(port), address);
    await new Promise(done => setTimeout(done, Number(interval)));
  }
  // Datagrams may be lost, so it is not known which of them is the last.
  quiet = setTimeout(() => {
    console.log(JSON.stringify(back));
    socket.close();
  }, 1000);
}

const self = fileURLToPath(import.meta.url);

/** Starts an echo in a namespace. Returns its port and a function to end it. */
async function echoWithin([command, ...args], address) {
  const child = start(command, [...args, process.execPath, self, address],
    { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  return { port: line, close: () => child.kill() };
}

/**
 * Sends a volley from a namespace to an echo that this function starts.
 * @param {string[]} within
 * @param {string} address of the echo
 * @param {number} count
 * @param {number} [interval] ms
 * @param {string[]} [there] the namespace of the echo, if it has one
 * @returns {Promise<[number, number][]>}
 */
export async function volley(within, address, count, interval = 5, there) {
  const echo = there ? await echoWithin(there, address) : await echoAt(address);
  const [command, ...args] = [...within, process.execPath, self, address,
    String(echo.port ?? echo.address().port), String(count), String(interval)];
  const { stdout } = await promisify(execFile)(command, args);
  echo.close();
  return JSON.parse(stdout);
}

if (process.argv[1] === self)
  await main(process.argv.slice(2));
