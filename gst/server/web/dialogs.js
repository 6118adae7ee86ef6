// SPDX-License-Identifier: LGPL-2.1-or-later

/** The dialogs of a call: sharing the link, and the settings. */

import {byId, hideNotice, showNotice, toast} from './dom.js';
import {listDevices} from './media.js';
import {tidyName} from './names.js';
import {recall, remember} from './settings.js';
import {Speaker} from './speaker.js';

/** @typedef {import('./media.js').LocalMedia} LocalMedia */

/**
 * @param {string} link
 * @returns {Promise<boolean>}
 */
async function copy(link) {
  try {
    await navigator.clipboard.writeText(link);
    return true;
  } catch {
    /* On insecure pages only the selection can be copied. */
    const shown = ['share-link', 'alone-link'].map(byId)
      .find((element) => element.offsetParent);
    getSelection()?.selectAllChildren(shown ?? document.body);
    if (shown instanceof HTMLInputElement)
      shown.select();
    return shown !== undefined && document.execCommand('copy');
  }
}

/** @param {string} link @returns {Promise<boolean>} */
async function copyAndTell(link) {
  const done = await copy(link);
  toast(done ? 'Link copied' : 'Please copy the link by hand');
  return done;
}

/** @param {string} link @param {boolean} hasKey */
export function setUpSharing(link, hasKey) {
  const dialog = /** @type {HTMLDialogElement} */ (byId('share-dialog'));
  const input = /** @type {HTMLInputElement} */ (byId('share-link'));
  const note = byId('share-note');
  const send = byId('share-send');

  input.value = link;
  note.hidden = hasKey;
  note.textContent = hasKey ? '' : 'This link has no key, so the server could '
    + 'read along while you connect, and whoever guesses the room can join.';
  input.addEventListener('focus', () => input.select());
  byId('share').addEventListener('click', () => {
    dialog.showModal();
    byId('share-copy').focus();
  });
  byId('share-copy').addEventListener('click', async () => {
    if (await copyAndTell(link))
      dialog.close();
  });
  byId('alone-link').textContent = link;
  byId('alone-copy').addEventListener('click', () => copyAndTell(link));
  send.hidden = typeof navigator.share !== 'function';
  send.addEventListener('click', () =>
    navigator.share({title: 'meshroom', url: link}).catch(() => {}));
  dialog.querySelector('[data-close]').addEventListener('click',
    () => dialog.close());
}

/**
 * Lists the devices. A list that has not changed is not written again, since
 * the person may have it open.
 *
 * @param {HTMLSelectElement} select
 * @param {MediaDeviceInfo[]} devices
 * @param {string} chosen
 * @param {string} what
 */
function fill(select, devices, chosen, what) {
  const options = [new Option(`Any ${what}`, '')];
  devices.forEach(({deviceId, label}, i) => {
    if (deviceId)
      options.push(new Option(label || `${what} ${i + 1}`, deviceId));
  });
  if (!options.some(({value}) => value === chosen)) {
    /* The browser names the devices only once the page may use one. */
    const isTold = devices.every(({deviceId}) => deviceId);
    options.push(new Option(`The chosen ${what}${isTold ? ' (not connected)'
      : ''}`, chosen));
  }
  const tell = (list) => JSON.stringify([...list]
    .map(({text, value}) => [text, value]));
  if (tell(select.options) !== tell(options))
    select.replaceChildren(...options);
  select.value = chosen;
  select.disabled = options.length < 2;
}

/** @type {['videoinput' | 'audioinput', 'camera' | 'microphone'][]} */
const KINDS = [['videoinput', 'camera'], ['audioinput', 'microphone']];

/**
 * Sets up the choice of camera and microphone. What is remembered is the choice
 * that holds after setDevice(), which takes back one that could not be opened.
 *
 * @param {LocalMedia} media
 * @returns {() => void} lists the devices that are plugged in
 */
function setUpDevices(media) {
  const note = byId('settings-note');

  async function refresh() {
    for (const [kind, what] of KINDS) {
      const devices = await listDevices(kind);
      fill(/** @type {HTMLSelectElement} */ (byId(`settings-${what}`)),
        devices, media.deviceId(kind), what);
    }
  }

  for (const [kind, what] of KINDS) {
    const select = /** @type {HTMLSelectElement} */ (byId(`settings-${what}`));
    select.addEventListener('change', async () => {
      note.textContent = '';
      const problem = await media.setDevice(kind, select.value);
      remember(what, media.deviceId(kind));
      await refresh();
      /* The note is in the dialog, since screen readers ignore what is outside
       * of it, and is set once the list shows the device that it names. */
      note.textContent = problem?.text ?? '';
    });
  }
  navigator.mediaDevices?.addEventListener?.('devicechange', refresh);
  media.addEventListener('change', refresh);
  byId('settings-open').addEventListener('click', () => {
    note.textContent = '';
  });
  return refresh;
}

/**
 * Sets up the choice of a speaker, where the browser leaves it to the page and
 * lists speakers. A notice tells when the chosen one is unplugged or comes
 * back, as the settings may be closed.
 *
 * @param {Speaker} speaker
 * @returns {() => void} lists the speakers that are plugged in
 */
function setUpSpeaker(speaker) {
  const select = /** @type {HTMLSelectElement} */ (byId('settings-speaker'));

  async function refresh() {
    const devices = await listDevices('audiooutput');
    const ids = devices.map(({deviceId}) => deviceId).filter(Boolean);
    const words = await speaker.onDevicesChanged(ids);
    fill(select, devices, speaker.id, 'speaker');
    select.hidden = byId('settings-speaker-label').hidden = ids.length === 0;
    if (words)
      showNotice('speaker', words);
  }

  if (!Speaker.canChoose)
    return () => {};
  select.addEventListener('change', async () => {
    hideNotice('speaker');
    const words = await speaker.choose(select.value);
    remember('speaker', speaker.id);
    await refresh();
    byId('settings-note').textContent = words;
  });
  navigator.mediaDevices?.addEventListener?.('devicechange', refresh);
  return refresh;
}

/**
 * @param {LocalMedia} media
 * @param {Speaker} speaker
 * @param {(name: string) => void} onName
 */
export function setUpSettings(media, speaker, onName) {
  const dialog = /** @type {HTMLDialogElement} */ (byId('settings-dialog'));
  const name = /** @type {HTMLInputElement} */ (byId('settings-name'));
  const listDevicesAnew = setUpDevices(media);
  const listSpeakers = setUpSpeaker(speaker);

  /* The browser names the speakers only once a device is open. */
  media.addEventListener('change', listSpeakers);
  byId('settings-open').addEventListener('click', () => {
    name.value = recall('name');
    listDevicesAnew();
    listSpeakers();
    dialog.showModal();
  });
  name.addEventListener('change', () => {
    const tidy = tidyName(name.value);
    name.value = tidy;
    remember('name', tidy);
    onName(tidy);
  });
}
