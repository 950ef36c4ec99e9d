import { Random, type State } from '@protomem/core';
import type { CosineLoss } from '@protomem/core/contracts';
import { useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { createPrototypeMemory, type PrototypeMemory, type PrototypeMemoryOptions } from './index.ts';

const make = (options: Partial<PrototypeMemoryOptions> = {}): PrototypeMemory =>
  createPrototypeMemory({ size: 4, dimension: 3, refresh: 'replace', guardAbove: 0.8, guardVisits: 2, ...options });

/** One image a class: what is admitted is the prototype. */
const admit = (memory: PrototypeMemory, classes: Readonly<Record<number, readonly number[]>>): void => {
  const x = tf.tensor2d(Object.values(classes).map((row) => [...row]));
  memory.admit(x, Object.keys(classes).map(Number));
  x.dispose();
};
const [X, Y, Z, NEAR_X] = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
  [0.9, 0.1, 0],
] as const;
const found = (memory: PrototypeMemory): number[][] =>
  memory.guardedPairs().map(({ a, b, evidence }) => [a, b, evidence]);

describe('the guard of PrototypeMemory', () => {
  beforeAll(() => useEngine('cpu'));

  it('suspects a pair that enough visits speak for, of either side', () => {
    const memory = make();
    admit(memory, { 7: X, 8: Y });
    admit(memory, { 3: NEAR_X });
    expect(found(memory)).toEqual([]);
    admit(memory, { 7: X });
    expect(found(memory)).toEqual([[3, 7, 2]]);
    expect(memory.guardedPairs()[0]!.step).toBe(3);
    for (let i = 0; i < 9; i++) admit(memory, { 7: X, 3: NEAR_X });
    expect(found(memory)).toEqual([[3, 7, 4]]);
    memory.dispose();
  });

  it('clears a pair that is alike no more, and not one whose other is not the nearest or has left the memory', () => {
    const memory = make({ size: 3 });
    admit(memory, { 7: X, 8: Y, 3: NEAR_X });
    expect(found(memory)).toEqual([[3, 7, 2]]);
    admit(memory, { 7: Z });
    expect(found(memory)).toEqual([]);
    admit(memory, { 7: X });
    admit(memory, { 3: NEAR_X });
    expect(found(memory)).toEqual([[3, 7, 3]]);
    // 8 has gone over to 7, and is nearer.
    admit(memory, { 8: X });
    admit(memory, { 7: X });
    expect(found(memory)).toEqual([
      [3, 7, 3],
      [7, 8, 2],
    ]);
    // 3 leaves: nothing is said of it.
    admit(memory, { 20: Y });
    expect(memory.slotOf(3)).toBe(-1);
    admit(memory, { 7: X });
    expect(found(memory)).toEqual([
      [7, 8, 3],
      [3, 7, 3],
    ]);
    memory.dispose();
  });

  it('guards all pairs of one person with three names or four, though only one of them is the nearest', () => {
    const random = new Random(1);
    const faces = Array.from({ length: 12 }, () => Array.from({ length: 16 }, () => random.normal()));
    for (const names of [3, 4]) {
      const memory = createPrototypeMemory({ size: 20, dimension: 16, guardAbove: 0.7 });
      const steps: Record<string, number> = {};
      for (let step = 0; step < 200; step++) {
        const [one, two] = [random.below(12), random.below(12)];
        if (one === two) continue;
        const labels = [one, one, two, two];
        const rows = labels.map((id) => faces[id < names ? 0 : id]!.map((v) => v + 0.4 * random.normal()));
        tf.tidy(() => void memory.admit(tf.tensor2d(rows), labels));
        if (step < 100) continue;
        for (const { a, b } of memory.guardedPairs()) steps[`${a} ${b}`] = (steps[`${a} ${b}`] ?? 0) + 1;
      }
      expect(Object.keys(steps)).toHaveLength((names * (names - 1)) / 2);
      for (const count of Object.values(steps)) expect(count).toBeGreaterThan(80);
      memory.dispose();
    }
  });

  it('keeps no more pairs than it may', () => {
    const memory = make({ size: 8, guardLimit: 1 });
    admit(memory, { 1: X, 2: NEAR_X });
    expect(found(memory)).toEqual([[1, 2, 2]]);
    admit(memory, { 3: Y, 4: [0.1, 0.9, 0] });
    expect(found(memory)).toEqual([[3, 4, 2]]);
    memory.dispose();
  });

  it('counts what it keeps out, of pairs given and found', () => {
    const cosines: number[][] = [];
    const loss: CosineLoss = (c) => {
      cosines.push(...c.arraySync());
      return tf.sum(c, 1);
    };
    const memory = make({ guardVisits: 1, guardPairs: [[8, 5]] });
    expect(memory.metrics()).toMatchObject({ guardedPairs: 1, guardedShare: 0 });
    const x = tf.tensor2d([...X, ...Y, ...NEAR_X, ...Z], [4, 3]);
    memory.loss(x, [7, 8, 3, 5], loss).dispose();
    // 7 and 3 were found, 8 and 5 given: each sample has one of its three other columns less.
    expect(memory.metrics()).toMatchObject({ guardedPairs: 2, guardedShare: 1 / 3 });
    expect(cosines.map((row) => row.indexOf(-1))).toEqual([2, 3, 0, 1]);
    expect(found(memory)).toEqual([[3, 7, 2]]);
    // Outside of the batch.
    const one = tf.tensor2d([...X], [1, 3]);
    memory.loss(one, [7], loss).dispose();
    expect(cosines.at(-1)!.indexOf(-1)).toBe(2);
    expect(memory.metrics().guardedShare).toBe(1 / 3);
    tf.dispose([x, one]);
    memory.dispose();
  });

  it('says nothing of a guard where there is none', () => {
    const memory = createPrototypeMemory({ size: 4, dimension: 3 });
    admit(memory, { 1: X, 2: X });
    admit(memory, { 1: X, 2: X });
    expect(memory.guardedPairs()).toEqual([]);
    expect(Object.keys(memory.metrics()).filter((name) => name.startsWith('guard'))).toEqual([]);
    expect(memory.state().tensors.guard).toBeUndefined();
    memory.dispose();
  });

  it('takes a state without pairs, and refuses one with what cannot be', () => {
    const [memory, without] = [make(), make({ guardAbove: undefined })];
    admit(memory, { 1: X, 2: X });
    const state = memory.state();
    without.restore(state);
    expect(without.state().tensors.guard).toBeUndefined();
    const saved = (guard: number[]): State => ({
      values: state.values,
      tensors: {
        ...state.tensors,
        guard: { dtype: 'F64', shape: [guard.length / 4, 4], data: Float64Array.from(guard) },
      },
    });
    for (const pair of [
      [2, 1, 1, 1],
      [1, 1, 1, 1],
      [1, 2, 0, 1],
      [1, 2, Number.NaN, 1],
      [0.5, 2, 1, 1],
    ]) {
      expect(() => memory.restore(saved([1, 2, 2, 1, ...pair]))).toThrow('PrototypeMemory.restore: guard[1] is ');
      expect(memory.state()).toEqual(state);
    }
    expect(() =>
      memory.restore({
        ...state,
        tensors: { ...state.tensors, guard: { dtype: 'F64', shape: [4], data: new Float64Array(4) } },
      }),
    ).toThrow('tensor "guard" is "F64 [4]"');
    memory.restore(without.state());
    expect(found(memory)).toEqual([]);
    for (const m of [memory, without]) m.dispose();
  });

  it('refuses what it cannot work with', () => {
    expect(() => make({ guardAbove: 0 })).toThrow('guardAbove is 0, expected a number in (0, 1].');
    expect(() => make({ guardVisits: 0 })).toThrow('guardVisits is 0');
    for (const pair of [[1, 1], [1], [1, -2], [1, 2, 3], [0.5, 1]]) {
      expect(() => make({ guardPairs: [[4, 5], pair as never] })).toThrow('createPrototypeMemory: guardPairs[1] is ');
    }
  });
});
