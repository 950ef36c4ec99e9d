import type { MinedClasses, MinedImages, PlannedImage, Sampler, State } from '@protomem/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classesByImages } from './classes-by-images.ts';
import { everyImage } from './every-image.ts';
import type { CountedSource, FewImages } from './few-images.ts';
import { groupIterateAndShuffle } from './group-iterate-and-shuffle.ts';
import { shard } from './shard.ts';
import { share } from './share.ts';
import { weightedClasses } from './weighted-classes.ts';

interface Options {
  readonly source: CountedSource;
  readonly classes: number;
  readonly images: number;
  readonly fewImages?: FewImages;
  readonly seed?: number;
}
type Make = (options: Options & Companions) => Sampler;
/** Every order of classes, by name. */
const orders: Readonly<Record<string, Make>> = {
  classesByImages,
  groupIterateAndShuffle: (options) =>
    groupIterateAndShuffle({ ...options, groupSize: Math.ceil(options.source.identities / 2), rounds: 2 }),
  everyImage,
  weightedClasses,
};

interface Companions {
  readonly randomClasses?: number;
  readonly minedClasses?: MinedClasses;
  readonly hardImages?: number;
  readonly minedImages?: MinedImages;
}
/** What goes with an order: here a miner knows neighbours by number, now and then too few, and always the last images. */
const others: Readonly<Record<string, (options: Options) => Companions>> = {
  alone: () => ({}),
  'with companions': ({ source, classes }) => ({
    randomClasses: Math.ceil(classes / 2),
    minedClasses: ({ chosen, wanted, random }) =>
      chosen.slice(0, random.below(wanted + 1)).map((id) => (id + 1) % source.identities),
  }),
  'with hard images': ({ source, images }) => ({
    hardImages: Math.floor(images / 2),
    minedImages: ({ identity, wanted }) =>
      Array.from({ length: Math.min(wanted, source.imagesOf(identity)) }, (_, i) => source.imagesOf(identity) - 1 - i),
  }),
};
const both = (options: Options): Companions => ({
  ...others['with companions']!(options),
  ...others['with hard images']!(options),
});
const samplers = Object.fromEntries(
  Object.entries(orders).flatMap(([name, make]) =>
    Object.entries({ ...others, 'with both': both }).map(
      ([added, companions]): [string, (options: Options) => Sampler] => [
        `${name} ${added}`,
        (options) => make({ ...options, ...companions(options) }),
      ],
    ),
  ),
);
const names = Object.keys(samplers);
const sourceOf = (counts: readonly number[]): CountedSource => ({
  name: 'people',
  identities: counts.length,
  imagesOf: (identity) => counts[identity]!,
});
const take = (sampler: Sampler, batches: number): (readonly PlannedImage[])[] =>
  Array.from({ length: batches }, () => sampler.next());

/** Identities enough for the groups of any choice of classes. */
const settings = fc.record({
  counts: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 12, maxLength: 40 }),
  classes: fc.integer({ min: 1, max: 5 }),
  images: fc.integer({ min: 1, max: 4 }),
  fewImages: fc.constantFrom<FewImages>('repeat', 'fill'),
  seed: fc.nat(),
});

describe.each(names)('%s', (name) => {
  const make = samplers[name]!;

  it('is shared out among processes without overlap or gap, as many batches to each', () => {
    fc.assert(
      fc.property(settings, fc.integer({ min: 1, max: 5 }), ({ counts, ...options }, world) => {
        const source = sourceOf(counts);
        const ranks = Array.from({ length: world }, (_, rank) => shard(make({ source, ...options }), { rank, world }));
        const batches = ranks[0]!.batchesPerEpoch;
        const whole = make({ source, ...options });
        expect(batches).toBe(Math.ceil(whole.batchesPerEpoch / world));
        const parts = ranks.map((rank) => take(rank, batches));
        const together = Array.from({ length: batches * world }, (_, i) => parts[i % world]![Math.floor(i / world)]!);
        expect(together).toEqual(take(whole, batches * world));
        // The state is everybody's: one process can go on alone.
        const alone = make({ source, ...options });
        alone.restore(ranks[0]!.state() as State);
        expect(alone.next()).toEqual(whole.next());
      }),
      { seed: 1, numRuns: 8 },
    );
  });

  it('has its batches shared out row by row, and goes on with another number of processes', () => {
    fc.assert(
      fc.property(settings, fc.integer({ min: 1, max: 5 }), ({ counts, ...options }, most) => {
        const source = sourceOf(counts);
        const whole = make({ source, ...options });
        const world = Math.min(most, whole.batchSize);
        const ranks = Array.from({ length: world }, (_, rank) => share(make({ source, ...options }), { rank, world }));
        expect(ranks.reduce((sum, { batchSize }) => sum + batchSize, 0)).toBe(whole.batchSize);
        for (const batch of take(whole, 6)) expect(ranks.flatMap((rank) => rank.next())).toEqual(batch);
        const alone = make({ source, ...options });
        alone.restore(ranks.at(-1)!.state() as State);
        expect(alone.next()).toEqual(whole.next());
      }),
      { seed: 1, numRuns: 8 },
    );
  });

  it('goes on from its state at any batch', () => {
    fc.assert(
      fc.property(settings, fc.nat(30), ({ counts, ...options }, at) => {
        const source = sourceOf(counts);
        const first = make({ source, ...options });
        take(first, at);
        const saved = JSON.parse(JSON.stringify(first.state()));
        const second = make({ source, ...options });
        second.next();
        second.restore(saved);
        expect(take(second, 5)).toEqual(take(first, 5));
      }),
      { seed: 1, numRuns: 8 },
    );
  });

  it('repeats images of people with too few, evenly', () => {
    const counts = Array.from({ length: 12 }, (_, i) => 1 + (i % 3));
    for (const plan of take(make({ source: sourceOf(counts), classes: 3, images: 5 }), 20)) {
      for (let start = 0; start < plan.length; start += 5) {
        const portion = plan.slice(start, start + 5);
        expect(new Set(portion.map(({ identity }) => identity)).size).toBe(1);
        const shown = portion.map(({ image }) => portion.filter((other) => other.image === image).length);
        expect(Math.max(...shown) - Math.min(...shown)).toBeLessThanOrEqual(1);
        expect(new Set(portion.map(({ image }) => image)).size).toBe(counts[portion[0]!.identity]);
        // Each time augmented otherwise.
        expect(new Set(portion.map(({ seed }) => seed)).size).toBe(5);
      }
    }
  });

  it('fills their places with strangers: no image twice', () => {
    const counts = Array.from({ length: 40 }, (_, i) => 1 + (i % 6));
    let strangers = 0;
    for (const plan of take(
      make({ source: sourceOf(counts), classes: 4, images: 4, fewImages: 'fill', seed: 2 }),
      40,
    )) {
      expect(plan).toHaveLength(16);
      for (let start = 0; start < plan.length; start += 4) {
        const portion = plan.slice(start, start + 4);
        const own = portion[0]!.identity;
        const ofOwn = portion.filter(({ identity }) => identity === own);
        expect(ofOwn.length).toBe(Math.min(4, counts[own]!));
        strangers += 4 - ofOwn.length;
        for (const { identity, image } of portion) expect(image).toBeLessThan(counts[identity]!);
        // A last portion of everyImage may repeat an image of somebody with more than four.
        if (counts[own]! <= 4)
          expect(new Set(portion.map(({ identity, image }) => `${identity}/${image}`)).size).toBe(4);
      }
    }
    expect(strangers).toBeGreaterThan(100);
  });

  it('repeats where nobody is left to fill with', () => {
    const plan = make({ source: sourceOf([1, 1]), classes: 1, images: 4, fewImages: 'fill' }).next();
    expect(plan.filter(({ identity }) => identity === plan[0]!.identity)).toHaveLength(3);
    expect(new Set(plan.map(({ identity }) => identity)).size).toBe(2);
  });

  it('skips them, and is not one batch longer for it', () => {
    const counts = Array.from({ length: 24 }, (_, i) => 1 + (i % 4));
    const sampler = make({ source: sourceOf(counts), classes: 3, images: 3, fewImages: 'skip' });
    const visits = new Map<number, number>();
    for (const plan of take(sampler, sampler.batchesPerEpoch)) {
      for (const { identity } of plan) visits.set(identity, (visits.get(identity) ?? 0) + 1);
    }
    // Twelve have at least three images, and every one of them comes.
    expect([...visits.keys()].every((identity) => counts[identity]! >= 3)).toBe(true);
    expect(visits.size).toBe(12);
    expect(() => make({ source: sourceOf([1, 2, 1, 2]), classes: 1, images: 3, fewImages: 'skip' })).toThrow(
      /3 images/,
    );
  });

  it.each(['repeat', 'fill'] as const)('leaves out who has no image: %s', (fewImages) => {
    const counts = Array.from({ length: 24 }, (_, i) => (i % 3) * (1 + (i % 2)));
    const sampler = make({ source: sourceOf(counts), classes: 3, images: 2, fewImages });
    const seen = new Set(
      take(sampler, 2 * sampler.batchesPerEpoch)
        .flat()
        .map(({ identity }) => identity),
    );
    expect([...seen].sort((a, b) => a - b)).toEqual(counts.flatMap((count, identity) => (count > 0 ? [identity] : [])));
    expect(() => make({ source: sourceOf([0, 0, 0, 0]), classes: 1, images: 2, fewImages })).toThrow(
      /classes is 1, expected at most 0, the identities in people with images|that take part is 0/,
    );
  });

  it('serves 1e9 identities without looking at them: no table, and the first batch asks for its own people only', () => {
    let asked = 0;
    const source: CountedSource = {
      name: 'a billion',
      identities: 1e9,
      imagesPerIdentity: 20,
      imagesOf: () => {
        asked++;
        return 20;
      },
    };
    const before = process.memoryUsage().arrayBuffers;
    const sampler = make({ source, classes: 64, images: 4, seed: 1 });
    const plan = sampler.next();
    expect(plan).toHaveLength(256);
    expect(asked).toBeLessThanOrEqual(4 * 64);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e6);
    const saved = JSON.stringify(sampler.state());
    expect(saved.length).toBeLessThan(1000);
    const again = make({ source, classes: 64, images: 4, seed: 1 });
    again.restore(JSON.parse(saved));
    expect(again.next()).toEqual(sampler.next());
    const ids = take(sampler, 100).flatMap((batch) => batch.map(({ identity }) => identity));
    expect(Math.max(...ids)).toBeGreaterThan(name.startsWith('groupIterateAndShuffle') ? 9e8 : 9.9e8);
    expect(Math.min(...ids)).toBeLessThan(1e7);
  });
});

describe('everyImage', () => {
  it('shares the table of a source that has one, and needs none where all have as many', () => {
    const counts = [3, 1, 4, 1, 5];
    const ends = [3, 4, 8, 9, 14];
    const plain = take(everyImage({ source: sourceOf(counts), classes: 4, seed: 7 }), 7);
    let reads = 0;
    const shared: CountedSource = {
      ...sourceOf(counts),
      imageEnds: new Proxy(ends, {
        get(target, key) {
          reads++;
          return Reflect.get(target, key);
        },
      }),
    };
    expect(take(everyImage({ source: shared, classes: 4, seed: 7 }), 7)).toEqual(plain);
    expect(reads).toBeGreaterThan(0);
    const equal = sourceOf([3, 3, 3, 3]);
    expect(take(everyImage({ source: { ...equal, imagesPerIdentity: 3 }, classes: 5, images: 2 }), 9)).toEqual(
      take(everyImage({ source: equal, classes: 5, images: 2 }), 9),
    );
  });

  it('is an instance sampler by default: each image once a pass', () => {
    const sampler = everyImage({ source: sourceOf([3, 1, 4, 2]), classes: 5 });
    expect([sampler.batchSize, sampler.batchesPerEpoch]).toEqual([5, 2]);
    for (let pass = 0; pass < 3; pass++) {
      const seen = take(sampler, 2).flatMap((batch) => batch.map(({ identity, image }) => `${identity}/${image}`));
      expect(new Set(seen).size).toBe(10);
    }
  });
});

describe('weightedClasses', () => {
  it.each([0, 0.5, 1])('deals out visits by the power %d of what portions an identity fills', (power) => {
    const counts = [1, 2, 8, 18, 50, 200];
    const sampler = weightedClasses({ source: sourceOf(counts), classes: 1, images: 2, power });
    for (let pass = 0; pass < 2; pass++) {
      const visits = new Array<number>(counts.length).fill(0);
      for (const plan of take(sampler, sampler.batchesPerEpoch)) visits[plan[0]!.identity]!++;
      const expected = {
        0: [1, 1, 1, 1, 1, 1],
        0.5: [1, 1, 2, 3, 5, 10],
        1: [1, 1, 4, 9, 25, 100],
      }[power];
      expect(visits).toEqual(expected);
    }
  });

  it('shows all images of people in time, and refuses the state of another power', () => {
    const sampler = weightedClasses({ source: sourceOf([12, 1]), classes: 1, images: 2, power: 0 });
    const seen = new Set(
      take(sampler, 100).flatMap((plan) => plan.map(({ identity, image }) => `${identity}/${image}`)),
    );
    expect(seen.size).toBe(13);
    const other = weightedClasses({ source: sourceOf([12, 1]), classes: 1, images: 2, power: 0.1 });
    expect(() => other.restore(sampler.state() as State)).toThrow('power of the saved state');
    expect(() => weightedClasses({ source: sourceOf([2]), classes: 1, power: 2 })).toThrow('power is 2');
  });
});

describe('shard', () => {
  it('refuses a rank that does not exist', () => {
    const sampler = everyImage({ source: sourceOf([2, 2]), classes: 1 });
    expect(() => shard(sampler, { rank: 2, world: 2 })).toThrow('shard: rank is 2');
    expect(() => shard(sampler, { rank: 0, world: 0 })).toThrow('shard: world is 0');
    expect(() => share(sampler, { rank: 2, world: 2 })).toThrow('share: rank is 2');
    expect(() => share(sampler, { rank: 0, world: 99 })).toThrow('share: world is 99');
  });
});
