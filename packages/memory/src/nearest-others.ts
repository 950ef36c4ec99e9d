import { rowDots } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import type { NearestOther, Suspected } from './guard.ts';
import type { Memory } from './method.ts';
import { nearestColumns } from './nearest-columns.ts';
import { blockOf, type PrototypeStore, storedRows } from './prototype-store.ts';
import type { Admission } from './slots.ts';

/**
 * For each class of a batch that has been admitted, the class in memory whose prototype is most like its own. Costs a
 * product of C x D x M, in blocks, and two reads.
 *
 * @param prototypes of the batch's classes, `[C, D]`
 */
export function nearestOthers(
  { ids, slots: own }: Admission,
  prototypes: tf.Tensor2D,
  { slots, store, ranks, settings }: Memory,
): NearestOther[] {
  if (slots.occupied < 2) return [];
  return tf.tidy(() => {
    const columns = { count: slots.occupied, store, ranks };
    // Of the two nearest, one is the class itself.
    const found = nearestColumns(prototypes, columns, 2, blockOf(prototypes, settings))!;
    const [cosines, at] = [found.cosines.dataSync<'float32'>(), found.indices.dataSync<'int32'>()];
    return ids.map((id, group) => {
      const place = 2 * group + (at[2 * group] === own[group] ? 1 : 0);
      return { id, other: slots.idOf(at[place]!), cosine: cosines[place]! };
    });
  });
}

/** The cosines of suspected pairs, the prototypes `[C, D]` being those of the batch's classes. */
export function suspectedCosines(
  pairs: readonly Suspected[],
  prototypes: tf.Tensor2D,
  store: PrototypeStore,
): ArrayLike<number> {
  if (pairs.length === 0) return [];
  return tf.tidy(() => {
    const groups = pairs.map(({ group }) => group);
    const others = storedRows(
      store,
      pairs.map(({ slot }) => slot),
    );
    return rowDots(tf.gather(prototypes, tf.tensor1d(groups, 'int32')), others).dataSync<'float32'>();
  });
}
