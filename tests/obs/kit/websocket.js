// SPDX-License-Identifier: LGPL-2.1-or-later

/** What obs-websocket, protocol 5, is asked and tells by itself. */

import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import WebSocket from 'ws';
import { until } from '../../e2e/kit/wait.js';
import { readPpm } from './picture.js';

/** Every event but those that come all the time, and the volume meters. */
const EVENTS = 0x7ff | 1 << 16;

const OP = { hello: 0, identify: 1, identified: 2, event: 5, request: 6,
  response: 7 };

const hash = text => createHash('sha256').update(text).digest('base64');

/** Emits each event of OBS by its name. */
export class Remote extends EventEmitter {
  /** the newest level of each input, 0 to 1 @type {Map<string, number>} */
  levels = new Map();
  #waiting = new Map();
  #last = 0;

  /** @param {string} address as `ws://127.0.0.1:4455` */
  static async connect(address, password = '') {
    const remote = new Remote();
    remote.socket = new WebSocket(address, 'obswebsocket.json',
      { maxPayload: 1 << 27 });
    remote.password = password;
    remote.socket.on('message', data => remote.#take(JSON.parse(data)));
    remote.socket.on('close', () => remote.#fail('the connection is closed'));
    remote.socket.on('error', error => remote.#fail(error.message));
    await once(remote, 'ready');
    return remote;
  }

  #take({ op, d }) {
    if (op === OP.hello) {
      const secret = d.authentication && hash(
        hash(this.password + d.authentication.salt) +
        d.authentication.challenge);
      this.socket.send(JSON.stringify({ op: OP.identify, d: { rpcVersion: 1,
        eventSubscriptions: EVENTS, authentication: secret } }));
    } else if (op === OP.identified) {
      this.emit('ready');
    } else if (op === OP.event) {
      if (d.eventType === 'InputVolumeMeters')
        this.#hear(d.eventData.inputs);
      this.emit(d.eventType, d.eventData);
    } else if (op === OP.response) {
      const { resolve, reject } = this.#waiting.get(d.requestId);
      const { result, code, comment = '' } = d.requestStatus;
      this.#waiting.delete(d.requestId);
      if (result)
        resolve(d.responseData ?? {});
      else
        reject(new Error(`${d.requestType}: ${code} ${comment}`));
    }
  }

  /** A channel's levels: its magnitude, its peak, and that before gain. */
  #hear(inputs) {
    this.levels = new Map(inputs.map(({ inputName, inputLevelsMul }) =>
      [inputName, Math.max(0, ...inputLevelsMul.map(([, peak]) => peak))]));
  }

  #fail(why) {
    this.#waiting.forEach(({ reject }) => reject(new Error(why)));
    this.#waiting.clear();
    if (this.listenerCount('ready'))
      this.emit('error', new Error(why));
  }

  /** @returns {Promise<object>} what OBS answers; throws its complaints */
  ask(requestType, requestData = {}) {
    const requestId = String(++this.#last);
    return new Promise((resolve, reject) => {
      this.#waiting.set(requestId, { resolve, reject });
      this.socket.send(JSON.stringify({ op: OP.request,
        d: { requestType, requestId, requestData } }));
    });
  }

  /** A source's or a scene's picture, at its own size or at the one wanted. */
  async picture(sourceName, width, height) {
    const { imageData } = await this.ask('GetSourceScreenshot', { sourceName,
      imageFormat: 'ppm', imageWidth: width, imageHeight: height });
    return readPpm(Buffer.from(imageData.split(',')[1], 'base64'));
  }

  /** Waits until a scene or source, or a part of it, has a look's colour. */
  async waitColour(sourceName, colour, { part, timeout = 20000 } = {}) {
    let seen = null;
    await until(`${sourceName} to be ${colour}`, async () => {
      const picture = await this.picture(sourceName);
      seen = picture.mean(part);
      return picture.colour(part) === colour;
    }, timeout, () => seen);
  }

  /** Waits until an input is heard, or is silent. */
  async waitLevel(inputName, heard = true, timeout = 20000) {
    await until(`${inputName} to be ${heard ? 'heard' : 'silent'}`,
      () => (this.levels.get(inputName) ?? 0) > 0.01 === heard, timeout,
      () => [...this.levels]);
  }

  close() {
    this.socket.close();
  }
}
