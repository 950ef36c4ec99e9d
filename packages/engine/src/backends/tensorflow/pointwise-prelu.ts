import type * as tf from '@tensorflow/tfjs';
import { composedKernels } from '../../kernels/composed/kernels.ts';
import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { computesInBfloat16 } from './bfloat16.ts';
import { execute } from './execute.ts';
import { hasTrainingOps, registerOf } from './has-training-ops.ts';

/** In bfloat16 the convolution is oneDNN's, which has instructions for it. */
export const pointwisePrelu: TrainingKernels['pointwisePrelu'] = (inputs, attrs, backend) => {
  const { x, filter, shift, alpha } = inputs;
  const whole = filter.shape.slice(2).every((channels) => channels % registerOf(backend) === 0);
  const ours = hasTrainingOps(backend) && !computesInBfloat16(backend) && whole;
  if (!ours) return composedKernels.pointwisePrelu(inputs, attrs, backend);
  return execute<[tf.Tensor4D]>(backend, 'ProtomemPointwisePrelu', [x, filter, shift, alpha])[0];
};
