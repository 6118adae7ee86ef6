// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Checks that the browser has what a call needs. The check is made before
 * joining, since a member that cannot connect would be a tile without a picture
 * at all others.
 */

/**
 * @typedef {object} Lack
 * @property {string} title
 * @property {string} text tells the person what to do
 */

const BROWSERS = 'a current Firefox, Chromium, Chrome, Edge or Safari';

export const INSECURE = 'This page came over plain http from another machine, '
  + 'and to such pages browsers give neither camera and microphone nor the '
  + 'means to keep a call private. Open it with https, or on the '
  + 'server\u2019s own machine as http://localhost.';

/** @type {Lack} */
export const NO_WEBRTC = {title: 'This browser cannot make calls',
  text: 'It has no WebRTC, or WebRTC is turned off: in its settings (in '
    + 'Firefox media.peerconnection.enabled in about:config), by an extension, '
    + 'or by whoever looks after this computer. Turn it on, then reload this '
    + `page; or open the link in ${BROWSERS}.`};

/** @type {Lack} */
const TOO_OLD = {title: 'This browser is too old',
  text: 'It lacks what a call needs. Update it, or open the link in '
    + `${BROWSERS}.`};

/** @type {Lack} */
const NO_CRYPTO = {title: 'This browser cannot keep the call private',
  text: 'It gives pages no Web Crypto, so that it cannot use the key in this '
    + `link. Turn that on, or open the link in ${BROWSERS}.`};

/**
 * Whether the browser has WebRTC. Extensions that turn it off remove the class
 * or replace it by a function of their own. No connection is made as a trial,
 * since that takes time and browsers limit their number.
 *
 * @param {any} scope
 */
const canConnect = ({RTCPeerConnection: Connection}) =>
  typeof Connection === 'function'
    && typeof Connection.prototype?.createOffer === 'function';

/** @param {any} scope */
const isNew = ({RTCPeerConnection, RTCRtpSender, MediaStream,
  HTMLDialogElement, ResizeObserver, Object, TextEncoder}) =>
  [RTCPeerConnection.prototype.addTransceiver,
    RTCPeerConnection.prototype.getStats, RTCRtpSender?.prototype.replaceTrack,
    RTCRtpSender?.prototype.getParameters,
    RTCRtpSender?.prototype.setParameters, MediaStream, ResizeObserver,
    HTMLDialogElement?.prototype.showModal, Object.hasOwn, TextEncoder]
    .every((one) => typeof one === 'function')
    /* Reading the property would run its getter, which throws on a
     * prototype. */
    && 'connectionState' in RTCPeerConnection.prototype;

/**
 * @param {{key: unknown}} link
 * @param {any} [scope] the browser's globals
 * @returns {Lack | null} why this browser cannot be in the link's call
 */
export function findLack({key}, scope = globalThis) {
  if (!canConnect(scope))
    return NO_WEBRTC;
  if (!isNew(scope) || !scope.crypto?.getRandomValues)
    return TOO_OLD;
  if (!key || scope.crypto.subtle)
    return null;
  return scope.isSecureContext ? NO_CRYPTO
    : {title: 'Not over this connection', text: INSECURE};
}

/**
 * Explains that the others will not see and hear us, as the browser has no
 * function to open a camera and microphone.
 *
 * @param {boolean} isSecure
 */
export const explainNoCapture = (isSecure) => `${isSecure
  ? 'This browser gives pages no camera and no microphone: it has no such '
    + 'function, or that is turned off. '
  : 'The browser gives no camera and no microphone to a page that came over '
    + 'plain http from another machine. '}You can see and hear the others. ${
  isSecure ? `To be seen, turn it on, or open the link in ${BROWSERS}.`
    : 'Open the link with https to be seen.'}`;
