import type { Json, State } from '@protomem/core';
import type { CountedSource, FewImages } from './few-images.ts';

/** A class whose turn it is. */
export interface Turn {
  readonly identity: number;
  /** `count` of its `available` images, where the order of classes says which; without, they are drawn. */
  images?(available: number, count: number): readonly number[];
}

/** In which order classes come: one part of a sampler. It moves by `next` alone, whatever else is in a batch. */
export interface ClassOrder {
  /** Turns in a pass. */
  readonly turns: number;
  /** Second word of the key of a batch's seeds, behind the sampler's seed. */
  readonly key: number;
  /** The next `count` turns, which begin batch number `batch`. */
  next(batch: number, count: number): readonly Turn[];
  /** Identities to fill a batch with, in random order by the key: those near to their turn first, in the end all. */
  others(...key: readonly number[]): Iterable<number>;
  /** Whether it has images, and the rule for identities with few lets it. */
  takesPart(identity: number): boolean;
  /** Whether it goes on from a saved state with another number of classes in a batch. */
  readonly resizable: boolean;
  /** What it was made with, for the saved state. */
  readonly made: Readonly<Record<string, Json>>;
  state(): Readonly<Record<string, Json>>;
  restore(where: string, values: State['values']): void;
}

/** Images that an identity takes part with, at least, by the rule for those with few. Who has none never does. */
export const leastImages = (images: number, fewImages: FewImages): number => (fewImages === 'skip' ? images : 1);

/** Which identities have as many. */
export function participation(source: CountedSource, images: number, fewImages: FewImages) {
  const least = leastImages(images, fewImages);
  return (identity: number): boolean => (source.imagesPerIdentity ?? source.imagesOf(identity)) >= least;
}
