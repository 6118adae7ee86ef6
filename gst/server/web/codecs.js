// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Chooses the codecs of an offer: one for each m-line, since some other ends
 * (webrtcbin) answer with the first codec alone, and retransmission for video.
 */

/** @typedef {{mimeType: string, sdpFmtpLine?: string}} Codec */

/**
 * The video codecs of the page, best first, and a test of the fmtp for the
 * profile that every end can decode. gst/core/codec.c has those of pipelines.
 *
 * @type {{name: string, isPlain: (fmtp: string) => boolean}[]}
 */
const KNOWN = [
  {name: 'VP8', isPlain: () => true},
  /* constrained baseline in packetization mode 1 */
  {name: 'H264', isPlain: (fmtp) => /packetization-mode=1/.test(fmtp)
    && /profile-level-id=42[0-9a-f]{2}/i.test(fmtp)},
  /* 8 bits in 4:2:0 */
  {name: 'VP9', isPlain: (fmtp) => !/profile-id=[^0]/i.test(fmtp)},
  /* 4:2:0 */
  {name: 'AV1', isPlain: (fmtp) => !/profile=[^0]/i.test(fmtp)},
];

/**
 * @template {Codec} T
 * @param {T[]} capabilities
 * @param {string} name
 * @returns {T | undefined}
 */
function find(capabilities, name) {
  const mimeType = `video/${name.toLowerCase()}`;
  const known = KNOWN.find((row) => row.name === name.toUpperCase());
  return capabilities.find((codec) => codec.mimeType.toLowerCase() === mimeType
    && known?.isPlain(codec.sdpFmtpLine ?? ''));
}

/** @param {'audio' | 'video'} kind */
const receivable = (kind) =>
  globalThis.RTCRtpReceiver?.getCapabilities?.(kind)?.codecs ?? [];

/** @param {'audio' | 'video'} kind */
const sendable = (kind) =>
  globalThis.RTCRtpSender?.getCapabilities?.(kind)?.codecs ?? [];

/** The video codecs that this browser can send and receive, best first. */
export function videoCodecs() {
  const codecs = KNOWN.map(({name}) => name).filter((name) =>
    find(receivable('video'), name) && find(sendable('video'), name));
  return codecs.length > 0 ? codecs : ['VP8'];
}

/**
 * The video codecs to offer to a member whose call names `wanted`.
 *
 * @template {Codec} T
 * @param {string[]} wanted best first
 * @param {T[]} capabilities
 * @returns {T[]} one codec with its retransmission; empty: the browser's choice
 */
export function chooseVideo(wanted, capabilities) {
  for (const name of [...wanted, 'VP8']) {
    const codec = find(capabilities, name);
    if (codec) {
      return [codec, ...capabilities.filter(({mimeType}) =>
        mimeType.toLowerCase() === 'video/rtx')];
    }
  }
  return [];
}

/**
 * @template {Codec} T
 * @param {T[]} capabilities
 * @returns {T[]}
 */
export const chooseAudio = (capabilities) => capabilities
  .filter(({mimeType}) => mimeType.toLowerCase() === 'audio/opus');

/**
 * @param {RTCRtpTransceiver} transceiver
 * @param {Codec[]} codecs
 */
function prefer(transceiver, codecs) {
  if (codecs.length === 0 || !transceiver.setCodecPreferences)
    return;
  try {
    transceiver.setCodecPreferences(/** @type {any} */ (codecs));
  } catch (error) {
    console.warn('codec preferences refused:', error);
  }
}

/**
 * Whether this browser and a member with these codecs have no video codec in
 * common. The answer is no where the browser lists no codecs or the member
 * names none, as then nothing is known.
 *
 * @param {string[]} names
 * @param {Codec[]} [capabilities]
 */
export const noneInCommon = (names, capabilities = receivable('video')) =>
  capabilities.length > 0 && names.length > 0
    && !names.some((name) => find(capabilities, name));

/** @param {RTCRtpTransceiver} transceiver */
export const preferOpus = (transceiver) =>
  prefer(transceiver, chooseAudio(receivable('audio')));

/** @param {RTCRtpTransceiver} transceiver @param {string[]} wanted */
export const preferVideo = (transceiver, wanted) =>
  prefer(transceiver, chooseVideo(wanted, receivable('video')));
