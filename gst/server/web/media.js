// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The tracks that we send: the camera's or the placeholder's, and the
 * microphone's or none. They are exchanged by replaceTrack() alone, so no
 * m-line ever changes.
 *
 * Stopping the camera closes the device, so that its light goes out. Where
 * there is no placeholder, the camera sends black for half a second first. A
 * microphone that has never been wanted is never opened. A muted one stays open
 * and sends silence, so that unmuting takes no time.
 */

import {Device, mergeProblems} from './device.js';
import {Placeholder} from './placeholder.js';

/** @typedef {import('./device.js').DeviceKind} DeviceKind */
/** @typedef {import('./device.js').Problem} Problem */

/* These are wishes only, since a camera that cannot meet them is better than
 * none. */
const VIDEO = {width: {ideal: 1280}, height: {ideal: 720},
  frameRate: {ideal: 30}};
const AUDIO = {echoCancellation: true, noiseSuppression: true,
  autoGainControl: true};

/* The time in ms for which a camera sends black before it is closed. */
const DARK_TIME = 500;
const NO_PLACEHOLDER = 'The camera is off. This browser cannot show the others '
  + 'a placeholder: they see a black picture.';

export const canCapture = () =>
  typeof navigator.mediaDevices?.getUserMedia === 'function';

/**
 * Lists the devices that are plugged in. Without the permission to use a device
 * its id and label are empty.
 *
 * @param {MediaDeviceKind} kind
 */
export async function listDevices(kind) {
  try {
    const devices = await navigator.mediaDevices?.enumerateDevices() ?? [];
    return devices.filter((device) => device.kind === kind);
  } catch {
    return [];
  }
}

/**
 * Emits 'change' when a track, `muted`, `hidden` or a wish has changed, with
 * `detail.problem` if a device has a problem.
 */
export class LocalMedia extends EventTarget {
  #camera;
  #microphone;
  #placeholder;
  #muted;
  #wantCamera;
  #closed = false;
  /** The camera's track while it sends black before it is stopped.
   * @type {MediaStreamTrack | null} */
  #dark = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #darkTimer;

  /**
   * @param {object} options
   * @param {string} options.name for the placeholder
   * @param {boolean} options.muted
   * @param {boolean} options.hidden
   * @param {Record<DeviceKind, string>} options.devices ids, '' = any
   */
  constructor({name, muted, hidden, devices}) {
    super();
    this.#muted = muted;
    this.#wantCamera = !hidden;
    this.#camera = this.#makeDevice('videoinput', devices.videoinput);
    this.#microphone = this.#makeDevice('audioinput', devices.audioinput);
    this.#placeholder = new Placeholder(name);
    this.#placeholder.setRunning(true);
    navigator.mediaDevices?.addEventListener?.('devicechange',
      this.#onDevicesChanged);
  }

  /** The video track to send; null only if the browser cannot draw one. */
  get videoTrack() {
    return this.#camera.track ?? this.#placeholder.track ?? this.#dark;
  }

  /** The audio track to send; null: none. */
  get audioTrack() {
    return this.#microphone.track;
  }

  /** Whether the others see the placeholder. */
  get hidden() {
    return this.#camera.track === null;
  }

  /** Whether the others hear nothing. */
  get muted() {
    return this.#muted || this.#microphone.track === null;
  }

  /** Whether the camera is wanted; it may not be open yet. */
  get wantsCamera() {
    return this.#camera.wanted;
  }

  /** Whether the microphone is wanted; it may not be open yet. */
  get wantsMicrophone() {
    return !this.#muted && this.#microphone.wanted;
  }

  /**
   * Opens the devices that are wanted at the start. Both are requested
   * together, so that the person is asked once. If that fails, each is
   * requested alone, since one of them may work.
   *
   * @returns {Promise<Problem[]>}
   */
  async open() {
    const both = this.#wantCamera && !this.#muted && canCapture()
      ? this.#capture({audioinput: this.#microphone.id,
        videoinput: this.#camera.id}) : undefined;
    const track = (kind) => both?.then((stream) =>
      stream.getTracks().find((one) => one.kind === kind));
    const problems = await Promise.all([
      this.#wantCamera ? this.#camera.open(track('video')) : null,
      this.#muted ? null : this.#microphone.open(track('audio'))]);
    return mergeProblems(problems.filter((problem) => problem !== null));
  }

  /** @param {boolean} hidden @returns {Promise<Problem | null>} */
  async setHidden(hidden) {
    if (!hidden)
      return this.#camera.open();
    if (this.#placeholder.track || !this.#camera.track) {
      this.#camera.close();
      return null;
    }
    this.#camera.release((track) => this.#darken(track));
    return {text: NO_PLACEHOLDER, kinds: ['videoinput'], settled: true};
  }

  /**
   * Disables a track, which sends black from then on, and stops it after
   * DARK_TIME. Without a placeholder the peers would go on showing the last
   * picture of the camera.
   *
   * @param {MediaStreamTrack} track
   */
  #darken(track) {
    track.enabled = false;
    this.#stopDark();
    this.#dark = track;
    this.#darkTimer = setTimeout(() => {
      this.#stopDark();
      this.#changed();
    }, DARK_TIME);
  }

  #stopDark() {
    clearTimeout(this.#darkTimer);
    this.#dark?.stop();
    this.#dark = null;
  }

  /** @param {boolean} muted @returns {Promise<Problem | null>} */
  async setMuted(muted) {
    this.#muted = muted;
    if (!muted) {
      this.#changed();
      return this.#microphone.open();
    }
    if (this.#microphone.track)
      this.#changed();
    else
      this.#microphone.close();
    return null;
  }

  /**
   * Chooses another device, and opens it at once if one of its kind is in use.
   *
   * @param {DeviceKind} kind
   * @param {string} id '' = any
   * @returns {Promise<Problem | null>}
   */
  setDevice(kind, id) {
    return this.#device(kind).choose(id);
  }

  /** The id of the chosen device, '' = any. @param {DeviceKind} kind */
  deviceId(kind) {
    return this.#device(kind).id;
  }

  /** @param {string} name */
  setName(name) {
    this.#placeholder.setName(name);
  }

  close() {
    this.#closed = true;
    navigator.mediaDevices?.removeEventListener?.('devicechange',
      this.#onDevicesChanged);
    this.#stopDark();
    this.#camera.close();
    this.#microphone.close();
    this.#placeholder.close();
  }

  /** @param {DeviceKind} kind */
  #device(kind) {
    return kind === 'videoinput' ? this.#camera : this.#microphone;
  }

  /** @param {DeviceKind} kind @param {string} id */
  #makeDevice(kind, id) {
    return new Device(kind, id, {
      capture: async (one) =>
        (await this.#capture({[kind]: one})).getTracks()[0],
      isThere: async (one) => (await listDevices(kind))
        .some(({deviceId}) => deviceId === one),
      isUnplugged: async (one) => (await listDevices(kind))
        .every(({deviceId}) => deviceId && deviceId !== one),
    }, (problem) => this.#changed(problem));
  }

  /**
   * Requests devices. A chosen one is requested by an exact id, since browsers
   * ignore an id that is only a wish.
   *
   * @param {Partial<Record<DeviceKind, string>>} ids of each kind that is to
   *   be opened, '' = any
   * @returns {Promise<MediaStream>}
   */
  async #capture(ids) {
    if (!canCapture())
      throw new DOMException('insecure page', 'NotSupportedError');
    if (this.#closed)
      throw new DOMException('the call is over', 'AbortError');
    const choose = (id, rest) => id !== undefined
      && {...rest, ...(id && {deviceId: {exact: id}})};
    return navigator.mediaDevices.getUserMedia({
      audio: choose(ids.audioinput, AUDIO),
      video: choose(ids.videoinput, VIDEO)});
  }

  #onDevicesChanged = async () => {
    for (const device of [this.#camera, this.#microphone]) {
      const problem = await device.onDevicesChanged();
      if (problem)
        this.#changed(problem);
    }
  };

  /** @param {Problem} [problem] */
  #changed(problem) {
    const {track: camera} = this.#camera;
    const {track: microphone} = this.#microphone;
    if (camera) {
      this.#stopDark();
      camera.contentHint = 'motion';
    }
    if (microphone)
      microphone.enabled = !this.#muted;
    this.#placeholder.setRunning(!camera && !this.#closed);
    this.dispatchEvent(new CustomEvent('change', {detail: {problem}}));
  }
}
