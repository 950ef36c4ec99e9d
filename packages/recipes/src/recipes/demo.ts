import { ProtomemError } from '@protomem/core';
import type { Recipe } from '../recipe.ts';

/** Synthetic faces: trains from nothing to verification of people never seen, in a few minutes on two cores. */
export const demo: Recipe = {
  about: 'synthetic faces, no data needed: a few minutes on two cores',
  differences({ data }) {
    if (data !== undefined) {
      throw new ProtomemError({
        where: 'train demo',
        what: '--data',
        got: data,
        expected: 'nothing: the demo draws its own faces',
        fix: 'Use the recipe faces for data of your own.',
      });
    }
    return {
      steps: 300,
      data: { kind: 'synthetic', identities: 100_000 },
      augmentation: {
        ...{ shift: 0.04, zoom: 0.05, rotate: 5 },
        ...{ brightness: 0.2, contrast: 0.2, saturation: 0.2, greyscale: 0.05 },
      },
      sampler: { order: { kind: 'groups' }, classes: 16, images: 4 },
      encoder: { inputSize: 48, embeddingSize: 128, width: 0.25 },
      head: { size: 512, batchShare: 0.5, refreshRatio: 0.5, loss: { scale: 30, margin: 0.35 } },
      schedule: { warmup: 30 },
      evaluation: { every: 100, pairs: { kind: 'synthetic' } },
    };
  },
};
