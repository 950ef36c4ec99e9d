import { type OptionsOf, readOptions } from '@protomem/core';
import { alignOptions } from './align-photo.ts';
import { rankFaces } from './choose-face.ts';
import type { Detect } from './detect.ts';
import { invertSimilarity, transformPoint } from './similarity.ts';
import type { Landmarks } from './template.ts';
import { type Photo, warpPhoto } from './warp.ts';

/** A face of a photo, on the ArcFace template. */
export interface AlignedFace {
  readonly image: Photo;
  /**
   * Where it is, pixels of the upright photo, whose first pixel reaches from 0 to 1: the square that the aligned image
   * shows, its sides upright.
   */
  readonly box: { readonly left: number; readonly top: number; readonly side: number };
  readonly landmarks: Landmarks;
  readonly score?: number;
}

const alignFacesOptions = { size: alignOptions.size, prefer: alignOptions.prefer };

/**
 * Finds all faces of a photo and brings each onto the ArcFace template.
 *
 * @param photo upright, RGB.
 * @param detect finds faces.
 * @param file path of the photo, for `detect`.
 * @returns the largest face first, and why others could not be aligned: their landmarks are no face's.
 *
 * @example
 * ```ts
 * const { faces } = await alignFaces(await readPhoto(bytes), await humanDetector());
 * ```
 */
export async function alignFaces(
  photo: Photo,
  detect: Detect,
  file = '',
  options: OptionsOf<typeof alignFacesOptions> = {},
): Promise<{ readonly faces: readonly AlignedFace[]; readonly refused: readonly Error[] }> {
  const { size, prefer } = readOptions('alignFaces', alignFacesOptions, options);
  const { usable, refused } = rankFaces(await detect(photo, file), photo, size, prefer);
  const faces = usable.map(({ face: { landmarks, score }, transform }): AlignedFace => {
    const side = size / Math.hypot(transform.a, transform.b);
    // Whole numbers are the middles of pixels here, and their edges in the box.
    const middle = transformPoint(invertSimilarity(transform), [(size - 1) / 2, (size - 1) / 2]);
    const [left, top] = middle.map((value) => value + 0.5 - side / 2) as [number, number];
    const image = warpPhoto(photo, transform, { width: size, height: size });
    return { image, box: { left, top, side }, landmarks, score };
  });
  return { faces, refused };
}
