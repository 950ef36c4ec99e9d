import { putElements, stopGradient } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { type Columns, leftOutRow } from './rest-log-sum-exp.ts';
import type { RivalWatch } from './rival-pairs.ts';

/** Far below any cosine, also when added to one. */
const NEVER = -8;

/** What {@link hardestCosines} chooses from. */
export interface Candidates {
  /** `[B, D]` */
  readonly unit: tf.Tensor2D;
  /** Constant columns; those in `leftOut` do not count. */
  readonly rest: Columns & { rows(slots: tf.Tensor1D): tf.Tensor2D };
  readonly leftOut: Int32Array;
  /** Columns of the batch's classes, `[C, D]`, and which of them is each sample's own, `[B]`, int32. */
  readonly fresh: tf.Tensor2D;
  readonly ownGroup: tf.Tensor1D;
}

/**
 * The cosines of each sample to the `h` columns of other classes that are nearest to it (all, when there are fewer),
 * nearest first; exact, in blocks of columns.
 *
 * @returns `[B, min(h, others)]`, differentiable in `unit` and `fresh`; the caller's
 */
export function hardestCosines(
  { unit, rest, leftOut, fresh, ownGroup }: Candidates,
  h: number,
  block: number,
  watch: RivalWatch,
): tf.Tensor2D {
  return tf.tidy(() => {
    const [batch, dimension] = unit.shape;
    const classes = fresh.shape[0];
    const others = Math.min(h, rest.count - leftOut.length + classes - 1);
    const toBatch: tf.Tensor2D = tf.matMul(unit, fresh, false, true);
    watch.lookInside(toBatch, ownGroup);
    const inBatch = putElements(toBatch, ownGroup, tf.fill([batch], NEVER));
    let candidates = inBatch;
    const at = nearest(stopGradient(unit), rest, leftOut, others, block, watch);
    if (at) {
      const rows = tf.reshape(rest.rows(tf.reshape(at, [-1])), [batch, -1, dimension]);
      const outOfBatch = tf.sum(tf.mul(tf.expandDims(unit, 1), rows), 2) as tf.Tensor2D;
      // A column that is left out can be among the nearest only where fewer than h others are there.
      const counts = leftOutOf(at, leftOut);
      candidates = tf.concat([inBatch, counts ? tf.add(outOfBatch, counts) : outOfBatch], 1);
    }
    const { indices } = tf.topk(stopGradient(candidates), others);
    return takeAlong(candidates, indices as tf.Tensor2D);
  });
}

/** Indices of the `h` nearest of the columns that count, `[B, <= h]`, int32; undefined when there are none. */
function nearest(
  unit: tf.Tensor2D,
  rest: Columns,
  leftOut: Int32Array,
  h: number,
  block: number,
  watch: RivalWatch,
): tf.Tensor2D | undefined {
  let best: { values: tf.Tensor2D; indices: tf.Tensor2D } | undefined;
  if (h === 0) return undefined;
  for (let from = 0; from < rest.count; from += block) {
    const count = Math.min(block, rest.count - from);
    const next = tf.tidy(() => {
      const product: tf.Tensor2D = tf.matMul(unit, rest.block(from, count), false, true);
      const out = leftOutRow(leftOut, from, count, NEVER);
      watch.look(product, from, out);
      const found = tf.topk(out ? tf.add(product, out) : product, Math.min(h, count));
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

/** `NEVER` where an index is of a column that is left out, else 0; undefined when none is left out. */
function leftOutOf(indices: tf.Tensor2D, leftOut: Int32Array): tf.Tensor2D | undefined {
  if (leftOut.length === 0) return undefined;
  const same = tf.equal(tf.expandDims(indices, 2), tf.tensor1d(leftOut, 'int32'));
  return tf.mul(tf.cast(tf.any(same, 2), 'float32'), NEVER);
}

/** `x[i, indices[i, j]]`, `[B, k]`. (Gathering with batch dimensions goes wrong on tfjs's wasm backend.) */
function takeAlong(x: tf.Tensor2D, indices: tf.Tensor2D): tf.Tensor2D {
  const [batch, width] = x.shape;
  const flat = tf.add(indices, tf.expandDims(tf.range(0, batch * width, width, 'int32'), 1));
  return tf.gather<tf.Tensor>(tf.reshape(x, [-1]), flat as tf.Tensor2D) as tf.Tensor2D;
}
