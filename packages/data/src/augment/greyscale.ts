import { LUMA, type Pixels } from './pixels.ts';

/** Replaces each pixel by its luma, 0.299 R + 0.587 G + 0.114 B, in place. */
export function greyscale({ data }: Pixels): void {
  const [r, g, b] = LUMA;
  for (let i = 0; i < data.length; i += 3) {
    data.fill(r * data[i]! + g * data[i + 1]! + b * data[i + 2]! + 0.5, i, i + 3);
  }
}
