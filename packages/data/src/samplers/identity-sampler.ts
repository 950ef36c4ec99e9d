import {
  check,
  integer,
  type MinedClasses,
  type PlannedImage,
  Random,
  type Sampler,
  type Settings,
  type State,
} from '@protomem/core';
import { checkSampler } from './check-sampler.ts';
import { chooseImages } from './choose-images.ts';
import { type CountedSource, imagesOf, layOut } from './few-images.ts';
import { IdentityStream } from './identity-stream.ts';
import type { samplerOptions } from './sampler-options.ts';

/** What fills the places that a sampler leaves open. */
interface Planning {
  /** Identities of a batch that the stream chooses; the others are asked for. */
  readonly randomClasses: number;
  readonly minedClasses: MinedClasses;
}

/** @internal Batches of C distinct identities off an {@link IdentityStream}, K images each. */
export function identitySampler(
  where: string,
  options: Settings<typeof samplerOptions>,
  groups: number,
  rounds: number,
  planning?: Planning,
): Sampler {
  const { source, classes, images, fewImages, seed } = options;
  const { identities } = source;
  const takingPart = fewImages === 'skip' ? countAtLeast(source, images) : identities;
  check(takingPart >= classes, () => ({
    where,
    what: 'classes',
    got: classes,
    expected: `at most ${takingPart}, the identities in ${source.name}${fewImages === 'skip' ? ` with at least ${images} images` : ''}`,
    fix: 'Use fewer classes a batch, or add people.',
  }));
  const randomClasses = planning?.randomClasses ?? classes;
  const made = { sampler: where, identities, classes, images, few: fewImages, seed, groups, rounds };
  // Keys as saved states have them.
  const config = planning ? { ...made, starters: randomClasses } : made;
  const takesPart = (identity: number): boolean => fewImages !== 'skip' || source.imagesOf(identity) >= images;
  const stream = new IdentityStream(identities, groups, rounds, seed);
  let batch = 0;
  // Identities that came up while they were already in the batch; they open the next one.
  let deferred: number[] = [];

  /** Adds identities of the stream until there are `count`. */
  const draw = (chosen: Set<number>, count: number): void => {
    const waiting = deferred;
    deferred = [];
    const offer = (identity: number): void => {
      if (chosen.size === count || chosen.has(identity)) deferred.push(identity);
      else chosen.add(identity);
    };
    waiting.forEach(offer);
    while (chosen.size < count) {
      const identity = stream.next();
      if (takesPart(identity)) offer(identity);
    }
  };
  const nextIdentities = (): Set<number> => {
    const chosen = new Set<number>();
    draw(chosen, randomClasses);
    if (!planning || randomClasses === classes) return chosen;
    const request = { batch, chosen: [...chosen], wanted: classes - randomClasses, random: new Random(seed, 7, batch) };
    for (const identity of planning.minedClasses(request)) {
      integer(where, 'an identity that minedClasses returned', identity, 0, identities - 1);
      if (chosen.size < classes && takesPart(identity)) chosen.add(identity);
    }
    draw(chosen, classes);
    return chosen;
  };

  return {
    batchSize: classes * images,
    batchesPerEpoch: Math.ceil((takingPart / randomClasses) * rounds),
    next(): readonly PlannedImage[] {
      const random = new Random(seed, 2, batch);
      const portions = Array.from(nextIdentities(), (identity) => {
        const available = imagesOf(where, source, identity);
        const count = fewImages === 'fill' ? Math.min(images, available) : images;
        return { identity, images: chooseImages(available, count, random) };
      });
      return layOut(where, source, portions, images, seed, 6, batch++);
    },
    state: (): State => ({ values: { ...config, batch, cursor: { ...stream.cursor }, deferred }, tensors: {} }),
    restore(state: State): void {
      // The stream is the same for any number of classes: a run may go on with another batch size.
      const { classes: _, ...fixed } = config;
      checkSampler(where, fixed, state);
      const { pass, group, round, index } = state.values.cursor as Readonly<Record<string, number>>;
      batch = integer(where, 'batch of the saved state', state.values.batch as number, 0);
      stream.cursor = {
        pass: integer(where, 'cursor.pass of the saved state', pass!, 0),
        group: integer(where, 'cursor.group of the saved state', group!, 0, groups - 1),
        round: integer(where, 'cursor.round of the saved state', round!, 0, rounds - 1),
        index: integer(where, 'cursor.index of the saved state', index!, 0, identities - 1),
      };
      deferred = [...(state.values.deferred as readonly number[])];
    },
  };
}

/** Identities with at least so many images; looks at each one, unless the source says that all have as many. */
function countAtLeast(source: CountedSource, images: number): number {
  const { identities, imagesPerIdentity } = source;
  if (imagesPerIdentity !== undefined) return imagesPerIdentity >= images ? identities : 0;
  let count = 0;
  for (let identity = 0; identity < identities; identity++) if (source.imagesOf(identity) >= images) count++;
  return count;
}
