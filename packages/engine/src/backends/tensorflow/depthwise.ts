import type * as tf from '@tensorflow/tfjs';
import { composedKernels } from '../../kernels/composed/kernels.ts';
import type { OutputsOf, Sliding, TrainingKernels } from '../../kernels/training-kernels.ts';
import { type Attributes, execute } from './execute.ts';
import { hasTrainingOps } from './has-training-ops.ts';

const attributes = ({ stride, padding }: Sliding): Attributes => ({
  stride: ['INT', stride],
  padding: ['INT', padding],
});

export const depthwise: TrainingKernels['depthwise'] = ({ x, filter }, sliding, backend) =>
  hasTrainingOps(backend)
    ? execute<[tf.Tensor4D]>(backend, 'ProtomemDepthwise', [x, filter], attributes(sliding))[0]
    : composedKernels.depthwise({ x, filter }, sliding, backend);

export const depthwisePrelu: TrainingKernels['depthwisePrelu'] = (inputs, sliding, backend) => {
  if (!hasTrainingOps(backend)) return composedKernels.depthwisePrelu(inputs, sliding, backend);
  const { x, filter, shift, alpha } = inputs;
  const all = [x, filter, shift, alpha];
  return execute<[tf.Tensor4D]>(backend, 'ProtomemDepthwisePrelu', all, attributes(sliding))[0];
};

export const depthwiseGrad: TrainingKernels['depthwiseGrad'] = (inputs, sliding, backend) => {
  if (!hasTrainingOps(backend)) return composedKernels.depthwiseGrad(inputs, sliding, backend);
  const all = [inputs.dy, inputs.x, inputs.filter];
  return execute<OutputsOf<'depthwiseGrad'>>(backend, 'ProtomemDepthwiseGrad', all, attributes(sliding), 2);
};
