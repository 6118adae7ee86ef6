// SPDX-License-Identifier: LGPL-2.1-or-later

/** The files by which OBS starts without a wizard, with a test's own scenes. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ini = sections => Object.entries(sections).map(([name, keys]) =>
  `[${name}]\n` + Object.entries(keys).map(([key, value]) =>
    `${key}=${value}\n`).join('')).join('');

const point = (x, y) => ({ x, y });

/** An item fills its place, whatever size its source has. */
function placed({ name, at, visible = true }, id, size) {
  const [x, y, w, h] = at ?? [0, 0, ...size];
  return { id, name, visible, pos: point(x, y), scale: point(1, 1),
    bounds_type: 1, bounds_align: 0, bounds: point(w, h), align: 5 };
}

/**
 * A scene collection.
 * @param {string} name
 * @param {Record<string, object[]>} scenes each scene's items: `name` and
 *   `kind` of a source, its `settings`, and where it is (`at`: x, y, width,
 *   height); sources of one name are one source
 */
export function collection(name, scenes, size) {
  const names = Object.keys(scenes);
  const inputs = new Map();
  for (const item of Object.values(scenes).flat()) {
    if (item.kind)
      inputs.set(item.name, { id: item.kind, name: item.name, mixers: 255,
        settings: item.settings ?? {} });
  }
  return { name, current_scene: names[0], current_program_scene: names[0],
    scene_order: names.map(scene => ({ name: scene })),
    sources: [...inputs.values(), ...names.map(scene => ({ id: 'scene',
      name: scene, settings: { id_counter: scenes[scene].length,
        items: scenes[scene].map((item, i) => placed(item, i + 1, size)) } }))],
  };
}

const settings = port => ini({
  General: { FirstRun: true, Pre19Defaults: false, Pre21Defaults: false,
    Pre23Defaults: false, 'Pre24.1Defaults': false, LastVersion: 486539266,
    InfoIncrement: 1000, EnableAutoUpdates: false, ConfirmOnExit: false },
  Basic: { Profile: 'Test', ProfileDir: 'Test', SceneCollection: 'Test',
    SceneCollectionFile: 'Test' },
  BasicWindow: { PreviewEnabled: true, SysTrayEnabled: false,
    WarnBeforeStartingStream: false, WarnBeforeStoppingStream: false },
  // It listens on all addresses: the test's namespace keeps it to itself.
  OBSWebSocket: { FirstLoad: false, ServerEnabled: true, ServerPort: port,
    AlertsEnabled: false, AuthRequired: false, ServerPassword: 'unused' },
});

const profile = ([width, height], fps, folder) => ini({
  General: { Name: 'Test' },
  Video: { BaseCX: width, BaseCY: height, OutputCX: width, OutputCY: height,
    FPSType: 1, FPSInt: fps, ColorFormat: 'NV12', ColorSpace: 709,
    ColorRange: 'Partial' },
  Audio: { SampleRate: 48000, ChannelSetup: 'Stereo' },
  Output: { Mode: 'Simple', Reconnect: true, RetryDelay: 1, MaxRetries: 100 },
  SimpleOutput: { FilePath: folder, RecQuality: 'Stream', StreamEncoder: 'x264',
    VBitrate: 800, ABitrate: 96, UseAdvanced: true, Preset: 'ultrafast',
    x264Settings: `keyint=${fps} tune=zerolatency` },
});

/** @param {Record<string, Record<string, object[]>>} collections */
export function writeFiles(folder, { port, collections, size, fps }) {
  const config = join(folder, 'config/obs-studio');
  const own = join(config, 'basic/profiles/Test');
  for (const path of [own, join(config, 'basic/scenes')])
    mkdirSync(path, { recursive: true });
  mkdirSync(join(folder, 'run'), { mode: 0o700 });
  writeFileSync(join(config, 'global.ini'), settings(port));
  writeFileSync(join(own, 'basic.ini'), profile(size, fps, folder));
  writeFileSync(join(own, 'service.json'), JSON.stringify({
    type: 'rtmp_custom', settings: { server: 'rtmp://127.0.0.1/live', key: '' },
  }));
  for (const [name, scenes] of Object.entries(collections))
    writeFileSync(join(config, `basic/scenes/${name}.json`),
      JSON.stringify(collection(name, scenes, size)));
  return config;
}
