import { MASKED_LOGIT } from '@protomem/engine';
import type { Mask } from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';
import { maskElements, maskRow } from './blockwise-log-sum-exp.ts';
import type { LookAlikeWatch } from './look-alikes.ts';
import { type Columns, ownColumns } from './prototype-store.ts';

/** The columns nearest to each row, and the cosines, {@link MASKED_LOGIT} where they do not count. */
export interface NearestColumns {
  readonly cosines: tf.Tensor2D;
  readonly indices: tf.Tensor2D;
}

/**
 * The `h` nearest of the columns to each row, `[B, <= h]`, nearest first; undefined when there are none. Where columns are divided,
 * of those nearest on each rank.
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
  if (h === 0 || columns.count === 0) return undefined;
  const own = ownColumns(columns, excluded, guarded);
  for (let from = 0; from < own.count; from += block) {
    const count = Math.min(block, own.count - from);
    const next: NearestColumns = tf.tidy(() => {
      const product: tf.Tensor2D = tf.matMul(unit, columns.store.block(from, count), false, true);
      const mask = maskRow(own.excluded, from, count);
      watch?.look(product, from, mask);
      const elements = maskElements(own.guarded, unit.shape[0], from, count);
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
  return columns.ranks.size === 1 ? best : nearestOfRanks(best, unit.shape[0], h, columns);
}

/** The nearest of all ranks' columns, of the nearest of each; all ranks call it together. */
function nearestOfRanks(
  own: NearestColumns | undefined,
  batch: number,
  h: number,
  { count, ranks }: Columns,
): NearestColumns {
  const width = Math.min(h, Math.ceil(count / ranks.size));
  const missing = width - (own?.cosines.shape[1] ?? 0);
  /** `[B, <= width]` of each rank to `[B, size * width]`. */
  const gathered = (found: tf.Tensor2D | undefined, filling: number, dtype: 'float32' | 'int32'): tf.Tensor2D => {
    const rest = tf.fill<tf.Rank.R2>([batch, missing], filling, dtype);
    const all = ranks.allGather(!found ? rest : missing > 0 ? tf.concat([found, rest], 1) : found);
    return tf.reshape(tf.transpose(tf.reshape(all, [ranks.size, batch, width]), [1, 0, 2]), [batch, -1]);
  };
  const found = tf.tidy(() => {
    const cosines = gathered(own?.cosines, MASKED_LOGIT, 'float32');
    const slots = own && tf.add(tf.mul(own.indices, tf.scalar(ranks.size, 'int32')), tf.scalar(ranks.rank, 'int32'));
    const top = tf.topk(cosines, Math.min(h, cosines.shape[1]));
    const indices = takeAlong(gathered(slots as tf.Tensor2D | undefined, 0, 'int32'), top.indices as tf.Tensor2D);
    return { cosines: top.values as tf.Tensor2D, indices };
  });
  if (own) tf.dispose([own.cosines, own.indices]);
  return found;
}

/** `x[i, indices[i, j]]`, `[B, k]`. (Gathering with batch dimensions goes wrong on tfjs's wasm backend.) */
export function takeAlong(x: tf.Tensor2D, indices: tf.Tensor2D): tf.Tensor2D {
  const [batch, width] = x.shape;
  const flat = tf.add(indices, tf.expandDims(tf.range(0, batch * width, width, 'int32'), 1));
  return tf.gather<tf.Tensor>(tf.reshape(x, [-1]), flat as tf.Tensor2D) as tf.Tensor2D;
}
