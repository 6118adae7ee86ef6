// SPDX-License-Identifier: LGPL-2.1-or-later

import { spawn } from 'node:child_process';

const alive = new Set();

process.on('exit', () => alive.forEach(child => child.kill('SIGKILL')));

/** As child_process.spawn(), but the process ends with the test. */
export function start(command, args, options) {
  const child = spawn(command, args, options);
  alive.add(child);
  child.on('exit', () => alive.delete(child));
  return child;
}
