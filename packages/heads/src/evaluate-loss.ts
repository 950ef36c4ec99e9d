import { check, ProtomemError, show } from '@protomem/core';
import type { CosineLoss, LossContext } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';

/**
 * Calls a loss, and refuses what is not one loss a sample, by the loss's name. Of a function without a form, which is
 * most likely its user's own, the values are looked at too.
 *
 * @param cosines `[B, M]`
 * @param targets `[B]`, int32
 * @param centers columns of each class that there are
 * @returns `[B]`, float32; what the loss returned
 * @throws ProtomemError when that is no such tensor, or not finite though the cosines are
 */
export function evaluateLoss(
  loss: CosineLoss,
  cosines: tf.Tensor2D,
  targets: tf.Tensor1D,
  context: LossContext,
  centers = 1,
): tf.Tensor1D {
  const [batch] = cosines.shape;
  const where = `the loss ${loss.name || '(without a name)'}`;
  const { centers: pooled = 'form' in loss ? 1 : centers } = loss;
  check(pooled === centers, () => ({
    where,
    what: 'columns of a class that it pools',
    got: pooled,
    expected: `${centers}, as many as the head has of each`,
    fix: 'subCenter goes with fullSoftmax, both with the same number of centers.',
  }));
  const refuse = (got: string, fix?: string): never => {
    const expected = `a tensor of shape [${batch}], float32: one loss for each sample`;
    throw new ProtomemError({ where, what: 'what it returned', got, expected, fix });
  };
  const result: unknown = loss(cosines, targets, context);
  if (result === undefined || result === null) return refuse('nothing', 'Does its function end in a return?');
  if (typeof (result as { then?: unknown }).then === 'function') {
    return refuse('a promise', 'A loss cannot be async: it has to be differentiated.');
  }
  if (!(result instanceof tf.Tensor)) return refuse(`${typeof result} ${show(result)}`, 'Keep to tf operations.');
  if (result.isDisposed) return refuse('a tensor that is disposed', 'Who returns a tensor leaves it to the caller.');
  if (result.rank !== 1 || result.size !== batch || result.dtype !== 'float32') {
    return refuse(
      `a tensor of shape [${result.shape.join(', ')}], ${result.dtype}`,
      'Sum or average over columns, not over samples.',
    );
  }
  if (!('form' in loss)) checkValues(where, result as tf.Tensor1D, cosines);
  return result as tf.Tensor1D;
}

function checkValues(where: string, losses: tf.Tensor1D, cosines: tf.Tensor2D): void {
  const values = losses.dataSync();
  const bad = values.findIndex((value) => !Number.isFinite(value));
  // An encoder that has come to that is not the loss's fault; the trainer says so.
  if (bad < 0 || !cosines.dataSync().every(Number.isFinite)) return;
  check(false, () => ({
    where,
    what: `what it returned for sample ${bad} of ${values.length}`,
    got: values[bad],
    expected: 'a finite number: its cosines are',
    fix: 'Clip cosines before acos and roots, and what goes into log away from 0.',
  }));
}
