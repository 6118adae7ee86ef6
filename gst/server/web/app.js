// SPDX-License-Identifier: LGPL-2.1-or-later

/** The page: which of its screens is shown, and how one comes to another. */

import {CallView} from './call-view.js';
import {byId, setState, showScreen} from './dom.js';
import {linkToHref, makeLink, parseLink} from './link.js';
import {recall, remember, tidyName} from './settings.js';
import {SoloView} from './solo-view.js';

const INSECURE = 'This page came over plain http from another machine, and to '
  + 'such pages browsers give neither camera and microphone nor the means to '
  + 'keep a call private. Open it with https, or on the server\u2019s own '
  + 'machine as http://localhost.';

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
  /* With a key, but without the means to use it: better not at all. */
  if (link.key && !globalThis.crypto?.subtle) {
    showEnd('Not over this connection', INSECURE);
    byId('rejoin').hidden = true;
    return;
  }
  const query = new URLSearchParams(location.search);
  const solo = query.get('solo')?.trim();
  if (solo) {
    new SoloView(link, solo).start();
    return;
  }
  const view = new CallView(link, {muted: query.get('muted') === '1',
    hidden: query.get('hidden') === '1'}, showEnd);
  view.start();
}

/** @param {string} link to a room of this server */
function goTo(link) {
  /* No new page: the click that led here lets the call sound. */
  history.pushState(null, '', link);
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
    const link = parseLink(input.value);
    if (link.origin === location.origin)
      goTo(linkToHref(link));
    else
      location.assign(linkToHref(link));
  } catch (problem) {
    error.textContent = problem.message;
    error.hidden = false;
    input.focus();
  }
}

/**
 * A text of several lines with a link in it: the field would join the lines,
 * and the word behind the link to its key.
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
  if (!isSecureContext) {
    byId('home-notice').textContent = INSECURE;
    byId('home-notice').hidden = false;
  }
  byId('create').addEventListener('click', () => {
    rememberName();
    goTo(makeLink(location.origin));
  });
  byId('join-form').addEventListener('submit', onJoin);
  byId('join-link').addEventListener('paste', onPaste);
  showScreen(byId('home'));
}

byId('rejoin').addEventListener('click', () => location.reload());
/* Another link in the same window, or back to a page that was put away. */
addEventListener('popstate', () => location.reload());
addEventListener('pageshow', ({persisted}) => {
  if (persisted)
    location.reload();
});

if (location.pathname === '/')
  showHome();
else
  enterRoom();
