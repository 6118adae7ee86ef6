// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The picture that is sent instead of the camera's: our initials on a slowly
 * breathing disc. It is drawn several times a second, since the track of a
 * still canvas has one frame only, which a peer that joins later would never
 * get.
 */

const WIDTH = 640;
const HEIGHT = 360;
const FRAMES_PER_SECOND = 5;

/**
 * The first letters of the first and the last word of a name.
 *
 * @param {string} name
 */
export function initials(name) {
  const words = name.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined]
    .map((word) => /[\p{L}\p{N}]/u.exec(word ?? '')?.[0] ?? '');
  return letters.join('').toLocaleUpperCase();
}

/**
 * A hue that is derived from a text, so that names differ in their colour.
 *
 * @param {string} text
 */
export function hueOf(text) {
  let hash = 0;
  for (const char of text)
    hash = (31 * hash + (char.codePointAt(0) ?? 0)) % 360;
  return hash;
}

export class Placeholder {
  #canvas = document.createElement('canvas');
  /** Null if the browser does not let pages draw.
   * @type {CanvasRenderingContext2D | null} */
  #context;
  #name = '';
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  /** Null if the browser cannot make a track of the canvas.
   * @type {MediaStreamTrack | null} */
  track = null;

  /** @param {string} name */
  constructor(name) {
    this.#canvas.width = WIDTH;
    this.#canvas.height = HEIGHT;
    /* A canvas can be captured only once it has a context. */
    this.#context = this.#canvas.getContext('2d', {alpha: false});
    this.#name = name;
    this.#draw();
    this.#capture();
  }

  /** Makes the track. Some browsers cannot; the call goes on without it. */
  #capture() {
    try {
      if (!this.#context)
        throw new Error('no context to draw with');
      [this.track = null] = this.#canvas.captureStream(FRAMES_PER_SECOND)
        .getVideoTracks();
      if (this.track)
        this.track.contentHint = 'detail';
    } catch (error) {
      console.warn('no placeholder:', error.message);
    }
  }

  /** @param {string} name */
  setName(name) {
    this.#name = name;
    this.#draw();
  }

  /** Draws only while the picture is sent. @param {boolean} running */
  setRunning(running) {
    if (running === (this.#timer !== undefined))
      return;
    clearInterval(this.#timer);
    this.#timer = running
      ? setInterval(() => this.#draw(), 1000 / FRAMES_PER_SECOND) : undefined;
    if (running)
      this.#draw();
  }

  close() {
    this.setRunning(false);
    this.track?.stop();
  }

  #draw() {
    const context = this.#context;
    if (!context)
      return;
    const hue = hueOf(this.#name);
    const breath = Math.sin(performance.now() / 1200);
    const background = context.createLinearGradient(0, 0, WIDTH, HEIGHT);
    background.addColorStop(0, `hsl(${hue} 30% 17%)`);
    background.addColorStop(1, `hsl(${(hue + 50) % 360} 34% 11%)`);
    context.fillStyle = background;
    context.fillRect(0, 0, WIDTH, HEIGHT);

    context.fillStyle = `hsl(${hue} 42% 46% / 25%)`;
    this.#disc(86 + 6 * breath);
    context.fillStyle = `hsl(${hue} 42% 46%)`;
    this.#disc(76);

    context.fillStyle = '#fff';
    context.font = '600 64px system-ui, sans-serif';
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillText(initials(this.#name) || '\u263a', WIDTH / 2,
      HEIGHT / 2 + 4);
  }

  /** @param {number} radius */
  #disc(radius) {
    this.#context?.beginPath();
    this.#context?.arc(WIDTH / 2, HEIGHT / 2, radius, 0, 2 * Math.PI);
    this.#context?.fill();
  }
}
