import type { CosineLoss } from '@protomem/core/contracts';
import { unitRows } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { toBatch } from './batch.ts';
import { IdentityWeights } from './identity-weights.ts';
import { restoreLossState, withLossState } from './loss-state.ts';
import { type ObservableHead, probeStaleness } from './staleness.ts';

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
export function fullSoftmax(options: FullSoftmaxOptions): ObservableHead {
  const { loss: cosineLoss } = options;
  const weights = new IdentityWeights('fullSoftmax', options, true);
  const { identities, dimension, variable } = weights;

  return {
    name: 'full-softmax',
    parameters: [{ name: 'head.weight', variable, trainable: true, decay: true }],
    loss: (embeddings, labels) =>
      tf.tidy(() => {
        const batch = toBatch('fullSoftmax.loss', embeddings, labels, dimension, identities);
        const cosines = tf.matMul<tf.Tensor2D>(batch.unit, unitRows(variable), false, true);
        weights.meet(batch.labels);
        return cosineLoss(cosines, tf.tensor1d([...batch.labels], 'int32'), { norms: batch.norms });
      }),
    metrics: () => ({ identities }),
    stalenessProbe: (fresh, ids) =>
      probeStaleness(
        'fullSoftmax.stalenessProbe',
        fresh,
        ids,
        dimension,
        (id) => weights.find(id),
        (rows) => tf.gather(variable, tf.tensor1d([...rows], 'int32')),
      ),
    state: () => withLossState(weights.state(), cosineLoss),
    restore(state) {
      weights.restore('fullSoftmax.restore', state);
      restoreLossState('fullSoftmax.restore', state, cosineLoss);
    },
    dispose: () => variable.dispose(),
  };
}
