import * as tf from '@tensorflow/tfjs';
import type { Inputs } from '../kernel.ts';
import * as composed from '../stock/batch-norm-prelu-training.ts';
import { type Attributes, execute } from './execute.ts';
import { hasTrainingOps } from './training-ops.ts';

function attributes(epsilon: unknown): Attributes {
  return {
    U: ['TYPE', 'FLOAT'],
    epsilon: ['FLOAT', epsilon],
    data_format: ['STRING', 'NHWC'],
    is_training: ['BOOL', true],
  };
}

/**
 * Outputs: y, mean, biased variance; and without the ops of our own the three tensors that TensorFlow reserves for its
 * gradient op.
 */
export function batchNormTraining(
  { x, scale, offset }: Inputs,
  { epsilon }: tf.NamedAttrMap,
  backend: tf.KernelBackend,
): tf.Tensor[] {
  if (hasTrainingOps(backend)) {
    return execute(backend, 'ProtomemBatchNorm', [x!, scale!, offset!], { epsilon: ['FLOAT', epsilon] }, 3);
  }
  return tf.tidy(() => {
    const none = tf.tensor1d([], 'float32');
    const inputs = [x!, scale!, offset!, none, none];
    const all: Attributes = { ...attributes(epsilon), exponential_avg_factor: ['FLOAT', 1] };
    const [y, mean, unbiased, ...reserve] = execute(backend, 'FusedBatchNormV3', inputs, all, 6);
    const count = x!.size / scale!.size;
    return [y!, mean!, tf.mul(unbiased!, (count - 1) / count), ...reserve];
  });
}

/** Outputs: gradients for x, scale and offset. Inputs `0`, `1` and `2` are what the forward op reserved. */
export function batchNormTrainingGrad(
  inputs: Inputs,
  { epsilon }: tf.NamedAttrMap,
  backend: tf.KernelBackend,
): tf.Tensor[] {
  const { dy, x, scale, mean, variance } = inputs;
  if (hasTrainingOps(backend)) {
    const all = [dy!, x!, scale!, mean!, variance!];
    return execute(backend, 'ProtomemBatchNormGrad', all, { epsilon: ['FLOAT', epsilon] }, 3);
  }
  const all = [dy!, x!, scale!, inputs[0]!, inputs[1]!, inputs[2]!];
  const gradients = execute(backend, 'FusedBatchNormGradV3', all, attributes(epsilon), 5);
  // The last two are placeholders for the moments' gradients of inference mode.
  tf.dispose(gradients.slice(3));
  return gradients.slice(0, 3);
}

/** Outputs: those of batchNormTraining, the first through prelu. */
export function batchNormPreluTraining(inputs: Inputs, attrs: tf.NamedAttrMap, backend: tf.KernelBackend): tf.Tensor[] {
  if (!hasTrainingOps(backend)) return composed.batchNormPreluTraining(inputs, attrs);
  const { x, scale, offset, alpha } = inputs;
  const all = [x!, scale!, offset!, alpha!];
  return execute(backend, 'ProtomemBatchNormPrelu', all, { epsilon: ['FLOAT', attrs.epsilon] }, 3);
}

/** Outputs: gradients for x, scale, offset and alpha. */
export function batchNormPreluTrainingGrad(
  inputs: Inputs,
  attrs: tf.NamedAttrMap,
  backend: tf.KernelBackend,
): tf.Tensor[] {
  if (!hasTrainingOps(backend)) return composed.batchNormPreluTrainingGrad(inputs, attrs);
  const { dy, x, scale, mean, variance, offset, alpha } = inputs;
  const all = [dy!, x!, scale!, mean!, variance!, offset!, alpha!];
  return execute(backend, 'ProtomemBatchNormPreluGrad', all, { epsilon: ['FLOAT', attrs.epsilon] }, 4);
}
