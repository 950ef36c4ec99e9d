import { alignFaces, type Detect, faceSharpness, type Photo, photoWriters, readPhoto } from '@protomem/alignment';
import { type OptionsOf, option, readOptions } from '@protomem/core';
import { decodeImage } from '@protomem/data';
import type { EmbeddingModel } from '@protomem/protocols';

export const findFacesOptions = {
  name: option.text({ help: 'Names the photo in errors.', default: 'photo' }),
  detect: option.given<Detect>()({
    help: 'Finds faces in raw photos, such as `humanDetector` of `@protomem/alignment`.',
    absent: 'photos are aligned faces already',
  }),
  minSide: option.number({
    help: 'A face whose square is smaller in its photo is too small, pixels.',
    ...{ min: 0, max: 4096, default: 40 },
  }),
  minSharpness: option.number({
    help: 'A face that is less sharp is blurred; 0.014 is the least of LFW (`faceSharpness` of `@protomem/alignment`).',
    ...{ min: 0, max: 1, default: 0.014 },
  }),
  maxPixels: option.integer({
    help: 'Photos with more pixels are refused before they are unpacked.',
    ...{ min: 1, default: 1e8 },
  }),
};

export type FindFacesOptions = OptionsOf<typeof findFacesOptions>;

/** A face that a model may see. */
export interface FoundFace {
  /** `[height, width, 3]` of the model's input, RGB. */
  readonly pixels: Uint8Array;
  /** Where it is, pixels of the upright photo; absent for aligned faces. */
  readonly box?: { readonly left: number; readonly top: number; readonly side: number };
  /** What speaks against trusting it, such as `blurred (sharpness 0.004)`. */
  readonly faults: readonly string[];
}

/** Side of aligned faces, as `protomem align` writes them. */
const SIDE = 112;

/**
 * All faces of a photo, aligned, at the size that a model takes, and what is wrong with them.
 *
 * @param bytes any format that sharp reads.
 * @returns the largest first; none where there is none. `unaligned` faces have landmarks that no face has.
 * @throws ProtomemError when the photo is damaged, too large or no image.
 *
 * @example
 * ```ts
 * const { faces } = await findFaces(model, await readFile('party.jpg'), { detect: await humanDetector() });
 * ```
 */
export async function findFaces(
  model: Pick<EmbeddingModel, 'inputSize'>,
  bytes: Uint8Array,
  options: FindFacesOptions = {},
): Promise<{ readonly faces: readonly FoundFace[]; readonly unaligned: number }> {
  const { name, detect, minSide, minSharpness, maxPixels } = readOptions('findFaces', findFacesOptions, options);
  const [height, width] = model.inputSize;
  const decode = (from: Uint8Array, height: number, width: number) =>
    decodeImage(from, { height, width, name, maxPixels });

  const sharp = (image: Photo): string[] => {
    const sharpness = faceSharpness(image);
    return sharpness < minSharpness ? [`blurred (sharpness ${sharpness.toFixed(4)}, least ${minSharpness})`] : [];
  };
  if (!detect) {
    const pixels = await decode(bytes, height, width);
    const square = height === SIDE && width === SIDE ? pixels : await decode(bytes, SIDE, SIDE);
    return { faces: [{ pixels, faults: sharp({ pixels: square, width: SIDE, height: SIDE }) }], unaligned: 0 };
  }
  const { faces, refused } = await alignFaces(await readPhoto(bytes, { name, maxPixels }), detect, name, {
    size: SIDE,
  });
  const found = faces.map(async ({ image, box }): Promise<FoundFace> => {
    const small = box.side < minSide ? [`too small (${box.side.toFixed(0)} pixels, least ${minSide})`] : [];
    // Scaled as images of a training set are.
    const same = height === SIDE && width === SIDE;
    const pixels = same ? image.pixels : await decode(await photoWriters.png(image), height, width);
    return { pixels, box, faults: [...small, ...sharp(image)] };
  });
  return { faces: await Promise.all(found), unaligned: refused.length };
}

/** Embeddings of faces, with those of the mirror images added, as evaluation and thresholds have them. */
export interface EmbeddedFaces {
  /** `[faces, embeddingSize]`, as long as they come. */
  readonly embeddings: Float32Array;
  /** Half the length of each: the norm that encoders such as MagFace's give quality by. */
  readonly norms: readonly number[];
}

/** Embeds faces in one batch. */
export async function embedFaces(model: EmbeddingModel, faces: readonly FoundFace[]): Promise<EmbeddedFaces> {
  const [height, width] = model.inputSize;
  const each = height * width * 3;
  const pixels = new Uint8Array(faces.length * each);
  for (const [i, face] of faces.entries()) pixels.set(face.pixels, i * each);
  const embeddings = faces.length > 0 ? await model.embed(pixels, faces.length, true) : new Float32Array(0);
  const norms = faces.map(
    (_, i) => Math.hypot(...embeddings.subarray(i * model.embeddingSize, (i + 1) * model.embeddingSize)) / 2,
  );
  return { embeddings, norms };
}
