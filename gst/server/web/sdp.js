// SPDX-License-Identifier: LGPL-2.1-or-later

/** Reads and corrects session descriptions. */

/**
 * Corrects a description before it is sent. Firefox writes feedback (a=rtcp-fb)
 * also for payload types that codec preferences have removed from the m-line,
 * and Chromium refuses such a description.
 *
 * @param {string} sdp
 */
export function tidySdp(sdp) {
  /** @type {Set<string>} the payload types of the present m-line */
  let listed = new Set();
  return sdp.split('\r\n').filter((line) => {
    if (line.startsWith('m='))
      listed = new Set(line.split(' ').slice(3));
    const named = /^a=(?:rtpmap|fmtp|rtcp-fb):(\d+) /.exec(line);
    return !named || listed.has(named[1]);
  }).join('\r\n');
}

/* Formats that an m-line lists beside the codecs. */
const HELPERS = /^(?:rtx|red|ulpfec|flexfec-03)$/i;

/**
 * Reads the video m-line of a description.
 *
 * @param {string} sdp
 * @returns {{rejected: boolean, sends: boolean, codecs: string[]}} whether the
 *   m-line is rejected, whether the describing end sends, and the codecs
 */
export function readVideo(sdp) {
  const [session, ...sections] = sdp.split(/\r?\n(?=m=)/);
  const section = sections.find((text) => text.startsWith('m=video ')) ?? '';
  const direction = /^a=(sendrecv|sendonly|recvonly|inactive)\s*$/m;
  const [, found = 'sendrecv'] = direction.exec(section)
    ?? direction.exec(session) ?? [];
  const names = [...section.matchAll(/^a=rtpmap:\d+ ([^/\s]+)/gm)]
    .map(([, name]) => name).filter((name) => !HELPERS.test(name));
  /* A bundle-only m-line has port 0 too, and is not rejected (RFC 9143, 6). */
  return {rejected: /^m=video 0 /.test(section)
      && !/^a=bundle-only\s*$/m.test(section),
    sends: section !== '' && found.startsWith('send'),
    codecs: [...new Set(names)]};
}
