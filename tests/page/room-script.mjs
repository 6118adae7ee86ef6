// SPDX-License-Identifier: LGPL-2.1-or-later

// The calls to a room and its actions by their names in
// tests/vectors/README.md, for room.test.mjs and tests/sim.

import {readMessage, writeMessage} from '../../gst/server/web/message.js';

/** The calls to a room, by their names in the vectors. */
export const inputs = {
  join: (room, {at}) => room.join(at),
  leave: (room) => room.leave(),
  tick: (room, {at}) => room.tick(at),
  feed: (room, {at, message, newest}) =>
    room.feed({...readMessage(message), ...(newest && {newest})}, at),
  reincarnate: (room, {at, inc}) => room.reincarnate(inc, at),
  state: (room, {at, name, muted, hidden}) =>
    room.setState(name, muted, hidden, at),
  chat: (room, {text}) => room.chat(text),
  want: (room, {at, peer, width, height, fps}) =>
    room.want(peer, {width, height, fps}, at),
  'local-sdp': (room, {peer, sid, type, sdp}) =>
    room.localSdp(peer, sid, type, sdp),
  'local-candidate': (room, {peer, sid, candidate, mline, mid}) =>
    room.localCandidate(peer, sid, candidate, mline, mid),
  connected: (room, {at, peer, sid}) => room.connected(peer, sid, at),
  heard: (room, {at, peer, sid}) => room.heard(peer, sid, at),
  shown: (room, {peer, sid}) => room.shown(peer, sid),
  failed: (room, {at, peer, sid, reason}) =>
    room.failed(peer, sid, reason, at),
  hurry: (room, {at}) => room.hurry(at),
  renew: (room, {at, peer, sid}) => room.renew(peer, sid, at),
};

/** An action, as the vectors write it. */
export function describe(action) {
  const {type, peer, ...rest} = action;
  switch (type) {
    case 'send':
      return {do: type, message: writeMessage(action.message)};
    case 'peer-added':
    case 'peer-removed':
    case 'peer-changed':
      return {do: type.slice('peer-'.length), peer, ...rest};
    case 'remote-sdp':
      return {do: type, peer, sid: action.sid, type: action.sdpType,
        sdp: action.sdp};
    default:
      return {do: type, peer, ...rest};
  }
}
