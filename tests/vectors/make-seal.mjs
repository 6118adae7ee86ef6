// SPDX-License-Identifier: LGPL-2.1-or-later
//
//   node tests/vectors/make-seal.mjs >tests/vectors/seal.json
//
// Makes the vectors of docs/protocol.md, "Sealing", on Node's own
// cryptography: neither of the two implementations that are tested with them.
//
// seal.json: cases, each with its sealers (by name: key, room, id, inc) and
// its steps, in order. A step is of one sealer, `by`:
//   {by, seal: MESSAGE, sealed: SEALED}    sealing MESSAGE gives just this
//   {by, open: SEALED, message: MESSAGE}   opens, with this inside
//   {by, open: SEALED, refused: WHY}       does not open
//   {by, open: SEALED, message: MESSAGE, newest: INC}   opens, and tells that
//                                          its sender has a newer incarnation
//   {by, renew: INC}                       has this incarnation from now on

import {createCipheriv, hkdfSync} from 'node:crypto';

const room = '5c8fd5c8-2c4c-4d3e-9f0a-1b2c3d4e5f60';
const key = 'AAECAwQFBgcICQoLDA0ODw';
const ann = {key, room, id: '11111111-1111-4111-8111-111111111111',
  inc: '0199a3b0c1d20001'};
const bob = {key, room, id: '22222222-2222-4222-8222-222222222222',
  inc: '0199a3b0c1d30002'};
const eve = {...ann, key: 'Dw4NDAsKCQgHBgUEAwIBAA'};

function seal(who, message, n, re) {
  const {from, to, inc} = message;
  const secret = hkdfSync('sha256', Buffer.from(who.key, 'base64url'),
    'meshroom-v1', `seal\n${who.room}\n${from}\n${to}\n${inc}`, 32);
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64BE(BigInt(n), 4);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(secret), nonce);
  cipher.setAAD(Buffer.from(`${from}\n${to}\n${inc}\n${re}\n${n}`));
  const text = typeof message.raw === 'string'
    ? message.raw : JSON.stringify(message);
  const box = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(),
    cipher.getAuthTag()]).toString('base64url');
  return {type: 'sealed', from, to, inc, re, n, box};
}

const msg = (type, from, to, rest = {}) =>
  ({type, from: from.id, to: to.id, inc: from.inc, ...rest});
const toRoom = (type, from) =>
  ({type, from: from.id, to: room, inc: from.inc});
const call = (from, to, n) => msg('call', from, to,
  {sid: `${from.inc}-${n}`, codecs: ['VP8', 'H264']});
const chat = (from, to, text) => msg('chat', from, to, {text});

const cases = [];
const add = (name, sealers, steps) => cases.push({name, sealers, steps});
const opens = (by, sealed, message) => ({by, open: sealed, message});
const refuses = (by, sealed, refused) => ({by, open: sealed, refused});

// Ann's call, with which every case begins in which she then says more.
const called = call(ann, bob, 1);
const calls = opens('bob', seal(ann, called, 1, ''), called);
const hello = chat(ann, bob, 'Gr\u00fc\u00df dich \u{1f44b}');

{
  const join = toRoom('joinroom', ann);
  const reply = msg('roomreply', bob, ann, {shouldCall: [bob.id]});
  const state = msg('state', bob, ann,
    {name: 'Bob', muted: false, hidden: true});
  add('two meet', {ann, bob}, [
    {by: 'ann', seal: join, sealed: seal(ann, join, 1, '')},
    opens('bob', seal(ann, join, 1, ''), join),
    {by: 'bob', seal: reply, sealed: seal(bob, reply, 1, ann.inc)},
    opens('ann', seal(bob, reply, 1, ann.inc), reply),
    {by: 'ann', seal: called, sealed: seal(ann, called, 1, bob.inc)},
    opens('bob', seal(ann, called, 1, bob.inc), called),
    {by: 'bob', seal: state, sealed: seal(bob, state, 2, ann.inc)},
    opens('ann', seal(bob, state, 2, ann.inc), state),
    {by: 'ann', seal: hello, sealed: seal(ann, hello, 2, bob.inc)},
    opens('bob', seal(ann, hello, 2, bob.inc), hello),
  ]);
}

add('numbers to the room and to its host are counted apart', {ann, bob}, [
  opens('bob', seal(ann, toRoom('joinroom', ann), 1, ''),
    toRoom('joinroom', ann)),
  calls,
  refuses('bob', seal(ann, toRoom('joinroom', ann), 1, ''), 'replay'),
]);

add('the wrong key', {ann, bob, eve}, [
  refuses('bob', seal(eve, called, 1, ''), 'wrong key'),
  refuses('eve', seal(bob, call(bob, ann, 1), 1, ''), 'wrong key'),
  calls,
]);

{
  const other = {...ann, room: '6c8fd5c8-2c4c-4d3e-9f0a-1b2c3d4e5f60'};
  add('another room with the same key', {ann, bob}, [
    refuses('bob', seal(other, called, 1, ''), 'wrong room'),
  ]);
}

{
  const sealed = seal(ann, called, 1, '');
  const back = {...sealed, from: bob.id, to: ann.id, inc: bob.inc};
  const carl = {...bob, id: '33333333-3333-4333-8333-333333333333'};
  add('the wrong direction', {ann, bob, carl}, [
    refuses('carl', sealed, 'for somebody else'),
    refuses('carl', {...sealed, to: carl.id}, 'for somebody else'),
    refuses('ann', sealed, 'our own'),
    refuses('bob', seal(bob, call(bob, ann, 1), 1, ''), 'our own'),
    refuses('ann', back, 'turned round'),
    refuses('ann', seal(ann, toRoom('joinroom', ann), 1, ''), 'our own'),
  ]);
}

{
  const sealed = seal(ann, hello, 2, bob.inc);
  const change = (part) => ({...sealed, ...part});
  const third = '33333333-3333-4333-8333-333333333333';
  add('one field changed', {ann, bob}, [
    calls,
    refuses('bob', change({n: 3}), 'n changed'),
    refuses('bob', change({from: third}), 'from changed'),
    refuses('bob', change({to: room}), 'to changed'),
    refuses('bob', change({inc: '0199a3b0c1d20009'}), 'inc changed'),
    refuses('bob', change({re: ''}), 're changed'),
    refuses('bob', change({box: (sealed.box[0] === 'A' ? 'B' : 'A')
      + sealed.box.slice(1)}), 'box changed'),
    refuses('bob', change({box: sealed.box.slice(0, -4)}), 'box cut off'),
    refuses('bob', change({box: sealed.box.slice(0, 20)}), 'less than a tag'),
    refuses('bob', change({box: sealed.box.slice(0, 21)}), 'not base64url'),
    refuses('bob', change({box: sealed.box.slice(0, 22)}), 'just a tag'),
    refuses('bob', change({box: `${sealed.box}AAAA`}), 'box made longer'),
    opens('bob', sealed, hello),
  ]);
}

add('a replay', {ann, bob}, [
  calls,
  refuses('bob', calls.open, 'replay'),
  opens('bob', seal(ann, hello, 2, bob.inc), hello),
  refuses('bob', seal(ann, hello, 2, bob.inc), 'replay'),
  refuses('bob', calls.open, 'replay'),
]);

{
  const newer = {...ann, inc: '0199a3b0c1d20002'};
  const again = call(newer, bob, 1);
  const text = chat(newer, bob, 'back');
  add('an older incarnation', {ann, bob}, [
    calls,
    opens('bob', seal(newer, again, 1, ''), again),
    {...opens('bob', seal(ann, hello, 2, bob.inc), hello), newest: newer.inc},
    refuses('bob', seal(newer, again, 1, ''), 'replay'),
    opens('bob', seal(newer, text, 2, bob.inc), text),
  ]);
}

{
  // Ann again, on a board whose clock has gone back.
  const past = {...ann, inc: '0099a3b0c1d20003'};
  const now = {...ann, inc: '0199a3b0c1d20004'};
  const told = msg('outdated', bob, ann, {yours: past.inc, newest: ann.inc});
  const before = call(past, bob, 1);
  const after = call(now, bob, 2);
  add('a clock that went back', {ann, bob, past}, [
    calls,
    {...opens('bob', seal(past, toRoom('joinroom', past), 1, ''),
      toRoom('joinroom', past)), newest: ann.inc},
    {by: 'past', seal: before, sealed: seal(past, before, 1, '')},
    {...opens('bob', seal(past, before, 1, ''), before), newest: ann.inc},
    {...opens('bob', seal(past, chat(past, bob, 'x'), 2, bob.inc),
      chat(past, bob, 'x')), newest: ann.inc},
    refuses('bob', seal(past, chat(past, bob, 'x'), 3, ''), 'empty re'),
    refuses('bob', seal(past, chat(past, bob, 'x'), 3, '0199a3b0c1d2ffff'),
      'wrong re'),
    refuses('bob', seal(past, msg('outdated', past, bob,
      {yours: bob.inc, newest: 'ffffffffffffffff'}), 3, bob.inc),
      'old incarnation'),
    refuses('bob', {...seal(past, before, 1, ''), n: 2}, 'n changed'),
    {by: 'bob', seal: told, sealed: seal(bob, told, 1, past.inc)},
    refuses('ann', seal(bob, told, 1, past.inc), 'wrong re'),
    opens('past', seal(bob, told, 1, past.inc), told),
    {by: 'past', renew: now.inc},
    refuses('past', seal(bob, told, 1, past.inc), 'wrong re'),
    {by: 'past', seal: after, sealed: seal(now, after, 2, bob.inc)},
    opens('bob', seal(now, after, 2, bob.inc), after),
    {...opens('bob', seal(past, before, 1, ''), before), newest: now.inc},
    opens('bob', seal(now, chat(now, bob, 'x'), 3, bob.inc),
      chat(now, bob, 'x')),
  ]);
}

add('whom of us it answers', {ann, bob}, [
  refuses('bob', seal(ann, called, 1, '0199a3b0c1d2ffff'), 'wrong re'),
  refuses('bob', seal(ann, hello, 1, ''), 'empty re'),
  opens('bob', seal(ann, called, 1, ''), called),
  refuses('bob', seal(ann, hello, 2, ''), 'empty re'),
  opens('bob', seal(ann, hello, 3, bob.inc), hello),
]);

{
  const at = (n) => seal(ann, hello, n, bob.inc);
  add('the window', {ann, bob}, [
    calls,
    opens('bob', at(100), hello),
    refuses('bob', at(35), 'too old'),
    opens('bob', at(36), hello),
    refuses('bob', at(36), 'replay'),
    opens('bob', at(37), hello),
    opens('bob', at(99), hello),
    refuses('bob', at(99), 'replay'),
    opens('bob', at(101), hello),
    refuses('bob', at(100), 'replay'),
    refuses('bob', at(37), 'replay'),
    refuses('bob', at(36), 'too old'),
    opens('bob', at(98), hello),
    opens('bob', at(165), hello),
    refuses('bob', at(101), 'replay'),
    opens('bob', at(102), hello),
    opens('bob', at(230), hello),
    refuses('bob', at(165), 'too old'),
    opens('bob', at(166), hello),
    opens('bob', at(2 ** 53 - 1), hello),
    refuses('bob', at(230), 'too old'),
  ]);
}

{
  const third = {...ann, id: '33333333-3333-4333-8333-333333333333'};
  const put = (outside, inside) => seal(ann,
    {from: outside.from, to: outside.to, inc: outside.inc,
      raw: typeof inside === 'string' ? inside : JSON.stringify(inside)},
    2, bob.inc);
  add('what is inside does not belong there', {ann, bob}, [
    calls,
    refuses('bob', put(hello, chat(third, bob, 'x')), 'another from'),
    refuses('bob', put(hello, {...hello, to: room}), 'another to'),
    refuses('bob', put(hello, {...hello, inc: bob.inc}), 'another inc'),
    refuses('bob', put(hello, 'not JSON'), 'not JSON'),
    refuses('bob', put(hello, {...hello, text: 5}), 'wrong type'),
    refuses('bob', put(hello, seal(ann, hello, 2, bob.inc)), 'sealed twice'),
    opens('bob', seal(ann, hello, 2, bob.inc), hello),
  ]);
}

process.stdout.write(`${JSON.stringify({cases}, null, 1)}\n`);
