import type { State } from '@protomem/core';
import type { CosineLoss, Encoder, Head } from '@protomem/core/contracts';
import { enginesAtHand, expectClose, leaked, numericalGradient, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { cosFace, DIMENSION, growingLoss, imagesOf, plainSoftmax, tinyEncoder, trainStep } from '../fixtures/parts.ts';
import { batchOnly, dcq, dynamicClassPool, fullSoftmax, partialFc, semiSiamese } from './index.ts';

type Make = (loss: CosineLoss, seed?: number) => Head;

const dimension = DIMENSION;
const identities = 12;
const heads: readonly (readonly [name: string, make: Make])[] = [
  ['full-softmax', (loss, seed) => fullSoftmax({ identities, dimension, loss, seed })],
  ['partial-fc', (loss, seed) => partialFc({ identities, dimension, columns: 7, loss, seed })],
  ['dcq', (loss, seed = 0) => dcq({ size: 10, dimension, loss, momentum: 0.9, keyEncoder: tinyEncoder(seed) })],
  [
    'dynamic-class-pool',
    (loss, seed = 0) => dynamicClassPool({ size: 5, dimension, loss, galleryEncoder: tinyEncoder(seed) }),
  ],
  ['semi-siamese', (loss, seed = 0) => semiSiamese({ size: 8, dimension, loss, galleryEncoder: tinyEncoder(seed) })],
  ['batch-only', (loss) => batchOnly({ dimension, loss })],
];

/** Batches of 6 or 5 with pairs, triples and single images; identities come back after some steps. */
const labelsOf = (i: number): number[] => {
  const own = [i % 5, (2 * i + 1) % 12, (3 * i + 2) % 7];
  return [own[0]!, own[1]!, own[0]!, own[2]!, (i + 6) % 12, own[0]!].slice(0, 6 - (i % 2));
};

function steps(head: Head, encoder: Encoder, from: number, to: number): number[] {
  const losses: number[] = [];
  for (let i = from; i < to; i++) {
    const images = imagesOf(labelsOf(i).length, i);
    losses.push(...trainStep(head, encoder, images, labelsOf(i)));
    images.dispose();
  }
  return losses;
}

describe.each(await enginesAtHand())('every head on %s', (engine) => {
  beforeAll(() => useEngine(engine));

  describe.each(heads)('%s', (name, make) => {
    it('reports its name and finite numbers', () => {
      const [head, encoder] = [make(plainSoftmax()), tinyEncoder(0)];
      expect(steps(head, encoder, 0, 6).every(Number.isFinite)).toBe(true);
      expect(head.name).toBe(name);
      expect(Object.values(head.metrics()).every(Number.isFinite)).toBe(true);
      for (const part of [head, encoder]) part.dispose();
    });

    it.each([
      ['a function', plainSoftmax],
      ['a softmax loss', cosFace],
    ] as const)('has the gradient of finite differences, with %s', async (_, loss) => {
      const [head, encoder] = [make(loss()), tinyEncoder(0)];
      steps(head, encoder, 0, 4);
      const saved = await head.state();
      const labels = labelsOf(4);
      const images = imagesOf(labels.length, 40);
      const embeddings = encoder.apply(images);
      const weights = tf.tensor1d(labels.map((_, i) => 1 + 0.3 * i));
      // Every evaluation is the same step: the head goes back to where it was.
      const f = (e: tf.Tensor): tf.Scalar => {
        head.restore(saved);
        return tf.sum(tf.mul(head.loss(e as tf.Tensor2D, labels, images), weights));
      };
      expectClose(tf.grad(f)(embeddings), numericalGradient(f, embeddings), 3e-3);
      tf.dispose([images, embeddings, weights]);
      for (const part of [head, encoder]) part.dispose();
    });

    it('goes on from a state as if it had not stopped', async () => {
      const [head, encoder] = [make(growingLoss(), 1), tinyEncoder(1)];
      steps(head, encoder, 0, 5);
      const state = await head.state();
      const saved: State = { values: JSON.parse(JSON.stringify(state.values)), tensors: state.tensors };
      const weights = encoder.parameters.map(({ variable }) => variable.clone());
      const expected = steps(head, encoder, 5, 11);

      const [other, otherEncoder] = [make(growingLoss(), 2), tinyEncoder(2)];
      steps(other, otherEncoder, 3, 6);
      await other.restore(saved);
      otherEncoder.parameters.forEach(({ variable }, i) => {
        variable.assign(weights[i]!);
      });
      expect(steps(other, otherEncoder, 5, 11)).toEqual(expected);
      expect(await other.state()).toEqual(await head.state());
      expect(other.metrics()).toEqual(head.metrics());
      tf.dispose(weights);
      for (const part of [head, encoder, other, otherEncoder]) part.dispose();
    });

    it('does the same again from the same seed', () => {
      const run = (seed: number): number[] => {
        const [head, encoder] = [make(plainSoftmax(), seed), tinyEncoder(3)];
        const losses = steps(head, encoder, 0, 4);
        for (const part of [head, encoder]) part.dispose();
        return losses;
      };
      const losses = run(3);
      expect(run(3)).toEqual(losses);
      if (name === 'batch-only') expect(run(4)).toEqual(losses);
      else expect(run(4)).not.toEqual(losses);
    });

    it('leaves no tensor behind, and frees its own', () => {
      const encoder = tinyEncoder(0);
      const left = leaked(() => {
        const head = make(cosFace());
        steps(head, encoder, 0, 2);
        expect(leaked(() => void steps(head, encoder, 2, 9))).toBe(0);
        const images = imagesOf(5, 1);
        tf.dispose(tf.tidy(() => head.loss(encoder.apply(images), labelsOf(1), images)));
        images.dispose();
        // With a step under way.
        head.dispose();
      });
      expect(left).toBe(0);
      encoder.dispose();
    });

    it('refuses what it cannot work with', async () => {
      const [head, encoder] = [make(plainSoftmax()), tinyEncoder(0)];
      const images = imagesOf(2, 0);
      const good = tf.zeros<tf.Rank.R2>([2, dimension]);
      expect(() => head.loss(tf.zeros([2, 5]), [0, 1], images)).toThrow('.loss: shape of embeddings is [2, 5]');
      expect(() => head.loss(tf.zeros([2, dimension], 'int32'), [0, 1], images)).toThrow('dtype of embeddings');
      expect(() => head.loss(good, [0], images)).toThrow('number of labels is 1, expected 2');
      expect(() => head.loss(good, [0, 1.5], images)).toThrow('label 1 of 2 is 1.5, expected an integer');
      expect(() => head.loss(good, [0, -1], images)).toThrow('label 1 of 2 is -1, expected an integer');
      if (['dcq', 'dynamic-class-pool', 'semi-siamese'].includes(name)) {
        expect(() => head.loss(good, [0, 1])).toThrow('.loss: images is "missing"');
        expect(() => head.loss(good, [0, 1], imagesOf(3, 0))).toThrow('number of images is 3, expected 2');
        expect(() => head.restore({ values: {}, tensors: {} })).toThrow('.restore: the part "');
        const { values, tensors } = await head.state();
        tf.dispose(head.loss(tf.ones([2, dimension]), [0, 1], images));
        const before = await head.state();
        const { encoder: _, ...others } = values;
        expect(() => head.restore({ values: others, tensors })).toThrow('the part "encoder" of the state is "missing"');
        expect(await head.state()).toEqual(before);
        const stranger = { ...encoder, parameters: encoder.parameters.slice(1) };
        expect(() => head.afterStep!({ encoder: stranger, learningRate: 1 })).toThrow('number of parameters');
      } else if (name !== 'batch-only') {
        expect(() => head.restore({ values: {}, tensors: {} })).toThrow('is "missing", expected F32');
      }
      const withState = make(growingLoss());
      const state = await head.state();
      expect(() => withState.restore(state)).toThrow('the part "loss" of the state is "missing"');
      tf.dispose([images, good]);
      for (const part of [head, encoder, withState]) part.dispose();
    });
  });
});
