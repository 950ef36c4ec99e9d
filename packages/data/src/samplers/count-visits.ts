import { upperBound } from '@protomem/core';
import type { CountedSource } from './few-images.ts';

/** The visits of one pass, numbered identity after identity. */
export interface Visits {
  readonly total: number;
  /** Whose visit it is, and which of that identity's. */
  at(visit: number): { readonly identity: number; readonly turn: number };
}

/**
 * Counts how often each identity comes in a pass. Where all identities have as many images, that is arithmetic; else a
 * table of 8 bytes for each identity, which is the source's own where a visit is an image and the source has one.
 *
 * @param visitsOf a whole number >= 0, from a number of images.
 */
export function countVisits(source: CountedSource, visitsOf: (images: number) => number): Visits {
  const { identities, imagesPerIdentity } = source;
  if (imagesPerIdentity !== undefined) {
    const each = visitsOf(imagesPerIdentity);
    return {
      total: each * identities,
      at: (visit) => ({ identity: Math.floor(visit / each), turn: visit % each }),
    };
  }
  const ends = tableOf(source, visitsOf);
  return {
    total: ends[identities - 1] ?? 0,
    at(visit) {
      const identity = upperBound(ends, visit);
      return { identity, turn: visit - (identity === 0 ? 0 : ends[identity - 1]!) };
    },
  };
}

/** Visits up to and with each identity. */
function tableOf(source: CountedSource, visitsOf: (images: number) => number): ArrayLike<number> {
  if (source.imageEnds && visitsOf === perImage) return source.imageEnds;
  const ends = new Float64Array(source.identities);
  let total = 0;
  for (let identity = 0; identity < ends.length; identity++) {
    total += visitsOf(source.imagesOf(identity));
    ends[identity] = total;
  }
  return ends;
}

/** A visit for each image. */
export const perImage = (images: number): number => images;
