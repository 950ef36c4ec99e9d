import { check, integer } from '@protomem/core';
import { estimateSimilarity, fitError, type Point, type Similarity } from './similarity.ts';

/** Five points of a face, as seen by the viewer: left eye, right eye, tip of the nose, left and right corner of the mouth. */
export type Landmarks = readonly [Point, Point, Point, Point, Point];

/** Five points, one from each of five things. */
export const mapPoints = <T>([a, b, c, d, e]: readonly [T, T, T, T, T], point: (from: T) => Point): Landmarks => [
  point(a),
  point(b),
  point(c),
  point(d),
  point(e),
];

/** Where the five points lie in an aligned image of 112 x 112. */
const arcFace: Landmarks = [
  [38.2946, 51.6963],
  [73.5318, 51.5014],
  [56.0252, 71.7366],
  [41.5493, 92.3655],
  [70.7299, 92.2041],
];

/**
 * The ArcFace template at a given side length: the published points of 112 x 112, scaled.
 *
 * @param size side of the aligned image, pixels. Default 112.
 *
 * Source: `arcface_dst` of InsightFace's `face_align.py`; sizes divisible by 112 agree with it.
 */
export function arcFaceTemplate(size = 112): Landmarks {
  integer('arcFaceTemplate', 'size', size, 8, 4096);
  return mapPoints(arcFace, ([x, y]) => [(x * size) / 112, (y * size) / 112]);
}

/** How a face is brought onto the template. */
export interface FaceTransform {
  /** From the photo to the aligned image. */
  readonly transform: Similarity;
  /** Root mean square distance of the carried landmarks from the template, pixels: small when seen from the front. */
  readonly error: number;
}

/** Below this share of the template's spread explained by the fit, five points are not those of a face in this order. */
const LEAST_EXPLAINED = 0.25;
/** Longer sides of a photo that a face is wide at most: a warp takes longer the more it shrinks. */
const WIDEST = 4;

/**
 * The similarity transform from five landmarks to the ArcFace template.
 *
 * @param landmarks in the photo.
 * @param size side of the aligned image, pixels. Default 112.
 * @param photo that they are in. Without it, they may be of a face of any size.
 * @throws {ProtomemError} when the points coincide, are not finite, or cannot be a face's in this order (mirrored or
 * shuffled): the fit then explains less than a quarter of the template's spread, while a full profile explains 60 %; and when
 * the face is wider than four times the longer side of its photo.
 *
 * @example
 * ```ts
 * const { transform, error } = faceTransform(landmarks);
 * const aligned = warpPhoto(photo, transform, { width: 112, height: 112 });
 * ```
 */
export function faceTransform(
  landmarks: Landmarks,
  size = 112,
  photo?: { readonly width: number; readonly height: number },
): FaceTransform {
  const template = arcFaceTemplate(size);
  const transform = estimateSimilarity(landmarks, template);
  const error = fitError(transform, landmarks, template);
  const centre = template.reduce(([x, y], [u, v]) => [x + u / 5, y + v / 5], [0, 0]);
  const spread = template.reduce((sum, [x, y]) => sum + ((x - centre[0]!) ** 2 + (y - centre[1]!) ** 2) / 5, 0);
  check(1 - error ** 2 / spread >= LEAST_EXPLAINED, () => ({
    where: 'faceTransform',
    what: 'landmarks',
    got: landmarks.map((point) => point.map((value) => value.toFixed(1)).join(',')).join(' '),
    expected: 'left eye, right eye, nose, left and right corner of the mouth, left and right as the viewer sees them',
    fix: 'They do not fit a face in this order: look for eyes swapped, x and y swapped, or another order of points.',
  }));
  const side = size / Math.hypot(transform.a, transform.b);
  check(!photo || side <= WIDEST * Math.max(photo.width, photo.height), () => ({
    where: 'faceTransform',
    what: 'landmarks',
    got: `a face ${Math.round(side)} pixels wide`,
    expected: `at most ${WIDEST} times the longer side of ${photo!.width} x ${photo!.height}`,
    fix: 'Landmarks are in pixels of the upright photo.',
  }));
  return { transform, error };
}
