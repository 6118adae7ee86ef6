// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The RTCPeerConnection of one attempt with one peer. It has one audio and one
 * video m-line, audio first, both always sendrecv. Tracks are exchanged by
 * replaceTrack(), so nothing is negotiated twice.
 */

import {noneInCommon, preferOpus, preferVideo} from './codecs.js';
import {watchServers} from './ice-report.js';
import {Quality} from './quality.js';
import {beginFaster, readVideo, tidySdp} from './sdp.js';
import {boundVideo, divideUplink} from './uplink.js';

/** @typedef {'audio' | 'video'} Kind */

/** @type {Kind[]} */
const KINDS = ['audio', 'video'];

/**
 * @typedef {object} PeerHandlers
 * @property {(sdpType: 'offer' | 'answer', sdp: string) => void} localSdp
 * @property {(candidate: string, mline?: number, mid?: string) => void}
 *   localCandidate '' = no more follow
 * @property {() => void} addressless the browser has no address to be reached
 *   at
 * @property {() => void} connected
 * @property {() => void} suspect the connection's path may be broken
 * @property {() => void} failed
 * @property {(track: MediaStreamTrack) => void} track
 * @property {(url: string, why: string) => void} unserved a STUN or TURN server
 *   does not serve us
 * @property {(codecs: string[]) => void} unshown the two ends have no video
 *   codec in common, so that the peer is heard only; `codecs` are the peer's
 */

/**
 * @typedef {object} Media
 * @property {MediaStreamTrack | null} audioTrack
 * @property {MediaStreamTrack | null} videoTrack
 */

/* A browser finds the addresses of its computer at once. Without any it may
 * gather for ever, so the lack of an address is reported after this time. */
const ADDRESS_PATIENCE = 3000;
/* A short loss of the path is no reason for another attempt. */
const DISCONNECTED_PATIENCE = 2000;
/* The types ordered by reach. The path has the type of the end that is later in
 * this list. */
const CANDIDATE_TYPES = /** @type {const} */ (
  ['host', 'prflx', 'srflx', 'relay']);

export class Peer {
  /** @type {'' | 'host' | 'prflx' | 'srflx' | 'relay'} as of wasHeard() */
  path = '';
  /** How good the connection is, while the page is seen. */
  quality = new Quality();
  /** Whether no local candidate has been found yet. */
  addressless = true;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #patience;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #addressPatience;
  #pc;
  #handlers;
  #media;
  #stream;
  #codecs;
  #limits = divideUplink(1);
  /** What the peer has a use for. @type {import('./want.js').Want | null} */
  #wanted = null;
  /** The changes of the limits, which run one after the other. */
  #limiting = Promise.resolve();
  /** The steps of negotiation, which run one after the other.
   * @type {Promise<unknown>} */
  #steps = Promise.resolve();
  /** The replacements of each track, which run one after the other.
   * @type {Record<Kind, Promise<void>>} */
  #replacing = {audio: Promise.resolve(), video: Promise.resolve()};
  #closed = false;
  /* The counters of the last statistics. */
  #received = 0;
  #energy = 0;
  #duration = 0;
  /* The mean audio level between the last two statistics. */
  #meanLevel = 0;

  /**
   * @param {object} options
   * @param {boolean} options.offerer
   * @param {string[]} [options.codecs] the video codecs that the other end has
   *   named, best first
   * @param {Media} options.media
   * @param {RTCIceServer[]} [options.iceServers]
   * @param {PeerHandlers} handlers
   */
  constructor({offerer, codecs = [], media, iceServers = []}, handlers) {
    this.#handlers = handlers;
    this.#media = media;
    this.#codecs = codecs;
    this.#stream = new MediaStream();
    this.#pc = new RTCPeerConnection(
      {iceServers, bundlePolicy: 'max-bundle'});
    this.#listen();
    if (offerer)
      this.#step(() => this.#offer());
  }

  /** @param {'offer' | 'answer'} type @param {string} sdp */
  remoteSdp(type, sdp) {
    this.#step(async () => {
      await this.#pc.setRemoteDescription({type,
        sdp: beginFaster(sdp, this.#limits.bitrate)});
      if (type === 'offer')
        await this.#answer(readVideo(sdp));
      this.#limit();
    });
  }

  /**
   * @param {string} candidate '' = no more follow
   * @param {number} [mline]
   * @param {string} [mid]
   */
  remoteCandidate(candidate, mline, mid) {
    /* The index is preferred, since other ends have mids of their own. With
     * neither, the candidate is for the first m-line, which carries the
     * bundle. */
    const place = mline !== undefined || mid === undefined
      ? {sdpMLineIndex: mline ?? 0} : {sdpMid: mid};
    this.#steps = this.#steps.then(async () => {
      if (!this.#closed)
        await this.#pc.addIceCandidate({candidate, ...place});
    }).catch((error) => {
      /* The attempt may succeed without this candidate. */
      console.warn('candidate refused:', error.message);
    });
  }

  /** Sends the present tracks of the local media. */
  updateTracks() {
    for (const kind of KINDS)
      this.#replacing[kind] = this.#replacing[kind]
        .then(() => this.#replace(kind));
  }

  /**
   * Limits the video that is sent to the peer.
   *
   * @param {{bitrate: number, height: number}} limits bit/s, pixels
   */
  setLimits(limits) {
    this.#limits = limits;
    this.#limit();
  }

  /**
   * @param {import('./want.js').Want | null} wanted the largest picture that
   *   the peer has a use for; null: it has not said
   */
  setWanted(wanted) {
    this.#wanted = wanted;
    this.#limit();
  }

  /**
   * The peer's audio level now, 0 to 1. Where its packets do not carry the
   * level, this is the mean level between the last two statistics.
   */
  audioLevel() {
    const receiver = this.#transceiver('audio')?.receiver;
    const [source] = receiver?.getSynchronizationSources?.() ?? [];
    if (!source || performance.timeOrigin + performance.now()
        - source.timestamp > 1000)
      return 0;
    return source.audioLevel ?? this.#meanLevel;
  }

  /**
   * Whether media or RTCP has arrived since the last call. STUN, which keeps
   * the path open, does not count.
   */
  async wasHeard() {
    if (this.#closed)
      return false;
    let received = 0;
    const reports = await this.#pc.getStats();
    this.path = this.#findPath(reports);
    if (!document.hidden) {
      this.quality.take([...reports.values()], performance.now(),
        this.path === 'relay');
    }
    for (const report of reports.values()) {
      if (report.type === 'inbound-rtp') {
        received += report.packetsReceived ?? 0;
        this.#measure(report);
      } else if (report.type === 'candidate-pair') {
        received += report.bytesReceived ?? 0;
      } else if (report.type === 'remote-inbound-rtp'
          || report.type === 'remote-outbound-rtp') {
        received += report.timestamp ?? 0;
      }
    }
    const heard = received !== this.#received;
    this.#received = received;
    return heard;
  }

  /** @param {RTCStatsReport} reports */
  #findPath(reports) {
    const all = [...reports.values()];
    const chosen = all.find(({type}) => type === 'transport')
      ?.selectedCandidatePairId;
    const pair = reports.get(chosen) ?? all.find(({type, selected}) =>
      type === 'candidate-pair' && selected);
    const ends = pair ? [pair.localCandidateId, pair.remoteCandidateId]
      .map((id) => CANDIDATE_TYPES.indexOf(reports.get(id)?.candidateType))
      : [-1];
    return CANDIDATE_TYPES[Math.max(...ends)] ?? '';
  }

  /** @param {Record<string, any>} report an inbound-rtp one */
  #measure({kind, totalAudioEnergy: energy, totalSamplesDuration: duration}) {
    if (kind !== 'audio' || energy === undefined || !(duration > 0))
      return;
    if (duration > this.#duration) {
      this.#meanLevel = Math.sqrt(Math.max(energy - this.#energy, 0)
        / (duration - this.#duration));
    }
    this.#energy = energy;
    this.#duration = duration;
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#patience);
    clearTimeout(this.#addressPatience);
    removeEventListener('online', this.#onOnline);
    this.#pc.close();
  }

  /** @param {Kind} kind */
  #transceiver(kind) {
    return this.#pc.getTransceivers()
      .find(({receiver}) => receiver.track.kind === kind);
  }

  #listen() {
    const pc = this.#pc;
    pc.onicecandidate = ({candidate}) => {
      /* "" and null both mean the end, which is sent once below. */
      if (!this.#closed && candidate?.candidate) {
        this.addressless = false;
        this.#handlers.localCandidate(candidate.candidate,
          candidate.sdpMLineIndex ?? undefined, candidate.sdpMid ?? undefined);
      }
    };
    watchServers(pc, (url, why) => {
      if (!this.#closed)
        this.#handlers.unserved(url, why);
    });
    let complete = false;
    pc.onicegatheringstatechange = () => {
      if (this.#closed || complete || pc.iceGatheringState !== 'complete')
        return;
      complete = true;
      this.#handlers.localCandidate('', 0, pc.getTransceivers()[0]?.mid
        ?? undefined);
    };
    pc.onconnectionstatechange = () => {
      if (this.#closed)
        return;
      clearTimeout(this.#patience);
      if (pc.connectionState === 'connected') {
        this.#handlers.connected();
      } else if (pc.connectionState === 'disconnected') {
        this.#patience = setTimeout(() => this.#handlers.suspect(),
          DISCONNECTED_PATIENCE);
      } else if (pc.connectionState === 'failed') {
        this.#handlers.failed();
      }
    };
    addEventListener('online', this.#onOnline);
    /* The streams of the event are ignored, since not all other ends group
     * their tracks. */
    pc.ontrack = ({track}) => this.#handlers.track(track);
  }

  /* The network is back or has changed, so a connection without a path is
   * replaced at once. */
  #onOnline = () => {
    if (!this.#closed && this.#pc.connectionState === 'disconnected')
      this.#handlers.suspect();
  };

  /** @param {() => Promise<void>} action */
  #step(action) {
    this.#steps = this.#steps.then(async () => {
      if (!this.#closed)
        await action();
    }).catch((error) => {
      if (this.#closed)
        return;
      console.warn('attempt failed:', error);
      this.#handlers.failed();
    });
  }

  async #offer() {
    const {audioTrack, videoTrack} = this.#media;
    const how = {direction: /** @type {'sendrecv'} */ ('sendrecv'),
      streams: [this.#stream]};
    preferOpus(this.#pc.addTransceiver(audioTrack ?? 'audio', how));
    /* An end without the offered codec would refuse the whole offer. */
    if (noneInCommon(this.#codecs)) {
      this.#handlers.unshown(this.#codecs);
    } else {
      preferVideo(this.#pc.addTransceiver(videoTrack ?? 'video', how),
        this.#codecs);
    }
    await this.#pc.setLocalDescription(await this.#pc.createOffer());
    this.#tellDescription();
  }

  /** @param {ReturnType<typeof readVideo>} offered */
  async #answer(offered) {
    for (const transceiver of this.#pc.getTransceivers()) {
      const kind = /** @type {Kind} */ (transceiver.receiver.track.kind);
      transceiver.direction = 'sendrecv';
      transceiver.sender.setStreams?.(this.#stream);
      await transceiver.sender.replaceTrack(this.#ownTrack(kind));
    }
    await this.#pc.setLocalDescription(await this.#pc.createAnswer());
    if (offered.sends && !offered.rejected && !this.#closed
        && readVideo(this.#pc.localDescription?.sdp ?? '').rejected)
      this.#handlers.unshown(offered.codecs);
    this.#tellDescription();
    /* The local tracks may have changed meanwhile. */
    this.updateTracks();
  }

  #tellDescription() {
    const description = this.#pc.localDescription;
    this.#addressPatience = setTimeout(() => {
      if (!this.#closed && this.addressless)
        this.#handlers.addressless();
    }, ADDRESS_PATIENCE);
    if (description && !this.#closed) {
      this.#handlers.localSdp(/** @type {'offer' | 'answer'} */ (
        description.type), tidySdp(description.sdp));
    }
  }

  /** @param {Kind} kind */
  #ownTrack(kind) {
    return kind === 'audio' ? this.#media.audioTrack : this.#media.videoTrack;
  }

  /* The track is read only now, when the replacement before it is done: until
   * then `sender.track` is still the former one. */
  /** @param {Kind} kind */
  async #replace(kind) {
    const sender = this.#transceiver(kind)?.sender;
    const track = this.#ownTrack(kind);
    if (this.#closed || !sender || sender.track === track)
      return;
    try {
      await sender.replaceTrack(track);
      this.#limit();
    } catch (error) {
      console.warn('track not replaced:', error.message);
    }
  }

  #limit() {
    this.#limiting = this.#limiting.then(() => this.#applyLimits())
      .catch((error) => console.warn('no bound for the video:', error.message));
  }

  /* Limits the video once the sender has an encoding. */
  async #applyLimits() {
    const sender = this.#transceiver('video')?.sender;
    const parameters = sender?.getParameters();
    if (this.#closed || !parameters?.encodings?.length)
      return;
    const [encoding] = parameters.encodings;
    const bounds = boundVideo(sender.track?.getSettings() ?? {}, this.#limits,
      this.#wanted);
    if (Object.entries(bounds).every(([name, value]) =>
      encoding[name] === value))
      return;
    Object.assign(encoding, bounds);
    if (bounds.maxFramerate === undefined)
      delete encoding.maxFramerate;
    parameters.degradationPreference = 'balanced';
    await sender.setParameters(parameters);
  }
}
