import { lookUp, number, Random } from '@protomem/core';
import { cutout } from './cutout.ts';
import { flip } from './flip.ts';
import { greyscale } from './greyscale.ts';
import type { Pixels } from './pixels.ts';
import { recolour } from './recolour.ts';
import { warp } from './warp.ts';

/** Random changes to a training image, each independent; 0 switches one off. */
export interface AugmentationOptions {
  /** Probability of mirroring. Default 0.5. */
  readonly flip?: number;
  /** Largest shift each way, as a part of the side. Default 0. */
  readonly shift?: number;
  /** Largest zoom in or out: the factor is uniform in [1 - zoom, 1 + zoom]. Default 0. */
  readonly zoom?: number;
  /** Largest rotation each way, degrees. Default 0. */
  readonly rotate?: number;
  /** Largest change of brightness: the factor is uniform in [1 - x, 1 + x]. Default 0. */
  readonly brightness?: number;
  /** Largest change of contrast, likewise. Default 0. */
  readonly contrast?: number;
  /** Largest change of saturation, likewise. Default 0. */
  readonly saturation?: number;
  /** Probability of losing all colour. Default 0. */
  readonly greyscale?: number;
  /** Probability of a square hole whose centre is anywhere in the image. Default 0. */
  readonly cutout?: number;
  /** Side of the hole, as a part of the image's shorter side. Default 0.35. */
  readonly cutoutSize?: number;
}

/** Changes training images at random, the same way for the same seed. */
export interface Augmentation {
  /** What it was made with, defaults filled in; enough to make it again in a worker thread. */
  readonly options?: Required<AugmentationOptions>;
  /** @returns the changed image, same size; may reuse `pixels.data`. */
  apply(pixels: Pixels, seed: number): Uint8Array;
}

const defaults: Required<AugmentationOptions> = {
  flip: 0.5,
  shift: 0,
  zoom: 0,
  rotate: 0,
  brightness: 0,
  contrast: 0,
  saturation: 0,
  greyscale: 0,
  cutout: 0,
  cutoutSize: 0.35,
};

const limits: Required<AugmentationOptions> = {
  flip: 1,
  shift: 1,
  zoom: 0.9,
  rotate: 180,
  brightness: 1,
  contrast: 1,
  saturation: 1,
  greyscale: 1,
  cutout: 1,
  cutoutSize: 1,
};

/**
 * Random changes for training images, in this order: flip; zoom, rotation and shift (one bilinear resampling); brightness,
 * contrast and saturation; greyscale; cutout.
 *
 * @throws on an unknown option or a value out of range.
 *
 * @example
 * ```ts
 * const augmentation = createAugmentation({ shift: 0.06, zoom: 0.1, brightness: 0.2, contrast: 0.2 });
 * const changed = augmentation.apply({ data, height: 112, width: 112 }, 7);
 * ```
 */
export function createAugmentation(options: AugmentationOptions = {}): Augmentation {
  const all: Record<keyof AugmentationOptions, number> = { ...defaults };
  for (const [name, value] of Object.entries(options) as [keyof AugmentationOptions, number | undefined][]) {
    const limit = lookUp('createAugmentation', 'option', limits, name);
    if (value !== undefined) all[name] = number('createAugmentation', name, value, 0, limit);
  }
  const moves = all.shift > 0 || all.zoom > 0 || all.rotate > 0;
  const recolours = all.brightness > 0 || all.contrast > 0 || all.saturation > 0;

  return {
    options: all,
    apply({ data, height, width }, seed): Uint8Array {
      const random = new Random(seed);
      const about = (centre: number, reach: number): number => random.uniform(centre - reach, centre + reach);
      let pixels: Pixels = { data, height, width };
      if (random.uniform() < all.flip) flip(pixels);
      if (moves) {
        const zoom = about(1, all.zoom);
        const degrees = about(0, all.rotate);
        let right = about(0, all.shift * width);
        let down = about(0, all.shift * height);
        // A shift alone goes by whole pixels, which keeps the image as sharp as it is.
        if (all.zoom === 0 && all.rotate === 0) [right, down] = [Math.round(right), Math.round(down)];
        pixels = { data: warp(pixels, { zoom, degrees, right, down }), height, width };
      }
      if (recolours) {
        const [brightness, contrast] = [about(1, all.brightness), about(1, all.contrast)];
        recolour(pixels, { brightness, contrast, saturation: about(1, all.saturation) });
      }
      if (random.uniform() < all.greyscale) greyscale(pixels);
      if (random.uniform() < all.cutout) {
        const side = Math.round(all.cutoutSize * Math.min(height, width));
        const top = random.below(height) - (side >> 1);
        cutout(pixels, { top, left: random.below(width) - (side >> 1), height: side, width: side });
      }
      return pixels.data;
    },
  };
}
