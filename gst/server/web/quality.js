// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * How good the connection with one peer is: reads the browser's statistics, and
 * decides on one of three states, which does not flicker.
 */

/** @typedef {'good' | 'fair' | 'poor'} State */
/** @typedef {'' | 'lossy' | 'slow' | 'frozen'} Reason */

/**
 * @typedef {object} Flow what goes one way
 * @property {number} bitrate bit/s
 * @property {number} loss part of the packets, 0 to 1
 * @property {number} width of the picture; 0: there is none
 * @property {number} height
 * @property {number} framerate
 */

/**
 * @typedef {object} Figures of the last two seconds
 * @property {number | null} rtt in seconds, 0 within a machine; null: not known
 * @property {number} frozen for which part of the time the peer's picture stood
 *   still, 0 to 1
 * @property {Flow} sent
 * @property {Flow} received
 * @property {boolean} relayed
 */

/** @typedef {{state: State, reason: Reason}} Verdict */

/* The time, in ms, between two readings. A reading comes with every look
 * whether the peer is heard, once a second. */
const INTERVAL = 1900;

/* So many readings in a row change the state. It gets worse soon, and better
 * when that has lasted. */
const READINGS_WORSE = 2;
const READINGS_BETTER = 3;

/** @type {State[]} */
const STATES = ['good', 'fair', 'poor'];

/* From which value on a figure is fair, and poor. Losses are those of
 * draft-ietf-rmcat-gcc-02: the sender keeps its rate above 2 %, and lowers it
 * above 10 %. The round trip is twice the delay one way of ITU-T G.114, which
 * users are content with up to 150 ms, and many not from 400 ms on. */
/** @type {{reason: Reason, fair: number, poor: number,
 *   of: (figures: Figures) => number}[]} */
const LIMITS = [
  {reason: 'frozen', fair: 0.1, poor: 0.3, of: ({frozen}) => frozen},
  {reason: 'lossy', fair: 0.02, poor: 0.1,
    of: ({sent, received}) => Math.max(sent.loss, received.loss)},
  {reason: 'slow', fair: 0.3, poor: 0.8, of: ({rtt}) => rtt ?? 0},
];

/** @param {Figures} figures @returns {Verdict} */
export function judge(figures) {
  /** @type {Verdict} */
  let worst = {state: 'good', reason: ''};
  for (const {reason, fair, poor, of} of LIMITS) {
    const value = of(figures);
    const state = STATES[Number(value >= fair) + Number(value >= poor)];
    if (isWorse(state, worst.state))
      worst = {state, reason};
  }
  return worst;
}

/** @param {State} a @param {State} b */
const isWorse = (a, b) => STATES.indexOf(a) > STATES.indexOf(b);

/** @param {number} value */
const toShare = (value) => Math.min(Math.max(value || 0, 0), 1);

/**
 * Sums up a counter of all reports of a type.
 *
 * @param {Record<string, any>[]} reports
 * @param {string} type
 * @param {string} key
 */
const sum = (reports, type, key) => reports.reduce((total, report) =>
  total + (report.type === type ? report[key] ?? 0 : 0), 0);

/** @param {Record<string, any>[]} reports */
const readCounters = (reports) => ({
  bytesSent: sum(reports, 'outbound-rtp', 'bytesSent'),
  packetsSent: sum(reports, 'outbound-rtp', 'packetsSent'),
  framesSent: sum(reports, 'outbound-rtp', 'framesSent'),
  lostThere: sum(reports, 'remote-inbound-rtp', 'packetsLost'),
  bytesReceived: sum(reports, 'inbound-rtp', 'bytesReceived'),
  packetsReceived: sum(reports, 'inbound-rtp', 'packetsReceived'),
  framesReceived: sum(reports, 'inbound-rtp', 'framesDecoded'),
  lost: sum(reports, 'inbound-rtp', 'packetsLost'),
  frozen: sum(reports, 'inbound-rtp', 'totalFreezesDuration'),
});

/** @typedef {ReturnType<typeof readCounters>} Counters */

/**
 * The path's own round trip is known also where nothing is sent.
 *
 * @param {Record<string, any>[]} reports
 */
function readRtt(reports) {
  const chosen = reports.find(({type}) => type === 'transport')
    ?.selectedCandidatePairId;
  const pair = reports.find(({id, type, selected}) => id === chosen
    || (type === 'candidate-pair' && selected));
  return pair?.currentRoundTripTime ?? reports.find(({type, roundTripTime}) =>
    type === 'remote-inbound-rtp' && roundTripTime >= 0)?.roundTripTime ?? null;
}

/**
 * The size of the picture.
 *
 * @param {Record<string, any>[]} reports
 * @param {string} type
 */
function readSize(reports, type) {
  const {frameWidth: width = 0, frameHeight: height = 0} =
    reports.find((report) => report.type === type && report.kind === 'video'
      && report.frameWidth > 0) ?? {};
  return {width, height};
}

/**
 * @param {Record<string, any>[]} reports
 * @param {Counters} before the counters some time ago
 * @param {Counters} now
 * @param {number} seconds since then
 * @param {boolean} relayed
 * @returns {Figures}
 */
export function readFigures(reports, before, now, seconds, relayed) {
  /** @param {keyof Counters} key */
  const grown = (key) => Math.max(now[key] - before[key], 0);
  const lost = grown('lost');
  return {
    rtt: readRtt(reports),
    frozen: toShare(grown('frozen') / seconds),
    relayed,
    sent: {
      bitrate: 8 * grown('bytesSent') / seconds,
      loss: toShare(grown('lostThere') / grown('packetsSent')),
      framerate: grown('framesSent') / seconds,
      ...readSize(reports, 'outbound-rtp'),
    },
    received: {
      bitrate: 8 * grown('bytesReceived') / seconds,
      loss: toShare(lost / (lost + grown('packetsReceived'))),
      framerate: grown('framesReceived') / seconds,
      ...readSize(reports, 'inbound-rtp'),
    },
  };
}

/** The quality of one connection, which is read again and again. */
export class Quality {
  /** @type {Figures | null} null: not known yet */
  figures = null;
  /** @type {Verdict} */
  verdict = {state: 'good', reason: ''};
  /** @type {Counters | null} */
  #counters = null;
  #at = 0;
  #worse = 0;
  #better = 0;

  /**
   * Takes a reading, unless the last one was a moment ago.
   *
   * @param {Record<string, any>[]} reports of RTCPeerConnection.getStats()
   * @param {number} now in ms
   * @param {boolean} relayed whether the path leads through a relay
   */
  take(reports, now, relayed) {
    if (this.#counters && now - this.#at < INTERVAL)
      return;
    const counters = readCounters(reports);
    if (this.#counters) {
      this.figures = readFigures(reports, this.#counters, counters,
        (now - this.#at) / 1000, relayed);
      this.#weigh(judge(this.figures));
    }
    this.#counters = counters;
    this.#at = now;
  }

  /** @param {Verdict} verdict of the last reading */
  #weigh(verdict) {
    const {state} = this.verdict;
    this.#worse = isWorse(verdict.state, state) ? this.#worse + 1 : 0;
    this.#better = isWorse(state, verdict.state) ? this.#better + 1 : 0;
    if (this.#worse >= READINGS_WORSE || this.#better >= READINGS_BETTER) {
      this.verdict = verdict;
      this.#worse = this.#better = 0;
    } else if (verdict.state === state) {
      this.verdict = verdict;
    }
  }
}

/** @type {Record<string, string>} */
const REASONS = {
  lossy: 'loses packets',
  slow: 'is slow',
};

/**
 * Says why a connection is not good.
 *
 * @param {Verdict} verdict
 * @param {'your' | 'their' | 'the'} whose connection
 */
export function explain({reason}, whose) {
  if (!reason)
    return '';
  return reason === 'frozen' ? 'the picture stands still at times'
    : `${whose} connection ${REASONS[reason]}`;
}

/**
 * Says whose connection is to blame if one is not good: that of the peer, or
 * ours if none is good. With one peer alone that cannot be told.
 *
 * @param {(Quality | null)[]} all the qualities of all peers
 * @returns {'your' | 'their' | 'the'}
 */
export function blame(all) {
  const known = all.filter((quality) => quality?.figures);
  if (known.length < 2)
    return 'the';
  return known.some(({verdict}) => verdict.state === 'good') ? 'their'
    : 'your';
}

/** @param {number} bitrate */
const bits = (bitrate) => (bitrate >= 999_500
  ? `${(bitrate / 1e6).toFixed(1)} Mbit/s`
  : `${Math.round(bitrate / 1000)} kbit/s`);

/** @param {number} part */
const percent = (part) => `${Math.round(100 * part)} %`;

/** @param {Flow} flow */
const describeFlow = ({bitrate, width, height, framerate}) => (width === 0
  ? bits(bitrate)
  : `${width}\u00d7${height}, ${Math.round(framerate)} fps, ${bits(bitrate)}`);

/**
 * Browsers count a path's round trip in whole milliseconds, and a local network
 * has less than one.
 *
 * @param {number | null} rtt in seconds
 */
function describeRtt(rtt) {
  if (rtt === null)
    return 'not known';
  return rtt < 0.001 ? 'under 1 ms' : `${Math.round(1000 * rtt)} ms`;
}

/**
 * @param {Figures} figures
 * @returns {[string, string][]} labels and values
 */
export function describe({rtt, sent, received, relayed}) {
  return [
    ['Round trip', describeRtt(rtt)],
    ['Lost', `${percent(received.loss)} of what comes, ${percent(sent.loss)} `
      + 'of what is sent'],
    ['Received', describeFlow(received)],
    ['Sent', describeFlow(sent)],
    ['Path', relayed ? 'through a relay' : 'direct'],
  ];
}
