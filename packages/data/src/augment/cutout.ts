import type { Pixels } from './pixels.ts';

/** A rectangle, pixels; may reach beyond the image. */
export interface Rectangle {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/**
 * Paints a rectangle mid-grey (128), in place.
 *
 * Source: DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout" (2017).
 */
export function cutout({ data, height, width }: Pixels, hole: Rectangle): void {
  const left = Math.max(hole.left, 0);
  const right = Math.min(hole.left + hole.width, width);
  if (right <= left) return;
  for (let y = Math.max(hole.top, 0); y < Math.min(hole.top + hole.height, height); y++) {
    data.fill(128, 3 * (y * width + left), 3 * (y * width + right));
  }
}
