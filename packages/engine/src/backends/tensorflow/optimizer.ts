import type * as tf from '@tensorflow/tfjs';
import { composedKernels } from '../../kernels/composed/kernels.ts';
import { readSgdLists } from '../../kernels/sgd-lists.ts';
import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { executeUntyped } from './execute.ts';
import { hasTrainingOps } from './has-training-ops.ts';

export const globalNorm: TrainingKernels['globalNorm'] = (inputs, attrs, backend) => {
  if (!hasTrainingOps(backend)) return composedKernels.globalNorm(inputs, attrs, backend);
  const all = Object.values(inputs);
  return executeUntyped<[tf.Scalar]>(backend, 'ProtomemGlobalNorm', all, { N: ['INT', all.length] }, 1)[0];
};

export const sgdUpdate: TrainingKernels['sgdUpdate'] = (inputs, attrs, backend) => {
  if (!hasTrainingOps(backend)) return composedKernels.sgdUpdate(inputs, attrs, backend);
  const { weights, velocities, gradients } = readSgdLists(inputs);
  const [N, M] = [weights.length, velocities.length];
  const { momentum, nesterov } = attrs;
  return executeUntyped(
    backend,
    'ProtomemSgd',
    [inputs.rate, inputs.decays, ...weights, ...velocities, ...gradients],
    { N: ['INT', N], M: ['INT', M], momentum: ['FLOAT', momentum], nesterov: ['BOOL', nesterov] },
    N + M,
  );
};
