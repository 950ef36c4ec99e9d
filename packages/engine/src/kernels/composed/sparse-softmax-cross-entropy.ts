import * as tf from '@tensorflow/tfjs';
import type { TrainingKernels } from '../training-kernels.ts';

export const sparseSoftmaxCrossEntropy: TrainingKernels['sparseSoftmaxCrossEntropy'] = ({ logits, targets }) =>
  tf.tidy(() => {
    const [rows, columns] = logits.shape;
    const at = tf.stack([tf.range(0, rows, 1, 'int32'), targets], 1);
    const loss = tf.sub<tf.Tensor1D>(tf.logSumExp(logits, 1), tf.gatherND(logits, at));
    return [loss, tf.sub<tf.Tensor2D>(tf.softmax(logits), tf.scatterND(at, tf.ones([rows]), [rows, columns]))];
  });
