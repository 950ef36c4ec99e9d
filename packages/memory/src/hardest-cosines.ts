import { MASKED_LOGIT, putElements, stopGradient } from '@protomem/engine';
import { type Mask, maskAt } from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';
import type { LookAlikeWatch } from './look-alikes.ts';
import type { LossInputs } from './method.ts';
import { nearestColumns, takeAlong } from './nearest-columns.ts';

/** The cosines of each sample to the columns of other classes that are nearest to it. */
export interface HardestCosines {
  /** `[B, min(h, others)]`, nearest first; differentiable in `unit` and `batchPrototypes`; the caller's. */
  readonly cosines: tf.Tensor2D;
  /** Those of them, at the end of a row, that stand for no column, since a sample's guarded ones do not count; they are -1. */
  readonly missing: Mask;
}

/** Finds the `h` columns of other classes that are nearest to each sample (all, when there are fewer); exact, in blocks. */
export function hardestCosines(
  { unit, columns, excluded, guarded, batchPrototypes, ownGroup }: LossInputs,
  h: number,
  block: number,
  watch: LookAlikeWatch,
): HardestCosines {
  const [batch, dimension] = unit.shape;
  const classes = batchPrototypes.shape[0];
  const others = columns.count - excluded.length + classes - 1;
  const entering = Math.min(h, others);
  const missing = missingOf(guarded, others, entering);
  const cosines = tf.tidy(() => {
    const toBatch: tf.Tensor2D = tf.matMul(unit, batchPrototypes, false, true);
    watch.lookInside(toBatch, ownGroup);
    const inBatch = maskAt(putElements(toBatch, ownGroup, tf.fill([batch], MASKED_LOGIT)), guarded.inBatch);
    let candidates = inBatch;
    const counting = { excluded, guarded: guarded.inMemory, watch };
    const found = nearestColumns(stopGradient(unit), columns, entering, block, counting);
    if (found) {
      const rows = tf.reshape(columns.store.rows(tf.reshape(found.indices, [-1])), [batch, -1, dimension]);
      const outOfBatch = tf.sum(tf.mul(tf.expandDims(unit, 1), rows), 2) as tf.Tensor2D;
      // What does not count can be among the nearest only where fewer than h others are there.
      const mask = tf.mul(tf.cast(tf.less(found.cosines, MASKED_LOGIT / 2), 'float32'), MASKED_LOGIT);
      candidates = tf.concat([inBatch, tf.add(outOfBatch, mask) as tf.Tensor2D], 1);
    }
    const { indices } = tf.topk(stopGradient(candidates), entering);
    const hardest = takeAlong(candidates, indices as tf.Tensor2D);
    return maskAt(hardest, missing, -1);
  });
  return { cosines, missing };
}

/** The places at the end of the rows of samples with so many guarded columns that fewer than `entering` are left. */
function missingOf({ inBatch, inMemory }: LossInputs['guarded'], others: number, entering: number): Mask {
  const missing: Mask = { rows: [], columns: [] };
  const counts = new Map<number, number>();
  for (const row of [...inBatch.rows, ...inMemory.rows]) counts.set(row, (counts.get(row) ?? 0) + 1);
  for (const [row, guarded] of counts) {
    for (let column = others - guarded; column < entering; column++) {
      missing.rows.push(row);
      missing.columns.push(column);
    }
  }
  return missing;
}
