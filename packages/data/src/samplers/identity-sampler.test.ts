import { Random, type Sampler, type State } from '@protomem/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseImages } from './choose-images.ts';
import { classesByImages } from './classes-by-images.ts';
import { groupIterateAndShuffle } from './group-iterate-and-shuffle.ts';

const sourceOf = (identities: number, imagesOf: (identity: number) => number = () => 5) => ({
  name: 'test',
  identities,
  imagesOf,
});
/** Identities of the next `batches` batches, one list a batch. */
const identitiesOf = (sampler: Sampler, batches: number): number[][] =>
  Array.from({ length: batches }, () => [...new Set(sampler.next().map(({ identity }) => identity))]);
const countsOf = (identities: number, batches: readonly number[][]): number[] => {
  const counts = new Array<number>(identities).fill(0);
  for (const identity of batches.flat()) counts[identity]!++;
  return counts;
};

/** Both samplers over small sources, with any option that they accept. */
const samplers = fc
  .record({
    identities: fc.integer({ min: 1, max: 60 }),
    classes: fc.integer({ min: 1, max: 12 }),
    images: fc.integer({ min: 1, max: 4 }),
    rounds: fc.integer({ min: 1, max: 3 }),
    groupSize: fc.integer({ min: 1, max: 70 }),
    seed: fc.nat(),
    grouped: fc.boolean(),
  })
  .filter(
    ({ identities, classes, groupSize }) => classes <= Math.floor(identities / Math.ceil(identities / groupSize)),
  );
type Settings = typeof samplers extends fc.Arbitrary<infer T> ? T : never;
const make = ({ identities, grouped, rounds, groupSize, ...options }: Settings): Sampler => {
  const source = sourceOf(identities, (identity) => 1 + (identity % 5));
  return grouped
    ? groupIterateAndShuffle({ source, rounds, groupSize, ...options })
    : classesByImages({ source, ...options });
};

describe('both samplers', () => {
  it('fill every batch with C distinct identities, K images each, side by side', () => {
    fc.assert(
      fc.property(samplers, (settings) => {
        const { classes, images, identities } = settings;
        const sampler = make(settings);
        for (let batch = 0; batch < 20; batch++) {
          const plan = sampler.next();
          expect(plan).toHaveLength(sampler.batchSize);
          const blocks = Array.from({ length: classes }, (_, i) => plan.slice(i * images, (i + 1) * images));
          for (const block of blocks) expect(new Set(block.map(({ identity }) => identity)).size).toBe(1);
          expect(new Set(plan.map(({ identity }) => identity)).size).toBe(classes);
          for (const { identity, image, seed } of plan) {
            expect(identity >= 0 && identity < identities && image >= 0 && image < 1 + (identity % 5)).toBe(true);
            expect(Number.isSafeInteger(seed)).toBe(true);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('visit every identity `rounds` times a pass', () => {
    fc.assert(
      fc.property(samplers, (settings) => {
        const { identities, classes } = settings;
        const rounds = settings.grouped ? settings.rounds : 1;
        const sampler = make(settings);
        // As many batches as whole passes take when nothing is left over.
        const counts = countsOf(identities, identitiesOf(sampler, identities * rounds));
        // Of the `classes` passes, at most one visit of each identity can be waiting for the next batch.
        expect(Math.max(...counts)).toBeLessThanOrEqual(classes * rounds + rounds);
        expect(Math.min(...counts)).toBeGreaterThanOrEqual(classes * rounds - 1);
        expect(((sampler.state() as State).values.deferred as readonly number[]).length).toBeLessThan(
          Math.max(2, classes),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('resume at any batch', () => {
    fc.assert(
      fc.property(samplers, fc.nat(40), (settings, at) => {
        const first = make(settings);
        for (let i = 0; i < at; i++) first.next();
        const saved = JSON.parse(JSON.stringify(first.state()));
        const rest = Array.from({ length: 15 }, () => first.next());
        const second = make(settings);
        second.next();
        second.restore(saved);
        expect(Array.from({ length: 15 }, () => second.next())).toEqual(rest);
      }),
      { numRuns: 60 },
    );
  });

  it('depend on the seed', () => {
    const source = sourceOf(50);
    const plans = [1, 1, 2].map((seed) => classesByImages({ source, classes: 5, images: 2, seed }).next());
    expect(plans[0]).toEqual(plans[1]);
    expect(plans[0]).not.toEqual(plans[2]);
  });

  it('refuse a state of other options or data, and name the key', () => {
    const options = { source: sourceOf(50), classes: 5, images: 2 };
    const saved = classesByImages(options).state() as never;
    expect(() => classesByImages({ ...options, images: 3 }).restore(saved)).toThrow('images of the saved state is 2');
    expect(() => classesByImages({ ...options, source: sourceOf(51) }).restore(saved)).toThrow(
      'identities of the saved',
    );
    expect(() => groupIterateAndShuffle({ ...options, groupSize: 50 }).restore(saved)).toThrow('sampler of the saved');
  });

  it.each([
    ['cursor', null, 'cursor.group of the saved state is undefined'],
    ['cursor', { pass: 0, group: 0, round: 0.5, index: 0 }, 'cursor.round of the saved state is 0.5'],
    ['cursor', { pass: 0, group: 2, round: 0, index: 17 }, 'cursor.index of the saved state is 17, expected'],
    ['deferred', null, 'deferred of the saved state is null, expected an array of identities'],
    ['deferred', [3, 51], 'deferred[1] of the saved state is 51, expected an integer in [0, 49]'],
    ['deferred', ['3'], 'deferred[0] of the saved state is "3"'],
  ])('refuse a damaged state and stay where they are: %s of %j', (key, value, message) => {
    // Groups of 17, 17 and 16.
    const sampler = groupIterateAndShuffle({ source: sourceOf(50), classes: 5, images: 2, groupSize: 20 });
    const { values, tensors } = sampler.state() as State;
    expect(() => sampler.restore({ values: { ...values, [key]: value }, tensors } as State)).toThrow(message);
    sampler.restore({ values: { ...values, cursor: { pass: 0, group: 2, round: 0, index: 15 } }, tensors } as State);
    sampler.next();
  });

  it('count only those with images in a pass, where the source has a table of them', () => {
    const counts = Array.from({ length: 24 }, (_, i) => i % 3);
    const source = {
      ...sourceOf(24, (identity) => counts[identity]!),
      imageEnds: counts.map((_, i) => counts.slice(0, i + 1).reduce((a, b) => a + b)),
    };
    expect(classesByImages({ source, classes: 4, images: 2 }).batchesPerEpoch).toBe(4);
    expect(() => classesByImages({ source, classes: 17, images: 2 })).toThrow(
      'classes is 17, expected at most 16, the identities in test with images',
    );
  });

  it('work on 2^53 identities', () => {
    const source = sourceOf(Number.MAX_SAFE_INTEGER);
    const sampler = groupIterateAndShuffle({ source, groupSize: 1000, rounds: 2, classes: 100, images: 2, seed: 3 });
    const batches = identitiesOf(sampler, 20);
    const group = new Set(batches.flat());
    // Two rounds of one group, whose size is at most 1000.
    expect(group.size).toBeGreaterThan(990);
    expect(group.size).toBeLessThanOrEqual(1100);
    expect(Math.max(...group)).toBeGreaterThan(2 ** 50);
    expect(JSON.stringify(sampler.state()).length).toBeLessThan(1000);
  });
});

describe('classesByImages', () => {
  it('visits each identity once a pass, each pass in another order', () => {
    const sampler = classesByImages({ source: sourceOf(24), classes: 6, images: 1 });
    expect(sampler.batchesPerEpoch).toBe(4);
    const passes = Array.from({ length: 3 }, () => identitiesOf(sampler, 4).flat());
    for (const pass of passes) expect(countsOf(24, [pass])).toEqual(new Array(24).fill(1));
    expect(passes[0]).not.toEqual(passes[1]);
  });

  it('carries what is left of a pass into the next: 10 identities, 4 a batch', () => {
    const sampler = classesByImages({ source: sourceOf(10), classes: 4, images: 1, seed: 9 });
    expect(sampler.batchesPerEpoch).toBe(3);
    const batches = identitiesOf(sampler, 5);
    expect(countsOf(10, [batches.slice(0, 3).flat().slice(0, 10)])).toEqual(new Array(10).fill(1));
    expect(countsOf(10, batches)).toEqual(new Array(10).fill(2));
  });

  it('refuses more classes than there are identities', () => {
    expect(() => classesByImages({ source: sourceOf(3), classes: 4, images: 1 })).toThrow(
      'classesByImages: classes is 4, expected at most 3, the identities in test.',
    );
    expect(() => classesByImages({ source: sourceOf(3), classes: 2, images: 0 })).toThrow('images is 0');
  });
});

describe('groupIterateAndShuffle', () => {
  it('stays in a group for all its rounds, then takes the next; the next pass has other groups', () => {
    const sampler = groupIterateAndShuffle({ source: sourceOf(40), groupSize: 12, rounds: 3, classes: 5, images: 1 });
    // 40 identities in 4 groups of 10: two batches a round, six a group, 24 a pass.
    expect(sampler.batchesPerEpoch).toBe(24);
    const passes = Array.from({ length: 2 }, () => {
      const groups = Array.from({ length: 4 }, () => {
        const rounds = Array.from({ length: 3 }, () => identitiesOf(sampler, 2).flat());
        const sorted = rounds.map((round) => round.toSorted((a, b) => a - b).join());
        expect(new Set(sorted).size).toBe(1);
        expect(rounds[0]).not.toEqual(rounds[1]);
        return rounds[0]!;
      });
      expect(countsOf(40, groups)).toEqual(new Array(40).fill(1));
      return groups.map((group) => group.toSorted((a, b) => a - b).join()).toSorted();
    });
    expect(passes[0]).not.toEqual(passes[1]);
  });

  it('refuses batches wider than its smallest group', () => {
    expect(() => groupIterateAndShuffle({ source: sourceOf(11), groupSize: 10, classes: 6, images: 1 })).toThrow(
      'classes is 6, expected at most 5, the identities in the smallest of 2 group(s) of test.',
    );
  });
});

describe('chooseImages', () => {
  it('repeats images evenly, and only when there are too few', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 40 }),
        fc.nat(),
        (available, count, seed) => {
          const chosen = chooseImages(available, count, new Random(seed));
          expect(chosen).toHaveLength(count);
          const counts = countsOf(available, [chosen]);
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it('chooses all images equally often', () => {
    const counts = new Array<number>(7).fill(0);
    const firsts = new Array<number>(7).fill(0);
    for (let seed = 0; seed < 7000; seed++) {
      const chosen = chooseImages(7, 3, new Random(seed));
      for (const image of chosen) counts[image]!++;
      firsts[chosen[0]!]!++;
    }
    for (const count of counts) expect(Math.abs(count - 3000)).toBeLessThan(200);
    for (const count of firsts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
