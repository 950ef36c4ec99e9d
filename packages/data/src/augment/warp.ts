import type { Pixels } from './pixels.ts';

/** A movement of an image about its centre. */
export interface Warp {
  /** Magnification: 2 shows the middle half twice as large. */
  readonly zoom: number;
  /** Clockwise, degrees. */
  readonly degrees: number;
  /** To the right, pixels of the result. */
  readonly right: number;
  /** Downwards, pixels of the result. */
  readonly down: number;
}

/**
 * Zooms, turns, then shifts an image; bilinear, and the outermost pixels go on beyond the border. A shift by whole
 * pixels copies values unchanged.
 *
 * @returns new pixels, `[height, width, 3]`.
 */
export function warp({ data, height, width }: Pixels, { zoom, degrees, right, down }: Warp): Uint8Array {
  const result = new Uint8Array(data.length);
  const radians = (degrees * Math.PI) / 180;
  // Where a step of one pixel in the result leads in the image: the inverse of zoom times rotation.
  const cos = Math.cos(radians) / zoom;
  const sin = Math.sin(radians) / zoom;
  const centreX = (width - 1) / 2;
  const centreY = (height - 1) / 2;
  let target = 0;
  for (let y = 0; y < height; y++) {
    const fromY = y - down - centreY;
    for (let x = 0; x < width; x++) {
      const fromX = x - right - centreX;
      const sourceX = Math.min(Math.max(cos * fromX + sin * fromY + centreX, 0), width - 1);
      const sourceY = Math.min(Math.max(cos * fromY - sin * fromX + centreY, 0), height - 1);
      const x0 = Math.floor(sourceX);
      const y0 = Math.floor(sourceY);
      const fractionX = sourceX - x0;
      const fractionY = sourceY - y0;
      const topLeft = 3 * (y0 * width + x0);
      const toRight = x0 + 1 < width ? 3 : 0;
      const toBottom = y0 + 1 < height ? 3 * width : 0;
      for (let c = 0; c < 3; c++) {
        const at = topLeft + c;
        const top = data[at]! + fractionX * (data[at + toRight]! - data[at]!);
        const below = at + toBottom;
        const bottom = data[below]! + fractionX * (data[below + toRight]! - data[below]!);
        result[target++] = top + fractionY * (bottom - top) + 0.5;
      }
    }
  }
  return result;
}
