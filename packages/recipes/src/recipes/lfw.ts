import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ProtomemError } from '@protomem/core';
import type { Recipe } from '../recipe.ts';
import { faces } from './faces.ts';

/** LFW View 1: trained on everybody who is not in the DevTest pairs, tested on those pairs. */
export const lfw: Recipe = {
  about: 'a folder of identities (--data), tested on LFW View 1 DevTest, beside a full softmax',
  differences({ data }) {
    if (data === undefined) {
      throw new ProtomemError({
        where: 'train lfw',
        what: '--data',
        got: 'missing',
        expected: 'aligned face images, such as a folder with one folder of LFW aligned to 112x112 for each identity',
        fix: 'Pass --data PATH.',
      });
    }
    const { evaluation, ...rest } = faces.differences({ data });
    return {
      ...rest,
      // About thirteen passes over LFW's 6,968 images of people with at least two, 128 at a time. More augmentation than a
      // mirror, a pixel of shift and a little light costs accuracy in so few.
      steps: 740,
      sampler: { order: { kind: 'every-image' }, classes: 64, images: 2 },
      head: { ...rest.head, size: 1262 },
      baselines: ['full-softmax'],
      evaluation: { ...evaluation, pairs: { kind: 'lfw', file: findPairs(data) } },
    };
  },
};

/** The View 1 test pairs, where people keep them: in the folder of images, beside it, or in `protocols` beside it. */
function findPairs(data: string): string {
  const places = [data, join(data, '..'), join(data, '..', 'protocols')];
  const names = ['pairsDevTest.txt', 'lfw_pairsDevTest.txt'];
  const candidates = places.flatMap((place) => names.map((name) => join(place, name)));
  // Named in the configuration even when absent: `--set evaluation.pairs.file=PATH` comes after the recipe.
  return candidates.find((path) => existsSync(path)) ?? candidates[0]!;
}
