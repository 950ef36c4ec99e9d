import * as tf from '@tensorflow/tfjs';
import type { Inputs } from '../kernel.ts';
import * as composed from '../stock/prelu.ts';
import { execute, type TensorflowBackend } from './execute.ts';
import { hasTrainingOps } from './training-ops.ts';

/** A slope of 1 on the negative side too. */
export function scaleShift(inputs: Inputs, attrs: tf.NamedAttrMap, backend: tf.KernelBackend): tf.Tensor {
  if (!hasTrainingOps(backend)) return composed.scaleShift(inputs);
  return tf.tidy(() => scaleShiftPrelu({ ...inputs, alpha: tf.onesLike(inputs.factor!) }, attrs, backend));
}

/** A line for each channel, then PReLU: `prelu` alone is a case of it. */
export function scaleShiftPrelu(inputs: Inputs, _: tf.NamedAttrMap, backend: tf.KernelBackend): tf.Tensor {
  const { x, factor, shift, alpha } = inputs;
  if (!hasTrainingOps(backend)) return composed.scaleShiftPrelu(inputs);
  return execute(backend, 'ProtomemScaleShiftPrelu', [x!, factor!, shift!, alpha!])[0]!;
}

/**
 * TensorFlow has no PReLU op; without ours it is composed. On a big activation each op is a pass over memory, so the fewest count:
 * `max(x, alpha * x)` is the function where `alpha <= 1`, in two; `relu(x) + alpha * min(x, 0)` is for any, in four.
 */
export function prelu({ x, alpha }: Inputs, attrs: tf.NamedAttrMap, backend: tf.KernelBackend): tf.Tensor {
  return tf.tidy(() => {
    if (hasTrainingOps(backend)) {
      const [factor, shift] = [tf.onesLike(alpha!), tf.zerosLike(alpha!)];
      return scaleShiftPrelu({ x: x!, factor, shift, alpha: alpha! }, attrs, backend);
    }
    // A GPU has passes to spare, but reading alpha would make it wait.
    const gpu = (backend as TensorflowBackend).isUsingGpuDevice;
    if (!gpu && alpha!.dataSync().every((a) => a <= 1)) return tf.maximum(x!, tf.mul(x!, alpha!));
    return tf.add(tf.relu(x!), tf.mul(tf.minimum(x!, 0), alpha!));
  });
}

/** Outputs: gradients for x and alpha. */
export function preluGrad({ dy, x, alpha }: Inputs, _: tf.NamedAttrMap, backend: tf.KernelBackend): tf.Tensor[] {
  if (hasTrainingOps(backend)) return execute(backend, 'ProtomemPreluGrad', [dy!, x!, alpha!], {}, 2);
  return tf.tidy(() => {
    const [positive] = execute(backend, 'ReluGrad', [dy!, x!]);
    const negative = tf.sub(dy!, positive!);
    const dx = tf.add(positive!, tf.mul(negative, alpha!));
    // The sum over all axes but the last, at a third of the cost of Sum.
    const products = tf.reshape(tf.mul(negative, x!), [-1, alpha!.size]);
    const [dAlpha] = execute(backend, 'BiasAddGrad', [products], { data_format: ['STRING', 'NHWC'] });
    return [dx, dAlpha!];
  });
}
