// SPDX-License-Identifier: LGPL-2.1-or-later

/** What a document tells its readers to do, for who does exactly that. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @typedef {object} Chapter
 * @property {string} title
 * @property {string} text all of it
 * @property {{kind: string, text: string}[]} blocks its code, in order
 * @property {Record<string, string>[]} lists its lists of settings
 */

/** @returns {Chapter[]} */
export function readDocument(name = 'docs/obs.md') {
  return readFileSync(join(process.env.MESH_SOURCE_ROOT, name), 'utf8').split(/^#{1,3} /m).slice(1).map(text => ({
    title: text.split('\n')[0], text,
    blocks: [...text.matchAll(/^```(\w*)\n(.*?)^```/gms)]
      .map(([, kind, code]) => ({ kind, text: code })),
    lists: [...text.matchAll(/(?:^- [A-Z][\w ]+: .*\n)+/gm)]
      .map(([list]) => Object.fromEntries([...list.matchAll(
        /^- ([\w ]+): `?([^`\n]*)`?/gm)].map(([, key, value]) =>
        [key, value]))),
  }));
}

/** A list of settings, as a Media Source has them. */
export function mediaSource(list) {
  return { kind: 'ffmpeg_source', settings: {
    is_local_file: false, input: list['Input'],
    input_format: list['Input Format'],
    buffering_mb: Number(list['Network Buffering']),
    reconnect_delay_sec: Number(list['Reconnect Delay']),
    ffmpeg_options: list['FFmpeg Options'] } };
}

/** The words of a line for gst-launch-1.0, as a shell would have them. */
export function launchWords(text, link) {
  return text.replace(/\\\n/g, ' ').replaceAll('$LINK', link)
    .replaceAll('"', '').trim().split(/\s+/).slice(1);
}
