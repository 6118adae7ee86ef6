// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Starts the page: its address decides whether the home screen, a call or the
 * solo view is shown. Links that a person types or pastes are opened here.
 */

import {CallView} from './call-view.js';
import {byId, setState, showScreen} from './dom.js';
import {linkToHref, makeLink, parseLink} from './link.js';
import {INSECURE, findLack} from './needs.js';
import {tidyName} from './names.js';
import {addOptions, readOptions} from './options.js';
import {recall, remember} from './settings.js';
import {SoloView} from './solo-view.js';

/** @param {string} title @param {string} text */
function showEnd(title, text) {
  setState('left');
  document.title = 'meshroom';
  byId('end-title').textContent = title;
  byId('end-text').textContent = text;
  showScreen(byId('end'));
  byId('end-title').focus();
}

/** Joins the room that the address names. */
function enterRoom() {
  let link;
  try {
    link = parseLink(location.href);
  } catch (error) {
    showEnd('This link does not work', error.message);
    byId('rejoin').hidden = true;
    return;
  }
  const lack = findLack(link);
  if (lack) {
    showEnd(lack.title, lack.text);
    byId('rejoin').textContent = 'Try again';
    return;
  }
  const {muted, hidden, solo} = readOptions(link.query);
  /** @type {HTMLAnchorElement} */ (byId('to-home')).search =
    addOptions('', link.query);
  if (solo.trim()) {
    new SoloView(link, solo.trim()).start();
    return;
  }
  new CallView(link, {muted, hidden}, showEnd).start();
}

/**
 * Opens a room. The options of this page, such as a camera that is to stay
 * closed, hold for the room as well.
 *
 * @param {string} text a room's link
 */
function goTo(text) {
  const link = parseLink(text);
  link.query = addOptions(link.query, location.search.slice(1));
  if (link.origin !== location.origin) {
    location.assign(linkToHref(link));
    return;
  }
  /* The page is not loaded anew, since browsers let only a page play sound in
   * which the person has clicked. */
  history.pushState(null, '', linkToHref(link));
  enterRoom();
}

function rememberName() {
  const input = /** @type {HTMLInputElement} */ (byId('home-name'));
  remember('name', tidyName(input.value));
}

/** @param {Event} event */
function onJoin(event) {
  event.preventDefault();
  rememberName();
  const error = byId('join-error');
  const input = /** @type {HTMLInputElement} */ (byId('join-link'));
  try {
    goTo(input.value);
  } catch (problem) {
    error.textContent = problem.message;
    error.hidden = false;
    input.focus();
  }
}

/**
 * Replaces the line breaks of a pasted text by blanks: the input field would
 * drop them, and the word that follows the link would run into the link's key.
 *
 * @param {ClipboardEvent} event
 */
function onPaste(event) {
  const input = /** @type {HTMLInputElement} */ (event.target);
  const text = event.clipboardData?.getData('text/plain') ?? '';
  if (!/[\r\n]/.test(text))
    return;
  event.preventDefault();
  input.setRangeText(text.replace(/[\r\n]+/g, ' '), input.selectionStart,
    input.selectionEnd, 'end');
}

function showHome() {
  const input = /** @type {HTMLInputElement} */ (byId('home-name'));
  input.value = recall('name');
  const lack = findLack({key: null});
  if (lack || !isSecureContext) {
    byId('home-notice').textContent = lack ? `${lack.title}. ${lack.text}`
      : INSECURE;
    byId('home-notice').hidden = false;
  }
  for (const button of document.querySelectorAll('#home button'))
    /** @type {HTMLButtonElement} */ (button).disabled = lack !== null;
  byId('create').addEventListener('click', () => {
    rememberName();
    goTo(makeLink(location.origin));
  });
  byId('join-form').addEventListener('submit', onJoin);
  byId('join-link').addEventListener('paste', onPaste);
  showScreen(byId('home'));
}

byId('rejoin').addEventListener('click', () => location.reload());
/* The call of the former address has ended, also that of a page which the
 * browser has kept and shows again. */
addEventListener('popstate', () => location.reload());
addEventListener('pageshow', ({persisted}) => {
  if (persisted)
    location.reload();
});

if (location.pathname === '/')
  showHome();
else
  enterRoom();
document.documentElement.dataset.started = '';
