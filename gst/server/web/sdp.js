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

/* What stands beside a codec and is none. */
const HELPERS = /^(?:rtx|red|ulpfec|flexfec-03)$/i;

/**
 * What a description says of the picture.
 *
 * @param {string} sdp
 * @returns {{rejected: boolean, sends: boolean, codecs: string[]}} whether its
 *   m-line is rejected, whether the describing end sends, and which codecs are
 *   named
 */
export function readVideo(sdp) {
  const [session, ...sections] = sdp.split(/\r?\n(?=m=)/);
  const section = sections.find((text) => text.startsWith('m=video ')) ?? '';
  const direction = /^a=(sendrecv|sendonly|recvonly|inactive)\s*$/m;
  const [, found = 'sendrecv'] = direction.exec(section)
    ?? direction.exec(session) ?? [];
  const names = [...section.matchAll(/^a=rtpmap:\d+ ([^/\s]+)/gm)]
    .map(([, name]) => name).filter((name) => !HELPERS.test(name));
  /* An m-line that only lives in a bundle has port 0, too (RFC 9143, 6). */
  return {rejected: /^m=video 0 /.test(section)
      && !/^a=bundle-only\s*$/m.test(section),
    sends: section !== '' && found.startsWith('send'),
    codecs: [...new Set(names)]};
}
