// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The limits on our video, which depend on how many peers get it, and on how
 * large each of them shows it.
 */

/* The bit rates of our video, for all peers together and for each one. A
 * browser encodes the video for each peer anew, so it is smaller for many
 * peers, which show it in smaller tiles. */
const UPLINK_BITRATE = 3_000_000;
const MAX_BITRATE = 1_000_000;
const MIN_BITRATE = 150_000;
/* A picture of 720 lines needs this much, and one of half as many lines a
 * third. */
const FULL_BITRATE = 1_500_000;
const FULL_HEIGHT = 720;
const BITRATE_EXPONENT = Math.log2(3);
/* Not every encoder makes a smaller picture. */
const MIN_HEIGHT = 90;
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

/**
 * Bounds the video that one peer gets.
 *
 * @param {{width?: number, height?: number}} picture of our track, where known
 * @param {{bitrate: number, height: number}} limits by divideUplink()
 * @param {import('./want.js').Want | null} wanted null: the peer has not said
 * @returns {{active: boolean, maxBitrate: number,
 *   scaleResolutionDownBy: number, maxFramerate: number | undefined}} as
 *   RTCRtpEncodingParameters has them
 */
export function boundVideo({width = 0, height = 0}, limits, wanted) {
  const full = height || limits.height;
  const bounds = {active: true, maxBitrate: limits.bitrate,
    scaleResolutionDownBy: Math.max(full / limits.height, 1),
    maxFramerate: undefined};
  if (!wanted)
    return bounds;
  if (wanted.width === 0)
    return {...bounds, active: false};
  const scale = Math.max(bounds.scaleResolutionDownBy,
    Math.min(width / wanted.width, height / wanted.height,
      height / MIN_HEIGHT));
  const bitrate = FULL_BITRATE
    * (full / scale / FULL_HEIGHT) ** BITRATE_EXPONENT;
  return {active: true,
    maxBitrate: Math.round(Math.min(limits.bitrate,
      Math.max(MIN_BITRATE, bitrate))),
    scaleResolutionDownBy: scale, maxFramerate: wanted.fps || undefined};
}
