import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { plainSoftmax } from '../fixtures/parts.ts';
import { baselines, createBaseline } from './index.ts';

describe('staleness', () => {
  it.each(['full-softmax', 'partial-fc'] as const)('of %s counts from the last batch with the class', async (name) => {
    const shared = { identities: 6, dimension: 3, loss: plainSoftmax() };
    const head = name === 'partial-fc' ? createBaseline(name, { ...shared, columns: 6 }) : createBaseline(name, shared);
    const x = tf.ones<tf.Rank.R2>([2, 3]);
    for (const labels of [
      [1, 2],
      [2, 2],
      [3, 1],
      [2, 2],
    ]) {
      head.loss(x, labels).dispose();
    }
    const { tensors } = await head.state();
    const weight = tf.tensor2d(Float32Array.from(tensors.weight!.data), [6, 3]);
    const probes = head.stalenessProbe(weight, [0, 1, 2, 3, 4, 5]);
    expect(probes.map(({ id, age }) => [id, age])).toEqual([
      [1, 1],
      [2, 0],
      [3, 1],
    ]);
    for (const { cosine } of probes) expect(cosine).toBeCloseTo(1, 5);
    expect(() => head.stalenessProbe(weight, [1])).toThrow('number of ids is 1, expected 6');
    tf.dispose([x, weight]);
    head.dispose();
  });
});

describe('baselines', () => {
  it('are made by the names that they report', () => {
    expect(Object.keys(baselines)).toEqual([
      'full-softmax',
      'partial-fc',
      'dcq',
      'dynamic-class-pool',
      'semi-siamese',
      'batch-only',
    ]);
    expect(createBaseline('batch-only', { dimension: 3, loss: plainSoftmax() }).name).toBe('batch-only');
    expect(() => createBaseline('parial-fc' as 'partial-fc', {} as never)).toThrow('Did you mean "partial-fc"?');
  });
});
