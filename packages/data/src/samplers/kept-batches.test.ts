import { createHash } from 'node:crypto';
import type { State } from '@protomem/core';
import { describe, expect, it } from 'vitest';
import type { FewImages } from './few-images.ts';
import { createSampler, type SamplerName, samplers } from './samplers.ts';

// Runs that began before samplers were composed go on as they would have: what the samplers of that time planned, as hashes,
// and what they saved after nine batches.
const source = { name: 'people', identities: 60, imagesOf: (identity: number) => 1 + ((identity * 7) % 9) };
const shared = { source, classes: 7, images: 3, seed: 11 };
const more = { 'every-class': {}, groups: { groupSize: 25, rounds: 3 }, 'every-image': {}, weighted: { power: 0.7 } };
type Kept = readonly [SamplerName, FewImages, string, string, State['values']];
const kept: readonly Kept[] = [
  [
    'every-class',
    'repeat',
    '797abf199b239340',
    '4098f5b06c0e1aa9',
    { groups: 1, rounds: 1, cursor: { pass: 1, group: 0, round: 0, index: 3 }, deferred: [] },
  ],
  [
    'every-class',
    'fill',
    'd41a53dec7bc6005',
    '309e5ec0b86e4831',
    { groups: 1, rounds: 1, cursor: { pass: 1, group: 0, round: 0, index: 3 }, deferred: [] },
  ],
  [
    'every-class',
    'skip',
    '78858aee78de9c05',
    'de8c7cc562832346',
    { groups: 1, rounds: 1, cursor: { pass: 1, group: 0, round: 0, index: 22 }, deferred: [] },
  ],
  [
    'groups',
    'repeat',
    'b70285a746180406',
    '48757b133e338414',
    { groups: 3, rounds: 3, cursor: { pass: 0, group: 1, round: 0, index: 3 }, deferred: [] },
  ],
  [
    'groups',
    'fill',
    '7ad892a584828038',
    '81c52523dc233027',
    { groups: 3, rounds: 3, cursor: { pass: 0, group: 1, round: 0, index: 3 }, deferred: [] },
  ],
  [
    'groups',
    'skip',
    '38ab3ee5c07a1e7f',
    'ebe25cb33d90e01f',
    { groups: 3, rounds: 3, cursor: { pass: 0, group: 1, round: 0, index: 14 }, deferred: [] },
  ],
  ['every-image', 'repeat', '24c252e781d7b553', '51b0ba7a8faef54a', { portions: 120 }],
  ['every-image', 'fill', '85fee13b0c0cdd8c', '44e663ecdc8319e3', { portions: 120 }],
  ['every-image', 'skip', '189bd93ff155856a', '5deadead9a89dede', { portions: 106 }],
  ['weighted', 'repeat', '9f95131c8624ed73', 'f4e2556afea63361', { portions: 87, power: 0.7 }],
  ['weighted', 'fill', '1d1ad4f7f6893dae', 'c056f3e0fd68ff42', { portions: 87, power: 0.7 }],
  ['weighted', 'skip', 'e6a10083f99d9f21', '830405eb433c1d4b', { portions: 73, power: 0.7 }],
];
const hash = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);

describe('a sampler without companions', () => {
  it.each(kept)(
    '%s, %s: plans what it always did, and goes on from what was saved then',
    (name, fewImages, first, then, saved) => {
      const make = () => createSampler(name, { ...shared, ...more[name], fewImages });
      const sampler = make();
      expect(hash(Array.from({ length: 9 }, () => sampler.next()))).toBe(first);
      const resumed = make();
      const { identities } = source;
      const { classes, images, seed } = shared;
      const values = {
        sampler: samplers[name].name,
        identities,
        classes,
        images,
        few: fewImages,
        seed,
        batch: 9,
        ...saved,
      };
      resumed.restore({ values, tensors: {} });
      expect(hash(Array.from({ length: 40 }, () => resumed.next()))).toBe(then);
    },
  );
});
