// SPDX-License-Identifier: LGPL-2.1-or-later

import {tidyName} from './names.js';

/** @typedef {import('./call.js').PeerView} PeerView */

/**
 * Whom a view of one person shows. A peer id is nobody else's, a name may be
 * anybody's: then it is who came first, but for those of whom nothing comes, who
 * may have crashed and be back.
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
  const wanted = tidyName(who);
  const named = views.filter(({name}) => wanted && tidyName(name) === wanted);
  const heard = named.filter(({connected, silence}) =>
    connected && silence === 0);
  const candidates = heard.length > 0 ? heard : named;
  return candidates.find(({id}) => id === shown) ?? candidates[0] ?? null;
}
