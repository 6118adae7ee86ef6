// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Reports the STUN and TURN servers that do not serve a connection. ICE only
 * goes on without their candidates, so a person whose network needs a server
 * would wait without being told why.
 */

const NO_ANSWER = 701;
const UNAUTHENTICATED = 401;
const STALE_NONCE = 438;
const QUOTA_REACHED = 486;
const PATIENCE = 10_000;

/** @param {number} code of STUN, or the browser's own @param {string} text */
function describe(code, text) {
  if (code === NO_ANSWER)
    return 'it is not reached, or does not answer';
  if (code === UNAUTHENTICATED || code === STALE_NONCE)
    return 'it rejects the user and password';
  if (code === QUOTA_REACHED)
    return 'the user has as many relayed connections as it allows';
  return `it refuses (error ${code}${text ? `: ${text}` : ''})`;
}

/**
 * Reports a server's error at once. A missing answer says little, as a browser
 * asks from each of its addresses and the server may be out of reach from some
 * of them. So silence is reported once gathering is complete or PATIENCE is
 * over, and only for servers that gave no candidate.
 *
 * @param {RTCPeerConnection} pc that has not begun to gather candidates
 * @param {(url: string, why: string) => void} tell
 */
export function watchServers(pc, tell) {
  /** @type {Set<string>} URLs of servers that have not answered */
  const silent = new Set();
  const done = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const tellOnce = (url, why) => {
    if (!done.has(url)) {
      done.add(url);
      tell(url, why);
    }
  };
  const tellSilent = () => {
    clearTimeout(timer);
    for (const url of silent)
      tellOnce(url, describe(NO_ANSWER, ''));
  };
  pc.addEventListener('icecandidateerror', (event) => {
    const {url, errorCode, errorText} =
      /** @type {RTCPeerConnectionIceErrorEvent} */ (event);
    if (!url)
      return;
    if (errorCode !== NO_ANSWER) {
      tellOnce(url, describe(errorCode, errorText));
    } else {
      silent.add(url);
      timer ??= setTimeout(tellSilent, PATIENCE);
    }
  });
  pc.addEventListener('icecandidate', (event) => {
    const {candidate, url} = /** @type {any} */ (event);
    done.add(candidate?.url || url);
  });
  pc.addEventListener('icegatheringstatechange', () => {
    if (pc.iceGatheringState === 'complete')
      tellSilent();
  });
}
