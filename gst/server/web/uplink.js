// SPDX-License-Identifier: LGPL-2.1-or-later

/** The limits on our video, which depend on how many peers get it. */

/* The bit rates of our video, for all peers together and for each one. A
 * browser encodes the video for each peer anew, so it is smaller for many
 * peers, which show it in smaller tiles. */
const UPLINK_BITRATE = 3_000_000;
const MAX_BITRATE = 1_000_000;
const MIN_BITRATE = 150_000;
const HEIGHTS = [[1, 720], [4, 360], [Infinity, 240]];

/**
 * Divides the uplink among the peers.
 *
 * @param {number} count of peers that get our video
 * @returns {{bitrate: number, height: number}} the limits for each peer, in
 *   bit/s and pixels
 */
export function divideUplink(count) {
  const [, height] = HEIGHTS.find(([most]) => count <= most);
  return {bitrate: Math.round(Math.min(MAX_BITRATE,
    Math.max(MIN_BITRATE, UPLINK_BITRATE / Math.max(count, 1)))), height};
}
