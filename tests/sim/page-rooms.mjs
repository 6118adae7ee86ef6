// SPDX-License-Identifier: LGPL-2.1-or-later

// The page's rooms of a simulation (room.c): a line comes in for each thing that
// happens to one of them, and what they want done goes out when it is asked
// for. With a mutant's name the page is broken on purpose: its files are copied,
// and one place is changed.

import {mkdtempSync, readFileSync, readSync, readdirSync, rmSync,
  writeFileSync, writeSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';

import {describe, inputs} from '../page/room-script.mjs';
import {writeMessage} from '../../gst/server/web/message.js';

const web = fileURLToPath(new URL('../../gst/server/web/', import.meta.url));

/* Where the page is broken, what stands there, and what stands there instead;
 * meson.build has the same for the core. */
const mutants = {
  'no-repair': ['roster.js',
    'room.id < member.id ? REPAIR_LOWER : REPAIR_HIGHER', 'Infinity'],
  'no-session-check': ['attempt.js',
    'sid === undefined ? member.inc === null : sid === member.sid', 'true'],
  'no-back': ['attempt.js', "room.push({type: 'back'", "({type: 'back'"],
  'no-drop': ['attempt.js',
    'member.oldSid === null && member.overSid === null', 'true'],
  'no-want-again': ['state.js', 'member.wantSaid = false', 'void 0'],
  'both-offer': ['attempt.js', 'sid, offerer: false', 'sid, offerer: true'],
};

/** @param {string} mutant @returns {string} where the broken page is */
function breakPage(mutant) {
  const [broken, what, instead] = mutants[mutant];
  const copy = mkdtempSync(join(tmpdir(), 'mesh-mutant-'));
  for (const name of readdirSync(web).filter((file) => file.endsWith('.js'))) {
    const parts = readFileSync(join(web, name), 'utf8').split(what);
    if (name === broken && parts.length !== 2)
      throw new Error(`${mutant}: ${name} has no such place, or several`);
    writeFileSync(join(copy, name),
      parts.join(name === broken ? instead : what));
  }
  writeFileSync(join(copy, 'package.json'), '{"type": "module"}');
  process.on('exit', () => rmSync(copy, {recursive: true}));
  return copy;
}

const from = pathToFileURL(
  join(process.argv[2] ? breakPage(process.argv[2]) : web, '/'));
const {Room} = await import(new URL('room.js', from));
const {isHost} = await import(new URL('roster.js', from));

/** @type {Map<number, import('../../gst/server/web/room.js').Room>} */
const rooms = new Map();
/** What a room has thrown, which is told with the next answer. */
let thrown = '';

const write = (action) => action.type === 'send'
  ? `send ${JSON.stringify(writeMessage(action.message))}`
  : JSON.stringify(describe(action));

/** @param {import('../../gst/server/web/room.js').Room} room */
function answer(room) {
  const deadline = room.deadline();
  return [`${deadline === Infinity ? -1 : deadline} ${isHost(room)}`,
    ...room.takeActions().map(write)];
}

/** What else is asked for, by its name. */
const commands = {
  new: (room, {room: number, id, inc, name, room_id}) =>
    void rooms.set(number, new Room({id, inc, name, room: room_id ?? null})),
  free: (room, {room: number}) => void rooms.delete(number),
  ask: answer,
  peers: ({members}) => ['', ...members.map(({id, phase, muted}) =>
    `${id} ${phase} ${muted}`)],
};

/** @param {string} line @returns {string} the answer, if there is one */
function onLine(line) {
  const step = JSON.parse(line);
  const room = rooms.get(step.room);
  let lines;
  try {
    if (Object.hasOwn(commands, step.in))
      lines = commands[step.in](room, step);
    else
      inputs[step.in](room, step);
  } catch (error) {
    thrown ||= `!${error.stack.replaceAll('\n', ' ')}`;
  }
  if (thrown && step.in === 'ask')
    lines = [thrown];
  return lines ? `${lines.join('\n')}\n.\n` : '';
}

const buffer = Buffer.alloc(1 << 16);
let rest = '';
for (let n; (n = readSync(0, buffer)) > 0;) {
  const lines = (rest + buffer.utf8Slice(0, n)).split('\n');
  rest = lines.pop();
  const text = lines.map(onLine).join('');
  if (text)
    writeSync(1, text);
}
