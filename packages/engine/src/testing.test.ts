import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { enginesAtHand, expectClose, leaked, numericalGradient, useEngine } from './testing.ts';

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
