// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Relays to compare ours with: `ws`, the smallest possible one with that
 * library, and `peerjs`, PeerJS' own server.
 */

const listening = port =>
  console.log(`listening on http://127.0.0.1:${port}`);

if (process.argv[2] === 'peerjs') {
  const { PeerServer } = await import('peer');
  PeerServer({ host: '127.0.0.1', port: 0, path: '/', concurrent_limit: 1e6,
    alive_timeout: 600000 },
    server => listening(server.address().port));
} else {
  const { WebSocketServer } = await import('ws');
  const members = new Map();
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0,
    backlog: 512 }, () => listening(server.address().port));
  server.on('connection', (socket, request) => {
    const id = new URL(request.url, 'http://x').searchParams.get('id');
    members.set(id, socket);
    socket.on('message', data => {
      const { to, payload } = JSON.parse(data);
      members.get(to)?.send(JSON.stringify({ from: id, payload }));
    });
    socket.on('close', () => members.delete(id));
    socket.on('error', () => {});
  });
}
