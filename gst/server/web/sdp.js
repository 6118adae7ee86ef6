// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * What must be put right in a description before it goes out.
 *
 * Where codec preferences left codecs out, Firefox still writes their feedback
 * (a=rtcp-fb of payload types that the m-line does not list), and Chromium
 * refuses such a description.
 *
 * @param {string} sdp
 */
export function tidySdp(sdp) {
  /** @type {Set<string>} of the m-line that we are in */
  let listed = new Set();
  return sdp.split('\r\n').filter((line) => {
    if (line.startsWith('m='))
      listed = new Set(line.split(' ').slice(3));
    const named = /^a=(?:rtpmap|fmtp|rtcp-fb):(\d+) /.exec(line);
    return !named || listed.has(named[1]);
  }).join('\r\n');
}
