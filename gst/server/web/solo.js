// SPDX-License-Identifier: LGPL-2.1-or-later

/** @typedef {import('./call.js').PeerView} PeerView */

/**
 * Whom a view of one person shows. A peer id is nobody else's, a name may be
 * anybody's: then it is who came first, and whoever is on the way in waits for
 * one who is already there.
 *
 * @param {PeerView[]} views in the order they came
 * @param {string} who display name or peer id
 * @param {string} [shown] peer id of the one who is shown
 * @returns {PeerView | null}
 */
export function chooseSolo(views, who, shown) {
  const byId = views.find(({id}) => id === who);
  if (byId)
    return byId;
  const named = views.filter(({name}) => name.trim() === who);
  return named.find(({id}) => id === shown)
    ?? named.find(({connected}) => connected) ?? named[0] ?? null;
}
