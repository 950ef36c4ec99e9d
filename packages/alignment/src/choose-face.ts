import type { DetectedFace } from './detect.ts';
import { type FaceTransform, faceTransform } from './template.ts';
import type { Photo } from './warp.ts';

/** A face that can be aligned. */
export interface UsableFace extends FaceTransform {
  readonly face: DetectedFace;
}

/** Which of several faces is the photo's, by name: the one with the highest value. */
export const preferences = {
  largest: ({ transform: { a, b } }: UsableFace): number => 1 / Math.hypot(a, b),
  central: ({ face }: UsableFace, { width, height }: Photo): number => {
    const [x, y] = [0, 1].map((k) => face.landmarks.reduce((sum, point) => sum + point[k]! / 5, 0));
    return -Math.hypot(x! - width / 2, y! - height / 2);
  },
};

/** Faces with their transforms, best first, and why the others cannot be aligned. */
export function rankFaces(
  faces: readonly DetectedFace[],
  photo: Photo,
  size: number,
  prefer: keyof typeof preferences,
): { usable: UsableFace[]; refused: Error[] } {
  const usable: UsableFace[] = [];
  const refused: Error[] = [];
  for (const face of faces) {
    try {
      usable.push({ face, ...faceTransform(face.landmarks, size, photo) });
    } catch (error) {
      refused.push(error as Error);
    }
  }
  const value = preferences[prefer];
  return { usable: usable.sort((one, other) => value(other, photo) - value(one, photo)), refused };
}
