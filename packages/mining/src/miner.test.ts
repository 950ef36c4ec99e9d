import { type LookAlike, Random, type State } from '@protomem/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMiner, type DoppelgangerMiner } from './miner.ts';

const PEOPLE = 30;
const STEPS = 40;

/** What step i sees: depends on the step alone. */
function lookAlikesOf(step: number): LookAlike[] {
  const random = new Random(4, step);
  return Array.from({ length: 8 }, () => {
    const id = random.below(PEOPLE);
    const lookAlike = (id + 1 + random.below(PEOPLE - 1)) % PEOPLE;
    return { id, lookAlike, cosine: random.uniform(0, 0.8), sample: random.below(8) };
  });
}

/** The images in its places. */
const imagesOf = (step: number): number[] => Array.from({ length: 8 }, (_, sample) => (sample + step) % 5);

const make = (lag = 5): DoppelgangerMiner =>
  createMiner({ rows: 20, doppelgangers: 3, expireAfter: 25, images: 2, lag });
/** Classes of a batch, then images of its first. */
const plan = (miner: DoppelgangerMiner, batch: number): number[] => {
  const chosen = [batch % PEOPLE, (batch + 7) % PEOPLE];
  const images = miner.minedImages({ batch, identity: chosen[0]!, wanted: 2 });
  return [...miner.minedClasses({ batch, chosen, wanted: 4, random: new Random(1, batch) }), ...images];
};

/** A run that plans as a loader with a prefetch does, from `from` on. */
function run(miner: DoppelgangerMiner, prefetch: number, from: number, to: number): Map<number, number[]> {
  const plans = new Map<number, number[]>();
  let next = from;
  for (let step = from; step < to; step++) {
    while (next <= step + prefetch) plans.set(next, plan(miner, next++));
    miner.observe(lookAlikesOf(step), [step % PEOPLE], imagesOf(step));
  }
  return plans;
}

describe('createMiner', () => {
  const whole = run(make(), 0, 0, STEPS);

  it('plans the same batches for any prefetch, and resumed at any step', () => {
    expect([...whole.values()].slice(0, 10).flat()).toEqual([]);
    expect([...whole.values()].slice(10).flat().length).toBeGreaterThan(60);
    fc.assert(
      fc.property(fc.nat(5), fc.nat(5), fc.nat(STEPS), (before, after, at) => {
        const first = make();
        const plans = run(first, before, 0, at);
        const saved: State = first.state();
        const second = make();
        second.restore({ values: JSON.parse(JSON.stringify(saved.values)), tensors: saved.tensors });
        for (const [batch, classes] of run(second, after, at, STEPS)) plans.set(batch, classes);
        for (const [batch, classes] of whole) expect(plans.get(batch)).toEqual(classes);
      }),
      { seed: 1, numRuns: 150 },
    );
  });

  it('plans from the table as it was lag * (floor(j / lag) - 1) steps into the run', () => {
    const miner = make(4);
    run(miner, 0, 0, 13);
    // Batches 12 to 15 see what steps 0 to 7 saw.
    const then = createMiner({ rows: 20, doppelgangers: 3, expireAfter: 25 });
    for (let step = 0; step < 8; step++) then.observe(lookAlikesOf(step), [step % PEOPLE]);
    const neighbours = then.table.doppelgangersOf(13).map(({ id }) => id);
    const drawn = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      for (const id of miner.minedClasses({ batch: 13, chosen: [13], wanted: 1, random: new Random(seed) }))
        drawn.add(id);
    }
    expect([...drawn].toSorted()).toEqual(neighbours.toSorted());
  });

  it('refuses batches too far ahead, those behind, another lag, and bad options', () => {
    const miner = make(5);
    run(miner, 0, 0, 12);
    expect(() => plan(miner, 20)).toThrow('number of the batch is 20, expected between 10 and 19, after 12 steps');
    expect(() => plan(miner, 9)).toThrow('Plan no more batches ahead than lag');
    expect(plan(miner, 19)).toEqual(plan(miner, 19));
    expect(() => make(6).restore(miner.state())).toThrow('lag of the saved state is 5');
    const before = miner.state();
    expect(() => miner.restore({ values: { miner: { lag: 5 } }, tensors: {} })).toThrow('DoppelgangerTable.restore');
    expect(miner.state()).toEqual(before);
    expect(() => createMiner({ rows: 5, images: 2 }).observe([])).toThrow('observe: images is "missing"');
    expect(() => createMiner({ rows: 2 ** 22, images: 2 ** 10 })).toThrow('rows x images is 4294967296');
    expect(() => createMiner({ rows: 5, lag: 0 })).toThrow('createMiner: lag is 0');
    expect(() => createMiner({ rows: 5, companions: 'pairs' as never })).toThrow('createMiner: companions is "pairs"');
  });

  it('tells its numbers', () => {
    const miner = make();
    run(miner, 0, 0, STEPS);
    expect(miner.metrics()).toEqual({
      rows: miner.table.occupied,
      suspects: miner.suspects().length,
      added: 4,
      paired: expect.any(Number),
    });
    expect(miner.metrics().paired).toBeLessThanOrEqual(miner.metrics().added!);
    expect(miner.suspects().length).toBeGreaterThan(0);
  });

  const always = { doppelgangers: 4, lag: 1 };
  /** The plan after a step: with a lag of 1 it sees the step before the last. */
  const planned = (miner: DoppelgangerMiner, chosen: number[], wanted: number, seed = 0): number[] => {
    const batch = miner.table.step;
    return miner.minedClasses({ batch, chosen, wanted, random: new Random(seed) });
  };
  const pair = (id: number, lookAlike: number, cosine = 0.5) => ({ id, lookAlike, cosine });

  it('names only classes in memory', () => {
    const miner = createMiner({ rows: 10, ...always });
    miner.observe([pair(1, 2), pair(1, 3), pair(4, 3)]);
    miner.observe([], [3]);
    miner.observe([]);
    for (let seed = 0; seed < 20; seed++) {
      const named = planned(miner, [1], 3, seed);
      expect(named).toContain(2);
      expect(named).not.toContain(3);
    }
  });

  it('brings classes out of the memory with look-alikes of theirs where those chosen have none', () => {
    const miner = createMiner({ rows: 20, ...always });
    const pairs = Array.from({ length: 6 }, (_, i) => pair(2 * i, 2 * i + 1));
    miner.observe(pairs);
    miner.observe([]);
    for (let seed = 0; seed < 20; seed++) {
      const named = planned(miner, [100, 101], 6, seed);
      expect(named).toHaveLength(6);
      expect(new Set(named.map((id) => Math.floor(id / 2))).size).toBe(3);
      expect(miner.metrics()).toMatchObject({ added: 6, paired: 0 });
      // Half of those chosen have one; for the last place nobody is left who would not come alone.
      const mixed = planned(miner, [0, 100], 4, seed);
      expect(mixed[0]).toBe(1);
      expect(mixed).toHaveLength(3);
      expect(miner.metrics()).toMatchObject({ added: 3, paired: 1 });
    }
    const clusters = createMiner({ rows: 20, ...always, companions: 'multi-doppelgangers' });
    clusters.observe([...pairs, pair(1, 2), pair(3, 4), pair(5, 6), pair(7, 8), pair(9, 10)]);
    clusters.observe([]);
    const named = planned(clusters, [100], 7).toSorted((a, b) => a - b);
    // One chain, of which a cluster is a piece without gaps.
    expect(named).toEqual(Array.from({ length: 7 }, (_, i) => named[0]! + i));
  });

  it('names the images seen nearest to another class, and none that may show that class', () => {
    const miner = createMiner({ rows: 10, ...always, images: 3, duplicateAbove: 0.7 });
    const seen = (id: number, sample: number, cosine: number) => ({ id, lookAlike: 9, cosine, sample });
    const images = [40, 41, 42, 43, 44];
    miner.observe([seen(1, 0, 0.3), seen(1, 1, 0.5), seen(1, 2, 0.1), seen(1, 3, 0.4), seen(2, 4, 0.6)], [], images);
    miner.observe(
      [seen(1, 1, 0.2), seen(1, 1, 0.35), seen(1, 3, 0.9), { ...seen(2, 4, 0.6), sample: undefined }],
      [],
      images,
    );
    miner.observe([], [2], images);
    const named = (identity: number, wanted = 9): number[] =>
      miner.minedImages({ batch: miner.table.step, identity, wanted });
    expect(named(1)).toEqual([41, 40]);
    expect(named(1, 1)).toEqual([41]);
    expect(named(2)).toEqual([44]);
    miner.observe([], [], images);
    expect(named(2)).toEqual([]);
    const trusting = createMiner({ rows: 10, ...always, images: 3, duplicateAbove: 1 });
    for (let i = 0; i < 2; i++) trusting.observe([seen(1, 0, 1.0000001)], [], images);
    expect(trusting.minedImages({ batch: 2, identity: 1, wanted: 9 })).toEqual([40]);
    expect(trusting.table.suspects()).toEqual([]);
    expect(() => miner.minedImages({ batch: 99, identity: 1, wanted: 1 })).toThrow('minedImages: number of the batch');
  });

  it('names no image that was seen too long ago', () => {
    const miner = createMiner({ rows: 10, ...always, images: 3, lag: 1, expireAfter: 1 });
    const named = () => miner.minedImages({ batch: miner.table.step, identity: 1, wanted: 9 });
    miner.observe([{ id: 1, lookAlike: 9, cosine: 0.3, sample: 0 }], [], [7]);
    miner.observe([], [], []);
    expect(named()).toEqual([7]);
    for (let step = 0; step < 3; step++) miner.observe([], [], []);
    expect(named()).toEqual([]);
  });

  it('goes on from the state of an earlier release, which had no images', () => {
    const earlier = createMiner({ rows: 20, doppelgangers: 3, expireAfter: 25, lag: 5 });
    run(earlier, 0, 0, 12);
    const { values, tensors } = earlier.state();
    const { images, beforeImages, latestImages, ...before } = values;
    expect([images, beforeImages, latestImages].every(Boolean)).toBe(true);
    const miner = make();
    miner.restore({ values: before, tensors });
    expect(miner.minedImages({ batch: 12, identity: 3, wanted: 2 })).toEqual([]);
    const request = { batch: 12, chosen: [3], wanted: 4 };
    const [was, now] = [earlier, miner].map((one) => one.minedClasses({ ...request, random: new Random(2) }));
    expect(now).toEqual(was);
  });
});
