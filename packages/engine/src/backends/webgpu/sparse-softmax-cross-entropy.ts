import * as tf from '@tensorflow/tfjs';
import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { checkTargets } from '../host/check-targets.ts';
import { webgpu } from './backend.ts';

/**
 * Targets that the host knows are checked. To read others would wait for the GPU: where such a one is outside the columns,
 * loss and gradient of its row are NaN.
 */
export const sparseSoftmaxCrossEntropy: TrainingKernels['sparseSoftmaxCrossEntropy'] = (inputs, _, backend) => {
  const { logits, targets } = inputs;
  const [rows, columns] = logits.shape;
  const known = webgpu(backend).tensorMap.get(targets.dataId).values;
  if (known) checkTargets(known as Int32Array, columns);
  return tf.tidy(() => {
    const inside = tf.logicalAnd(tf.greaterEqual(targets, 0), tf.less(targets, columns));
    const one = tf.where(inside, tf.ones([rows]), Number.NaN);
    const at = tf.stack([tf.range(0, rows, 1, 'int32'), tf.where(inside, targets, tf.zerosLike(targets))], 1);
    const loss = tf.sub<tf.Tensor1D>(tf.logSumExp(logits, 1), tf.mul(tf.gatherND(logits, at), one));
    return [loss, tf.sub<tf.Tensor2D>(tf.softmax(logits), tf.scatterND(at, one, [rows, columns]))];
  });
};
