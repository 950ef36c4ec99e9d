import { type OptionsOf, option, readOptions } from '@protomem/core';
import { preferences, rankFaces } from './choose-face.ts';
import type { Detect } from './detect.ts';
import type { Landmarks } from './template.ts';
import { type Photo, warpPhoto } from './warp.ts';

/** What becomes of a photo without a face, by name. */
const withoutFace = {
  skip: (): undefined => undefined,
  centre: (photo: Photo, size: number): Photo => {
    const side = Math.min(photo.width, photo.height);
    const scale = size / side;
    // The square's outer edges meet the image's: half a pixel outside the centres of the outermost pixels.
    const shift = (extent: number): number => scale * (0.5 - (extent - side) / 2) - 0.5;
    const transform = { a: scale, b: 0, tx: shift(photo.width), ty: shift(photo.height) };
    return warpPhoto(photo, transform, { width: size, height: size });
  },
};

/** What alignment of a photo and of a folder take. */
export const alignOptions = {
  size: option.integer({ help: 'Side of an aligned image, pixels.', min: 8, max: 4096, default: 112 }),
  prefer: option.choice(preferences, {
    help: "Of several faces, take the largest or the one nearest the photo's centre.",
    default: 'largest',
  }),
  none: option.choice(withoutFace, {
    help: 'Without a face, leave the photo out or scale its largest centred square.',
    default: 'skip',
  }),
};

const alignPhotoOptions = {
  ...alignOptions,
  file: option.text({ help: 'Path of the photo, for `detect`.', absent: 'empty' }),
};

/** What became of a photo. */
export interface AlignedPhoto {
  /** `bad-landmarks`: the detector found faces whose landmarks no face of the photo can have. */
  readonly outcome: 'aligned' | 'centre' | 'no-face' | 'bad-landmarks';
  /** The aligned image, where there is one. */
  readonly image?: Photo;
  /** Number of faces found. */
  readonly faces: number;
  /** Of the face taken, in pixels of the upright photo. */
  readonly landmarks?: Landmarks;
  readonly score?: number;
  /** Root mean square distance of its landmarks from the template, pixels of the aligned image. */
  readonly error?: number;
  /** Why there is no aligned face. */
  readonly reason?: string;
}

/**
 * Finds the face of a photo and brings it onto the ArcFace template.
 *
 * @param photo upright, RGB.
 * @param detect finds faces.
 *
 * @example
 * ```ts
 * const detect = await humanDetector();
 * const { outcome, image } = await alignPhoto(await readPhoto(await readFile('holiday.jpg')), detect);
 * ```
 */
export async function alignPhoto(
  photo: Photo,
  detect: Detect,
  options: OptionsOf<typeof alignPhotoOptions> = {},
): Promise<AlignedPhoto> {
  const { size, prefer, none, file = '' } = readOptions('alignPhoto', alignPhotoOptions, options);
  const faces = await detect(photo, file);
  const { usable, refused } = rankFaces(faces, photo, size, prefer);
  const best = usable[0];
  if (best) {
    const { landmarks, score } = best.face;
    const image = warpPhoto(photo, best.transform, { width: size, height: size });
    return { outcome: 'aligned', image, faces: faces.length, landmarks, score, error: best.error };
  }
  const reason = refused[0]?.message ?? 'no face found';
  const image = withoutFace[none](photo, size);
  const outcome = image ? 'centre' : refused.length > 0 ? 'bad-landmarks' : 'no-face';
  return { outcome, image, faces: faces.length, reason };
}
