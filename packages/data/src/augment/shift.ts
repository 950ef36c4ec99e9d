import { copyOf, type Pixels } from './pixels.ts';

/**
 * Moves an image by whole pixels, in place; the outermost pixels go on beyond the border.
 *
 * @param right to the right, pixels; negative to the left.
 * @param down downwards, pixels.
 */
export function shift({ data, height, width }: Pixels, right: number, down: number): void {
  if (right === 0 && down === 0) return;
  const from = copyOf(data);
  // Columns of the result that show the image; left and right of them its outermost pixels go on.
  const first = Math.min(Math.max(right, 0), width);
  const end = Math.max(Math.min(width + right, width), 0);
  for (let y = 0; y < height; y++) {
    const row = width * Math.min(Math.max(y - down, 0), height - 1);
    const target = width * y;
    if (first < end) data.set(from.subarray(3 * (row + first - right), 3 * (row + end - right)), 3 * (target + first));
    for (let x = 0; x < Math.min(first, width); x++) copyPixel(from, row, data, target + x);
    for (let x = Math.max(end, 0); x < width; x++) copyPixel(from, row + width - 1, data, target + x);
  }
}

function copyPixel(from: Uint8Array, source: number, to: Uint8Array, target: number): void {
  to[3 * target] = from[3 * source]!;
  to[3 * target + 1] = from[3 * source + 1]!;
  to[3 * target + 2] = from[3 * source + 2]!;
}
