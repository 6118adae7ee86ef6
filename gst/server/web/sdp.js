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

/* What a sender's estimate begins with, in kbit/s: as in a pipeline (MESH_RATE_START
 * in plugins/meshroom/rate.h). Chromium begins at 300 otherwise, finds 720 lines
 * too many for that in the first moment, and comes back over ten seconds. */
const START_KBIT = 800;

/**
 * Has Chromium begin with a better rate than its own: it takes that from the
 * formats of the remote description. Others ignore it.
 *
 * @param {string} sdp the other end's description
 */
export function beginFaster(sdp) {
  const parameter = `x-google-start-bitrate=${START_KBIT}`;
  const lines = sdp.split(/(?<=\n)/);
  const described = new Set(lines.map((line) => /^a=fmtp:(\d+) /.exec(line)?.[1]));
  let isVideo = false;
  return lines.map((line) => {
    if (line.startsWith('m='))
      isVideo = line.startsWith('m=video ');
    const [end = ''] = /\r?\n$/.exec(line) ?? [];
    const [, type] = /^a=rtpmap:(\d+) (?!rtx\/)/i.exec(line) ?? [];
    if (isVideo && type && end && !described.has(type))
      return `${line}a=fmtp:${type} ${parameter}${end}`;
    if (isVideo && /^a=fmtp:\d+ (?!apt=)/.test(line)
        && !line.includes('x-google-start-bitrate='))
      return `${line.trimEnd()};${parameter}${end}`;
    return line;
  }).join('');
}
