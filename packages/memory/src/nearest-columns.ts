import type { Mask } from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';
import { maskElements, maskRow } from './blockwise-log-sum-exp.ts';
import type { LookAlikeWatch } from './look-alikes.ts';
import type { Columns } from './prototype-store.ts';

/** The columns nearest to each row, and the cosines, {@link MASKED_LOGIT} where they do not count. */
export interface NearestColumns {
  readonly cosines: tf.Tensor2D;
  readonly indices: tf.Tensor2D;
}

/**
 * The `h` nearest of the columns to each row, `[B, <= h]`, nearest first; undefined when there are none.
 *
 * @param counting which columns do not count, and who looks on
 */
export function nearestColumns(
  unit: tf.Tensor2D,
  columns: Columns,
  h: number,
  block: number,
  counting: { readonly excluded?: Int32Array; readonly guarded?: Mask; readonly watch?: LookAlikeWatch } = {},
): NearestColumns | undefined {
  const { excluded = new Int32Array(), guarded = { rows: [], columns: [] }, watch } = counting;
  let best: NearestColumns | undefined;
  if (h === 0) return undefined;
  for (let from = 0; from < columns.count; from += block) {
    const count = Math.min(block, columns.count - from);
    const next: NearestColumns = tf.tidy(() => {
      const product: tf.Tensor2D = tf.matMul(unit, columns.store.block(from, count), false, true);
      const mask = maskRow(excluded, from, count);
      watch?.look(product, from, mask);
      const elements = maskElements(guarded, unit.shape[0], from, count);
      const masks = [mask, elements].filter((one) => one !== undefined);
      const found = tf.topk(masks.reduce<tf.Tensor2D>(tf.add, product), Math.min(h, count));
      const indices = tf.add(found.indices, tf.scalar(from, 'int32')) as tf.Tensor2D;
      if (!best) return { cosines: found.values as tf.Tensor2D, indices };
      const cosines = tf.concat([best.cosines, found.values as tf.Tensor2D], 1);
      const both = tf.concat([best.indices, indices], 1);
      const top = tf.topk(cosines, Math.min(h, cosines.shape[1]));
      return { cosines: top.values as tf.Tensor2D, indices: takeAlong(both, top.indices as tf.Tensor2D) };
    });
    if (best) tf.dispose([best.cosines, best.indices]);
    best = next;
  }
  return best;
}

/** `x[i, indices[i, j]]`, `[B, k]`. (Gathering with batch dimensions goes wrong on tfjs's wasm backend.) */
export function takeAlong(x: tf.Tensor2D, indices: tf.Tensor2D): tf.Tensor2D {
  const [batch, width] = x.shape;
  const flat = tf.add(indices, tf.expandDims(tf.range(0, batch * width, width, 'int32'), 1));
  return tf.gather<tf.Tensor>(tf.reshape(x, [-1]), flat as tf.Tensor2D) as tf.Tensor2D;
}
