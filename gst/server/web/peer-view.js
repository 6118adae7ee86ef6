// SPDX-License-Identifier: LGPL-2.1-or-later

/** What the window shows of a peer. */

/** @typedef {import('./member.js').Member} Member */
/** @typedef {import('./call.js').Connection} Connection */

/**
 * A peer as the window shows it.
 *
 * @typedef {object} PeerView
 * @property {string} id
 * @property {string} name '' until the peer has told it
 * @property {boolean} muted
 * @property {boolean} hidden
 * @property {boolean} connected
 * @property {boolean} failing more than one attempt has failed
 * @property {'' | 'host' | 'prflx' | 'srflx' | 'relay'} path the kind of the
 *   connection's candidates: directly, through address translation, or through
 *   a relay
 * @property {string[]} unshown the peer's video codecs if this browser has none
 *   of them, so that the two only hear each other; else empty
 * @property {import('./quality.js').Quality | null} quality null: none yet
 * @property {number} silence for how many seconds nothing was received, or 0
 */

/* A connected peer sends sound or RTCP more often than this. */
const NOTABLE_SILENCE = 3000;

/**
 * @param {string} id
 * @param {Member | undefined} member
 * @param {Connection | undefined} current of the present attempt
 * @param {Connection | undefined} old the connection that was set aside
 * @param {number} now
 * @returns {PeerView}
 */
export function viewPeer(id, member, current, old, now) {
  const {up = false, heardAt = 0, connection, unshown = []}
    = current ?? old ?? {};
  const silence = up ? now - heardAt : 0;
  return {id, name: member?.name ?? '', muted: member?.muted ?? false,
    hidden: member?.hidden ?? false,
    connected: member?.phase === 'connected' || old !== undefined,
    failing: (member?.failures ?? 0) > 1,
    path: connection?.path ?? '',
    quality: up ? connection.quality : null,
    unshown,
    silence: silence > NOTABLE_SILENCE ? Math.floor(silence / 1000) : 0};
}
