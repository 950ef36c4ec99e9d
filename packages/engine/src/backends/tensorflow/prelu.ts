import * as tf from '@tensorflow/tfjs';
import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { execute, type TensorflowBackend } from './execute.ts';
import { hasTrainingOps } from './has-training-ops.ts';
import { ownOp } from './own-op.ts';

/** A slope of 1 on the negative side too. */
export const scaleShift = ownOp('scaleShift', (inputs, attrs, backend) => {
  return tf.tidy(() => scaleShiftPrelu({ ...inputs, alpha: tf.onesLike(inputs.factor) }, attrs, backend));
});

/** An affine map of each channel, then PReLU: `prelu` alone is a case of it. */
export const scaleShiftPrelu = ownOp('scaleShiftPrelu', (inputs, _, backend) => {
  const { x, factor, shift, alpha } = inputs;
  return execute(backend, 'ProtomemScaleShiftPrelu', [x, factor, shift, alpha])[0];
});

/**
 * TensorFlow has no PReLU op; without ours it is composed. On a big activation each op is a pass over memory, so the fewest count:
 * `max(x, alpha * x)` is the function where `alpha <= 1`, in two; `relu(x) + alpha * min(x, 0)` is for any, in four.
 */
export const prelu: TrainingKernels['prelu'] = ({ x, alpha }, attrs, backend) =>
  tf.tidy(() => {
    if (hasTrainingOps(backend)) {
      const [factor, shift] = [tf.onesLike(alpha), tf.zerosLike(alpha)];
      return scaleShiftPrelu({ x, factor, shift, alpha }, attrs, backend);
    }
    // A GPU has passes to spare, but reading alpha would make it wait.
    const gpu = (backend as TensorflowBackend).isUsingGpuDevice;
    if (!gpu && alpha.dataSync().every((a) => a <= 1)) return tf.maximum(x, tf.mul(x, alpha));
    return tf.add(tf.relu(x), tf.mul(tf.minimum(x, 0), alpha));
  });

export const preluGrad: TrainingKernels['preluGrad'] = ({ dy, x, alpha }, _, backend) => {
  if (hasTrainingOps(backend)) {
    return execute<[tf.Tensor, tf.Tensor1D]>(backend, 'ProtomemPreluGrad', [dy, x, alpha], {}, 2);
  }
  return tf.tidy(() => {
    const [positive] = execute(backend, 'ReluGrad', [dy, x]);
    const negative = tf.sub(dy, positive);
    const dx = tf.add(positive, tf.mul(negative, alpha));
    // The sum over all axes but the last, at a third of the cost of Sum.
    const products = tf.reshape(tf.mul(negative, x), [-1, alpha.size]);
    const [dAlpha] = execute<[tf.Tensor1D]>(backend, 'BiasAddGrad', [products], { data_format: ['STRING', 'NHWC'] });
    return [dx, dAlpha];
  });
};
