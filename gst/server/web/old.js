// SPDX-License-Identifier: LGPL-2.1-or-later

/*
 * For browsers that cannot run the page: no modules, or something in them that
 * they do not understand; and for a page of which a part did not arrive. In the
 * JavaScript of 2009, and no module, so that it runs where those do not. All
 * modules have run when a page is loaded; app.js says so with data-started.
 */

window.addEventListener('load', function () {
  var root = document.documentElement;

  if (root.getAttribute('data-started') !== null)
    return;
  root.setAttribute('data-state', 'left');
  document.getElementById('old').removeAttribute('hidden');
});
