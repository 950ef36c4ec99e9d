import { clamped, LUMA, type Pixels } from './pixels.ts';

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
 * Changes brightness, contrast and saturation, in this order, in place; rounded and clipped once, at the end
 * (exact to a hundredth of a level before rounding):
 * x -> b x; x -> m + c (x - m) with m the mean luma; x -> l + s (x - l) with l the pixel's luma.
 */
export function recolour({ data }: Pixels, { brightness, contrast, saturation }: Recolour): void {
  const [r, g, b] = LUMA;
  // All three are affine in the pixel's channels, hence one pass: x' = own · x + grey · luma + offset.
  const own = saturation * contrast * brightness;
  const grey = (1 - saturation) * contrast * brightness;
  const offset = contrast === 1 ? 0 : (1 - contrast) * brightness * meanLuma(data);
  // Fixed point, 16 bits behind the point, twice as fast as floating point; nothing comes near 2^31.
  const fixed = (value: number): number => Math.round(value * 65536) | 0;
  const [own16, r16, g16, b16] = [fixed(own), fixed(grey * r), fixed(grey * g), fixed(grey * b)];
  const half = fixed(offset + 0.5);
  const out = clamped(data);
  for (let i = 0; i < data.length; i += 3) {
    const red = data[i]!;
    const green = data[i + 1]!;
    const blue = data[i + 2]!;
    const shift = (half + Math.imul(r16, red) + Math.imul(g16, green) + Math.imul(b16, blue)) | 0;
    out[i] = (Math.imul(own16, red) + shift) >> 16;
    out[i + 1] = (Math.imul(own16, green) + shift) >> 16;
    out[i + 2] = (Math.imul(own16, blue) + shift) >> 16;
  }
}

function meanLuma(data: Uint8Array): number {
  let [red, green, blue] = [0, 0, 0];
  for (let i = 0; i < data.length; i += 3) {
    red += data[i]!;
    green += data[i + 1]!;
    blue += data[i + 2]!;
  }
  const [r, g, b] = LUMA;
  return (3 * (r * red + g * green + b * blue)) / data.length;
}
