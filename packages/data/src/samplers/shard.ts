import { integer, type OptionsOf, option, type PlannedImage, readOptions, type Sampler } from '@protomem/core';

export const shardOptions = {
  /** 0 ... world - 1. */
  rank: option.integer({ help: 'Which of the processes this is.', min: 0 }),
  world: option.integer({ help: 'Number of processes.', min: 1 }),
};

/**
 * One process's part of a sampler: of every `world` batches, the one of this rank. The sampler must be the same in all
 * processes. Together they see its batches, each once, without overlap or gap; each sees as many as any other.
 *
 * Works with any sampler and keeps nothing. The batches of the others are planned too and thrown away, which costs
 * microseconds an image; companions are asked for in its own batches alone, of its own miner. The state is the whole sampler's after a round of all ranks, the same in every process: a run can
 * go on with another number of processes.
 *
 * @param sampler from now on moved by this alone.
 *
 * @example
 * ```ts
 * const sampler = shard(classesByImages({ source, classes: 32, images: 4, seed: 1 }), { rank: 0, world: 8 });
 * ```
 */
export function shard(sampler: Sampler, options: OptionsOf<typeof shardOptions>): Sampler {
  const { rank, world } = readOptions('shard', shardOptions, options);
  integer('shard', 'rank', rank, 0, world - 1);
  return {
    batchSize: sampler.batchSize,
    batchesPerEpoch: Math.ceil(sampler.batchesPerEpoch / world),
    next() {
      let own: readonly PlannedImage[] = [];
      for (let turn = 0; turn < world; turn++) {
        if (turn === rank) own = sampler.next();
        else if (sampler.skip) sampler.skip();
        else sampler.next();
      }
      return own;
    },
    state: () => sampler.state(),
    restore: (state) => sampler.restore(state),
  };
}
