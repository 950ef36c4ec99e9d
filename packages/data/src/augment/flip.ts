import type { Pixels } from './pixels.ts';

/** Mirrors left and right, in place. */
export function flip({ data, height, width }: Pixels): void {
  for (let y = 0; y < height; y++) {
    let left = 3 * y * width;
    let right = left + 3 * (width - 1);
    for (; left < right; left += 3, right -= 3) {
      for (let c = 0; c < 3; c++) {
        const value = data[left + c]!;
        data[left + c] = data[right + c]!;
        data[right + c] = value;
      }
    }
  }
}
