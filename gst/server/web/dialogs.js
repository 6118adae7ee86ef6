// SPDX-License-Identifier: LGPL-2.1-or-later

/** Sharing the link, and the settings. */

import {byId, toast} from './dom.js';
import {recall, remember, tidyName} from './settings.js';

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
    /* No clipboard on insecure pages, but for what is selected. */
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
  select.replaceChildren(...options);
  select.value = devices.some(({deviceId}) => deviceId === chosen)
    ? chosen : '';
  select.disabled = options.length < 2;
}

/** @param {LocalMedia} media @param {(name: string) => void} onName */
export function setUpSettings(media, onName) {
  const dialog = /** @type {HTMLDialogElement} */ (byId('settings-dialog'));
  const name = /** @type {HTMLInputElement} */ (byId('settings-name'));
  /** @type {['videoinput' | 'audioinput', 'camera' | 'microphone'][]} */
  const kinds = [['videoinput', 'camera'], ['audioinput', 'microphone']];

  async function refresh() {
    const devices = await navigator.mediaDevices?.enumerateDevices() ?? [];
    for (const [kind, what] of kinds) {
      fill(/** @type {HTMLSelectElement} */ (byId(`settings-${what}`)),
        devices.filter((device) => device.kind === kind),
        media.deviceId(kind), what);
    }
  }

  byId('settings-open').addEventListener('click', () => {
    name.value = recall('name');
    refresh();
    dialog.showModal();
  });
  navigator.mediaDevices?.addEventListener?.('devicechange', refresh);
  name.addEventListener('change', () => {
    const tidy = tidyName(name.value);
    name.value = tidy;
    remember('name', tidy);
    onName(tidy);
  });
  for (const [kind, what] of kinds) {
    const select = /** @type {HTMLSelectElement} */ (byId(`settings-${what}`));
    select.addEventListener('change', async () => {
      remember(what, select.value);
      const problem = await media.setDevice(kind, select.value);
      if (problem)
        toast(problem.text);
    });
  }
}
