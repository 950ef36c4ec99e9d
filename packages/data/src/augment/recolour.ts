import { loopsOn } from './image-loops.ts';
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
 * Changes brightness, contrast and saturation, in this order, in place; rounded and clipped once, at the end
 * (exact to a hundredth of a level before rounding):
 * x -> b x; x -> m + c (x - m) with m the mean luma; x -> l + s (x - l) with l the pixel's luma.
 */
export function recolour({ data }: Pixels, { brightness, contrast, saturation }: Recolour): void {
  const [r, g, b] = LUMA;
  // All three are affine in the pixel's channels, hence one pass: x' = own · x + grey · luma + offset.
  const own = saturation * contrast * brightness;
  const grey = (1 - saturation) * contrast * brightness;
  const { loops, bytes } = loopsOn(data);
  const meanLuma = (): number => {
    loops.sum(data.length);
    const [red, green, blue] = [loops.red, loops.green, loops.blue].map(({ value }) => value >>> 0);
    return (3 * (r * red! + g * green! + b * blue!)) / data.length;
  };
  const offset = contrast === 1 ? 0 : (1 - contrast) * brightness * meanLuma();
  // Fixed point, 16 bits behind the point; nothing comes near 2^31.
  const fixed = (value: number): number => Math.round(value * 65536) | 0;
  loops.recolour(data.length, fixed(own), fixed(grey * r), fixed(grey * g), fixed(grey * b), fixed(offset + 0.5));
  data.set(bytes);
}
