import type { CosineLoss, Head } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluateLoss } from './evaluate-loss.ts';
import { untilDisposed } from './until-disposed.ts';

beforeAll(() => tf.setBackend('cpu'));

const call = (loss: unknown, cosines = [0.5, 0.1, 0.2, 0.3]): tf.Tensor1D =>
  tf.tidy(() =>
    evaluateLoss(loss as CosineLoss, tf.tensor2d(cosines, [2, 2]), tf.tensor1d([0, 1], 'int32'), {
      norms: tf.ones([2]),
    }),
  );

const gone = (c: tf.Tensor2D): tf.Tensor => {
  const sum = tf.sum(c, 1);
  sum.dispose();
  return sum;
};

describe('evaluateLoss', () => {
  it('gives back one loss a sample', () => {
    const found = call((c: tf.Tensor2D) => tf.sum(c, 1));
    expect(Array.from(found.dataSync())).toEqual([expect.closeTo(0.6, 6), expect.closeTo(0.5, 6)]);
    found.dispose();
  });

  it.each<[string, (c: tf.Tensor2D) => unknown, RegExp]>([
    [
      'nothing',
      () => undefined,
      /the loss mine: what it returned is "nothing", expected a tensor of shape \[2\], float32/,
    ],
    ['a number', () => 3, /what it returned is "number 3"/],
    ['a list', () => [1, 2], /what it returned is "object \[1, 2\]"/],
    ['a promise', async (c) => tf.sum(c, 1), /"a promise".*cannot be async/],
    ['a column', (c) => tf.sum(c, 1, true), /"a tensor of shape \[2, 1\], float32"/],
    ['a scalar', (c) => tf.mean(c), /"a tensor of shape \[\], float32"/],
    ['integers', () => tf.zeros([2], 'int32'), /"a tensor of shape \[2\], int32"/],
    ['what is gone', gone, /"a tensor that is disposed"/],
    [
      'NaN',
      (c) => tf.log(tf.sub(tf.sum(c, 1), 0.55)),
      /the loss mine: what it returned for sample 1 of 2 is NaN, expected a finite/,
    ],
    ['infinity', (c) => tf.div(1, tf.sub(tf.sum(c, 1), tf.sum(c, 1))), /for sample 0 of 2 is Infinity/],
  ])('refuses %s, by the name of the loss', (_, own, message) => {
    const tensors = tf.memory().numTensors;
    expect(() => call(Object.defineProperty(own, 'name', { value: 'mine' }))).toThrow(message);
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it('does not blame a loss for cosines that are no numbers', () => {
    const found = call((c: tf.Tensor2D) => tf.sum(c, 1), [Number.NaN, 0, 0, 0]);
    expect(found.dataSync()[0]).toBeNaN();
    found.dispose();
  });
});

it('untilDisposed: a head says that it is disposed, and may be disposed again', () => {
  let disposals = 0;
  const head = untilDisposed({
    name: 'mine',
    parameters: [],
    loss: () => tf.scalar(1),
    metrics: () => ({ a: 1 }),
    state: () => ({ values: {}, tensors: {} }),
    restore: () => undefined,
    dispose: () => disposals++,
  } as unknown as Head);
  expect(head.metrics()).toEqual({ a: 1 });
  head.dispose();
  head.dispose();
  expect(disposals).toBe(1);
  expect(() => head.loss(tf.zeros([1, 1]), [0])).toThrow('mine.loss: the head is "disposed", expected one that is');
  expect(() => head.state()).toThrow('mine.state: the head is "disposed"');
});
