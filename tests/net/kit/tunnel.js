// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * node tests/net/kit/tunnel.js PATH in PORT
 * node tests/net/kit/tunnel.js PATH out HOST PORT
 *
 * One end of a TCP tunnel through a Unix socket, which connects two network
 * namespaces that exchange no packets, as a tunnel of ssh connects machines.
 * Prints "ready" when it can be used.
 */

import net from 'node:net';

const [path, way, ...rest] = process.argv.slice(2);
const target = way === 'in' ? [path] : [Number(rest[1]), rest[0]];
const listen = way === 'in' ? [Number(rest[0]), '127.0.0.1'] : [path];

net.createServer(near => {
  const far = net.connect(...target);
  for (const [a, b] of [[near, far], [far, near]]) {
    a.on('error', () => b.destroy());
    a.on('close', () => b.destroy());
    a.pipe(b);
  }
}).listen(...listen, () => console.log('ready'));
