// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * A page that calls as mooz does: pusher-js for signalling, simple-peer for
 * WebRTC, and a route `POST /api/messages/ID` that passes messages on. It is
 * written after mooz's behaviour on the wire, with its weaknesses: no member
 * says goodbye, no message is repeated, and a duplicate is handled twice.
 */

import { createHash, createHmac, randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { until } from './wait.js';

const require = createRequire(import.meta.url);
const script = (name, file) =>
  readFileSync(join(dirname(require.resolve(`${name}/package.json`)), file));

const files = {
  '/pusher.js': () => script('pusher-js', 'dist/web/pusher.min.js'),
  '/peer-9.7.js': () => script('simple-peer-9.7', 'simplepeer.min.js'),
  '/peer-9.11.js': () => script('simple-peer', 'simplepeer.min.js'),
};

/**
 * The script of the page. mooz sends its joinroom before its subscription is
 * active, and never joins if it misses the answer; a `patient` page waits for
 * the subscription. A `late` page subscribes once its request has been
 * answered, which the app below delays until the host's answer has been
 * triggered: so it always loses the race that mooz may lose.
 */
async function main({ room, id, host, patient, late, wsPort, appKey }) {
  const peers = new Map();
  const stream = await navigator.mediaDevices.getUserMedia(
    { audio: true, video: { width: 320, height: 240 } });
  const sent = window.moozSent = [];
  const send = (to, message) => {
    sent.push(message);
    return fetch(`/api/messages/${to}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ ...message, from: id }),
    });
  };

  function makePeer(other, initiator) {
    const peer = new SimplePeer({ initiator, stream, config: { iceServers: [] } });
    peer.on('signal', data => send(other, { type: 'signal', data }));
    peer.on('stream', theirs => {
      const video = document.querySelector(`[data-peer="${other}"]`) ??
        document.body.appendChild(document.createElement('video'));
      video.dataset.peer = other;
      video.autoplay = video.playsInline = true;
      video.srcObject = theirs;
    });
    peers.set(other, peer);
  }

  const handlers = {
    joinroom: ({ from }) =>
      send(from, { type: 'roomreply', shouldCall: [id, ...peers.keys()] }),
    roomreply: ({ shouldCall }) => shouldCall.forEach(other => {
      makePeer(other, false);
      send(other, { type: 'call' });
    }),
    call: ({ from }) => makePeer(from, true),
    signal: ({ from, data }) => peers.get(from)?.signal(data),
  };
  const pusher = new Pusher(appKey, { cluster: 'none', forceTLS: false,
    wsHost: location.hostname, wsPort, enabledTransports: ['ws'],
    enableStats: false });
  const listen = () => pusher.subscribe(id).bind('signal', message => {
    window.moozHeard.push(message.type);
    handlers[message.type]?.(message);
  });
  const channel = late ? null : listen();
  if (patient) {
    await new Promise(done =>
      channel.bind('pusher:subscription_succeeded', done));
  }
  Object.assign(window, { moozId: id, moozPeers: peers, moozStream: stream,
    moozPusher: pusher, moozJoin: () => send(room, { type: 'joinroom' }) });
  if (late) {
    await window.moozJoin();
    listen();
  } else if (!host) {
    window.moozJoin();
  }
}

const html = ({ version, options }) => `<!DOCTYPE html>
<meta charset="utf-8"><title>mooz</title>
<script src="/pusher.js"></script><script src="/peer-${version}.js"></script>
<script>window.moozHeard = []; (${main})(${JSON.stringify(options)});</script>`;

/** Sends an event as Pusher's own server libraries do. */
export async function trigger({ url, app, key, secret }, channel, data) {
  const body = JSON.stringify({ name: 'signal', data, channels: [channel] });
  const md5 = createHash('md5').update(body).digest('hex');
  const time = Math.floor(Date.now() / 1000);
  const path = `/apps/${app}/events`;
  const query = `auth_key=${key}&auth_timestamp=${time}&auth_version=1.0` +
    `&body_md5=${md5}`;
  const signature = createHmac('sha256', secret)
    .update(`POST\n${path}\n${query}`).digest('hex');
  return fetch(`${url}${path}?${query}&auth_signature=${signature}`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
}

/** The application, which serves the page and passes messages on. */
export class MoozApp {
  /** every message, as `{ to, type, from, at, … }`; `at` is in milliseconds */
  messages = [];
  /** Whether a joinroom is confirmed only after the host's answer was sent. */
  answersLast = false;
  #crowd = null;
  #triggered = new EventEmitter();

  /** @param {object} service a Pusher service's url, app, key and secret */
  constructor(service) {
    this.service = service;
    this.server = createServer((request, response) =>
      this.#answer(request, response).catch(error =>
        response.writeHead(500).end(error.message)));
  }

  async listen() {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  async #answer(request, response) {
    const { pathname, searchParams } = new URL(request.url, this.url);
    const [, folder, room] = pathname.split('/');
    if (files[pathname]) {
      response.setHeader('Content-Type', 'text/javascript');
      response.end(files[pathname]());
    } else if (folder === 'room') {
      const host = searchParams.has('created');
      const id = host ? room : searchParams.get('id') ?? randomUUID();
      response.setHeader('Content-Type', 'text/html');
      response.end(html({ version: searchParams.get('peer') ?? '9.11',
        options: { room, id, host, patient: searchParams.has('patient'), late: searchParams.has('late'),
          appKey: this.service.key,
          wsPort: Number(new URL(this.service.url).port) } }));
    } else if (request.method === 'POST' && pathname.startsWith('/api/messages/')) {
      let body = '';
      for await (const chunk of request)
        body += chunk;
      const to = pathname.slice('/api/messages/'.length);
      const message = JSON.parse(body);
      this.messages.push({ ...message, to, at: performance.now() });
      const answered = message.type === 'joinroom' && this.answersLast &&
        once(this.#triggered, `roomreply ${message.from}`);
      await this.#assemble(JSON.parse(body));
      await trigger(this.service, to, body);
      this.#triggered.emit(`${message.type} ${to}`);
      await answered;
      response.setHeader('Content-Type', 'application/json');
      response.end('{"message":"ok"}');
    } else {
      response.writeHead(404).end();
    }
  }

  /** Holds joinrooms back until this many have come, then passes all on. */
  gather(count) {
    const opened = new EventEmitter();
    this.#crowd = { count, asked: new Set(), opened: once(opened, 'open'),
      open: () => opened.emit('open') };
  }

  async #assemble({ type, from }) {
    const crowd = this.#crowd;
    if (!crowd || type !== 'joinroom')
      return;
    crowd.asked.add(from);
    if (crowd.asked.size >= crowd.count) {
      this.#crowd = null;
      crowd.open();
    }
    await crowd.opened;
  }

  /** The room's link for pipelines. */
  link(room, { api = true } = {}) {
    const { url, app, key, secret } = this.service;
    return `pusher://${key}@${new URL(url).host}/${room}?` +
      (api ? `api=${this.url}` : `app=${app}&secret=${secret}`);
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** Opens the page in a browser; `peer` is simple-peer's version. */
export async function openRoom(browser, app, room,
  { host = false, peer = '9.11', patient = true, late = false } = {}) {
  await browser.join(`${app.url}/room/${room}?peer=${peer}` +
    (host ? '&created=1' : '') + (patient && !late ? '&patient=1' : '') +
    (late ? '&late=1' : ''));
  await until('the page to listen',
    () => browser.page.evaluate(() => !!window.moozId), 30000,
    () => browser.log);
}
