import {
  type BatchRequest,
  type ImageRequest,
  type PlannedImage,
  Random,
  type Sampler,
  type State,
} from '@protomem/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classesByImages } from './classes-by-images.ts';
import { createSampler, type SamplerName } from './samplers.ts';
import { shard } from './shard.ts';

const sourceOf = (identities: number, imagesOf = (identity: number) => 1 + (identity % 5)) => ({
  name: 'test',
  identities,
  imagesOf,
});
const classesOf = (plan: readonly PlannedImage[], images: number): number[] =>
  plan.filter((_, i) => i % images === 0).map(({ identity }) => identity);

/** Names those after the chosen: some twice, some of the batch, too many or too few. */
const neighbours =
  (identities: number, eager: number) =>
  ({ chosen, random }: BatchRequest): number[] =>
    chosen.flatMap((id) => Array.from({ length: random.below(eager + 1) }, (_, i) => (id + i) % identities));

const settings = fc
  .record({
    order: fc.constantFrom<SamplerName>('every-class', 'groups', 'every-image', 'weighted'),
    identities: fc.integer({ min: 1, max: 60 }),
    classes: fc.integer({ min: 1, max: 12 }),
    images: fc.integer({ min: 1, max: 3 }),
    randomClasses: fc.integer({ min: 1, max: 12 }),
    seed: fc.nat(),
    eager: fc.nat(4),
  })
  .filter(({ identities, classes, randomClasses }) => classes <= identities && randomClasses <= classes);
type Settings = typeof settings extends fc.Arbitrary<infer T> ? T : never;
const make = ({ order, identities, eager, ...options }: Settings): Sampler =>
  createSampler(order, { source: sourceOf(identities), minedClasses: neighbours(identities, eager), ...options });

describe('a sampler with companions', () => {
  it('shows everybody as its order does, whoever keeps them company, in full batches', () => {
    fc.assert(
      fc.property(settings, fc.nat(4), (options, otherwise) => {
        const { classes, images, randomClasses, order } = options;
        const [sampler, other] = [make(options), make({ ...options, eager: otherwise })];
        const alone = make({ ...options, classes: randomClasses, eager: 0 });
        expect(sampler.batchesPerEpoch).toBe(alone.batchesPerEpoch);
        for (let batch = 0; batch < 2 * sampler.batchesPerEpoch; batch++) {
          const plan = sampler.next();
          expect(plan).toHaveLength(classes * images);
          const found = classesOf(plan, images);
          const starters = found.slice(0, randomClasses);
          expect(starters).toEqual(classesOf(other.next(), images).slice(0, randomClasses));
          expect(starters).toEqual(classesOf(alone.next(), images));
          // Of these orders, an identity may have several turns in one batch, and companions none of their own.
          const once = order === 'every-image' || order === 'weighted' ? [...new Set(starters)] : starters;
          expect(new Set(found).size).toBe(once.length + classes - randomClasses);
        }
      }),
      { seed: 1, numRuns: 25 },
    );
  });

  it('asks for what is missing, with the number of the batch and random numbers of its own', () => {
    const requests: BatchRequest[] = [];
    const minedClasses = (request: BatchRequest): number[] => {
      requests.push({ ...request, random: new Random(0) });
      return [request.random.below(5), request.random.below(5)];
    };
    const options = { source: sourceOf(50), classes: 5, images: 1 };
    const sampler = classesByImages({ ...options, randomClasses: 3, minedClasses });
    const first = classesOf(sampler.next(), 1);
    sampler.next();
    expect(requests.map(({ batch, wanted }) => [batch, wanted])).toEqual([
      [0, 2],
      [1, 2],
    ]);
    expect(requests[0]!.chosen).toEqual(first.slice(0, 3));
    // With all places taken, it is the plain sampler.
    const [plain, full] = [classesByImages(options), classesByImages({ ...options, randomClasses: 5, minedClasses })];
    for (let batch = 0; batch < 30; batch++) expect(full.next()).toEqual(plain.next());
    expect(requests).toHaveLength(2);
  });

  it('shared out, asks each process its own miner, by the number of its own batches', () => {
    const world = 3;
    const batchesOf = (rank: number): number[] => {
      const asked: number[] = [];
      const sampler = createSampler('groups', {
        ...{ source: sourceOf(40, () => 9), groupSize: 20, classes: 6, images: 2, randomClasses: 3, hardImages: 1 },
        minedClasses({ batch }) {
          asked.push(batch);
          return [(7 * batch + rank) % 40, (11 * batch + rank) % 40];
        },
        minedImages: ({ batch, wanted }) => {
          expect([batch, wanted]).toEqual([asked.at(-1), 1]);
          return [rank];
        },
      });
      const own = shard(sampler, { rank, world });
      const plans = Array.from({ length: 20 }, () => own.next());
      expect(asked).toEqual(Array.from({ length: 20 }, (_, i) => i));
      return plans.flatMap((plan) => classesOf(plan, 2).slice(0, 3));
    };
    const shares = Array.from({ length: world }, (_, rank) => batchesOf(rank));
    const together = Array.from({ length: 20 }, (_, i) => shares.flatMap((share) => share.slice(3 * i, 3 * i + 3)));
    const whole = createSampler('groups', { source: sourceOf(40), groupSize: 20, classes: 3, images: 1 });
    const expected = Array.from({ length: 60 }, () => classesOf(whole.next(), 1)).flat();
    expect(together.flat()).toEqual(expected);
  });

  it('fills what is left open with others of the present group', () => {
    const options = { source: sourceOf(1000), groupSize: 20, rounds: 50, classes: 8, images: 1 };
    const sampler = createSampler('groups', { ...options, randomClasses: 2 });
    const seen = new Set(Array.from({ length: 400 }, () => classesOf(sampler.next(), 1)).flat());
    expect(seen.size).toBe(20);
  });

  it('leaves out those with too few images, and refuses identities and images that are none', () => {
    const options = { source: sourceOf(50), classes: 6, images: 3, randomClasses: 2, fewImages: 'skip' } as const;
    const minedClasses = (): number[] => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    const sampler = classesByImages({ ...options, minedClasses });
    for (let batch = 0; batch < 20; batch++)
      for (const id of classesOf(sampler.next(), 3)) expect(id % 5).toBeGreaterThanOrEqual(2);
    for (const bad of [50, -1, 0.5]) {
      expect(() => classesByImages({ ...options, minedClasses: () => [bad] }).next()).toThrow(
        `classesByImages: an identity that minedClasses returned is ${bad}`,
      );
      expect(() => classesByImages({ ...options, hardImages: 1, minedImages: () => [bad] }).next()).toThrow(
        `classesByImages: an image that minedImages returned is ${bad}`,
      );
    }
    expect(() => classesByImages({ ...options, randomClasses: 7 })).toThrow('randomClasses is 7');
    expect(() => classesByImages({ ...options, hardImages: 4 })).toThrow('hardImages is 4');
  });

  it('refuses the state of one with other companions, and of the look-alike batches of earlier releases', () => {
    const options = { source: sourceOf(50), classes: 6, images: 3 };
    const of = (randomClasses?: number) => createSampler('every-image', { ...options, randomClasses });
    const saved = of(2).state() as State;
    expect(() => of(3).restore(saved)).toThrow('starters of the saved state is 2, expected 3');
    expect(() => of().restore(saved)).toThrow('starters of the saved state is 2, expected 6');
    expect(() => of(2).restore(of().state() as State)).toThrow('starters of the saved state is 6, expected 2');
    const hard = createSampler('groups', { ...options, hardImages: 1 });
    expect(() => hard.restore(createSampler('groups', options).state() as State)).toThrow(
      'hardImages of the saved state',
    );
    const earlier = { ...saved, values: { ...saved.values, sampler: 'plannedClasses' } };
    expect(() => classesByImages({ ...options, randomClasses: 2 }).restore(earlier)).toThrow(
      /plannedClasses, of an earlier release.* finish that run with the release that began it, or start a new one\.$/,
    );
  });
});

it.each(['every-class', 'groups'] as const)('%s goes on where it was with batches of another size', (order) => {
  const make = (classes: number, randomClasses: number) =>
    createSampler(order, { source: sourceOf(40), classes, randomClasses, images: 1 });
  const [small, large] = [make(4, 2), make(9, 6)];
  for (let i = 0; i < 5; i++) small.next();
  large.restore(small.state() as State);
  const after = Array.from({ length: 6 }, () => small.next()).flatMap((plan) => classesOf(plan, 1).slice(0, 2));
  const starters = Array.from({ length: 2 }, () => classesOf(large.next(), 1).slice(0, 6)).flat();
  expect(starters).toEqual(after);
});

describe('hard images', () => {
  it('come first where a class has more than are shown; the others as they would have come', () => {
    const asked: ImageRequest[] = [];
    const options = { source: sourceOf(30, (identity) => 2 + (identity % 9)), classes: 5, images: 4 };
    const minedImages = (request: ImageRequest): number[] => {
      asked.push(request);
      return [1, 0, 3];
    };
    for (const order of ['every-class', 'groups', 'every-image', 'weighted'] as const) {
      const [plain, hard] = [
        createSampler(order, options),
        createSampler(order, { ...options, hardImages: 2, minedImages }),
      ];
      for (let batch = 0; batch < 30; batch++) {
        const [before, plan] = [plain.next(), hard.next()];
        for (let start = 0; start < plan.length; start += 4) {
          const [was, now] = [before, plan].map((one) => one.slice(start, start + 4).map(({ image }) => image));
          const { identity } = plan[start]!;
          if (options.source.imagesOf(identity) <= 4) expect(now).toEqual(was);
          else expect(now).toEqual([...new Set([1, 0, ...was!])].slice(0, 4));
        }
      }
    }
    expect(asked.every(({ wanted, identity }) => wanted === 2 && options.source.imagesOf(identity) > 4)).toBe(true);
    expect(asked[0]!.batch).toBe(0);
  });
});
