import * as tf from '@tensorflow/tfjs';
import type { NearestOther } from './guard.ts';
import type { Memory } from './method.ts';
import { nearestColumns } from './nearest-columns.ts';
import { blockOf } from './prototype-store.ts';
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
