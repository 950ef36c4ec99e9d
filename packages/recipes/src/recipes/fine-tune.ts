import { ProtomemError } from '@protomem/core';
import type { Recipe } from '../recipe.ts';
import { faces } from './faces.ts';

/** Few people with few images each: an encoder that can tell faces apart already goes on with them. */
export const fineTune: Recipe = {
  about:
    'an encoder (--init) further on a few people (--data), tested on other images of theirs; a threshold at the end',
  differences({ data, init }) {
    if (init === undefined) {
      throw new ProtomemError({
        where: 'train fine-tune',
        what: '--init',
        got: 'missing',
        expected: 'a finished run, or an encoder.safetensors, to go on from',
        fix: 'Train one with the recipe faces, or make one of an ONNX or PyTorch file with `protomem import`.',
      });
    }
    const { evaluation, head, ...rest } = faces.differences({ data });
    return {
      ...rest,
      // Of 20 people of LFW with 10 images each: 60 steps and a third of the rate did less, lower rates for early blocks no more.
      steps: 150,
      head: { ...head, refreshRatio: 0.5 },
      schedule: { kind: 'cosine', base: 0.03, warmup: 15 },
      evaluation: { ...evaluation, pairs: { kind: 'other-images' } },
    };
  },
};
