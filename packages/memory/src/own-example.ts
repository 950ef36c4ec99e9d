import { lookUp } from '@protomem/core';
import type { Groups } from './group-labels.ts';

/** Whether image j of an identity helps to make the target prototype of image i of the same identity. */
type Supports = (i: number, j: number) => boolean;

/** Places count the images of one identity in the batch: 0, 1, ... */
const supports = {
  all: () => true,
  'leave-one-out': (i, j) => i !== j,
  split: (i, j) => i % 2 !== j % 2,
} as const satisfies Record<string, Supports>;

/**
 * Whether an image helps to make the prototype that it is classified against (choice C2).
 * - `all`: yes; the target is the prototype as stored.
 * - `leave-one-out`: no; the target of each image is made without it.
 * - `split`: no; the identity's images are dealt alternately into two halves, and the target of an image is made from
 *   the half that it is not in.
 */
export type OwnExample = keyof typeof supports;

/** Refuses an unknown name. */
export function toOwnExample(where: string, ownExample: OwnExample): OwnExample {
  lookUp<Supports>(where, 'ownExample', supports, ownExample);
  return ownExample;
}

/** For each image (row), 1 where another (column) helps to make its target prototype; `[B, B]`, row-major. */
export function targetSupport(ownExample: OwnExample, { groupOf, placeOf }: Groups): Float32Array {
  const images = groupOf.length;
  const support = new Float32Array(images * images);
  const isSupport = supports[ownExample];
  for (let i = 0; i < images; i++) {
    for (let j = 0; j < images; j++) {
      if (groupOf[i] === groupOf[j] && isSupport(placeOf[i]!, placeOf[j]!)) support[i * images + j] = 1;
    }
  }
  return support;
}
