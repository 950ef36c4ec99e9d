import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { checkEmbeddings, groupLabels, membership, nextOfIdentity, readBatch } from './batch.ts';

describe('readBatch', () => {
  it('groups labels in order of first appearance', () => {
    const groups = groupLabels('test', [9, 2 ** 53 - 1, 9, 5, 9], 5);
    expect(groups).toEqual({
      ids: [9, 2 ** 53 - 1, 5],
      images: [[0, 2, 4], [1], [3]],
      groupOf: Int32Array.of(0, 1, 0, 2, 0),
      placeOf: Int32Array.of(0, 0, 1, 0, 2),
    });
    expect(nextOfIdentity(groups)).toEqual(Int32Array.of(2, 1, 4, 3, 0));
    expect(tf.tidy(() => membership(groups).arraySync())).toEqual([
      [1, 0, 1, 0, 1],
      [0, 1, 0, 0, 0],
      [0, 0, 0, 1, 0],
    ]);
  });

  it('scales to unit length, and keeps the lengths', () => {
    tf.tidy(() => {
      const { unit, norms, labels } = readBatch('test', tf.tensor2d([[3, 4]]), [1], 2, 5);
      expect([...unit.dataSync()].map((v) => Math.round(v * 1e6) / 1e6)).toEqual([0.6, 0.8]);
      expect(norms.dataSync()[0]).toBeCloseTo(5, 5);
      expect(labels).toEqual([1]);
    });
  });

  it('refuses what does not fit', () => {
    expect(() => groupLabels('test', [1], 2)).toThrow(
      'test: number of labels is 1, expected 2, one for each embedding.',
    );
    expect(() => groupLabels('test', [1, -4], 2)).toThrow('label 1 of 2 is -4, expected an integer in [0, 2^53).');
    expect(() => groupLabels('test', [1, 4], 2, 4)).toThrow('label 1 of 2 is 4, expected an integer in [0, 3].');
    expect(() => checkEmbeddings('test', 'x', tf.zeros([0, 3]), 3)).toThrow('shape of x is [0, 3], expected [B, 3]');
    expect(() => checkEmbeddings('test', 'x', tf.zeros([2, 3], 'int32'), 3)).toThrow(
      'dtype of x is "int32", expected float32.',
    );
  });
});
