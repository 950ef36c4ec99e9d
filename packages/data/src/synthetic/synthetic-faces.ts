import { type ImageSource, integer, number } from '@protomem/core';
import { personOf, photoOf, renderFace } from './render.ts';

/** How to make faces; see {@link syntheticFaces}. */
export interface SyntheticFacesOptions {
  /** Number of people, up to 2^53. */
  readonly identities: number;
  /** Photos of each, up to 2^53. */
  readonly imagesPerIdentity: number;
  /** Any safe integer >= 0; another seed is another population. */
  readonly seed: number;
  /**
   * How much photos of one person differ in pose, light, expression, occlusion, hair, blur and noise, in [0, 3].
   * Default 1; 0 leaves only backdrop, clothes and what people wear differently from day to day.
   */
  readonly variation?: number;
  /** Number of the first person; sources with ranges that do not overlap share nobody. Default 0. */
  readonly firstIdentity?: number;
  /**
   * Width and height that the SVG asks for, in pixels, 8 to 4096. Default 112. The picture is the same at every size;
   * decoding is fastest at the size that the loader wants, because then nothing is resampled.
   */
  readonly size?: number;
}

/** Plain data that {@link syntheticFaces} rebuilds the source from. */
export interface SyntheticFacesSpec {
  readonly kind: 'synthetic';
  readonly options: Required<SyntheticFacesOptions>;
}

/** Made faces as a source of images. */
export interface SyntheticFaces extends ImageSource {
  readonly spec: SyntheticFacesSpec;
}

/**
 * A source of drawn faces: any number of people who do not exist, without download or licence.
 *
 * An image is a function of (seed, identity, image) alone, computed when it is asked for and never stored: a million
 * identities cost what one does. The identity decides the shape of head, eyes, brows, nose and mouth, skin, hair, age,
 * beard, moles, and habits such as glasses; the image decides pose, light, expression, camera, backdrop, clothes and now
 * and then something that covers a part of the face. Faces are aligned as a detector would align them, to the five
 * points of the ArcFace 112x112 template, with a little error.
 *
 * `load` gives SVG with a 112 x 112 view, which scales to any size; the text is the same on every machine.
 *
 * @returns an {@link ImageSource} that also has `spec`, plain data for rebuilding it elsewhere.
 * @throws {ProtomemError} for an option outside its range; `load` rejects an identity or image outside its range.
 *
 * @example
 * ```ts
 * const train = syntheticFaces({ identities: 1e6, imagesPerIdentity: 20, seed: 1 });
 * const test = syntheticFaces({ identities: 1000, imagesPerIdentity: 4, seed: 1, firstIdentity: 1e6 });
 * const { bytes } = await train.load(123, 0);
 * await sharp(bytes).resize(112).png().toFile('face.png');
 * ```
 */
export function syntheticFaces(options: SyntheticFacesOptions): SyntheticFaces {
  const where = 'syntheticFaces';
  const { identities, imagesPerIdentity, seed, variation = 1, firstIdentity = 0, size = 112 } = options;
  integer(where, 'identities', identities, 1);
  integer(where, 'imagesPerIdentity', imagesPerIdentity, 1);
  integer(where, 'seed', seed, 0);
  number(where, 'variation', variation, 0, 3);
  integer(where, 'firstIdentity', firstIdentity, 0);
  integer(where, 'size', size, 8, 4096);
  integer(where, 'firstIdentity + identities', firstIdentity + identities, 1);

  const encoder = new TextEncoder();
  const identityName = (identity: number): string => `person-${firstIdentity + identity}`;
  return {
    name: `synthetic faces, seed ${seed}`,
    identities,
    spec: { kind: 'synthetic', options: { identities, imagesPerIdentity, seed, variation, firstIdentity, size } },
    imagesPerIdentity,
    imagesOf: () => imagesPerIdentity,
    identityName,
    load: async (identity, image) => {
      integer(`${where}.load`, 'identity', identity, 0, identities - 1);
      integer(`${where}.load`, 'image', image, 0, imagesPerIdentity - 1);
      const number = firstIdentity + identity;
      const svg = renderFace(personOf(seed, number), photoOf(seed, number, image, variation), size);
      return { name: `synthetic#${identityName(identity)}/${image}`, bytes: encoder.encode(svg) };
    },
  };
}
