// SPDX-License-Identifier: LGPL-2.1-or-later

/** What processes use, by /proc. */

import { readdirSync, readFileSync } from 'node:fs';

export const TICKS = 100;       // sysconf (_SC_CLK_TCK) on every Linux

/** A process and its descendants. */
function family(pid) {
  const parents = readdirSync('/proc').filter(n => /^\d+$/.test(n)).map(n => {
    try {
      return [Number(n), Number(readFileSync(`/proc/${n}/stat`, 'utf8')
        .replace(/^.*\) \S /, '').split(' ')[0])];
    } catch {
      return [0, -1];           // it ended meanwhile
    }
  });
  const found = [pid];
  for (const parent of found)
    found.push(...parents.filter(p => p[1] === parent).map(p => p[0]));
  return found;
}

/** CPU ticks, anonymous memory in KiB and threads, of a whole family. */
export function usage(pid) {
  const sum = { ticks: 0, kib: 0, threads: 0 };
  for (const one of family(pid)) {
    try {
      const stat = readFileSync(`/proc/${one}/stat`, 'utf8')
        .replace(/^.*\) /, '').split(' ');
      const status = readFileSync(`/proc/${one}/status`, 'utf8');
      sum.ticks += Number(stat[11]) + Number(stat[12]);
      sum.threads += Number(stat[17]);
      sum.kib += Number(status.match(/^RssAnon:\s+(\d+)/m)[1]);
    } catch {
      // it ended meanwhile
    }
  }
  return sum;
}
