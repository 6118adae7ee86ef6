// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Members on machines with other languages: a comma in numbers, an i whose
 * upper case has a dot, and other names of months.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test from 'node:test';
import { looks } from './kit/media.js';
import { party } from './kit/pipeline.js';
import { until } from './kit/wait.js';

for (const [here, there] of [['de_DE', 'tr_TR'], ['tr_TR', 'de_DE']]) {
  test(`${here} calls ${there}`, async t => {
    const folder = mkdtempSync(`${tmpdir()}/mesh-locale-`);
    t.after(() => rmSync(folder, { recursive: true }));
    const [a, b] = [[here, { serve: '127.0.0.1:0' }], [there, {}]].map(
      ([language, where], i) => {
        execFileSync('localedef', ['-i', language, '-f', 'UTF-8',
          `${folder}/${language}.UTF-8`]);
        // The kit reads messages of the bus in English.
        const locale = `${language}.UTF-8`;
        return { where, name: 'I\u0131\u015f\u0131l', look: looks[i],
          env: { LOCPATH: folder, LC_NUMERIC: locale, LC_CTYPE: locale,
            LC_TIME: locale, LC_COLLATE: locale, LC_MESSAGES: 'C' } };
      });
    const first = party({ ...a, ...a.where });
    t.after(() => first.stop('SIGKILL'));
    const second = party({ ...b, link: await first.waitLink() });
    t.after(() => second.stop('SIGKILL'));
    for (const [p, other] of [[first, b], [second, a]]) {
      await until('the other one to be seen and heard',
        () => p.meets(other.look), 60000, () => p.output);
    }
  });
}
