import { describe, expect, it } from 'vitest';
import { parseConfig } from './config.ts';
import { resolveRecipe } from './recipes/index.ts';
import { currentSpellings } from './spellings.ts';

/** What `config.json` of a run with look-alikes held before options were renamed. */
const earlier = {
  recipe: 'demo',
  sampler: {
    ...{ kind: 'doppelgangers', classes: 8, images: 2, few: 'repeat', groupSize: null, rounds: 4, power: 0.5 },
    ...{ randomShare: 0.5, rivals: 4, patience: 200, observed: 32, duplicateAbove: 0.7, refresh: 8 },
  },
  encoder: { name: 'mobilefacenet', inputSize: 32, embeddingSize: 16, width: 1, dropout: 0, recompute: null },
  data: { kind: 'synthetic', identities: 100, imagesPerIdentity: 16, variation: 1, seed: 0 },
  evaluation: { every: 0, batch: 8, pairs: { kind: 'synthetic', identities: 20, imagesPerIdentity: 4, count: 30 } },
  head: {
    ...{ kind: 'prototype-memory', size: 40, ownExample: 'all', enter: 'after', hardest: null },
    loss: { name: 'elasticCosFace', scale: 30, margin: 0.35, deviation: 0.02 },
  },
  rivals: [],
};

describe('configurations of earlier releases', () => {
  it('are read, and each renamed key is told', () => {
    const told: string[] = [];
    const now = currentSpellings(earlier, (text) => told.push(text)) as typeof earlier;
    expect(now.sampler).toEqual({
      ...{ kind: 'doppelgangers', classes: 8, images: 2, fewImages: 'repeat', randomShare: 0.5 },
      ...{ doppelgangers: 4, expireAfter: 200, observedSamples: 32, duplicateAbove: 0.7, lag: 8 },
    });
    expect(told).toHaveLength(9);
    expect(told[0]).toContain('"sampler.few" is now called "sampler.fewImages"');
    expect(parseConfig(earlier, 'config.json')).toMatchObject({
      encoder: { name: 'mobile-face-net' },
      head: { targetPrototype: 'all', admit: 'after', loss: { name: 'elastic-cos-face', std: 0.02 } },
      baselines: [],
    });
  });

  it('are left alone where nothing is renamed', () => {
    const config = resolveRecipe('demo');
    expect(currentSpellings(config, () => expect.unreachable())).toEqual(config);
    const own = { head: { loss: () => undefined } };
    expect((currentSpellings(own) as typeof own).head.loss).toBe(own.head.loss);
  });
});
