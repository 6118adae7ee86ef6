// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * A real OBS on a screen that nobody sees, with its own home, a test's scenes,
 * and our plugin where that was built.
 */

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync,
  symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start } from '../../e2e/kit/children.js';
import { environment } from '../../e2e/kit/pipeline.js';
import { until } from '../../e2e/kit/wait.js';
import { closeWindow } from './close.js';
import { writeFiles } from './files.js';
import { Remote } from './websocket.js';

const root = process.env.MESH_BUILD_ROOT;

/** Our plugin, as it is in the build's folder. */
export const plugin = join(root, 'plugins/obs/meshroom.so');

/** Why a test cannot be run, for its `skip`; or false. */
export const noObs = ['obs', 'Xvfb', 'xdotool'].every(name =>
  existsSync(`/usr/bin/${name}`))
  ? false : 'obs-studio, xvfb and xdotool are not installed';
export const noPlugin = noObs ||
  (existsSync(plugin) ? false : 'plugins/obs was not built: no libobs');

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** A program whose output is kept. */
class Child {
  output = '';
  exited = null;

  constructor(command, args, options) {
    this.process = start(command, args, options);
    for (const stream of this.process.stdio.filter(s => s?.readable))
      stream.on('data', text => this.output += text);
    this.process.on('exit', (code, signal) => {
      this.exited = { code, signal };
    });
  }

  /** Tells it to end, and ends it if it does not. */
  async stop(signal, timeout) {
    if (this.exited)
      return;
    this.process.kill(signal);
    const timer = setTimeout(() => this.process.kill('SIGKILL'), timeout);
    await once(this.process, 'exit');
    clearTimeout(timer);
  }
}

function openScreen(size) {
  return new Child('Xvfb', ['-displayfd', '3', '-screen', '0',
    `${size}x24`, '-nolisten', 'tcp', '+extension', 'GLX', '+render',
    '-noreset'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
}

/** Has the OBS of this home find our plugin. */
function linkPlugin(home) {
  if (!existsSync(plugin))
    return;
  const place = join(home, '.config/obs-studio/plugins/meshroom/bin/64bit');
  mkdirSync(place, { recursive: true });
  symlinkSync(plugin, join(place, 'meshroom.so'));
}

export class Obs {
  /** what is asked of it @type {Remote} */
  remote = null;
  /** what OBS 29 leaks by itself, without any plugin of ours */
  baseline = 1;

  /**
   * @param {object} options
   * @param {Record<string, object[]>} options.scenes as files.js has them
   * @param {object} [options.collections] others to change to, by their names
   * @param {number[]} [options.size] of the programme's picture
   * @param {string} [options.screen] of the screen
   * @param {Record<string, string>} [options.files] our plugin's own, by name
   * @param {(home: string) => void} [options.install] has OBS find our plugin
   */
  static async start({ scenes, collections = {}, size = [640, 360], fps = 30,
    screen = '1280x800', env = {}, files = {}, install = linkPlugin }) {
    const obs = new Obs();
    obs.folder = mkdtempSync(join(tmpdir(), 'mesh-obs-'));
    const port = await freePort();
    const config = writeFiles(obs.folder, { port, size, fps,
      collections: { Test: scenes, ...collections } });
    symlinkSync('config', join(obs.folder, '.config'));
    install(obs.folder);
    const own = join(config, 'plugin_config/meshroom');
    mkdirSync(own, { recursive: true });
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(own, name), text);
    try {
      obs.screen = openScreen(screen);
      obs.screen.name = await until('the screen', () =>
        obs.screen.output.endsWith('\n') && `:${obs.screen.output.trim()}`,
      60000);
      obs.#launch(env);
      await obs.#connect(port);
    } catch (error) {
      await obs.kill();
      throw error;
    }
    return obs;
  }

  #launch(env) {
    const own = { ...environment, ...env, DISPLAY: this.screen.name,
      HOME: this.folder, XDG_CONFIG_HOME: join(this.folder, 'config'),
      XDG_CACHE_HOME: join(this.folder, 'cache'),
      XDG_RUNTIME_DIR: join(this.folder, 'run'), XDG_SESSION_TYPE: 'x11',
      QT_QPA_PLATFORM: 'xcb', LIBGL_ALWAYS_SOFTWARE: '1', LP_NUM_THREADS: '1',
      vblank_mode: '0', PULSE_SERVER: 'unix:/nonexistent', LC_ALL: 'C.UTF-8' };
    delete own.DBUS_SESSION_BUS_ADDRESS;
    delete own.WAYLAND_DISPLAY;
    this.child = new Child('obs', ['--multi', '--unfiltered_log',
      '--disable-missing-files-check', '--websocket_ipv4_only'],
    { cwd: this.folder, env: own, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  async #connect(port) {
    const address = `ws://127.0.0.1:${port}`;
    await until('OBS to have its scenes', () => this.child.exited ||
      /Switched to scene|Loaded scenes:/.test(this.log), 60000,
    () => this.log.slice(-2000));
    this.remote = await until('OBS to answer', () => Remote.connect(address),
      20000, () => this.log.slice(-2000));
    // It refuses what is asked of it before its window is there.
    await until('OBS to be ready', () => this.remote.ask('GetSceneList'));
  }

  #window() {
    const found = execFileSync('xdotool', ['search', '--onlyvisible', '--name',
      '^OBS [0-9]'], { encoding: 'utf8',
      env: { ...process.env, DISPLAY: this.screen.name } });
    return Number(found.trim().split('\n').pop());
  }

  get log() {
    return this.child?.output ?? '';
  }

  get pid() {
    return this.child.process.pid;
  }

  /** The names of its threads. */
  get threads() {
    const tasks = `/proc/${this.pid}/task`;
    return readdirSync(tasks).flatMap(id => {
      try {
        return readFileSync(join(tasks, id, 'comm'), 'utf8').trim();
      } catch {
        return []; // it has ended meanwhile
      }
    });
  }

  /** Changes to another collection, and has it loaded. */
  async changeCollection(sceneCollectionName) {
    const changed = once(this.remote, 'CurrentSceneCollectionChanged');
    await this.remote.ask('SetCurrentSceneCollection', { sceneCollectionName });
    await changed;
    // OBS leaks one block each time.
    this.baseline++;
  }

  /**
   * Closes its window, which unloads its plugins. On a SIGINT OBS 29 does the
   * same in the signal's handler: now and then in the midst of a paint, and so
   * it crashes.
   * @param {() => void} look at what it leaves behind in its folder
   * @returns {Promise<{code, signal, asked: boolean, leaks: number | null}>}
   *   asked: whether something held it up
   */
  async stop(look = () => {}) {
    this.remote.close();
    await closeWindow(this.screen.name, this.#window());
    await until('OBS to end', () => this.child.exited, 40000).catch(() => {});
    const asked = !this.child.exited;
    await this.child.stop('SIGINT', 20000);
    const leaks = this.log.match(/Number of memory leaks: (\d+)/);
    look();
    await this.kill();
    return { ...this.child.exited, asked, leaks: leaks && Number(leaks[1]) };
  }

  async kill() {
    await this.child?.stop('SIGKILL', 5000);
    await this.screen?.stop('SIGTERM', 5000);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** An OBS for one test, or for a whole file, that goes with it. */
export async function openObs(t, options) {
  const obs = await Obs.start(options);
  t.after(() => obs.kill());
  return obs;
}
