import { ProtomemError } from '@protomem/core';
import type { Recipe } from '../recipe.ts';

/**
 * Anybody's faces. What null stands for is chosen once the data are open, by `fillIn`: slots, batches, rounds and steps. The
 * other figures, of which `lfw` takes over most, are here.
 */
export const faces: Recipe = {
  about: 'your faces (--data), in any format: plans memory, groups, batches and steps; tested on people kept out',
  differences({ data }) {
    if (data === undefined) {
      throw new ProtomemError({
        where: 'train faces',
        what: '--data',
        got: 'missing',
        expected:
          'aligned face images: a folder with one folder for each identity, RecordIO, WebDataset, LMDB or a list',
        fix: 'Pass --data PATH, or train the recipe demo, which draws its own faces.',
      });
    }
    return {
      steps: null,
      data: { kind: 'dataset', path: data },
      augmentation: { shift: 0.02, brightness: 0.1, contrast: 0.1 },
      sampler: { order: { kind: 'groups', rounds: null }, classes: null, images: null },
      loader: { cacheBytes: 256 * 2 ** 20 },
      encoder: { inputSize: 64, embeddingSize: 128, width: 0.5, dropout: 0.4 },
      head: { size: null, batchShare: null, refreshRatio: 0.3, loss: { scale: 30, margin: 0.25 } },
      schedule: { warmup: null },
      evaluation: { every: null, batch: 128, pairs: { kind: 'held-out' } },
    };
  },
};
