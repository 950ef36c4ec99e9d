import { integer } from '@protomem/core';
import type { CosineLoss, Head } from '@protomem/core/contracts';
import { putElements, unitRows } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { toBatch } from './batch.ts';
import { restoreLossState, withLossState } from './loss-state.ts';

export interface BatchOnlyOptions {
  /** D, width of an embedding. */
  readonly dimension: number;
  /** Any loss on cosines. */
  readonly loss: CosineLoss;
}

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
export function batchOnly(options: BatchOnlyOptions): Head {
  const { loss: cosineLoss } = options;
  const dimension = integer('batchOnly', 'dimension', options.dimension, 1);
  let last = { classes: 0, singles: 0 };

  return {
    name: 'batch-only',
    parameters: [],
    loss: (embeddings, labels) =>
      tf.tidy(() => {
        const { labels: ids, unit, norms } = toBatch('batchOnly.loss', embeddings, labels, dimension);
        const classes = [...new Set(ids)];
        const columnOf = new Map(classes.map((id, column) => [id, column]));
        const targets = Int32Array.from(ids, (id) => columnOf.get(id)!);
        const sizes = new Int32Array(classes.length);
        for (const target of targets) sizes[target]!++;
        last = { classes: classes.length, singles: sizes.filter((size) => size === 1).length };

        const count = ids.length;
        const members = new Float32Array(classes.length * count);
        targets.forEach((target, i) => {
          members[target * count + i] = 1;
        });
        const sums = tf.matMul<tf.Tensor2D>(tf.tensor2d(members, [classes.length, count]), unit);
        const columns = tf.tensor1d(targets, 'int32');
        const single = tf.tensor2d(
          Float32Array.from(targets, (target) => (sizes[target] === 1 ? 1 : 0)),
          [count, 1],
        );
        // The class without the sample: for one alone, whose rest is nothing, the sample itself.
        const own = unitRows(tf.add(tf.sub(tf.gather(sums, columns), unit), tf.mul(unit, single)));
        const cosines = tf.matMul<tf.Tensor2D>(unit, unitRows(sums), false, true);
        const ownCosines = tf.sum<tf.Tensor1D>(tf.mul(unit, own), 1);
        return cosineLoss(putElements(cosines, columns, ownCosines), columns, { norms });
      }),
    metrics: () => last,
    state: () => withLossState({ values: {}, tensors: {} }, cosineLoss),
    restore: (state) => restoreLossState('batchOnly.restore', state, cosineLoss),
    dispose: () => undefined,
  };
}
