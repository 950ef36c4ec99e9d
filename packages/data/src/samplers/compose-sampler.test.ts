import { type BatchRequest, Random, type Sampler, type State } from '@protomem/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classesByImages } from './classes-by-images.ts';
import { plannedClasses } from './planned-classes.ts';

const source = (identities: number) => ({ name: 'test', identities, imagesOf: (id: number) => 1 + (id % 5) });
const classesOf = (sampler: Sampler): number[] => [...new Set(sampler.next().map(({ identity }) => identity))];

/** Names those after the chosen: some twice, some of the batch, too many or too few. */
const neighbours =
  (identities: number, eager: number) =>
  ({ chosen, random }: BatchRequest): number[] =>
    chosen.flatMap((id) => Array.from({ length: random.below(eager + 1) }, (_, i) => (id + i) % identities));

const settings = fc
  .record({
    identities: fc.integer({ min: 1, max: 60 }),
    classes: fc.integer({ min: 1, max: 12 }),
    images: fc.integer({ min: 1, max: 3 }),
    randomClasses: fc.integer({ min: 1, max: 12 }),
    seed: fc.nat(),
    eager: fc.nat(4),
  })
  .filter(({ identities, classes, randomClasses }) => classes <= identities && randomClasses <= classes);
type Settings = typeof settings extends fc.Arbitrary<infer T> ? T : never;
const make = ({ identities, eager, ...options }: Settings): Sampler =>
  plannedClasses({ source: source(identities), minedClasses: neighbours(identities, eager), ...options });

describe('plannedClasses', () => {
  it('fills every batch with C distinct identities, and shows everybody at least once a pass', () => {
    fc.assert(
      fc.property(settings, (options) => {
        const sampler = make(options);
        const passes = 3;
        const visits = new Array<number>(options.identities).fill(0);
        for (let batch = 0; batch < passes * sampler.batchesPerEpoch; batch++) {
          const plan = sampler.next();
          expect(plan).toHaveLength(options.classes * options.images);
          const classes = new Set(plan.map(({ identity }) => identity));
          expect(classes.size).toBe(options.classes);
          for (const identity of classes) visits[identity]!++;
        }
        // One visit of each may wait for the next batch.
        expect(Math.min(...visits)).toBeGreaterThanOrEqual(passes - 1);
        const { deferred } = (sampler.state() as State).values;
        expect((deferred as number[]).length).toBeLessThanOrEqual(2 * options.classes);
      }),
      { seed: 1, numRuns: 150 },
    );
  });

  it('asks for what is missing, with the number of the batch and random numbers of its own', () => {
    const requests: BatchRequest[] = [];
    const minedClasses = (request: BatchRequest): number[] => {
      requests.push({ ...request, random: new Random(0) });
      return [request.random.below(5), request.random.below(5)];
    };
    const sampler = plannedClasses({ source: source(50), classes: 5, images: 1, randomClasses: 3, minedClasses });
    const first = classesOf(sampler);
    classesOf(sampler);
    expect(requests.map(({ batch, wanted }) => [batch, wanted])).toEqual([
      [0, 2],
      [1, 2],
    ]);
    expect(requests[0]!.chosen).toEqual(first.slice(0, 3));
    // With nobody named, or all places taken, it is the plain sampler.
    const plain = classesByImages({ source: source(50), classes: 5, images: 1 });
    const alone = plannedClasses({
      source: source(50),
      classes: 5,
      images: 1,
      randomClasses: 3,
      minedClasses: () => [],
    });
    const full = plannedClasses({ source: source(50), classes: 5, images: 1, randomClasses: 5, minedClasses });
    for (let batch = 0; batch < 30; batch++) {
      const plan = plain.next();
      expect(alone.next()).toEqual(plan);
      expect(full.next()).toEqual(plan);
    }
    expect(requests).toHaveLength(2);
  });

  it('goes on from its state at any batch', () => {
    fc.assert(
      fc.property(settings, fc.nat(30), (options, at) => {
        const first = make(options);
        for (let i = 0; i < at; i++) first.next();
        const saved = JSON.parse(JSON.stringify(first.state()));
        const second = make(options);
        second.next();
        second.restore(saved);
        for (let i = 0; i < 10; i++) expect(second.next()).toEqual(first.next());
      }),
      { seed: 1, numRuns: 80 },
    );
  });

  it('leaves out those with too few images, and refuses identities that are none', () => {
    const options = { source: source(50), classes: 6, images: 3, randomClasses: 2, fewImages: 'skip' } as const;
    const sampler = plannedClasses({ ...options, minedClasses: () => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] });
    for (let batch = 0; batch < 20; batch++)
      for (const id of classesOf(sampler)) expect(id % 5).toBeGreaterThanOrEqual(2);
    for (const bad of [50, -1, 0.5]) {
      expect(() => plannedClasses({ ...options, minedClasses: () => [bad] }).next()).toThrow(
        `plannedClasses: an identity that minedClasses returned is ${bad}`,
      );
    }
    expect(() => plannedClasses({ ...options, randomClasses: 7, minedClasses: () => [] })).toThrow(
      'randomClasses is 7',
    );
    const other = plannedClasses({ ...options, randomClasses: 3, minedClasses: () => [] });
    expect(() => other.restore(sampler.state() as State)).toThrow('starters of the saved state is 2');
  });
});
