import type { Pixels } from './pixels.ts';

/** Mirrors left and right, in place. */
export function flip({ data, height, width }: Pixels): void {
  for (let y = 0; y < height; y++) {
    let left = 3 * y * width;
    let right = left + 3 * (width - 1);
    for (; left < right; right -= 6) {
      for (let c = 0; c < 3; c++, left++, right++) {
        const value = data[left]!;
        data[left] = data[right]!;
        data[right] = value;
      }
    }
  }
}
