// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Pusher's own libraries with meshroom-server: pusher-js as in pages, pusher as
 * in an application's server. Requests that the libraries refuse to make are
 * made by hand, signed or not.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import Pusher from 'pusher';
import PusherJs from 'pusher-js';
import WebSocket from 'ws';
import { Server } from './kit/server.js';
import { until } from './kit/wait.js';

const APP = { appId: 'app', key: 'key-1', secret: 'a secret: of two parts' };

/** Resolves with the next event of an emitter of pusher-js. */
const heard = (emitter, event) => new Promise(done => {
  const take = (...data) => {
    emitter.unbind(event, take);
    done(data[0]);
  };
  emitter.bind(event, take);
});

/** A server with a Pusher application, and the settings to reach it. */
async function serve(t) {
  const server = new Server(['--pusher-app',
    `${APP.appId}:${APP.key}:${APP.secret}`,
    '--pusher-app', 'other:key-2:another']);
  const pages = [];
  t.after(() => {
    pages.forEach(page => page.disconnect());
    return server.stop();
  });
  const url = await server.url();
  const { hostname: host, port } = new URL(url);
  const api = new Pusher({ ...APP, host, port });
  let users = 0;
  /** A page, whose subscriptions the application signs. */
  const open = async (options = {}) => {
    const user = { user_id: `user-${++users}`, user_info: { nr: users } };
    const page = new PusherJs(APP.key, {
      cluster: '', wsHost: host, wsPort: port, forceTLS: false,
      enabledTransports: ['ws'],
      channelAuthorization: { customHandler: ({ socketId, channelName }, use) =>
        use(null, api.authorizeChannel(socketId, channelName,
          channelName.startsWith('presence-') ? user : undefined)) },
      userAuthentication: { customHandler: ({ socketId }, use) =>
        use(null, api.authenticateUser(socketId, { id: user.user_id })) },
      ...options });
    page.id = user.user_id;
    pages.push(page);
    await heard(page.connection, 'connected');
    return page;
  };
  const enter = async (page, name) => {
    const channel = page.subscribe(name);
    channel.there = await heard(channel, 'pusher:subscription_succeeded');
    return channel;
  };
  return { server, url, host, port, api, open, enter };
}

test('public channels: trigger, exclusion, batch, unsubscribe', async t => {
  const { api, open, enter } = await serve(t);
  const [a, b] = [await open(), await open()];
  const [inA, inB] = [await enter(a, 'news'), await enter(b, 'news')];
  await enter(a, 'other=@,.;_-');
  const got = [];
  a.bind_global((event, data) =>
    event.startsWith('pusher') || got.push([event, data]));

  const both = [heard(inA, 'one'), heard(inB, 'one')];
  const answer = await api.trigger('news', 'one', { text: 'ä "\\ 😀\n' });
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), {});
  assert.deepEqual(await Promise.all(both),
    [{ text: 'ä "\\ 😀\n' }, { text: 'ä "\\ 😀\n' }]);

  // the event goes to all channels, but not to the client that caused it
  const two = heard(inB, 'two');
  await api.trigger(['news', 'other=@,.;_-', 'nobody'], 'two', 'plain words',
    { socket_id: a.connection.socket_id });
  assert.equal(await two, 'plain words');

  const last = heard(inA, 'batch-2');
  await api.triggerBatch([
    { channel: 'news', name: 'batch-1', data: { n: 1 } },
    { channel: 'news', name: 'batch-2', data: 'x' }]);
  await last;
  b.unsubscribe('news');
  await until('b to be gone', async () => (await (await api.get({
    path: '/channels/news', params: { info: 'subscription_count' } })).json())
    .subscription_count === 1);
  assert.deepEqual(got, [['one', { text: 'ä "\\ 😀\n' }],
    ['batch-1', { n: 1 }], ['batch-2', 'x']]);
});

test('private channels: signatures, client events', async t => {
  const { api, open, enter } = await serve(t);
  const [a, b] = [await open(), await open()];
  const [inA, inB] =
    [await enter(a, 'private-x'), await enter(b, 'private-x')];
  const echo = [];
  inA.bind('client-hi', data => echo.push(data));
  const hi = heard(inB, 'client-hi');
  assert.equal(inA.trigger('client-hi', { deep: [1, '"', null] }), true);
  assert.deepEqual(await hi, { deep: [1, '"', null] });
  const text = heard(inB, 'client-text');
  inA.trigger('client-text', 'just "text"');
  assert.equal(await text, 'just "text"');
  assert.deepEqual(echo, []);

  // the limit is ten a second
  const refused = heard(a.connection, 'error');
  for (let n = 0; n < 30; n++)
    inA.trigger('client-many', n);
  assert.equal((await refused).data.code, 4301);
  assert.equal(a.connection.state, 'connected');

  // a signature by another secret, or for another channel, is refused
  const wrong = new Pusher({ ...APP, secret: 'guessed' });
  for (const sign of [
    ({ socketId, channelName }) =>
      wrong.authorizeChannel(socketId, channelName),
    ({ socketId }) => api.authorizeChannel(socketId, 'private-mine'),
    ({ channelName }) => api.authorizeChannel('1.1', channelName)]) {
    const c = await open({ channelAuthorization: {
      customHandler: (asked, use) => use(null, sign(asked)) } });
    const error = heard(c.connection, 'error');
    const channel = c.subscribe('private-x');
    assert.equal((await heard(channel, 'pusher:subscription_error')).status,
      401);
    assert.equal((await error).data.code, 4009);
  }
});

test('presence channels: who is there, who comes and goes', async t => {
  const { api, open, enter } = await serve(t);
  const a = await open(), b = await open();
  const inA = await enter(a, 'presence-x');
  assert.equal(inA.members.me.id, a.id);
  const added = heard(inA, 'pusher:member_added');
  const inB = await enter(b, 'presence-x');
  assert.deepEqual(await added, { id: b.id, info: { nr: 2 } });
  assert.equal(inB.there.count, 2);
  assert.deepEqual(inB.members.get(a.id), { id: a.id, info: { nr: 1 } });

  const from = new Promise(done =>
    inB.bind('client-hi', (data, { user_id }) => done([data, user_id])));
  inA.trigger('client-hi', {});
  assert.deepEqual(await from, [{}, a.id]);

  const channels = await (await api.get({ path: '/channels', params:
    { filter_by_prefix: 'presence-', info: 'user_count' } })).json();
  assert.deepEqual(channels, { channels: { 'presence-x': { user_count: 2 } } });
  const users =
    await (await api.get({ path: '/channels/presence-x/users' })).json();
  assert.deepEqual(users.users.map(user => user.id).sort(), [a.id, b.id]);
  assert.deepEqual(await (await api.get({ path: '/channels/x' })).json(),
    { occupied: false });

  const removed = heard(inA, 'pusher:member_removed');
  b.disconnect();
  assert.equal((await removed).id, b.id);
});

test('users: signed in, spoken to, sent away', async t => {
  const { api, host, port, open } = await serve(t);
  const a = await open();
  a.signin();
  await a.user.signinDonePromise;
  const hey = heard(a.user, 'hey');
  await until('the user to listen',
    () => a.user.serverToUserChannel?.subscribed);
  await api.sendToUser(a.id, 'hey', { x: 1 });
  assert.deepEqual(await hey, { x: 1 });

  // by hand, since pusher-js keeps a timer after its close, which blocks node
  const socket = new WebSocket(`ws://${host}:${port}/app/${APP.key}?protocol=7`);
  const [text] = await once(socket, 'message');
  const { socket_id } = JSON.parse(JSON.parse(text).data);
  socket.send(JSON.stringify({ event: 'pusher:signin',
    data: api.authenticateUser(socket_id,
      { id: 'by-hand', watchlist: [a.id] }) }));
  const said = [];
  socket.on('message', data => said.push(JSON.parse(data)));
  await until('what is said to that', () => said.length === 2);
  assert.equal(said[0].event, 'pusher:signin_success');
  assert.match(said[1].data.message, /Watchlists are not kept/);
  await api.terminateUserConnections('by-hand');
  const [code] = await once(socket, 'close');
  assert.equal(code, 4009);
  assert.equal(a.connection.state, 'connected');
});

test('cache channels: the last event, or that there is none', async t => {
  const { api, open } = await serve(t);
  const a = await open(), b = await open();
  const missed = heard(a.subscribe('private-cache-x'), 'pusher:cache_miss');
  await missed;
  await api.trigger('private-cache-x', 'first', 1);
  await api.trigger('private-cache-x', 'last', { n: 2 });
  assert.deepEqual(await heard(b.subscribe('private-cache-x'), 'last'),
    { n: 2 });
  const { cache } = await (await api.get({ path: '/channels/private-cache-x',
    params: { info: 'cache' } })).json();
  assert.equal(cache.data, '{"n":2}');
  assert.ok(cache.ttl > 1700 && cache.ttl <= 1800, `${cache.ttl}`);
});

test('encrypted channels: the server passes on what it cannot read', async t => {
  const { host, port, open } = await serve(t);
  const api = new Pusher({ ...APP, host, port,
    encryptionMasterKeyBase64: randomBytes(32).toString('base64') });
  const a = await open({ channelAuthorization: {
    customHandler: ({ socketId, channelName }, use) =>
      use(null, api.authorizeChannel(socketId, channelName)) } });
  const channel = a.subscribe('private-encrypted-x');
  await heard(channel, 'pusher:subscription_succeeded');
  const secret = heard(channel, 'secret');
  await api.trigger('private-encrypted-x', 'secret', { text: 'ä' });
  assert.deepEqual(await secret, { text: 'ä' });
});

/** Makes a request with any query and body, signed with the given secret. */
async function ask({ url, api }, path, { method = 'POST', body, query, ...rest }) {
  const signed = query ?? api.createSignedQueryString(
    { method, path, body, params: {} });
  const answer = await fetch(`${url}${path}?${signed}`,
    { method, body, ...rest });
  return answer.status;
}

test('what is not signed rightly, or is too much, is refused', async t => {
  const served = await serve(t);
  const { api, open, enter } = served;
  const a = await open();
  await enter(a, 'news');
  const got = [];
  a.bind_global((event, data) => got.push([event, data]));
  const events = '/apps/app/events';
  const event = more => JSON.stringify(
    { name: 'e', data: '1', channels: ['news'], ...more });
  const body = event();
  const good = api.createSignedQueryString(
    { method: 'POST', path: events, body, params: {} });
  const at = time => {
    const query = `auth_key=${APP.key}&auth_timestamp=${time}` +
      `&auth_version=1.0&body_md5=${createHash('md5').update(body).digest('hex')}`;
    return `${query}&auth_signature=${
      api.config.token.sign(`POST\n${events}\n${query}`)}`;
  };
  const now = Math.floor(Date.now() / 1000);

  for (const [status, path, request] of [
    [401, events, { body, query: '' }],
    [401, events, { body, query: good.replace(/.$/, c => c === '0' ? '1' : '0') }],
    [401, events, { body: body.replace('1', '2'), query: good }],
    [401, '/apps/other/events', { body, query: good }],
    [404, '/apps/none/events', { body, query: good }],
    [401, events, { body, query: at(now - 700) }],
    [401, events, { body, query: at(now + 700) }],
    [401, events, { body: 'x'.repeat(300000), query: '' }],
    [413, events, { body: event({ data: 'x'.repeat(10241) }) }],
    [413, events, { body: 'x'.repeat(300000) }],
    [400, events, { body: event({ name: 'x'.repeat(201) }) }],
    [400, events, { body: event({ name: 'pusher:error' }) }],
    [400, events, { body: event({ data: { no: 'string' } }) }],
    [400, events, { body: event({ channels: ['no spaces'] }) }],
    [400, events, { body: event({ channels: [] }) }],
    [400, events, { body: event({ channels: ['x'.repeat(201)] }) }],
    [400, events, { body: event({ socket_id: '1.2:x' }) }],
    [400, events, { body: event({
      channels: Array.from({ length: 101 }, (_, i) => `c${i}`) }) }],
    [400, events, { body: 'not JSON' }],
    [400, '/apps/app/batch_events', { body: JSON.stringify({ batch:
      Array(11).fill({ name: 'e', data: '1', channel: 'news' }) }) }],
    [400, '/apps/app/channels/news/users', { method: 'GET' }],
    [404, '/apps/app/nothing', { method: 'GET' }],
  ])
    assert.equal(await ask(served, path, request), status,
      `${path} ${JSON.stringify(request).slice(0, 200)}`);

  // none of these events came through, and one within the limits does
  const last = heard(a, 'e');
  assert.equal(await ask(served, events, { body, query: at(now - 500) }), 200);
  await last;
  const longest = heard(a, 'x'.repeat(200));
  await api.trigger(['news',
    ...Array.from({ length: 99 }, (_, i) => `${i}`.padEnd(200, 'c'))],
  'x'.repeat(200), 'y'.repeat(10240));
  assert.equal((await longest).length, 10240);
  assert.deepEqual(got.map(([name]) => name), ['e', 'x'.repeat(200)]);
});

test('connections that cannot be are told why', async t => {
  const { host, port } = await serve(t);
  for (const [path, code] of [
    ['/app/nobody?protocol=7', 4001], [`/app/${APP.key}`, 4008],
    [`/app/${APP.key}?protocol=x`, 4006], [`/app/${APP.key}?protocol=3`, 4007],
    [`/app/${APP.key}?protocol=8`, 4007]]) {
    const socket = new WebSocket(`ws://${host}:${port}${path}`);
    const [[text], [closed]] =
      await Promise.all([once(socket, 'message'), once(socket, 'close')]);
    assert.equal(JSON.parse(text).event, 'pusher:error');
    assert.equal(JSON.parse(text).data.code, code);
    assert.equal(closed, code);
  }
  const plain = await fetch(`http://${host}:${port}/app/${APP.key}?protocol=7`);
  assert.equal(plain.status, 426);
});

test('a server that goes away has its clients come back', async t => {
  const { server, open } = await serve(t);
  const a = await open();
  const error = heard(a.connection, 'error');
  const left = heard(a.connection, 'connecting');
  await server.stop();
  assert.equal((await error).data.code, 4200);
  await left;
});

test('a message that a page of mooz posts arrives', async t => {
  const { url, open, enter } = await serve(t);
  const page = await open();
  const id = randomUUID();
  const channel = await enter(page, id);
  const messages = `${url}/api/messages`;
  const post = async (to, body, headers = {}) => {
    const answer = await fetch(`${messages}/${to}`,
      { method: 'POST', body, headers });
    return [answer.status, await answer.json().catch(() => null)];
  };
  const message = { type: 'joinroom', from: randomUUID(), x: 'ä"' };

  const signal = heard(channel, 'signal');
  assert.deepEqual(await post(id, JSON.stringify(message),
    { 'Content-Type': 'application/json' }), [200, { message: 'ok' }]);
  assert.deepEqual(await signal, message);
  assert.deepEqual(await post(randomUUID(), '{}'), [200, { message: 'ok' }]);
  assert.deepEqual(await post(id), [400, { error: 'Missing Body' }]);
  const read = await fetch(`${messages}/${id}`);
  assert.equal(read.status, 405);
  assert.deepEqual(await read.json(), { error: 'Unacceptable Method' });

  // channels other than rooms, and pages of other origins, are refused
  assert.equal((await post('private-x', '{}'))[0], 403);
  assert.equal((await post('news', '{}'))[0], 403);
  assert.equal((await post(id, '{}', { Origin: 'https://elsewhere' }))[0], 403);
  assert.equal((await post(id, 'not JSON'))[0], 400);
  assert.equal((await post(id,
    JSON.stringify({ x: 'y'.repeat(10300) })))[0], 413);
});
