// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * node tests/net/kit/tunnel.js PATH in PORT
 * node tests/net/kit/tunnel.js PATH out HOST PORT
 *
 * Both ends of a tunnel for TCP through a Unix socket, which reaches from one
 * network namespace into another where no packet does, as ssh's does from one
 * machine to another. Says "ready" when it can be used.
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
