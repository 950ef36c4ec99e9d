import { option, part } from '@protomem/core';
import { unitRows } from '@protomem/engine';
import {
  evaluateLoss,
  headOptions,
  type ObservableHead,
  readBatch,
  restoreLossState,
  untilDisposed,
  withLossState,
} from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';
import { IdentityWeights, identityOptions } from './identity-weights.ts';

const fullSoftmaxOptions = {
  ...headOptions,
  ...identityOptions,
  centers: option.integer({
    help: 'K, weights of each identity, side by side: for a loss that pools them, such as `subCenter`.',
    min: 1,
    max: 1000,
    default: 1,
  }),
};

/**
 * The classic head: one learnt weight per identity, `cosines = normalize(e) * normalize(W)^T` with `W` `[N, D]`, all of
 * them in every softmax. Weights, their gradient and the optimizer's state grow with the number of identities.
 *
 * With K `centers` it has K weights for each, `W` `[N K, D]`, those of identity y in rows `K y ... K y + K - 1`, and the
 * target of its samples is `K y`: for `subCenter` of `@protomem/losses` with as many centers.
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
export const fullSoftmax = part('fullSoftmax', fullSoftmaxOptions, (options): ObservableHead => {
  const { identities, dimension, centers, loss } = options;
  // Weights, those at unit length, their gradient, and the optimizer's state.
  const weights = new IdentityWeights(options, true, 4);
  const { variable } = weights;

  return untilDisposed({
    name: 'full-softmax',
    parameters: [{ name: 'head.weight', variable, trainable: true, decay: true }],
    loss: (embeddings, labels) =>
      tf.tidy(() => {
        const batch = readBatch('fullSoftmax.loss', embeddings, labels, dimension, identities);
        const cosines = tf.matMul<tf.Tensor2D>(batch.unit, unitRows(variable), false, true);
        weights.meet(batch.labels);
        const targets = batch.labels.map((label) => centers * label);
        return evaluateLoss(loss, cosines, tf.tensor1d(targets, 'int32'), { norms: batch.norms }, centers);
      }),
    metrics: () => ({ identities }),
    stalenessProbe: (fresh, ids) => weights.stalenessProbe('fullSoftmax.stalenessProbe', fresh, ids),
    state: () => withLossState(weights.state(), loss),
    restore(state) {
      weights.restore('fullSoftmax.restore', state);
      restoreLossState('fullSoftmax.restore', state, loss);
    },
    dispose: () => variable.dispose(),
  });
});
