import { describe, expect, it } from 'vitest';
import { parseConfig, patchConfig } from './config.ts';
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
      ...{ classes: 8, images: 2, fewImages: 'repeat', order: { kind: 'every-class' } },
      companions: { kind: 'doppelgangers', randomShare: 0.5, doppelgangers: 4 },
      mining: { expireAfter: 200, observedSamples: 32, duplicateAbove: 0.7, lag: 8 },
    });
    expect(told).toHaveLength(12);
    expect(told[0]).toBe(
      '"sampler.kind=doppelgangers" is now called "sampler.order=every-class" with "sampler.companions=doppelgangers"; the old name goes with the next release.',
    );
    expect(told[1]).toContain('"sampler.few" is now called "sampler.fewImages"');
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

  it.each([
    ['classes-by-images', {}, { kind: 'every-class' }],
    ['classesByImages', {}, { kind: 'every-class' }],
    ['groups', { groupSize: 300, rounds: 2 }, { kind: 'groups', groupSize: 300, rounds: 2 }],
    ['every-image', {}, { kind: 'every-image' }],
    ['weighted', { power: 0.7 }, { kind: 'weighted', power: 0.7 }],
  ])('know the sampler %s as an order of classes', (kind, options, order) => {
    const sampler = { kind, classes: 4, images: 3, fewImages: 'fill', ...options };
    const config = resolveRecipe('demo');
    expect(parseConfig({ ...config, sampler }, 'config.json')).toEqual(
      parseConfig({ ...config, sampler: { classes: 4, images: 3, fewImages: 'fill', order } }, 'config.json'),
    );
    const { images: _, ...without } = sampler;
    // What is not said is left to the plan.
    const images = ['every-image', 'weighted'].includes(kind) ? 1 : null;
    expect(parseConfig({ ...config, sampler: without }, 'mine').sampler.images).toBe(images);
  });

  it('are taken in patches too', () => {
    const demo = resolveRecipe('demo');
    const patched = patchConfig(demo, ['sampler.rounds=2', 'sampler.groupSize=40', 'head.size=100']);
    expect(patched.sampler.order).toEqual({ kind: 'groups', groupSize: 40, rounds: 2 });
    const mined = patchConfig(patched, ['sampler.kind=doppelgangers', 'sampler.lag=6', 'sampler.randomShare=0.25']);
    expect(mined.sampler).toMatchObject({
      order: { kind: 'every-class' },
      companions: { kind: 'doppelgangers', randomShare: 0.25 },
      mining: { lag: 6 },
    });
    expect(() => patchConfig(demo, ['sampler.kind=group'])).toThrow('Did you mean "groups"?');
    for (const mixed of ['{"order":"weighted","power":0.7}', '{"power":0.7,"order":"weighted"}']) {
      const sampler = `sampler=${mixed.replace('}', ',"classes":4,"images":2}')}`;
      expect(patchConfig(demo, [sampler]).sampler.order).toEqual({ kind: 'weighted', power: 0.7 });
    }
  });
});
