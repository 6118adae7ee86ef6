// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The camera or the microphone, which is open while it is wanted. Opening may
 * take long, as the person may be asked for permission, and the wish may change
 * meanwhile: the last wish counts. A device that opens after it is no longer
 * wanted is closed at once, and its track is never used.
 */

/** @typedef {'audioinput' | 'videoinput'} DeviceKind */

/**
 * A problem with a device, to be shown to the person.
 *
 * @typedef {object} Problem
 * @property {string} text
 * @property {DeviceKind[]} kinds the devices that have the problem
 * @property {boolean} [settled] nothing remains to be tried again, such as when
 *   another device is open
 */

/**
 * The browser's answer to the request for a device.
 *
 * @typedef {object} Answer
 * @property {MediaStreamTrack | null} track
 * @property {boolean} [instead] the track is of another device than the chosen
 * @property {boolean} [restored] the track is of the device in use before
 * @property {unknown} [error] why the chosen device could not be opened
 */

/** @type {Record<DeviceKind, string>} */
const WHAT = {audioinput: 'microphone', videoinput: 'camera'};

/* The number of times that a device which ends by itself is replaced. A device
 * that was open for LASTING (ms) starts counting anew. */
const MOST_RETURNS = 3;
const LASTING = 10000;

/** @param {unknown} error */
const nameOf = (error) => (error instanceof Error
  || error instanceof DOMException ? error.name
  : /** @type {any} */ (error)?.name ?? '');

/**
 * Whether the requested device is missing, so that another one of its kind may
 * open. All other constraints are ideal ones, which never fail a request.
 *
 * @param {unknown} error
 */
const isGone = (error) =>
  ['NotFoundError', 'OverconstrainedError'].includes(nameOf(error));

/**
 * Tells a person why a device could not be opened.
 *
 * @param {unknown} error
 * @param {string} what
 */
function explain(error, what) {
  switch (nameOf(error)) {
    case 'NotAllowedError':
    case 'SecurityError':
      if (/by system/i.test(/** @type {Error} */ (error).message)) {
        return `The system does not let the browser use the ${what}. `
          + 'Allow it in the system\u2019s privacy settings, then try again.';
      }
      return `The browser does not allow the ${what}. `
        + 'Allow it in the address bar, then try again.';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return `There is no ${what}. Plug one in, then try again.`;
    case 'NotReadableError':
    case 'AbortError':
      return `The ${what} cannot be opened; perhaps another program is using `
        + 'it. Close that program, or choose another one in the settings, '
        + 'then try again.';
    case 'NotSupportedError':
      return globalThis.isSecureContext
        ? `This browser gives pages no ${what}. Turn that on in its settings, `
          + 'or open the link in another one.'
        : `The browser gives no ${what} to a page that came over plain http. `
          + 'Open the link with https.';
    default:
      return `The ${what} cannot be opened. Try again, or choose another one `
        + 'in the settings.';
  }
}

/** @param {MediaStreamTrack} track @param {string} what */
const titleOf = (track, what) =>
  (track.label ? `\u201c${track.label}\u201d` : `another ${what}`);

/**
 * Makes one problem of two when camera and microphone failed for one reason.
 *
 * @param {Problem[]} problems
 */
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
  #isThere;
  #isUnplugged;
  #changed;
  #wanted = false;
  /** @type {MediaStreamTrack | null} */
  #track = null;
  /** The id that was chosen when the track was opened. */
  #openedFor = '';
  /** Whether the track is of another device, as the chosen one is missing. */
  #instead = false;
  /** Tells which unplugged device the next track replaces; '' = none. */
  #lost = '';
  #openedAt = 0;
  #returns = 0;
  /** @type {Promise<Problem | null> | null} */
  #opening = null;
  /** The id of the chosen device; '' = any. */
  id;

  /**
   * @param {DeviceKind} kind
   * @param {string} id
   * @param {object} browser
   * @param {(id: string) => Promise<MediaStreamTrack>} browser.capture opens
   *   that device and no other, '' = any
   * @param {(id: string) => Promise<boolean>} browser.isThere whether that
   *   device is known to be plugged in
   * @param {(id: string) => Promise<boolean>} browser.isUnplugged whether that
   *   device is known to be unplugged
   * @param {(problem?: Problem) => void} changed is called when the track or
   *   the wish has changed
   */
  constructor(kind, id, {capture, isThere, isUnplugged}, changed) {
    this.#kind = kind;
    this.id = id;
    this.#capture = capture;
    this.#isThere = isThere;
    this.#isUnplugged = isUnplugged;
    this.#changed = changed;
  }

  /** The track of the open device, or null. */
  get track() {
    return this.#track;
  }

  get wanted() {
    return this.#wanted;
  }

  /**
   * @param {Promise<MediaStreamTrack>} [first] the track of a request that was
   *   made already, for camera and microphone together
   * @returns {Promise<Problem | null>}
   */
  async open(first) {
    this.#returns = 0;
    if (!this.#wanted) {
      this.#wanted = true;
      this.#changed();
    }
    if (this.#track)
      return null;
    return this.#start(first);
  }

  /** Stops the track before `changed` is called, so that no frame follows. */
  close() {
    this.release((track) => track.stop());
  }

  /**
   * Closes the device as close() does, but leaves it to the caller to stop the
   * track.
   *
   * @param {(track: MediaStreamTrack) => void} take called with the open track,
   *   if any, before `changed`
   */
  release(take) {
    if (!this.#wanted && !this.#track)
      return;
    const track = this.#track;
    this.#wanted = false;
    this.#lost = '';
    this.#track = null;
    if (track)
      take(track);
    this.#changed();
  }

  /**
   * Chooses another device, and opens it at once if the device is wanted. If it
   * cannot be opened, the former one stays open and chosen.
   *
   * @param {string} id
   * @returns {Promise<Problem | null>}
   */
  async choose(id) {
    this.#returns = 0;
    this.id = id;
    if (!this.#wanted)
      return null;
    return this.#start();
  }

  /**
   * Opens the chosen device instead of its substitute when it is plugged in
   * again. To be called whenever a device was plugged in or unplugged.
   *
   * @returns {Promise<Problem | null>}
   */
  async onDevicesChanged() {
    const {id} = this;
    if (!this.#instead || !this.#track || this.#opening
        || !await this.#isThere(id) || !this.#instead || id !== this.id)
      return null;
    const problem = await this.#start();
    if (problem || !this.#track || this.#instead)
      return problem;
    return this.#note(`${this.#capital()} that you chose is back, and in use `
      + 'again.');
  }

  /** @param {Promise<MediaStreamTrack>} [first] */
  #start(first) {
    this.#opening ??= this.#settle(first).finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  /**
   * Asks the browser until the answer fits the last wish.
   *
   * @param {Promise<MediaStreamTrack>} [first]
   * @returns {Promise<Problem | null>}
   */
  async #settle(first) {
    for (;;) {
      const {id} = this;
      const answer = first ? await this.#await(first) : await this.#ask(id);
      const again = first !== undefined && !answer.track;
      first = undefined;
      if (!this.#wanted) {
        answer.track?.stop();
        return null;
      }
      if (id !== this.id || again)
        answer.track?.stop();
      else
        return answer.track ? this.#take(id, answer) : this.#giveUp(answer);
    }
  }

  /**
   * @param {Promise<MediaStreamTrack>} opening
   * @returns {Promise<Answer>}
   */
  async #await(opening) {
    try {
      return {track: await opening};
    } catch (error) {
      return {track: null, error};
    }
  }

  /**
   * Asks for the chosen device, and for any other one if the chosen one is
   * missing and no device is open that could stay in use.
   *
   * @param {string} id
   * @returns {Promise<Answer>}
   */
  async #ask(id) {
    const answer = await this.#await(this.#capture(id));
    if (answer.track || !this.#wanted || id !== this.id)
      return answer;
    if (this.#track)
      return nameOf(answer.error) === 'NotReadableError'
        ? this.#askWithoutOther(id) : answer;
    if (!id || !isGone(answer.error))
      return answer;
    const other = await this.#await(this.#capture(''));
    return other.track ? {...other, instead: true, error: answer.error} : other;
  }

  /**
   * Closes the open device before the chosen one is asked for, since phones
   * open one camera at a time. If that fails, the former one is opened again.
   *
   * @param {string} id
   * @returns {Promise<Answer>}
   */
  async #askWithoutOther(id) {
    this.#track?.stop();
    this.#track = null;
    this.#changed();
    const answer = await this.#await(this.#capture(id));
    if (answer.track || !this.#wanted || id !== this.id)
      return answer;
    const before = await this.#await(
      this.#capture(this.#instead ? '' : this.#openedFor));
    return before.track
      ? {...before, restored: true, error: answer.error} : answer;
  }

  /**
   * @param {string} id the device that was asked for
   * @param {Answer} answer with a track
   * @returns {Problem | null} a note when another device is in use
   */
  #take(id, {track, instead = false, restored = false, error}) {
    const lost = this.#lost;
    this.#lost = '';
    this.#track?.stop();
    this.#track = /** @type {MediaStreamTrack} */ (track);
    this.#openedAt = performance.now();
    this.#track.addEventListener('ended', () => this.#onEnded(track));
    if (restored) {
      this.id = this.#openedFor;
      this.#changed();
      return this.#stays(error);
    }
    this.#openedFor = id;
    this.#instead = instead;
    this.#changed();
    const title = titleOf(track, WHAT[this.#kind]);
    if (lost)
      return this.#note(`${lost} Now ${title} is in use.`);
    return instead ? this.#note(`${this.#capital()} that you chose is not `
      + `connected. ${title} is used instead; you can choose another one in `
      + 'the settings.') : null;
  }

  /** @param {Answer} answer @returns {Problem} */
  #giveUp({error}) {
    const lost = this.#lost;
    this.#lost = '';
    if (this.#track) {
      this.id = this.#openedFor;
      this.#changed();
      return this.#stays(error);
    }
    this.#wanted = false;
    this.#changed();
    const text = explain(error, WHAT[this.#kind]);
    return {text: lost ? `${lost} ${text}` : text, kinds: [this.#kind]};
  }

  /** @param {unknown} error why another device could not be opened */
  #stays(error) {
    const what = WHAT[this.#kind];
    return this.#note(`${isGone(error)
      ? `That ${what} is not connected any more.`
      : explain(error, what)} The one before stays in use.`);
  }

  /** @param {string} text @returns {Problem} */
  #note(text) {
    return {text, kinds: [this.#kind], settled: true};
  }

  #capital() {
    return `The ${WHAT[this.#kind]}`;
  }

  /**
   * Handles a track that ended by itself: the device was unplugged, or the
   * browser or the system took it away. Another device is opened only in place
   * of an unplugged one, since otherwise somebody wanted the track to end.
   *
   * @param {MediaStreamTrack} track
   */
  async #onEnded(track) {
    if (this.#track !== track)
      return;
    this.#track = null;
    this.#changed();
    if (this.#opening)
      return;
    const {deviceId} = track.getSettings();
    const unplugged = deviceId === undefined
      || await this.#isUnplugged(deviceId);
    if (this.#track || this.#opening || !this.#wanted)
      return;
    if (performance.now() - this.#openedAt > LASTING)
      this.#returns = 0;
    const what = titleOf(track, WHAT[this.#kind]);
    if (!unplugged || ++this.#returns > MOST_RETURNS) {
      this.#wanted = false;
      this.#changed({kinds: [this.#kind], text: `${this.#capital()} was taken `
        + 'away by the browser or by another program.'});
      return;
    }
    this.#lost = `${this.#capital()} ${what} was unplugged.`;
    const problem = await this.#start();
    if (problem)
      this.#changed(problem);
  }
}
