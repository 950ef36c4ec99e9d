import { type ImageSource, integer, type OptionsOf, option, part } from '@protomem/core';
import { facePixels } from './pixels.ts';
import { composeFace, type Face, faceSvg, personOf, photoOf } from './render.ts';

/** Pixels on a side. */
const MAX_SIZE = 4096;

const syntheticFacesOptions = {
  identities: option.integer({ help: 'Number of people, up to 2^53.', min: 1 }),
  imagesPerIdentity: option.integer({ help: 'Photos of each, up to 2^53.', min: 1 }),
  seed: option.integer({ help: 'Another seed is another population.', min: 0 }),
  /** 0 leaves only backdrop, clothes and what people wear differently from day to day. */
  variation: option.number({
    help: 'How much photos of one person differ in pose, light, expression, occlusion, hair, blur and noise.',
    min: 0,
    max: 3,
    default: 1,
  }),
  firstIdentity: option.integer({
    help: 'Number of the first person; sources whose ranges do not overlap share nobody.',
    min: 0,
    default: 0,
  }),
  /** Of the SVG alone: `draw` is told a size. The picture is the same at every size. */
  size: option.integer({
    help: 'Width and height that the SVG asks for, pixels.',
    min: 8,
    max: MAX_SIZE,
    default: 112,
  }),
};

/** How to make faces; see {@link syntheticFaces}. */
export type SyntheticFacesOptions = OptionsOf<typeof syntheticFacesOptions>;

/**
 * A source of drawn faces: any number of people who do not exist, without download or licence.
 *
 * An image is a function of (seed, identity, image) alone, computed when it is asked for and never stored: a million
 * identities cost what one does. The identity decides the shape of head, eyes, brows, nose and mouth, skin, hair, age,
 * beard, moles, and habits such as glasses; the image decides pose, light, expression, camera, backdrop, clothes and now
 * and then something that covers a part of the face. Faces are aligned as a detector would align them, to the five
 * points of the ArcFace 112x112 template, with a little error.
 *
 * `load` gives SVG with a 112 x 112 view, which scales to any size; the text is the same on every machine. `draw` gives
 * pixels, several times as fast as SVG is decoded; they differ from it by about one level of 256, as one viewer of SVG
 * differs from another. Loaders use `draw`.
 *
 * @returns a source with a `spec`, so that a loader opens it in its threads.
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
export const syntheticFaces = part('syntheticFaces', syntheticFacesOptions, (options): ImageSource => {
  const where = 'syntheticFaces';
  const { identities, imagesPerIdentity, seed, variation, firstIdentity, size } = options;
  integer(where, 'firstIdentity + identities', firstIdentity + identities, 1);

  const encoder = new TextEncoder();
  const identityName = (identity: number): string => `person-${firstIdentity + identity}`;
  const nameOf = (identity: number, image: number): string => `synthetic#${identityName(identity)}/${image}`;
  const compose = (from: 'load' | 'draw', identity: number, image: number): Face => {
    integer(`${where}.${from}`, 'identity', identity, 0, identities - 1);
    integer(`${where}.${from}`, 'image', image, 0, imagesPerIdentity - 1);
    const number = firstIdentity + identity;
    return composeFace(personOf(seed, number), photoOf(seed, number, image, variation));
  };
  return {
    name: `synthetic faces, seed ${seed}`,
    identities,
    spec: { module: import.meta.url, export: where, options },
    imagesPerIdentity,
    imagesOf: () => imagesPerIdentity,
    identityName,
    load: async (identity, image) => {
      const svg = faceSvg(compose('load', identity, image), size);
      return { name: nameOf(identity, image), bytes: encoder.encode(svg) };
    },
    draw: async (identity, image, height, width) => {
      integer(`${where}.draw`, 'height', height, 1, MAX_SIZE);
      integer(`${where}.draw`, 'width', width, 1, MAX_SIZE);
      const pixels = facePixels(compose('draw', identity, image), width, height);
      return { name: nameOf(identity, image), pixels };
    },
  };
});
