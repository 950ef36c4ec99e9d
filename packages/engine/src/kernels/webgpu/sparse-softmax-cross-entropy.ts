import * as tf from '@tensorflow/tfjs';
import type { WebgpuBackend } from '../../webgpu-backend.ts';
import { checkTargets } from '../host/check-targets.ts';
import type { Inputs } from '../kernel.ts';

/**
 * Outputs: loss of each row, and its gradient for the row of logits.
 *
 * Targets that the host knows are checked. To read others would wait for the GPU: where such a one is outside the columns,
 * loss and gradient of its row are NaN.
 */
export function sparseSoftmaxCrossEntropy(
  { logits, targets }: Inputs,
  _: tf.NamedAttrMap,
  backend: tf.KernelBackend,
): tf.Tensor[] {
  const [rows, columns] = logits!.shape as [number, number];
  const known = (backend as unknown as WebgpuBackend).tensorMap.get(targets!.dataId).values;
  if (known) checkTargets(known as Int32Array, columns);
  return tf.tidy(() => {
    const inside = tf.logicalAnd(tf.greaterEqual(targets!, 0), tf.less(targets!, columns));
    const one = tf.where(inside, tf.ones([rows]), Number.NaN);
    const at = tf.stack([tf.range(0, rows, 1, 'int32'), tf.where(inside, targets!, tf.zerosLike(targets!))], 1);
    const loss = tf.sub(tf.logSumExp(logits!, 1), tf.mul(tf.gatherND(logits!, at), one));
    return [loss, tf.sub(tf.softmax(logits!), tf.scatterND(at, one, [rows, columns]))];
  });
}
