import * as tf from '@tensorflow/tfjs';
import type { OutputsOf, TrainingKernels } from '../../kernels/training-kernels.ts';
import { type Attributes, execute } from './execute.ts';
import { hasTrainingOps } from './has-training-ops.ts';
import { ownOp } from './own-op.ts';

function attributes(epsilon: number): Attributes {
  return {
    U: ['TYPE', 'FLOAT'],
    epsilon: ['FLOAT', epsilon],
    data_format: ['STRING', 'NHWC'],
    is_training: ['BOOL', true],
  };
}

type Outputs = OutputsOf<'batchNormTraining'>;
type Gradients = OutputsOf<'batchNormTrainingGrad'>;

/** Without the ops of our own the reserve is the three tensors that TensorFlow keeps for its gradient op. */
export const batchNormTraining: TrainingKernels['batchNormTraining'] = ({ x, scale, offset }, { epsilon }, backend) => {
  if (hasTrainingOps(backend)) {
    return execute<Outputs>(backend, 'ProtomemBatchNorm', [x, scale, offset], { epsilon: ['FLOAT', epsilon] }, 3);
  }
  return tf.tidy(() => {
    const none = tf.tensor1d([], 'float32');
    const inputs = [x, scale, offset, none, none];
    const all: Attributes = { ...attributes(epsilon), exponential_avg_factor: ['FLOAT', 1] };
    const [y, mean, unbiased, ...reserve] = execute<Outputs>(backend, 'FusedBatchNormV3', inputs, all, 6);
    const count = x.size / scale.size;
    return [y, mean, tf.mul(unbiased, (count - 1) / count), ...reserve];
  });
};

/** Inputs `0`, `1` and `2` are what the forward op reserved. */
export const batchNormTrainingGrad: TrainingKernels['batchNormTrainingGrad'] = (inputs, { epsilon }, backend) => {
  const { dy, x, scale, mean, variance } = inputs;
  if (hasTrainingOps(backend)) {
    const all = [dy, x, scale, mean, variance];
    return execute<Gradients>(backend, 'ProtomemBatchNormGrad', all, { epsilon: ['FLOAT', epsilon] }, 3);
  }
  const all = [dy, x, scale, inputs[0]!, inputs[1]!, inputs[2]!];
  const [dx, dScale, dOffset, ...rest] = execute<[...Gradients, ...tf.Tensor[]]>(
    backend,
    'FusedBatchNormGradV3',
    all,
    attributes(epsilon),
    5,
  );
  // Placeholders for the moments' gradients of inference mode.
  tf.dispose(rest);
  return [dx, dScale, dOffset];
};

export const batchNormPreluTraining = ownOp('batchNormPreluTraining', (inputs, attrs, backend) => {
  const { x, scale, offset, alpha } = inputs;
  const all = [x, scale, offset, alpha];
  return execute<Outputs>(backend, 'ProtomemBatchNormPrelu', all, { epsilon: ['FLOAT', attrs.epsilon] }, 3);
});

export const batchNormPreluTrainingGrad = ownOp('batchNormPreluTrainingGrad', (inputs, attrs, backend) => {
  const { dy, x, scale, mean, variance, offset, alpha } = inputs;
  const all = [dy, x, scale, mean, variance, offset, alpha];
  return execute<[...Gradients, tf.Tensor1D]>(
    backend,
    'ProtomemBatchNormPreluGrad',
    all,
    { epsilon: ['FLOAT', attrs.epsilon] },
    4,
  );
});
