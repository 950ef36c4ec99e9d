import { LUMA, type Pixels } from './pixels.ts';

/** Factors about 1; 1 changes nothing. */
export interface Recolour {
  /** Multiplies every value. */
  readonly brightness: number;
  /** Stretches values about the image's mean luma. */
  readonly contrast: number;
  /** Stretches each pixel about its own luma; 0 is greyscale. */
  readonly saturation: number;
}

/**
 * Changes brightness, contrast and saturation, in this order, in place; rounded and clipped once, at the end:
 * x -> b x; x -> m + c (x - m) with m the mean luma; x -> l + s (x - l) with l the pixel's luma.
 */
export function recolour({ data }: Pixels, { brightness, contrast, saturation }: Recolour): void {
  const [r, g, b] = LUMA;
  let sum = 0;
  if (contrast !== 1) {
    for (let i = 0; i < data.length; i += 3) sum += r * data[i]! + g * data[i + 1]! + b * data[i + 2]!;
  }
  const mean = (3 * brightness * sum) / data.length;
  // All three are affine in the pixel's channels, hence one pass: x' = own · x + grey · luma + offset.
  const own = saturation * contrast * brightness;
  const grey = (1 - saturation) * contrast * brightness;
  const offset = (1 - contrast) * mean;
  for (let i = 0; i < data.length; i += 3) {
    const shift = grey * (r * data[i]! + g * data[i + 1]! + b * data[i + 2]!) + offset + 0.5;
    for (let j = i; j < i + 3; j++) data[j] = Math.min(Math.max(own * data[j]! + shift, 0), 255);
  }
}
