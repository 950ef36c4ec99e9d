import { check, option, part } from '@protomem/core';
import { composeSampler } from './compose-sampler.ts';
import { samplerOptions } from './sampler-options.ts';
import { streamOrder } from './stream-order.ts';

const options = {
  ...samplerOptions,
  /** At least `classes`. */
  groupSize: option.integer({
    help: 'Most identities in a group: the size of the prototype memory, or less.',
    min: 1,
    absent: 'all identities: one group',
  }),
  rounds: option.integer({ help: 'How often a group is gone through before the next one starts.', min: 1, default: 4 }),
};

/**
 * Group iterate-and-shuffle: keeps coming back to the same group of identities for a while, so that their prototypes
 * are refreshed while they are still in memory.
 *
 * A seeded permutation splits the identities into ceil(N / groupSize) groups whose sizes differ by at most one. A group
 * is gone through `rounds` times, reshuffled each time; then the next group; after the last one the permutation
 * changes. So each identity comes exactly `rounds` times a pass, and `batchesPerEpoch` counts all of them. Batches are
 * filled across the borders of rounds, groups and passes, and images are chosen, as in {@link classesByImages}.
 *
 * Time and memory per batch do not depend on N (up to 2^53): the permutations are computed, not stored.
 *
 * @throws when the smallest group would have fewer than `classes` identities.
 *
 * @example
 * ```ts
 * const sampler = groupIterateAndShuffle({ source, groupSize: 4096, rounds: 4, classes: 64, images: 2, seed: 1 });
 * ```
 */
export const groupIterateAndShuffle = part('groupIterateAndShuffle', options, ({ groupSize, rounds, ...rest }) => {
  const where = 'groupIterateAndShuffle';
  const { source, classes } = rest;
  const groups = groupSize === undefined ? 1 : Math.ceil(source.identities / groupSize);
  const smallest = Math.floor(source.identities / groups);
  check(classes <= smallest, () => ({
    where,
    what: 'classes',
    got: classes,
    expected: `at most ${smallest}, the identities in the smallest of ${groups} group(s) of ${source.name}`,
    fix: 'Use larger groups or fewer classes a batch.',
  }));
  return composeSampler(where, rest, streamOrder(where, rest, groups, rounds));
});
