// SPDX-License-Identifier: LGPL-2.1-or-later

/** The choice of the peer that a view of one person (solo-view.js) shows. */

import {tidyName} from './names.js';

/** @typedef {import('./peer-view.js').PeerView} PeerView */

/**
 * Chooses the peer to show. Several peers may have the wanted name: the first
 * of those that are connected and heard is shown, as a silent one may have
 * crashed and come back under another id.
 *
 * @param {PeerView[]} views in the order they came
 * @param {string} who display name or peer id
 * @param {string} [shown] id of the peer that is shown now, which stays shown
 *   while it is one of the candidates
 * @returns {PeerView | null}
 */
export function chooseSolo(views, who, shown) {
  const byId = views.find(({id}) => id === who);
  if (byId)
    return byId;
  const wanted = tidyName(who);
  const named = views.filter(({name}) => wanted && tidyName(name) === wanted);
  const heard = named.filter(({connected, silence}) =>
    connected && silence === 0);
  const candidates = heard.length > 0 ? heard : named;
  return candidates.find(({id}) => id === shown) ?? candidates[0] ?? null;
}
