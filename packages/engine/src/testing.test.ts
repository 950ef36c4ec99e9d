import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { gatherJson } from './collective/collective.ts';
import { enginesAtHand, expectClose, leaked, numericalGradient, ranksInTurn, useEngine } from './testing.ts';

describe.each(await enginesAtHand())('testing helpers on %s', (engine) => {
  beforeAll(() => useEngine(engine));

  it('measures a known gradient and leaves nothing behind', () => {
    const x = tf.tensor2d([1, 2, -3, 0.5], [2, 2]);
    let found: Float32Array = new Float32Array();
    expect(leaked(() => (found = numericalGradient((t) => tf.sum(tf.square(t)), x)))).toBe(0);
    expectClose(found, [2, 4, -6, 1], 1e-3);
    x.dispose();
  });

  it('counts what is left over', () => {
    const made: tf.Tensor[] = [];
    expect(leaked(() => made.push(tf.zeros([2])))).toBe(1);
    expect(leaked(() => tf.dispose(made))).toBe(-1);
  });
});

describe('testing helpers', () => {
  it('stand in for processes that wait for each other', async () => {
    await useEngine('cpu');
    const found = ranksInTurn(3, (c) =>
      tf.tidy(() => {
        const own = tf.tensor2d([[c.rank, -1]]);
        const finish = c.startAllReduce([own], 'mean');
        c.barrier();
        const all = [...c.allReduce([own, tf.scalar(2 ** 28 + c.rank, 'int32')], 'sum'), ...c.allReduce([own], 'max')];
        const others = [c.allGather(own), ...c.broadcast([own], 1), ...finish()];
        return {
          rank: c.rank,
          words: gatherJson(c, 'é'.repeat(c.rank)),
          all: [...all, ...others].map((x) => x.arraySync()),
        };
      }),
    );
    const gathered = [0, 1, 2].map((rank) => [rank, -1]);
    const all = [[[3, -3]], 3 * 2 ** 28 + 3, [[2, -1]], gathered, [[1, -1]], [[1, -1]]];
    expect(found).toEqual([0, 1, 2].map((rank) => ({ rank, words: ['', 'é', 'éé'], all })));
    expect(() => ranksInTurn(2, () => expectClose([1], [2]))).toThrow(/value 0/);
  });

  it('always has the cpu engine and keeps the active backend', async () => {
    await useEngine('cpu');
    expect(await enginesAtHand()).toContain('cpu');
    expect(tf.getBackend()).toBe('cpu');
  });

  it('refuses an unknown engine and numbers that differ', async () => {
    await expect(useEngine('gpu' as 'cpu')).rejects.toThrow(/one of cpu, wasm, node, webgpu/);
    expect(() => expectClose([1, 2], [1, 2.1])).toThrow(/value 1 of 2/);
    expect(() => expectClose([Number.NaN], [1])).toThrow(/value 0/);
    expect(() => expectClose([1], [1, 2])).toThrow(/number of values/);
  });
});
