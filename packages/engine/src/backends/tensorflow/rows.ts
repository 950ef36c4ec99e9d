import type * as tf from '@tensorflow/tfjs';
import { composedKernels } from '../../kernels/composed/kernels.ts';
import type { OutputsOf, TrainingKernels } from '../../kernels/training-kernels.ts';
import { execute } from './execute.ts';
import { hasTrainingOps } from './has-training-ops.ts';

export const splitRows: TrainingKernels['splitRows'] = (inputs, attrs, backend) =>
  hasTrainingOps(backend)
    ? execute<OutputsOf<'splitRows'>>(backend, 'ProtomemSplitRows', [inputs.x], {}, 2)
    : composedKernels.splitRows(inputs, attrs, backend);

export const splitRowsGrad: TrainingKernels['splitRowsGrad'] = (inputs, attrs, backend) => {
  if (!hasTrainingOps(backend)) return composedKernels.splitRowsGrad(inputs, attrs, backend);
  const { dUnit, dNorms, x } = inputs;
  return execute<[tf.Tensor2D]>(backend, 'ProtomemSplitRowsGrad', [dUnit, dNorms, x])[0];
};

export const rowDots: TrainingKernels['rowDots'] = ({ a, b }, attrs, backend) =>
  hasTrainingOps(backend)
    ? execute<[tf.Tensor1D]>(backend, 'ProtomemRowDots', [a, b])[0]
    : composedKernels.rowDots({ a, b }, attrs, backend);

export const groupSums: TrainingKernels['groupSums'] = (inputs, { groups }, backend) =>
  hasTrainingOps(backend)
    ? execute<[tf.Tensor2D]>(backend, 'ProtomemGroupSums', [inputs.x, inputs.groupOf], { groups: ['INT', groups] })[0]
    : composedKernels.groupSums(inputs, { groups }, backend);
