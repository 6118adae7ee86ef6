// SPDX-License-Identifier: LGPL-2.1-or-later

/*
 * Shows a notice in browsers that cannot run the page's modules, and when a
 * part of the page did not arrive. The script is JavaScript of 2009 and no
 * module, so that it runs there. All modules have run by the load event; app.js
 * then has set data-started.
 */

window.addEventListener('load', function () {
  var root = document.documentElement;

  if (root.getAttribute('data-started') !== null)
    return;
  root.setAttribute('data-state', 'left');
  document.getElementById('old').removeAttribute('hidden');
});
