import { integer, type OptionsOf, readOptions, type Sampler } from '@protomem/core';
import { shardOptions } from './shard.ts';

/**
 * One process's rows of each batch of a sampler, which must be the same in all processes: together they see every batch
 * whole, in the order of ranks, without overlap or gap. Rows that do not come out even are one more for some ranks.
 *
 * So a run over several processes takes the steps of a run of one. The state is the whole sampler's, the same in every process
 * and for any number of them. A miner has to be the same in all of them too.
 *
 * @param sampler from now on moved by this alone.
 *
 * @example
 * ```ts
 * const sampler = share(classesByImages({ source, classes: 32, images: 4, seed: 1 }), { rank: 0, world: 8 });
 * ```
 */
export function share(sampler: Sampler, options: OptionsOf<typeof shardOptions>): Sampler {
  const { rank, world } = readOptions('share', shardOptions, options);
  integer('share', 'rank', rank, 0, world - 1);
  integer('share', 'world', world, 1, sampler.batchSize);
  const [begin, end] = [rank, rank + 1].map((each) => Math.floor((each * sampler.batchSize) / world));
  return {
    batchSize: end! - begin!,
    batchesPerEpoch: sampler.batchesPerEpoch,
    next: () => sampler.next().slice(begin, end),
    skip: sampler.skip && (() => sampler.skip!()),
    state: () => sampler.state(),
    restore: (state) => sampler.restore(state),
  };
}
