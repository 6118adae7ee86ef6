// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The output of the scripts in a fresh clone: one line for each step, and the
 * log of a step that fails. A copy of the scripts runs with stand-ins for
 * apt-get and meson.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync,
  writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';

const root = process.env.MESH_SOURCE_ROOT;

/** Makes a clone in which @programs (names and scripts) come first in PATH. */
function clone(t, programs) {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-clone-'));
  const write = (path, text) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, path), 0o755);
  };
  t.after(() => rmSync(folder, { recursive: true }));
  for (const path of ['.ci/install', 'examples/call'])
    cpSync(join(root, path), join(folder, path));
  for (const [name, text] of Object.entries(programs))
    write(name.includes('/') ? name : join('bin', name), text);
  return {
    run: (program, ...args) => spawnSync(join(folder, program), args, {
      encoding: 'utf8', env: { ...process.env,
        PATH: `${folder}/bin:${process.env.PATH}` } }),
    log: name => readFileSync(join(folder, 'build', name), 'utf8'),
    path: name => join(folder, 'build', name),
  };
}

const chatter = `for n in $(seq 300); do
  echo "Unpacking number $n"; echo "complaint $n" >&2
done`;
/* A user other than root has sudo, whose stand-in just runs the command. */
const bare = { 'dpkg-query': 'exit 1', sudo: 'exec "$@"' };

test('packages are installed in one line', t => {
  const { run, log } = clone(t, { ...bare, 'apt-get': chatter });
  const { status, stdout, stderr } = run('.ci/install', 'build');
  assert.equal(status, 0);
  assert.match(stdout, /^installing \d+ packages\n$/);
  assert.equal(stderr, '');
  assert.match(log('install.txt'), /Unpacking number 300/);
});

test('nothing is said where nothing is missing', t => {
  const { run } = clone(t, { 'dpkg-query': 'printf installed',
    'apt-get': 'exit 1' });
  const { status, stdout, stderr } = run('.ci/install', 'build', 'call');
  assert.deepEqual([status, stdout, stderr], [0, '', '']);
});

test('an index that is out of date may do', t => {
  const { run } = clone(t, { ...bare,
    'apt-get': 'case $1 in update) exit 100 ;; esac' });
  assert.equal(run('.ci/install', 'build').status, 0);
});

test('what apt said last is shown where it fails', t => {
  const { run, path } = clone(t, { ...bare,
    'apt-get': `${chatter}; echo "E: no such host" >&2; exit 100` });
  const { status, stdout, stderr } = run('.ci/install', 'build');
  assert.equal(status, 1);
  assert.match(stdout, /^installing \d+ packages\n$/);
  assert.match(stderr, /E: no such host/);
  assert.ok(stderr.includes(path('install.txt')), stderr);
  assert.match(stderr, /apt-get install --no-install-recommends .*meson/);
  assert.ok(stderr.split('\n').length < 30, stderr);
});

test('what the compiler said last is shown where it does not build', t => {
  const { run, path } = clone(t, { '.ci/install': 'exit 0',
    meson: `${chatter}; echo "error: expected ;"; exit 1` });
  const { status, stdout, stderr } = run('examples/call');
  assert.equal(status, 1);
  assert.match(stdout, /^building \(.*\)\n$/);
  assert.match(stderr, /error: expected ;/);
  assert.ok(stderr.includes(path('call-build.txt')), stderr);
  assert.ok(stderr.split('\n').length < 50, stderr);
});
