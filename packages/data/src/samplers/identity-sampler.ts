import { check, type ImageSource, integer, type PlannedImage, Random, type Sampler, type State } from '@protomem/core';
import { checkSampler } from './check-sampler.ts';
import { chooseImages } from './choose-images.ts';
import { IdentityStream, type StreamCursor } from './identity-stream.ts';

/** What both samplers need. */
export interface ClassesByImagesOptions {
  /** Only its counts are used. */
  readonly source: Pick<ImageSource, 'name' | 'identities' | 'imagesOf'>;
  /** Identities in a batch, C >= 1. */
  readonly classes: number;
  /** Images of each, K >= 1. */
  readonly images: number;
  /** Any safe integer >= 0. Default 0. */
  readonly seed?: number;
}

/** @internal Batches of C distinct identities off an {@link IdentityStream}, K images each. */
export function identitySampler(
  where: string,
  options: ClassesByImagesOptions,
  groups: number,
  rounds: number,
): Sampler {
  const { source, classes, images, seed = 0 } = options;
  integer(where, 'classes', classes, 1);
  integer(where, 'images', images, 1);
  integer(where, 'seed', seed, 0);
  const { identities } = source;
  check(identities >= classes, () => ({
    where,
    what: 'classes',
    got: classes,
    expected: `at most ${identities}, the identities in ${source.name}`,
    fix: 'Use fewer classes a batch, or add people.',
  }));
  const config = { sampler: where, identities, classes, images, seed, groups, rounds };
  const stream = new IdentityStream(identities, groups, rounds, seed);
  let batch = 0;
  // Identities that came up while they were already in the batch; they open the next one.
  let deferred: number[] = [];

  const nextIdentities = (): Set<number> => {
    const chosen = new Set<number>();
    const waiting = deferred;
    deferred = [];
    const offer = (identity: number): void => {
      if (chosen.size === classes || chosen.has(identity)) deferred.push(identity);
      else chosen.add(identity);
    };
    waiting.forEach(offer);
    while (chosen.size < classes) offer(stream.next());
    return chosen;
  };

  return {
    batchSize: classes * images,
    batchesPerEpoch: Math.ceil((identities / classes) * rounds),
    next(): readonly PlannedImage[] {
      const random = new Random(seed, 2, batch);
      const plan: PlannedImage[] = [];
      for (const identity of nextIdentities()) {
        const available = source.imagesOf(identity);
        check(available >= 1, () => ({
          where,
          what: `the number of images of identity ${identity} in ${source.name}`,
          got: available,
          expected: 'at least 1',
        }));
        for (const image of chooseImages(available, images, random)) {
          plan.push({ identity, image, seed: random.uint32() });
        }
      }
      batch++;
      return plan;
    },
    state: (): State => ({ values: { ...config, batch, cursor: { ...stream.cursor }, deferred }, tensors: {} }),
    restore(state: State): void {
      checkSampler(where, config, state);
      const { pass, group, round, index } = state.values.cursor as unknown as StreamCursor;
      batch = integer(where, 'batch of the saved state', state.values.batch as number, 0);
      stream.cursor = {
        pass: integer(where, 'cursor.pass of the saved state', pass, 0),
        group: integer(where, 'cursor.group of the saved state', group, 0, groups - 1),
        round: integer(where, 'cursor.round of the saved state', round, 0, rounds - 1),
        index: integer(where, 'cursor.index of the saved state', index, 0, identities - 1),
      };
      deferred = [...(state.values.deferred as readonly number[])];
    },
  };
}
