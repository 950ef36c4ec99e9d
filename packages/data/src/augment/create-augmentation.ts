import { lookUp, number, Random } from '@protomem/core';
import { blur } from './blur.ts';
import { crop } from './crop.ts';
import { cutout } from './cutout.ts';
import { downscale } from './downscale.ts';
import { flip } from './flip.ts';
import { greyscale } from './greyscale.ts';
import { jpegLoss } from './jpeg-loss.ts';
import type { Pixels } from './pixels.ts';
import { recolour } from './recolour.ts';
import type { Region } from './resize.ts';
import { shift } from './shift.ts';
import { warp } from './warp.ts';

/** Random changes to a training image, each independent of the others; 0 switches one off. */
export interface AugmentationOptions {
  /** Probability of mirroring, in [0, 1]. Default 0.5. */
  readonly flip?: number;
  /**
   * Largest part of the image's area that is cut away, in [0, 0.99]: what is left, anywhere in the image, is enlarged to
   * its size. The area is uniform in [1 - crop, 1], the ratio of its sides log-uniform in [3/4, 4/3]. Default 0.
   */
  readonly crop?: number;
  /** Largest shift each way, as a part of the side, in [0, 1]. Default 0. */
  readonly shift?: number;
  /** Largest zoom in or out, in [0, 0.9]: the factor is uniform in [1 - zoom, 1 + zoom]. Default 0. */
  readonly zoom?: number;
  /** Largest rotation each way, degrees, in [0, 180]. Default 0. */
  readonly rotate?: number;
  /** Largest change of brightness, in [0, 1]: the factor is uniform in [1 - x, 1 + x]. Default 0. */
  readonly brightness?: number;
  /** Largest change of contrast, likewise. Default 0. */
  readonly contrast?: number;
  /** Largest change of saturation, likewise. Default 0. */
  readonly saturation?: number;
  /** Probability of losing all colour, in [0, 1]. Default 0. */
  readonly greyscale?: number;
  /** Probability of a Gaussian blur, in [0, 1]. Default 0. */
  readonly blur?: number;
  /** Its largest standard deviation, pixels, in [0.1, 10]; uniform from 0.1 on. Default 1.5. */
  readonly blurSigma?: number;
  /** Probability of losing detail by shrinking and enlarging, in [0, 1]. Default 0. */
  readonly downscale?: number;
  /** Smallest factor of the shrinking, in [0.05, 1]; uniform up to 1. Default 0.25. */
  readonly downscaleFactor?: number;
  /** Probability of going through JPEG, in [0, 1]. Default 0. */
  readonly jpeg?: number;
  /** Its lowest quality, in [1, 95]; uniform up to 95. Default 30. */
  readonly jpegQuality?: number;
  /** Probability of a square hole whose centre is anywhere in the image, in [0, 1]. Default 0. */
  readonly cutout?: number;
  /** Side of the hole, as a part of the image's shorter side, in [0, 1]. Default 0.35. */
  readonly cutoutSize?: number;
}

/** Changes training images at random, the same way for the same seed. */
export interface Augmentation {
  /** What it was made with, defaults filled in; enough to make it again in a worker thread. */
  readonly options?: Required<AugmentationOptions>;
  /** @returns the changed image, same size; may reuse `pixels.data`. */
  apply(pixels: Pixels, seed: number): Uint8Array;
}

/** Best quality that the JPEG loss draws: above it nothing is lost that could be seen. */
const BEST_JPEG = 95;

/** Default, smallest and largest value of each option. */
const table: Readonly<Record<keyof AugmentationOptions, readonly [number, low: number, high: number]>> = {
  flip: [0.5, 0, 1],
  crop: [0, 0, 0.99],
  shift: [0, 0, 1],
  zoom: [0, 0, 0.9],
  rotate: [0, 0, 180],
  brightness: [0, 0, 1],
  contrast: [0, 0, 1],
  saturation: [0, 0, 1],
  greyscale: [0, 0, 1],
  blur: [0, 0, 1],
  blurSigma: [1.5, 0.1, 10],
  downscale: [0, 0, 1],
  downscaleFactor: [0.25, 0.05, 1],
  jpeg: [0, 0, 1],
  jpegQuality: [30, 1, BEST_JPEG],
  cutout: [0, 0, 1],
  cutoutSize: [0.35, 0, 1],
};

/**
 * Random changes for training images, in this order: flip; crop; zoom, rotation and shift (one bilinear resampling);
 * brightness, contrast and saturation; greyscale; blur; downscale; JPEG; cutout. First what moves, then what the light
 * and the camera do, then what happens to a file, and last what covers the face.
 *
 * Everything is drawn from the seed, so that the same image with the same seed comes out the same on every machine and
 * in every thread.
 *
 * Source: the changes are those of RandAugment's relatives in face recognition: crop, colour and low resolution each with
 * probability 0.2 as in Kim et al., "AdaFace" (CVPR 2022); greyscale and blur as in Chen et al., "SimCLR" (ICML 2020);
 * cutout of DeVries and Taylor (2017). Unlike RandAugment (Cubuk et al., 2020), which applies a fixed number of changes
 * of one strength, each has its own probability or strength here.
 *
 * @throws on an unknown option or a value out of range.
 *
 * @example
 * ```ts
 * const augmentation = createAugmentation({ shift: 0.06, zoom: 0.1, brightness: 0.2, contrast: 0.2, jpeg: 0.1 });
 * const changed = augmentation.apply({ data, height: 112, width: 112 }, 7);
 * ```
 */
export function createAugmentation(options: AugmentationOptions = {}): Augmentation {
  const where = 'createAugmentation';
  for (const name of Object.keys(options)) lookUp(where, 'option', table, name);
  const all = Object.fromEntries(
    Object.entries(table).map(([name, [value, low, high]]) => [
      name,
      number(where, name, options[name as keyof AugmentationOptions] ?? value, low, high),
    ]),
  ) as Record<keyof AugmentationOptions, number>;
  const recolours = all.brightness > 0 || all.contrast > 0 || all.saturation > 0;

  return {
    options: all,
    apply(pixels, seed): Uint8Array {
      const { height, width } = pixels;
      const random = new Random(seed);
      const about = (centre: number, reach: number): number => random.uniform(centre - reach, centre + reach);
      const happens = (chance: number): boolean => random.uniform() < chance;
      // What is off draws nothing, except for the oldest three: so a run of before goes on unchanged.
      if (happens(all.flip)) flip(pixels);
      if (all.crop > 0) crop(pixels, drawRegion(pixels, all.crop, random));
      if (all.zoom > 0 || all.rotate > 0) {
        const [zoom, degrees] = [about(1, all.zoom), about(0, all.rotate)];
        const right = about(0, all.shift * width);
        warp(pixels, { zoom, degrees, right, down: about(0, all.shift * height) });
      } else if (all.shift > 0) {
        // A shift alone goes by whole pixels, which keeps the image as sharp as it is.
        const right = Math.round(about(0, all.shift * width));
        shift(pixels, right, Math.round(about(0, all.shift * height)));
      }
      if (recolours) {
        const [brightness, contrast] = [about(1, all.brightness), about(1, all.contrast)];
        recolour(pixels, { brightness, contrast, saturation: about(1, all.saturation) });
      }
      if (happens(all.greyscale)) greyscale(pixels);
      if (all.blur > 0 && happens(all.blur)) blur(pixels, random.uniform(0.1, all.blurSigma));
      if (all.downscale > 0 && happens(all.downscale)) {
        const factor = random.uniform(all.downscaleFactor, 1);
        const part = (side: number): number => Math.max(Math.round(factor * side), 1);
        downscale(pixels, { height: part(height), width: part(width) });
      }
      if (all.jpeg > 0 && happens(all.jpeg)) {
        jpegLoss(pixels, Math.round(random.uniform(all.jpegQuality, BEST_JPEG)));
      }
      if (happens(all.cutout)) {
        const side = Math.round(all.cutoutSize * Math.min(height, width));
        const top = random.below(height) - (side >> 1);
        cutout(pixels, { top, left: random.below(width) - (side >> 1), height: side, width: side });
      }
      return pixels.data;
    },
  };
}

/** A random part of the image that lies inside it. */
function drawRegion({ height, width }: Pixels, most: number, random: Random): Region {
  const area = random.uniform(1 - most, 1);
  const stretch = Math.sqrt(Math.exp(random.uniform(Math.log(3 / 4), Math.log(4 / 3))));
  const size = {
    height: height * Math.min(Math.sqrt(area) / stretch, 1),
    width: width * Math.min(Math.sqrt(area) * stretch, 1),
  };
  const top = random.uniform(0, height - size.height);
  return { top, left: random.uniform(0, width - size.width), ...size };
}
