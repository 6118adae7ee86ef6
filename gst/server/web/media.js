// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * What we send: the camera or its placeholder, and the microphone or nothing.
 * Which of them is a matter of replaceTrack() only, so no m-line ever changes.
 *
 * A stopped camera is really stopped, so that its light goes out. A microphone
 * that has never been wanted is never opened; one that is muted stays open,
 * so that unmuting is immediate, and sends silence.
 */

import {Placeholder} from './placeholder.js';

const VIDEO = {width: {ideal: 1280}, height: {ideal: 720},
  frameRate: {ideal: 30, max: 30}};
const AUDIO = {echoCancellation: true, noiseSuppression: true,
  autoGainControl: true};

/** @typedef {'audioinput' | 'videoinput'} DeviceKind */

/**
 * Why a device could not be had, for a person.
 *
 * @param {unknown} error
 * @param {string} what
 */
export function explain(error, what) {
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
    default:
      return `The ${what} cannot be opened.`;
  }
}

export const canCapture = () =>
  typeof navigator.mediaDevices?.getUserMedia === 'function';

export class LocalMedia extends EventTarget {
  /** @type {MediaStreamTrack | null} */
  #camera = null;
  /** @type {MediaStreamTrack | null} */
  #microphone = null;
  #placeholder;
  #closed = false;
  /* What the user wants; a device may be on its way, or not to be had. */
  #wantCamera;
  #wantMicrophone;
  /** @type {Record<DeviceKind, string>} */
  devices;

  /**
   * @param {object} options
   * @param {string} options.name for the placeholder
   * @param {boolean} options.muted
   * @param {boolean} options.hidden
   * @param {Record<DeviceKind, string>} options.devices ids, '' = whichever
   */
  constructor({name, muted, hidden, devices}) {
    super();
    this.#wantCamera = !hidden;
    this.#wantMicrophone = !muted;
    this.devices = devices;
    this.#placeholder = new Placeholder(name);
    this.#placeholder.setRunning(true);
  }

  /** What goes out as picture: always something. */
  get videoTrack() {
    return this.#camera ?? this.#placeholder.track;
  }

  /** What goes out as sound; null: nothing. */
  get audioTrack() {
    return this.#microphone;
  }

  get hidden() {
    return this.#camera === null;
  }

  get muted() {
    return !this.#wantMicrophone || this.#microphone === null;
  }

  /**
   * Opens what is wanted at first. Both are asked for at once, so that the
   * person is asked once; where that fails, one may do without the other.
   *
   * @returns {Promise<string[]>} what went wrong, for a person
   */
  async open() {
    const wantCamera = this.#wantCamera;
    const wantMicrophone = this.#wantMicrophone;
    if (wantCamera && wantMicrophone && canCapture()) {
      try {
        const stream = await this.#capture(['audioinput', 'videoinput']);
        await this.#setMicrophone(stream.getAudioTracks()[0]);
        await this.#setCamera(stream.getVideoTracks()[0]);
        return [];
      } catch {
        /* Which of the two it was shows below. */
      }
    }
    const camera = wantCamera ? await this.setHidden(false) : null;
    const microphone = wantMicrophone ? await this.setMuted(false) : null;
    /* The same words for both are said once. */
    if (camera && microphone
        && camera.replace('camera', 'microphone') === microphone)
      return [camera.replace('camera', 'camera or microphone')];
    return [camera, microphone].filter((problem) => problem !== null);
  }

  /**
   * @param {boolean} hidden
   * @returns {Promise<string | null>} what went wrong, for a person
   */
  async setHidden(hidden) {
    this.#wantCamera = !hidden;
    if (hidden) {
      this.#dropCamera();
      return null;
    }
    if (this.#camera)
      return null;
    try {
      const stream = await this.#capture(['videoinput']);
      await this.#setCamera(stream.getVideoTracks()[0]);
      return null;
    } catch (error) {
      this.#wantCamera = false;
      return explain(error, 'camera');
    }
  }

  /**
   * @param {boolean} muted
   * @returns {Promise<string | null>} what went wrong, for a person
   */
  async setMuted(muted) {
    this.#wantMicrophone = !muted;
    if (this.#microphone) {
      this.#microphone.enabled = !muted;
      this.#changed();
      return null;
    }
    if (muted)
      return null;
    try {
      const stream = await this.#capture(['audioinput']);
      await this.#setMicrophone(stream.getAudioTracks()[0]);
      return null;
    } catch (error) {
      this.#wantMicrophone = false;
      return explain(error, 'microphone');
    }
  }

  /**
   * Goes over to another device, at once where one is in use.
   *
   * @param {DeviceKind} kind
   * @param {string} id '' = whichever
   * @returns {Promise<string | null>}
   */
  async setDevice(kind, id) {
    this.devices[kind] = id;
    const what = kind === 'videoinput' ? 'camera' : 'microphone';
    if (!(kind === 'videoinput' ? this.#camera : this.#microphone))
      return null;
    try {
      const [track] = (await this.#capture([kind])).getTracks();
      await (kind === 'videoinput' ? this.#setCamera(track)
        : this.#setMicrophone(track));
      return null;
    } catch (error) {
      return explain(error, what);
    }
  }

  /** @param {string} name */
  setName(name) {
    this.#placeholder.setName(name);
  }

  close() {
    this.#closed = true;
    this.#camera?.stop();
    this.#microphone?.stop();
    this.#placeholder.close();
  }

  /**
   * @param {DeviceKind[]} kinds
   * @returns {Promise<MediaStream>}
   */
  async #capture(kinds) {
    if (!canCapture())
      throw new DOMException('insecure page', 'NotSupportedError');
    const choose = (kind, rest) => kinds.includes(kind)
      && {...rest, ...(this.devices[kind] && {deviceId: this.devices[kind]})};
    return navigator.mediaDevices.getUserMedia(
      {audio: choose('audioinput', AUDIO), video: choose('videoinput', VIDEO)});
  }

  /* Somebody may have changed their mind while the device was opening. */
  /** @param {MediaStreamTrack} track */
  async #setCamera(track) {
    if (this.#closed || !this.#wantCamera) {
      track.stop();
      return;
    }
    this.#camera?.stop();
    this.#camera = track;
    track.contentHint = 'motion';
    track.addEventListener('ended', () => {
      if (this.#camera === track)
        this.#dropCamera('The camera was unplugged or taken away.');
    });
    this.#changed();
    this.#placeholder.setRunning(false);
  }

  /** @param {MediaStreamTrack} track */
  async #setMicrophone(track) {
    if (this.#closed) {
      track.stop();
      return;
    }
    this.#microphone?.stop();
    this.#microphone = track;
    track.enabled = this.#wantMicrophone;
    track.addEventListener('ended', () => {
      if (this.#microphone !== track)
        return;
      this.#microphone = null;
      this.#changed('The microphone was unplugged or taken away.');
    });
    this.#changed();
  }

  /* Stopped first: not one more picture of it is sent. */
  /** @param {string} [problem] */
  #dropCamera(problem) {
    this.#camera?.stop();
    this.#camera = null;
    this.#placeholder.setRunning(!this.#closed);
    this.#changed(problem);
  }

  /** @param {string} [problem] */
  #changed(problem) {
    this.dispatchEvent(new CustomEvent('change', {detail: {problem}}));
  }
}
