import * as tf from '@tensorflow/tfjs';
import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { checkTargets } from './check-targets.ts';
import { liveValues } from './live-values.ts';

/**
 * Softmax is the backend's; what it leaves to do is one value a row. The row's largest probability is at least `1 / M`,
 * so `log(sum(exp(row))) = max(row) - log(max(softmax(row)))` loses nothing where the target's own may underflow.
 */
export const sparseSoftmaxCrossEntropy: TrainingKernels['sparseSoftmaxCrossEntropy'] = (inputs, _, backend) => {
  const { logits, targets } = inputs;
  const columns = logits.shape[1];
  checkTargets(liveValues(backend, targets), columns);
  return tf.tidy(() => {
    const gradient = tf.softmax(logits);
    const largest = tf.max(logits, 1);
    const loss = tf.neg<tf.Tensor1D>(tf.log(tf.max(gradient, 1)));
    const all = [loss, gradient, largest, logits, targets];
    const [l, g, m, z, t] = all.map((tensor) => liveValues(backend, tensor));
    t!.forEach((target, row) => {
      const i = row * columns + target;
      l![row]! += m![row]! - z![i]!;
      g![i]! -= 1;
    });
    return [loss, gradient];
  });
};
