import { check, integer, Random, takeTensor } from '@protomem/core';
import type { CosineLoss, Head } from '@protomem/core/contracts';
import { unitRows } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';

export interface FullSoftmaxOptions {
  /** N, classes: labels are 0 ... N - 1. */
  readonly identities: number;
  /** D, width of an embedding. */
  readonly dimension: number;
  /** Any loss on cosines; its scale and margin are its own. */
  readonly loss: CosineLoss;
  /** Of the first weights. Default 0. */
  readonly seed?: number;
}

/**
 * The classic head: one learnt weight per identity, `cosines = normalize(e) * normalize(W)^T` with `W` `[N, D]`, all of
 * them in every softmax. Weights, their gradient and the optimizer's state grow with the number of identities.
 *
 * `W` starts as normal deviates of standard deviation 0.01 and is a parameter with weight decay, as in InsightFace's
 * trainer.
 *
 * @returns owns `W`, freed by `dispose`
 * @throws ProtomemError when an option is out of its range; `loss` when a label is
 *
 * @example
 * ```ts
 * const head = fullSoftmax({ identities: 500, dimension: 128, loss: cosFace() });
 * const perSample = head.loss(embeddings, [0, 3, 3, 499]);
 * ```
 */
export function fullSoftmax(options: FullSoftmaxOptions): Head {
  const { loss: cosineLoss, seed = 0 } = options;
  const identities = integer('fullSoftmax', 'identities', options.identities, 1, 2 ** 31 - 1);
  const dimension = integer('fullSoftmax', 'dimension', options.dimension, 1);
  const shape: [number, number] = [identities, dimension];
  const rng = new Random(integer('fullSoftmax', 'seed', seed, 0));
  const first = Float32Array.from({ length: identities * dimension }, () => rng.normal(0, 0.01));
  const weight = tf.tidy(() => tf.variable(tf.tensor2d(first, shape), true));

  return {
    name: 'full-softmax',
    parameters: [{ name: 'head.weight', variable: weight, trainable: true, decay: true }],
    loss: (embeddings, labels) =>
      tf.tidy(() => {
        const targets = tf.tensor1d(toTargets(embeddings, labels, shape), 'int32');
        return cosineLoss(tf.matMul(unitRows(embeddings), unitRows(weight), false, true), targets);
      }),
    metrics: () => ({ identities }),
    state: () => ({
      values: {},
      tensors: { weight: { dtype: 'F32', shape, data: Float32Array.from(weight.dataSync()) } },
    }),
    restore: (state) => {
      const saved = takeTensor('fullSoftmax.restore', state.tensors, 'weight', 'F32', shape);
      tf.tidy(() => weight.assign(tf.tensor2d(saved.slice(), shape)));
    },
    dispose: () => weight.dispose(),
  };
}

function toTargets(
  embeddings: tf.Tensor2D,
  labels: ArrayLike<number>,
  [identities, dimension]: readonly [number, number],
): Int32Array {
  const where = 'fullSoftmax.loss';
  check(embeddings.rank === 2 && embeddings.shape[1] === dimension, () => ({
    where,
    what: 'shape of embeddings',
    got: embeddings.shape,
    expected: `[B, ${dimension}]`,
  }));
  check(labels.length === embeddings.shape[0], () => ({
    where,
    what: 'number of labels',
    got: labels.length,
    expected: `${embeddings.shape[0]}, one for each embedding`,
  }));
  return Int32Array.from(labels, (label, i) => integer(where, `label ${i}`, label, 0, identities - 1));
}
