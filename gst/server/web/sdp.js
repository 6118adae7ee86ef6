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

/* What a sender's estimate begins with, in kbit/s: as in a pipeline
 * (MESH_RATE_START in plugins/meshroom/rate.h). Chromium begins at 300
 * otherwise, finds 720 lines too many for that in the first moment, and comes
 * back over ten seconds. */
const START_KBIT = 800;

/**
 * Has Chromium begin with a better rate than its own: it takes that from the
 * formats of the remote description. Others ignore it.
 *
 * @param {string} sdp the other end's description
 * @param {number} most what may be sent, bit/s
 */
export function beginFaster(sdp, most) {
  const rate = Math.min(START_KBIT, Math.round(most / 1000));
  const parameter = `x-google-start-bitrate=${rate}`;
  const lines = sdp.split(/(?<=\n)/);
  const described = new Set(lines.map((line) => /^a=fmtp:(\d+) /.exec(line)?.[1]));
  /** @type {Set<string | undefined>} the payload types of the section's codecs */
  let codecs = new Set();
  return lines.map((line) => {
    if (line.startsWith('m='))
      codecs = new Set();
    const [end = ''] = /\r?\n$/.exec(line) ?? [];
    const [, type] = /^a=rtpmap:(\d+) (?:VP8|VP9|H264|AV1)\//i.exec(line) ?? [];
    const [, of] = /^a=fmtp:(\d+) /.exec(line) ?? [];
    if (type)
      codecs.add(type);
    if (type && end && !described.has(type))
      return `${line}a=fmtp:${type} ${parameter}${end}`;
    if (of && codecs.has(of) && !line.includes('x-google-start-bitrate='))
      return `${line.trimEnd()};${parameter}${end}`;
    return line;
  }).join('');
}
