// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * How large each peer's picture is seen, in pixels of the screen: not at all in
 * a hidden tab or scrolled out of the window, except for one that plays in a
 * window of its own (picture-in-picture).
 */

/** @typedef {import('./want.js').Want} Want */

/** @type {Want} */
export const UNSEEN = {width: 0, height: 0, fps: 0};

/**
 * The size of a picture that fills its box, or fits into it.
 *
 * @param {{width: number, height: number}} box in CSS pixels
 * @param {{width: number, height: number}} picture as it comes; 0: none yet
 * @param {boolean} covers whether the picture fills the box, and is cropped
 * @param {number} ratio pixels of the screen per CSS pixel
 * @returns {Want}
 */
export function sizeSeen(box, picture, covers, ratio) {
  if (!(box.width > 0 && box.height > 0))
    return UNSEEN;
  const {width, height} = picture.width > 0 && picture.height > 0 ? picture
    : box;
  const scales = [box.width / width, box.height / height];
  const scale = ratio * (covers ? Math.max(...scales) : Math.min(...scales));
  return {width: Math.ceil(width * scale), height: Math.ceil(height * scale),
    fps: 0};
}

export class Seen {
  #tell;
  /**
   * The videos of the peers; those are missing from `visible` of which the
   * browser has not said yet whether they are in the window.
   *
   * @type {Map<HTMLVideoElement, {peer: string, told: string}>}
   */
  #videos = new Map();
  /** @type {Map<Element, boolean>} */
  #visible = new Map();
  #resizes = new ResizeObserver(() => this.#look());
  #intersections = new IntersectionObserver((entries) => {
    for (const {target, isIntersecting} of entries)
      this.#visible.set(target, isIntersecting);
    this.#look();
  });

  /** @param {(peer: string, size: Want) => void} tell called at each change */
  constructor(tell) {
    this.#tell = tell;
    document.addEventListener('visibilitychange', this.#look);
    addEventListener('resize', this.#look);
  }

  /** @param {string} peer @param {HTMLVideoElement} video */
  watch(peer, video) {
    this.#videos.set(video, {peer, told: ''});
    this.#resizes.observe(video);
    this.#intersections.observe(video);
    for (const type of ['resize', 'enterpictureinpicture',
      'leavepictureinpicture'])
      video.addEventListener(type, this.#look);
    this.#look();
  }

  /** @param {HTMLVideoElement} video */
  forget(video) {
    this.#videos.delete(video);
    this.#visible.delete(video);
    this.#resizes.unobserve(video);
    this.#intersections.unobserve(video);
  }

  close() {
    document.removeEventListener('visibilitychange', this.#look);
    removeEventListener('resize', this.#look);
    this.#resizes.disconnect();
    this.#intersections.disconnect();
    this.#videos.clear();
  }

  /** @param {HTMLVideoElement} video @returns {Want | null} null: not known */
  #size(video) {
    const floats = document.pictureInPictureElement === video;
    if (!floats && document.visibilityState === 'hidden')
      return UNSEEN;
    if (!floats && !this.#visible.get(video))
      return this.#visible.has(video) ? UNSEEN : null;
    return sizeSeen({width: video.clientWidth, height: video.clientHeight},
      {width: video.videoWidth, height: video.videoHeight},
      getComputedStyle(video).objectFit === 'cover', devicePixelRatio);
  }

  #look = () => {
    for (const [video, entry] of this.#videos) {
      const size = this.#size(video);
      const told = size ? `${size.width}x${size.height}` : entry.told;
      if (told === entry.told)
        continue;
      entry.told = told;
      this.#tell(entry.peer, size);
    }
  };
}
