import { part } from '@protomem/core';
import type { Head } from '@protomem/core/contracts';
import { groupSums, putElements, rowDots, unitRows } from '@protomem/engine';
import { evaluateLoss, headOptions, readBatch, restoreLossState, untilDisposed, withLossState } from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';

/**
 * The classes of the batch and no others: the column of a class is the normalized mean of its images' unit embeddings,
 * and a sample meets its own class without itself (an image alone in its class meets itself, which teaches it nothing of
 * its class). Nothing outlives the step. The gradient flows through the columns too.
 *
 * Source: the prototypes of Snell et al., "Prototypical Networks for Few-shot Learning", NeurIPS 2017, on cosines, with
 * each sample left out of its own (as in generalized end-to-end loss, Wan et al., ICASSP 2018).
 *
 * @throws ProtomemError when an option is out of its range; `loss` when the batch does not fit
 *
 * @example
 * ```ts
 * const head = batchOnly({ dimension: 128, loss: cosFace() });
 * const perSample = head.loss(embeddings, [7, 7, 9, 9]); // two columns
 * ```
 */
export const batchOnly = part('batchOnly', headOptions, ({ dimension, loss }): Head => {
  let last = { classes: 0, singles: 0 };

  return untilDisposed({
    name: 'batch-only',
    parameters: [],
    loss: (embeddings, labels) =>
      tf.tidy(() => {
        const { groups, unit, norms } = readBatch('batchOnly.loss', embeddings, labels, dimension);
        const isSingle = groups.images.map((images) => images.length === 1);
        last = { classes: groups.ids.length, singles: isSingle.filter(Boolean).length };

        const sums = groupSums(unit, groups.groupOf, groups.ids.length);
        const targets = tf.tensor1d(groups.groupOf, 'int32');
        const single = tf.tensor2d(
          Float32Array.from(groups.groupOf, (group) => Number(isSingle[group])),
          [groups.groupOf.length, 1],
        );
        // The class without the sample: for one alone, whose rest is nothing, the sample itself.
        const own = unitRows(tf.add(tf.sub(tf.gather(sums, targets), unit), tf.mul(unit, single)));
        const cosines = tf.matMul<tf.Tensor2D>(unit, unitRows(sums), false, true);
        const ownCosines = rowDots(unit, own);
        return evaluateLoss(loss, putElements(cosines, targets, ownCosines), targets, { norms });
      }),
    metrics: () => last,
    state: () => withLossState({ values: {}, tensors: {} }, loss),
    restore: (state) => restoreLossState('batchOnly.restore', state, loss),
    dispose: () => undefined,
  });
});
