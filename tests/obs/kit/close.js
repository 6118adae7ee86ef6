// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Closes a window as its X button does, where there is no window manager to
 * have one: a few bytes of the X protocol.
 */

import { once } from 'node:events';
import { connect } from 'node:net';

const OP = { internAtom: 16, sendEvent: 25 };
const CLIENT_MESSAGE = 33;
const pad = n => n + 3 & ~3;

/** Waits for an answer of a size that its head tells. */
async function read(socket, head, size) {
  for (;;) {
    const data = socket.read(head);
    if (data) {
      const rest = size(data);
      for (let more; rest; await once(socket, 'readable')) {
        more = socket.read(rest);
        if (more)
          break;
      }
      return data;
    }
    await once(socket, 'readable');
  }
}

async function internAtom(socket, name) {
  const request = Buffer.alloc(8 + pad(name.length));
  request[0] = OP.internAtom;
  request.writeUInt16LE(request.length / 4, 2);
  request.writeUInt16LE(name.length, 4);
  request.write(name, 8);
  socket.write(request);
  return (await read(socket, 32, () => 0)).readUInt32LE(8);
}

/**
 * @param {string} display as `:7`
 * @param {number} window
 */
export async function closeWindow(display, window) {
  const socket = connect(`/tmp/.X11-unix/X${display.slice(1)}`);
  const hello = Buffer.alloc(12);
  hello.write('l');
  hello[2] = 11;
  socket.write(hello);
  const welcome = await read(socket, 8, head => head.readUInt16LE(6) * 4);
  if (welcome[0] !== 1)
    throw new Error('the screen lets nobody in');
  const type = await internAtom(socket, 'WM_PROTOCOLS');
  const what = await internAtom(socket, 'WM_DELETE_WINDOW');
  const request = Buffer.alloc(44);
  request[0] = OP.sendEvent;
  request.writeUInt16LE(request.length / 4, 2);
  request.writeUInt32LE(window, 4);
  request[12] = CLIENT_MESSAGE;
  request[13] = 32;
  [window, type, what].forEach((value, i) =>
    request.writeUInt32LE(value, 16 + i * 4));
  socket.end(request);
  await once(socket, 'close');
}
