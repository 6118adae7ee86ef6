// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Sends numbered datagrams, and tells what came back from an echo:
 *
 *   node volley.js ADDRESS PORT COUNT INTERVAL-MS
 *
 * writes [[NUMBER, MS], …] in the order of arrival, a second after the last.
 */

import { createSocket } from 'node:dgram';
import { fileURLToPath } from 'node:url';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

async function main([address, port, count, interval]) {
  const socket = createSocket('udp4');
  const sent = [];
  const back = [];
  socket.on('message', data => {
    const n = data.readUInt32BE();
    back.push([n, Math.round(performance.now() - sent[n])]);
  });
  for (let n = 0; n < Number(count); n++) {
    const data = Buffer.alloc(200);
    data.writeUInt32BE(n);
    sent.push(performance.now());
    socket.send(data, Number(port), address);
    await new Promise(done => setTimeout(done, Number(interval)));
  }
  setTimeout(() => {
    console.log(JSON.stringify(back));
    socket.close();
  }, 1000);
}

/**
 * A volley from within a namespace to an echo of the test's own.
 * @param {string[]} within
 * @param {string} address where the echo is
 * @param {number} count
 * @returns {Promise<[number, number][]>}
 */
export async function volley(within, address, count, interval = 5) {
  const echo = createSocket('udp4', (data, from) =>
    echo.send(data, from.port, from.address));
  await new Promise(done => echo.bind(0, address, done));
  const [command, ...args] = [...within, process.execPath,
    fileURLToPath(import.meta.url), address, String(echo.address().port),
    String(count), String(interval)];
  const { stdout } = await promisify(execFile)(command, args);
  echo.close();
  return JSON.parse(stdout);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await main(process.argv.slice(2));
