import { part } from '@protomem/core';
import { drawnFaces, syntheticFacesOptions } from './drawn-faces.ts';

/**
 * A source of synthetic faces: any number of people who do not exist, without download or licence.
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
export const syntheticFaces = part('syntheticFaces', syntheticFacesOptions, (options) =>
  drawnFaces(options, import.meta.url),
);
