import type { Person } from './person.ts';
import type { Photo } from './photo.ts';

/** A place on the face: x to the right of the middle, y as in the aligned crop, lift above the skin. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly lift: number;
}

/** Where the five points of the ArcFace 112x112 template lie: eyes, nose tip, mouth corners. */
export const TEMPLATE = [
  { x: 38.29, y: 51.7 },
  { x: 73.53, y: 51.5 },
  { x: 56.03, y: 71.74 },
  { x: 41.55, y: 92.37 },
  { x: 70.73, y: 92.2 },
] as const;

/** Half width of the mouth and height of its corners, as the expression moves them. */
export function mouthCorner({ mouth }: Person, { expression: { smile, open } }: Photo): { x: number; y: number } {
  return {
    x: mouth.width * (1 + 0.15 * smile - 0.1 * open * (1 - Math.max(0, smile))),
    y: mouth.y + mouth.corners - 2.3 * smile + open,
  };
}

/** The same five points on this face. */
export function landmarks(person: Person, photo: Photo): Place[] {
  const { eyes, nose } = person;
  const corner = mouthCorner(person, photo);
  return [
    { x: -eyes.x, y: eyes.y, lift: 0 },
    { x: eyes.x, y: eyes.y, lift: 0 },
    { x: 0, y: nose.tipY, lift: nose.height },
    { x: -corner.x, y: corner.y, lift: 0 },
    { x: corner.x, y: corner.y, lift: 0 },
  ];
}
