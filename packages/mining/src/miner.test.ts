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
    return { id, lookAlike: (id + 1 + random.below(PEOPLE - 1)) % PEOPLE, cosine: random.uniform(0, 0.8) };
  });
}

const make = (lag = 5): DoppelgangerMiner => createMiner({ rows: 20, doppelgangers: 3, expireAfter: 25, lag });
const plan = (miner: DoppelgangerMiner, batch: number): number[] =>
  miner.minedClasses({
    batch,
    chosen: [batch % PEOPLE, (batch + 7) % PEOPLE],
    wanted: 4,
    random: new Random(1, batch),
  });

/** A run that plans as a loader with a prefetch does, from `from` on. */
function run(miner: DoppelgangerMiner, prefetch: number, from: number, to: number): Map<number, number[]> {
  const plans = new Map<number, number[]>();
  let next = from;
  for (let step = from; step < to; step++) {
    while (next <= step + prefetch) plans.set(next, plan(miner, next++));
    miner.observe(lookAlikesOf(step), [step % PEOPLE]);
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
    expect(() => createMiner({ rows: 5, lag: 0 })).toThrow('createMiner: lag is 0');
    expect(() => createMiner({ rows: 5, companions: 'pairs' as never })).toThrow('createMiner: companions is "pairs"');
  });

  it('tells its numbers', () => {
    const miner = make();
    run(miner, 0, 0, STEPS);
    expect(miner.metrics()).toEqual({
      rows: miner.table.occupied,
      suspects: miner.suspects().length,
      added: [...whole.values()].at(-1)!.length,
    });
    expect(miner.suspects().length).toBeGreaterThan(0);
  });
});
