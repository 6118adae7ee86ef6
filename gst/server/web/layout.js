// SPDX-License-Identifier: LGPL-2.1-or-later

/** The layout of the grid: how many columns of tiles, and of which size. */

/* In a tall window pictures are cropped at their sides down to this aspect
 * ratio, since tiles of the full ratio would be flat stripes. */
const NARROWEST = 4 / 3;

/**
 * Chooses the number of columns with which the tiles are largest.
 *
 * @param {number} count of tiles
 * @param {number} width of the grid
 * @param {number} height
 * @param {number} gap between tiles
 * @param {number} [aspect] the widest aspect ratio of a tile
 * @returns {{columns: number, tileWidth: number, tileHeight: number}}
 */
export function chooseGrid(count, width, height, gap, aspect = 16 / 9) {
  let best = {columns: 1, tileWidth: 0, tileHeight: 0};
  for (let columns = 1; columns <= Math.max(count, 1); columns++) {
    const rows = Math.ceil(Math.max(count, 1) / columns);
    const roomX = (width - gap * (columns - 1)) / columns;
    const roomY = (height - gap * (rows - 1)) / rows;
    const tileWidth = Math.max(Math.min(roomX, roomY * aspect), 0);
    const tileHeight = Math.max(Math.min(roomY, tileWidth / NARROWEST), 0);
    const area = tileWidth * Math.min(tileHeight, tileWidth / aspect);
    if (area > best.tileWidth * Math.min(best.tileHeight,
      best.tileWidth / aspect))
      best = {columns, tileWidth, tileHeight};
  }
  return {columns: best.columns, tileWidth: Math.floor(best.tileWidth),
    tileHeight: Math.floor(best.tileHeight)};
}
