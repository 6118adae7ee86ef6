// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The screen of a call: connects the buttons, keys, notices, grid, chat and
 * dialogs with the call and with the camera and microphone.
 */

import {Call} from './call.js';
import {ChatPanel} from './chat-panel.js';
import {setUpSettings, setUpSharing} from './dialogs.js';
import {announce, byId, hideNotice, setState, showNotice, showScreen}
  from './dom.js';
import {Grid} from './grid.js';
import {linkToString} from './link.js';
import {LocalMedia, canCapture} from './media.js';
import {NO_WEBRTC, explainNoCapture} from './needs.js';
import {tidyName} from './names.js';
import {recall} from './settings.js';
import {Speaker} from './speaker.js';

/** @typedef {import('./device.js').DeviceKind} DeviceKind */
/** @typedef {import('./device.js').Problem} Problem */
/** @typedef {import('./link.js').RoomLink} RoomLink */

const DEFAULT_NAME = 'Guest';
const ADDRESSLESS = 'Nobody can be connected with you: this browser has found '
  + 'no network. Connect this computer to one, or, if it is, see whether a '
  + 'setting or an extension keeps WebRTC from using it. The call goes on by '
  + 'itself then.';
const BARRED = 'Somebody is in this room who does not take your call: they '
  + 'have as many connections as they may have, or could not agree with your '
  + 'browser. Another try is made every half minute; if it stays so, ask them '
  + 'to make room, or use another browser.';
/* A camera with the permission opens within this time. The call does not wait
 * for a person who is asked for it: the others see the placeholder so long. */
const MEDIA_PATIENCE = 1500;

/**
 * @param {string} id
 * @param {string} label also the button's name
 * @param {string} icon
 * @param {boolean} off whether the user wants the device off
 * @param {boolean} isOff whether the device is off
 */
function setButton(id, label, icon, off, isOff) {
  const button = byId(id);
  button.querySelector('span').textContent = label;
  button.querySelector('use').setAttribute('href',
    `#icon-${icon}${isOff ? '-off' : ''}`);
  button.classList.toggle('off', off);
  button.setAttribute('aria-busy', String(off !== isOff));
}

export class CallView {
  #link;
  #onOver;
  #media;
  #call;
  #speaker = new Speaker(recall('speaker'));
  #grid = new Grid(this.#speaker, (peer, size) => this.#call.want(peer, size));
  #chat;
  #over = false;
  /** Ids of peers about whose refusal the user was told. @type {Set<string>} */
  #barred = new Set();
  /** @type {WakeLockSentinel | null} */
  #wakeLock = null;

  /**
   * @param {RoomLink} link
   * @param {{muted: boolean, hidden: boolean}} options
   * @param {(title: string, text: string) => void} onOver
   */
  constructor(link, {muted, hidden}, onOver) {
    const name = tidyName(recall('name')) || DEFAULT_NAME;
    this.#link = link;
    this.#onOver = onOver;
    this.#media = new LocalMedia({name, muted, hidden, devices: {
      audioinput: recall('microphone'), videoinput: recall('camera')}});
    this.#call = new Call(link, name, this.#media, this.#handlers());
    this.#chat = new ChatPanel((text) => this.#call.chat(text));
    this.#setUpControls();
    setUpSharing(linkToString(link), link.key !== null);
    setUpSettings(this.#media, this.#speaker, (newName) =>
      this.#setName(newName || DEFAULT_NAME));
    this.#setSelfName(name);
  }

  async start() {
    showScreen(byId('call'));
    byId('call').focus();
    this.#showWarnings();
    this.#media.addEventListener('change', (event) =>
      this.#onMedia(/** @type {CustomEvent} */ (event).detail.problem));
    this.#onMedia();
    setState('joining');
    this.#onVisible();
    const opened = this.#media.open().then((problems) => {
      if (canCapture())
        problems.forEach((problem) => this.#showProblem(problem));
    });
    const patience = new Promise((resolve) =>
      setTimeout(resolve, MEDIA_PATIENCE));
    await Promise.race([opened, patience]);
    try {
      if (!this.#over)
        await this.#call.start();
    } catch (error) {
      this.#onFailed('no-start', error.message);
    }
  }

  #showWarnings() {
    if (!this.#link.key) {
      showNotice('key', 'This link has no key: the server could read along '
        + 'while you connect to each other.');
    }
    if (!canCapture()) {
      showNotice('media', explainNoCapture(isSecureContext));
    }
  }

  /** @returns {import('./call.js').CallHandlers} */
  #handlers() {
    return {
      state: (state) => this.#onState(state),
      unreachable: () => {
        if (document.documentElement.dataset.state === 'joining') {
          showNotice('server', 'The server cannot be reached. '
            + 'Trying again\u2026');
        }
      },
      peers: (views, barred) => this.#onPeers(views, barred),
      came: ({id, name}, joined) => announce(joined
        ? `${name || this.#grid.nameOf(id)} is here`
        : `${this.#grid.nameOf(id)} has left`),
      track: (peer, sid, track) => this.#grid.addTrack(peer, sid, track),
      stopping: (peer) => this.#grid.keepStill(peer),
      speaking: (peer, speaking) => this.#grid.setSpeaking(peer, speaking),
      chat: ({name}, text) => this.#chat.add(name || 'Guest', text),
      warning: (text) => showNotice('warning', text),
      addressless: (is) => is ? showNotice('network', ADDRESSLESS)
        : hideNotice('network'),
      failed: (code, text) => this.#onFailed(code, text),
    };
  }

  /** @param {'joining' | 'in-call' | 'reconnecting'} state */
  #onState(state) {
    setState(state);
    byId('alone').hidden = this.#grid.count > 0 || state === 'joining';
    if (state === 'reconnecting') {
      showNotice('server', 'The connection to the server is lost. Those who '
        + 'are in the call stay in it. Reconnecting\u2026');
    } else {
      hideNotice('server');
    }
  }

  /**
   * @param {import('./peer-view.js').PeerView[]} views
   * @param {string[]} barred
   */
  #onPeers(views, barred) {
    this.#grid.show(views);
    byId('alone-title').textContent = barred.length > 0
      ? 'Nobody is connected with you yet' : 'Nobody else is here yet';
    if (barred.some((id) => !this.#barred.has(id)))
      showNotice('barred', BARRED);
    for (const id of barred)
      this.#barred.add(id);
    byId('alone').hidden = views.length > 0
      || document.documentElement.dataset.state === 'joining';
    document.title = views.length > 0
      ? `meshroom (${views.length + 1})` : 'meshroom';
  }

  /** @param {string} code @param {string} text */
  #onFailed(code, text) {
    /** @type {Record<string, string>} */
    const words = {
      'room-full': 'This room is full.',
      'too-many-rooms': 'The server has no place for another room.',
      'refused': 'The server does not let this page in.',
      'replaced': 'This call was taken over by another window.',
      'no-start': 'Something that a call needs does not work in this browser '
        + `(${text}). Join again; if that does not help, update the browser, `
        + 'or open the link in another one.',
      'no-webrtc': `${NO_WEBRTC.title}. ${NO_WEBRTC.text}`,
    };
    this.#close();
    this.#onOver('You are not in the call',
      words[code] ?? `The server ended it (${code}). ${text}`.trim());
  }

  /** @param {Problem} [problem] */
  #onMedia(problem) {
    const {muted, hidden, wantsMicrophone, wantsCamera, videoTrack}
      = this.#media;
    const self = byId('self');
    const video = self.querySelector('video');
    const shown = /** @type {MediaStream | null} */ (video.srcObject);
    if ((shown?.getVideoTracks()[0] ?? null) !== videoTrack) {
      video.srcObject = videoTrack && new MediaStream([videoTrack]);
      video.play().catch(() => {});
    }
    self.classList.toggle('mirrored', !hidden);
    self.querySelector('.muted-mark').toggleAttribute('hidden', !muted);
    /* The button of a device that is being opened cancels that. */
    setButton('mute', wantsMicrophone ? 'Mute' : 'Unmute', 'mic',
      !wantsMicrophone, muted);
    setButton('camera', wantsCamera ? 'Stop camera' : 'Start camera', 'camera',
      !wantsCamera, hidden);
    if (problem)
      this.#showProblem(problem);
  }

  /** @param {Problem} problem */
  #showProblem({text, kinds, settled}) {
    if (this.#over)
      return;
    for (const kind of kinds)
      hideNotice(kind);
    showNotice(kinds[0], text, canCapture() && !settled
      ? {label: 'Try again', run: () => this.#retry(kinds)} : undefined);
  }

  /** @param {DeviceKind[]} kinds */
  #retry(kinds) {
    if (kinds.includes('videoinput'))
      this.#try('videoinput', this.#media.setHidden(false));
    if (kinds.includes('audioinput'))
      this.#try('audioinput', this.#media.setMuted(false));
  }

  #setUpControls() {
    byId('mute').addEventListener('click', () =>
      this.#try('audioinput',
        this.#media.setMuted(this.#media.wantsMicrophone)));
    byId('camera').addEventListener('click', () =>
      this.#try('videoinput',
        this.#media.setHidden(this.#media.wantsCamera)));
    byId('leave').addEventListener('click', () => this.#leave());
    addEventListener('keydown', this.#onKey);
    addEventListener('pagehide', this.#onPageHide);
    document.addEventListener('visibilitychange', this.#onVisible);
  }

  /**
   * @param {DeviceKind} kind
   * @param {Promise<Problem | null>} change
   */
  async #try(kind, change) {
    hideNotice(kind);
    const problem = await change;
    if (problem)
      this.#showProblem(problem);
  }

  /** @param {KeyboardEvent} event */
  #onKey = (event) => {
    const {key, target, ctrlKey, metaKey, altKey, repeat} = event;
    if (ctrlKey || metaKey || altKey || repeat
        || document.querySelector('dialog[open]')
        || (target instanceof Element
          && target.closest('input, select, textarea')))
      return;
    const button = {m: 'mute', v: 'camera', c: 'chat-open'}[key];
    if (button) {
      event.preventDefault();
      byId(button).click();
    }
  };

  #onPageHide = () => this.#call.abandon();

  /* Keeps the screen of a phone on during the call. The browser drops the lock
   * when the page is hidden, so it is asked for whenever the page is shown. */
  #onVisible = async () => {
    if (document.visibilityState !== 'visible' || this.#over)
      return;
    this.#wakeLock = await navigator.wakeLock?.request('screen')
      .catch(() => null) ?? null;
    if (this.#over)
      this.#wakeLock?.release();
  };

  /** @param {string} name */
  #setName(name) {
    this.#media.setName(name);
    this.#call.setName(name);
    this.#setSelfName(name);
  }

  /** @param {string} name */
  #setSelfName(name) {
    byId('self-name').textContent = name === DEFAULT_NAME ? 'You'
      : `${name} (you)`;
  }

  #leave() {
    this.#call.leave();
    this.#close();
    this.#onOver('You have left the call',
      'The camera and the microphone are off.');
  }

  #close() {
    this.#over = true;
    removeEventListener('keydown', this.#onKey);
    removeEventListener('pagehide', this.#onPageHide);
    document.removeEventListener('visibilitychange', this.#onVisible);
    this.#wakeLock?.release().catch(() => {});
    this.#media.close();
    this.#grid.clear();
    for (const dialog of document.querySelectorAll('dialog[open]'))
      /** @type {HTMLDialogElement} */ (dialog).close();
  }
}
