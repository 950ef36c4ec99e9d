import { clamped, LUMA, type Pixels } from './pixels.ts';

/** Replaces each pixel by its luma, 0.299 R + 0.587 G + 0.114 B, in place. */
export function greyscale({ data }: Pixels): void {
  const [r, g, b] = LUMA;
  const out = clamped(data);
  for (let i = 0; i < data.length; i += 3) {
    const luma = r * data[i]! + g * data[i + 1]! + b * data[i + 2]!;
    out[i] = luma;
    out[i + 1] = out[i]!;
    out[i + 2] = out[i]!;
  }
}
