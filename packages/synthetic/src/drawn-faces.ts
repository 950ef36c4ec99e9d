import { type ImageSource, integer, type OptionsOf, option, type Settings } from '@protomem/core';
import { facePixels } from './pixels.ts';
import { composeFace, type Face, faceSvg, personOf, photoOf } from './render.ts';

/** Pixels on a side. */
const MAX_SIZE = 4096;

/** @internal */
export const syntheticFacesOptions = {
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

/** How to make faces; see `syntheticFaces`. */
export type SyntheticFacesOptions = OptionsOf<typeof syntheticFacesOptions>;

/** @param module exports `syntheticFaces`, for threads that open the source again; none where there are no such threads. */
export function drawnFaces(options: Settings<typeof syntheticFacesOptions>, module?: string): ImageSource {
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
    spec: module === undefined ? undefined : { module, export: where, options },
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
}
