// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Chromium shows every stream that a room can be given: H.264 with the default
 * settings of encoders, of profiles that no browser has to decode, and out of
 * files, and pictures of any size. Also, every codec of video-codecs works with
 * browsers in both directions, whichever end offers.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { openChromium, openFirefox } from './kit/browser.js';
import { start } from './kit/children.js';
import { looks } from './kit/media.js';
import { environment, party, Pipeline } from './kit/pipeline.js';
import { Server } from './kit/server.js';
import { until } from './kit/wait.js';

const [red, green] = looks;
const folder = mkdtempSync(join(tmpdir(), 'mesh-codecs-'));
const file = join(folder, 'film.mp4');

const picture = (width, height, fps, more = '') =>
  'videotestsrc is-live=true pattern=solid-color ' +
  'foreground-color=0xffdc2828 ! ' +
  `video/x-raw,width=${width},height=${height},framerate=${fps}/1${more}`;
const small = picture(320, 240, 10);

const cases = [
  { name: 'x264enc as it is', source: `${small} ! x264enc`,
    size: [320, 240] },
  { name: 'openh264enc as it is', source: `${small} ! openh264enc`,
    size: [320, 240] },
  { name: 'high-4:4:4', size: [320, 240], decoded: true, source:
    `${small} ! x264enc tune=zerolatency ! video/x-h264,profile=high-4:4:4` },
  { name: 'high-10', size: [320, 240], decoded: true, source:
    `${picture(320, 240, 10, ',format=I420_10LE')} ! ` +
    'x264enc tune=zerolatency ! video/x-h264,profile=high-10' },
  { name: 'a film with B-frames', size: [320, 240], decoded: true,
    source: `filesrc location=${file} ! qtdemux ! h264parse` },
  { name: 'raw video of 853x479 in H.264', size: [854, 480],
    room: 'video-codecs=H264', source: picture(853, 479, 10) },
  { name: 'raw video of 853x479 in VP8', size: [853, 479],
    room: 'video-codecs=VP8', source: picture(853, 479, 10) },
  { name: 'raw video of 1440x2560', size: [1440, 2560],
    source: picture(1440, 2560, 2) },
  { name: 'raw video of 5120x1440', size: [5120, 1440],
    source: picture(5120, 1440, 2) },
];

/** Makes the page want whole pictures, however small its window is. */
function seeEverything() {
  Object.defineProperty(window, 'devicePixelRatio', { value: 40 });
}

/** The size of the picture of the page's only peer. */
const shownSize = browser => browser.page.evaluate(() => {
  const video = document.querySelector('video[data-peer]');
  return video ? [video.videoWidth, video.videoHeight] : null;
});

test('Chromium shows', async t => {
  const film = start('gst-launch-1.0', ['-q', ...(
    'videotestsrc num-buffers=600 pattern=solid-color ' +
    'foreground-color=0xffdc2828 ! video/x-raw,width=320,height=240,' +
    'framerate=10/1,format=I420 ! x264enc bframes=3 ! ' +
    `video/x-h264,profile=high ! mp4mux ! filesink location=${file}`)
    .split(' ')], { env: environment, stdio: 'inherit' });
  const [code] = await once(film, 'exit');
  assert.equal(code, 0);
  const browser = await openChromium(green);
  await browser.page.evaluateOnNewDocument(seeEverything);
  t.after(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const { name, source, size, room = '', decoded = false } of cases) {
    await t.test(name, async t => {
      const pipeline = new Pipeline(['meshroom', 'name=room',
        'serve=127.0.0.1:0', ...room.split(' ').filter(Boolean),
        ...`${source} ! room.video_sink`.split(' ')]);
      t.after(() => pipeline.stop('SIGKILL'));
      await browser.join(await pipeline.waitLink());
      await until('Chromium to show it', async () => {
        const shown = await shownSize(browser);
        return (await browser.look()).some(s => s.colour === red.colour) &&
          shown[0] === size[0] && shown[1] === size[1];
      }, 60000, async () => [await shownSize(browser), browser.summary(),
        pipeline.output]);
      if (process.env.MESH_SCREENSHOTS)
        await browser.page.screenshot({ path: join(
          process.env.MESH_SCREENSHOTS, `${name.replace(/[^\w]/g, '-')}.png`) });
      assert.equal(pipeline.exited, null, pipeline.output);
      assert.equal(/decoded and encoded again/.test(pipeline.output), decoded,
        pipeline.output);
    });
  }
});

const PATIENCE = 60000;

/** The member that joins later calls, and the member that is called offers. */
for (const [name, open] of [['Chromium', openChromium], ['Firefox', openFirefox]]) {
  test(`${name} and a pipeline in VP9`, async t => {
    const server = new Server();
    const browser = await open(green, name === 'Chromium'
      ? { args: ['--allow-loopback-in-peer-connection'] } : {});
    const pipelines = [];
    t.after(async () => {
      await browser.close();
      await Promise.all(pipelines.map(pipeline => pipeline.stop()));
      await server.stop();
    });
    const start = link => {
      pipelines.push(party({ name: 'Ada', look: red, link,
        room: ['video-codecs=VP9'] }));
      return pipelines.at(-1);
    };
    for (const offerer of ['pipeline', 'page']) {
      await t.test(`the ${offerer} offers`, async () => {
        const link = await server.link();
        let ada = offerer === 'pipeline' ? start(link) : null;
        if (ada)
          await until('the pipeline to be in the room', () =>
            /async-done|Pipeline is PREROLLED|PLAYING/i.test(ada.output),
          PATIENCE, () => ada.output);
        await browser.join(link);
        await browser.waitState('in-call', PATIENCE);
        ada ??= start(link);
        await until('both to meet', async () =>
          ada.meets(green) && await browser.meets(red),
        PATIENCE, () => [browser.summary(), ada.output]);
        await ada.stop();
      });
    }
  });
}
