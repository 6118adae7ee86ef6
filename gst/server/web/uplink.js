// SPDX-License-Identifier: LGPL-2.1-or-later

/* What all peers together may get of our video, and each of them. A browser
 * encodes for each anew, so it is smaller for many; so are their tiles. */
const UPLINK_BITRATE = 3_000_000;
const MAX_BITRATE = 1_000_000;
const MIN_BITRATE = 150_000;
const HEIGHTS = [[1, 720], [4, 360], [Infinity, 240]];

/**
 * Divides the uplink.
 *
 * @param {number} count how many peers get our video
 * @returns {{bitrate: number, height: number}} what each gets at most, in bit/s
 *   and pixels
 */
export function divideUplink(count) {
  const [, height] = HEIGHTS.find(([most]) => count <= most);
  return {bitrate: Math.round(Math.min(MAX_BITRATE,
    Math.max(MIN_BITRATE, UPLINK_BITRATE / Math.max(count, 1)))), height};
}
