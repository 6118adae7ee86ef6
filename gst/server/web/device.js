// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The camera, or the microphone: open while it is wanted. Opening takes its
 * time, with a person to ask perhaps, and meanwhile wishes change: what counts
 * is the last one. A device that arrives when nobody wants it any more is
 * closed at once, and nobody sees its track.
 */

/** @typedef {'audioinput' | 'videoinput'} DeviceKind */

/**
 * Something that did not work, in words.
 *
 * @typedef {object} Problem
 * @property {string} text for a person
 * @property {DeviceKind[]} kinds of what; another try may help
 */

/** @type {Record<DeviceKind, string>} */
const WHAT = {audioinput: 'microphone', videoinput: 'camera'};

/**
 * Why a device could not be had, for a person.
 *
 * @param {unknown} error
 * @param {string} what
 */
function explain(error, what) {
  switch (error instanceof Error ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return `The browser does not allow the ${what}. `
        + 'Allow it in the address bar, then try again.';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return `There is no ${what}.`;
    case 'NotReadableError':
    case 'AbortError':
      return `The ${what} cannot be opened; `
        + 'perhaps another program is using it.';
    case 'NotSupportedError':
      return `The browser gives no ${what} to a page that came over `
        + 'plain http.';
    default:
      return `The ${what} cannot be opened.`;
  }
}

/** One text for both, where they failed alike. @param {Problem[]} problems */
export function mergeProblems(problems) {
  if (problems.length !== 2)
    return problems;
  const [first, second] = problems;
  if (first.text.replace('camera', 'microphone') !== second.text)
    return problems;
  return [{text: first.text.replace('camera', 'camera or microphone'),
    kinds: [...first.kinds, ...second.kinds]}];
}

export class Device {
  #kind;
  #capture;
  #changed;
  #wanted = false;
  /** @type {MediaStreamTrack | null} */
  #track = null;
  /** @type {Promise<Problem | null> | null} */
  #opening = null;
  /** Which one, '' = whichever. */
  id;

  /**
   * @param {DeviceKind} kind
   * @param {string} id
   * @param {() => Promise<MediaStreamTrack>} capture opens the one with our id
   * @param {(problem?: Problem) => void} changed the track or what is wanted
   */
  constructor(kind, id, capture, changed) {
    this.#kind = kind;
    this.id = id;
    this.#capture = capture;
    this.#changed = changed;
  }

  /** Live, or null. */
  get track() {
    return this.#track;
  }

  get wanted() {
    return this.#wanted;
  }

  /**
   * @param {Promise<MediaStreamTrack>} [first] one that is being opened
   * @returns {Promise<Problem | null>}
   */
  async open(first) {
    if (!this.#wanted) {
      this.#wanted = true;
      this.#changed();
    }
    if (this.#track)
      return null;
    this.#opening ??= this.#settle(first);
    return this.#opening;
  }

  /** Stopped before anybody is told: not one more picture of it is sent. */
  close() {
    if (!this.#wanted && !this.#track)
      return;
    this.#wanted = false;
    this.#track?.stop();
    this.#track = null;
    this.#changed();
  }

  /**
   * Goes over to another device, at once where one is open or about to be. If
   * it cannot be had, the one before stays.
   *
   * @param {string} id
   * @returns {Promise<Problem | null>}
   */
  async choose(id) {
    this.id = id;
    if (!this.#wanted)
      return null;
    this.#opening ??= this.#settle();
    return this.#opening;
  }

  /**
   * Until the device is what was wanted last.
   *
   * @param {Promise<MediaStreamTrack>} [first]
   * @returns {Promise<Problem | null>}
   */
  async #settle(first) {
    try {
      for (;;) {
        const {id} = this;
        let track = null;
        let problem;
        try {
          track = await (first ?? this.#capture());
        } catch (error) {
          problem = error;
        }
        const again = first !== undefined && !track;
        first = undefined;
        if (!this.#wanted) {
          track?.stop();
          return null;
        }
        if (id !== this.id || again) {
          track?.stop();
          continue;
        }
        if (track) {
          this.#take(track);
          return null;
        }
        this.#wanted = this.#track !== null;
        this.#changed();
        return {text: explain(problem, WHAT[this.#kind]), kinds: [this.#kind]};
      }
    } finally {
      this.#opening = null;
    }
  }

  /** @param {MediaStreamTrack} track */
  #take(track) {
    this.#track?.stop();
    this.#track = track;
    track.addEventListener('ended', () => {
      if (this.#track !== track)
        return;
      this.#track = null;
      /* Another one may be on its way already. */
      this.#wanted = this.#opening !== null;
      this.#changed(this.#wanted ? undefined : {kinds: [this.#kind],
        text: `The ${WHAT[this.#kind]} was unplugged or taken away.`});
    });
    this.#changed();
  }
}
