import type { Landmarks } from './template.ts';
import type { Photo } from './warp.ts';

/** A face that a detector found. */
export interface DetectedFace {
  /** In pixels of the upright photo. */
  readonly landmarks: Landmarks;
  /** How sure the detector is, where it says so. */
  readonly score?: number;
}

/**
 * Finds faces and their landmarks, and the place where your own detector is plugged in.
 *
 * @param photo upright, RGB.
 * @param file path of the photo below the folder, with `/` between its parts.
 * @returns all faces, in any order; none when there is none.
 */
export type Detect = (photo: Photo, file: string) => readonly DetectedFace[] | Promise<readonly DetectedFace[]>;
