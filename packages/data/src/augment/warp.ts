import { clamped, copyOf, type Pixels } from './pixels.ts';

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

/** Zooms, turns, then shifts an image, in place; bilinear, and the outermost pixels go on beyond the border. */
export function warp({ data, height, width }: Pixels, { zoom, degrees, right, down }: Warp): void {
  const from = copyOf(data);
  const result = clamped(data);
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
      // Not negative, so that cutting off is rounding down.
      const x0 = sourceX | 0;
      const y0 = sourceY | 0;
      const across = sourceX - x0;
      const downwards = sourceY - y0;
      const at = 3 * (y0 * width + x0);
      const toRight = x0 + 1 < width ? 3 : 0;
      const below = y0 + 1 < height ? at + 3 * width : at;
      for (let c = 0; c < 3; c++) {
        const top = from[at + c]! + across * (from[at + toRight + c]! - from[at + c]!);
        const bottom = from[below + c]! + across * (from[below + toRight + c]! - from[below + c]!);
        result[target++] = top + downwards * (bottom - top);
      }
    }
  }
}
