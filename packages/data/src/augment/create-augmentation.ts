import { type OptionsOf, option, part, Random, type Settings } from '@protomem/core';
import { blur } from './blur.ts';
import { crop } from './crop.ts';
import { cutout } from './cutout.ts';
import { downscale } from './downscale.ts';
import { flip } from './flip.ts';
import { greyscale } from './greyscale.ts';
import { jpegCompression } from './jpeg-compression.ts';
import type { Pixels } from './pixels.ts';
import { recolour } from './recolour.ts';
import type { Region } from './resize.ts';
import { shift } from './shift.ts';
import { warp } from './warp.ts';

/** Best quality that JPEG compression draws: above it nothing is lost that could be seen. */
const BEST_JPEG = 95;

const augmentationOptions = {
  flip: option.number({ help: 'Probability of mirroring.', min: 0, max: 1, default: 0.5 }),
  /**
   * What is left, anywhere in the image, is enlarged to its size. The area is uniform in [1 - crop, 1], the ratio of its
   * sides log-uniform in [3/4, 4/3].
   */
  crop: option.number({ help: "Largest part of the image's area that is cut away.", min: 0, max: 0.99, default: 0 }),
  shift: option.number({ help: 'Largest shift each way, as a part of the side.', min: 0, max: 1, default: 0 }),
  /** The factor is uniform in [1 - zoom, 1 + zoom]. */
  zoom: option.number({ help: 'Largest zoom in or out.', min: 0, max: 0.9, default: 0 }),
  rotate: option.number({ help: 'Largest rotation each way, degrees.', min: 0, max: 180, default: 0 }),
  /** The factor is uniform in [1 - x, 1 + x]; of contrast and saturation, too. */
  brightness: option.number({ help: 'Largest change of brightness.', min: 0, max: 1, default: 0 }),
  contrast: option.number({ help: 'Largest change of contrast.', min: 0, max: 1, default: 0 }),
  saturation: option.number({ help: 'Largest change of saturation.', min: 0, max: 1, default: 0 }),
  greyscale: option.number({ help: 'Probability of losing all colour.', min: 0, max: 1, default: 0 }),
  blur: option.number({ help: 'Probability of a Gaussian blur.', min: 0, max: 1, default: 0 }),
  /** Uniform from 0.1 on. */
  blurSigma: option.number({
    help: 'Largest standard deviation of the blur, pixels.',
    min: 0.1,
    max: 10,
    default: 1.5,
  }),
  downscale: option.number({
    help: 'Probability of losing detail by shrinking and enlarging.',
    min: 0,
    max: 1,
    default: 0,
  }),
  /** Uniform up to 1. */
  downscaleFactor: option.number({ help: 'Smallest factor of the shrinking.', min: 0.05, max: 1, default: 0.25 }),
  jpeg: option.number({ help: 'Probability of going through JPEG.', min: 0, max: 1, default: 0 }),
  /** Uniform up to 95. */
  jpegQuality: option.number({ help: 'Lowest quality of the JPEG.', min: 1, max: BEST_JPEG, default: 30 }),
  cutout: option.number({
    help: 'Probability of a square hole whose centre is anywhere in the image.',
    min: 0,
    max: 1,
    default: 0,
  }),
  cutoutSize: option.number({
    help: "Side of the hole, as a part of the image's shorter side.",
    min: 0,
    max: 1,
    default: 0.35,
  }),
};

/** Random changes to a training image, each independent of the others; 0 switches one off. */
export type AugmentationOptions = OptionsOf<typeof augmentationOptions>;

/** Changes training images at random, the same way for the same seed. */
export interface Augmentation {
  /** What it was made with, defaults filled in; enough to make it again in a worker thread. */
  readonly options?: Settings<typeof augmentationOptions>;
  /** @returns the changed image, same size; may reuse `pixels.data`. */
  apply(pixels: Pixels, seed: number): Uint8Array;
}

/** What `createAugmentation` made: a thread makes it again from its options. */
const ours = new WeakSet<Augmentation['apply']>();

/** @internal What a thread makes an augmentation from; nothing for the caller's own, also where it is a copy with another `apply`. */
export const threadOptions = ({ apply, options }: Augmentation): Augmentation['options'] =>
  ours.has(apply) ? options : undefined;

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
export const createAugmentation = part('createAugmentation', augmentationOptions, (all): Augmentation => {
  const recolours = all.brightness > 0 || all.contrast > 0 || all.saturation > 0;

  const augmentation: Augmentation = {
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
        jpegCompression(pixels, Math.round(random.uniform(all.jpegQuality, BEST_JPEG)));
      }
      if (happens(all.cutout)) {
        const side = Math.round(all.cutoutSize * Math.min(height, width));
        const top = random.below(height) - (side >> 1);
        cutout(pixels, { top, left: random.below(width) - (side >> 1), height: side, width: side });
      }
      return pixels.data;
    },
  };
  ours.add(augmentation.apply);
  return augmentation;
});

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
