// SPDX-License-Identifier: LGPL-2.1-or-later

/** Guests as sources, and what those hear of OBS who are in a call with it. */

const ID = /peer-id=\(string\)"?([0-9a-f-]{36})/;

/** An item of a scene that shows somebody of a call. */
export const guest = (name, link, who, at, more = {}) => ({ name, at,
  kind: 'meshroom_guest',
  settings: { link, guest: who, name: 'Studio', ...more } });

const idsOf = (pipeline, message, matches) => pipeline.messages
  .filter(m => m.name === message && matches(m.text))
  .map(m => m.text.match(ID)?.[1]);

/** Who has come with that name, as a party's pipeline was told. */
export const arrivalsOf = (pipeline, name) =>
  idsOf(pipeline, 'meshroom-peer-added', text =>
    new RegExp(`name=\\(string\\)"?${name}\\b`).test(text));

/** How many times they have gone. Others may go meanwhile, also late. */
export function departuresOf(pipeline, name) {
  const theirs = new Set(arrivalsOf(pipeline, name));
  return idsOf(pipeline, 'meshroom-peer-removed', () => true)
    .filter(id => theirs.has(id)).length;
}
