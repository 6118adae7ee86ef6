// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * What all parts of the window use: elements by id, the screens, announcements,
 * toasts and notices.
 */

/**
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element)
    throw new Error(`the page has no #${id}`);
  return /** @type {T} */ (element);
}

/** @param {HTMLElement} screen the one of the page's screens to show */
export function showScreen(screen) {
  for (const id of ['home', 'call', 'solo', 'end'])
    byId(id).hidden = id !== screen.id;
}

/** @param {'joining' | 'in-call' | 'reconnecting' | 'left'} state */
export function setState(state) {
  document.documentElement.dataset.state = state;
}

/** Has screen readers say the text. @param {string} text */
export function announce(text) {
  byId('announce').textContent = text;
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let toastTimer;

/** Shows a text for a few seconds. @param {string} text */
export function toast(text) {
  const element = byId('toast');
  element.textContent = text;
  element.classList.add('shown');
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => element.classList.remove('shown'), 4000);
}

/**
 * Shows a line at the top of the call until it is hidden or dismissed, its
 * action is run, or another line with its key takes its place.
 *
 * @param {string} key
 * @param {string} text
 * @param {{label: string, run: () => void}} [action]
 */
export function showNotice(key, text, action) {
  hideNotice(key);
  const line = document.createElement('p');
  line.dataset.key = key;
  const words = document.createElement('span');
  words.textContent = text;
  line.append(words);
  if (action) {
    line.append(makeButton(action.label, () => {
      hideNotice(key);
      action.run();
    }));
  }
  line.append(makeButton('Dismiss', () => hideNotice(key)));
  byId('notices').append(line);
}

/** @param {string} key */
export function hideNotice(key) {
  byId('notices').querySelector(`[data-key="${CSS.escape(key)}"]`)?.remove();
}

/** @param {string} label @param {() => void} onClick */
function makeButton(label, onClick) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = label;
  button.addEventListener('click', onClick);
  return button;
}
