import { MASKED_LOGIT, putElements, stopGradient } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { maskRow } from './blockwise-log-sum-exp.ts';
import type { LookAlikeWatch } from './look-alikes.ts';
import type { LossInputs } from './method.ts';
import type { Columns } from './prototype-store.ts';

/**
 * The cosines of each sample to the `h` columns of other classes that are nearest to it (all, when there are fewer),
 * nearest first; exact, in blocks of columns.
 *
 * @returns `[B, min(h, others)]`, differentiable in `unit` and `batchPrototypes`; the caller's
 */
export function hardestCosines(
  { unit, columns, excluded, batchPrototypes, ownGroup }: LossInputs,
  h: number,
  block: number,
  watch: LookAlikeWatch,
): tf.Tensor2D {
  return tf.tidy(() => {
    const [batch, dimension] = unit.shape;
    const classes = batchPrototypes.shape[0];
    const others = Math.min(h, columns.count - excluded.length + classes - 1);
    const toBatch: tf.Tensor2D = tf.matMul(unit, batchPrototypes, false, true);
    watch.lookInside(toBatch, ownGroup);
    const inBatch = putElements(toBatch, ownGroup, tf.fill([batch], MASKED_LOGIT));
    let candidates = inBatch;
    const at = nearest(stopGradient(unit), columns, excluded, others, block, watch);
    if (at) {
      const rows = tf.reshape(columns.store.rows(tf.reshape(at, [-1])), [batch, -1, dimension]);
      const outOfBatch = tf.sum(tf.mul(tf.expandDims(unit, 1), rows), 2) as tf.Tensor2D;
      // An excluded column can be among the nearest only where fewer than h others are there.
      const mask = maskOf(at, excluded);
      candidates = tf.concat([inBatch, mask ? tf.add(outOfBatch, mask) : outOfBatch], 1);
    }
    const { indices } = tf.topk(stopGradient(candidates), others);
    return takeAlong(candidates, indices as tf.Tensor2D);
  });
}

/** Indices of the `h` nearest of the columns that count, `[B, <= h]`, int32; undefined when there are none. */
function nearest(
  unit: tf.Tensor2D,
  columns: Columns,
  excluded: Int32Array,
  h: number,
  block: number,
  watch: LookAlikeWatch,
): tf.Tensor2D | undefined {
  let best: { values: tf.Tensor2D; indices: tf.Tensor2D } | undefined;
  if (h === 0) return undefined;
  for (let from = 0; from < columns.count; from += block) {
    const count = Math.min(block, columns.count - from);
    const next = tf.tidy(() => {
      const product: tf.Tensor2D = tf.matMul(unit, columns.store.block(from, count), false, true);
      const mask = maskRow(excluded, from, count);
      watch.look(product, from, mask);
      const found = tf.topk(mask ? tf.add(product, mask) : product, Math.min(h, count));
      const indices = tf.add(found.indices, tf.scalar(from, 'int32')) as tf.Tensor2D;
      if (!best) return { values: found.values as tf.Tensor2D, indices };
      const values = tf.concat([best.values, found.values as tf.Tensor2D], 1);
      const both = tf.concat([best.indices, indices], 1);
      const top = tf.topk(values, Math.min(h, values.shape[1]));
      return { values: top.values as tf.Tensor2D, indices: takeAlong(both, top.indices as tf.Tensor2D) };
    });
    if (best) tf.dispose([best.values, best.indices]);
    best = next;
  }
  return best?.indices;
}

/** {@link MASKED_LOGIT} where an index is of an excluded column, else 0; undefined when none is excluded. */
function maskOf(indices: tf.Tensor2D, excluded: Int32Array): tf.Tensor2D | undefined {
  if (excluded.length === 0) return undefined;
  const same = tf.equal(tf.expandDims(indices, 2), tf.tensor1d(excluded, 'int32'));
  return tf.mul(tf.cast(tf.any(same, 2), 'float32'), MASKED_LOGIT);
}

/** `x[i, indices[i, j]]`, `[B, k]`. (Gathering with batch dimensions goes wrong on tfjs's wasm backend.) */
function takeAlong(x: tf.Tensor2D, indices: tf.Tensor2D): tf.Tensor2D {
  const [batch, width] = x.shape;
  const flat = tf.add(indices, tf.expandDims(tf.range(0, batch * width, width, 'int32'), 1));
  return tf.gather<tf.Tensor>(tf.reshape(x, [-1]), flat as tf.Tensor2D) as tf.Tensor2D;
}
