import { ProtomemError } from '@protomem/core';
import type { OutputsOf, TrainingKernels } from '../../kernels/training-kernels.ts';
import { execute } from './execute.ts';

export const sparseSoftmaxCrossEntropy: TrainingKernels['sparseSoftmaxCrossEntropy'] = (inputs, _, backend) => {
  const { logits, targets } = inputs;
  try {
    return execute<OutputsOf<'sparseSoftmaxCrossEntropy'>>(
      backend,
      'SparseSoftmaxCrossEntropyWithLogits',
      [logits, targets],
      { Tlabels: ['TYPE', 'INT32'] },
      2,
    );
  } catch (cause) {
    throw new ProtomemError(
      {
        where: 'sparseSoftmaxCrossEntropy',
        what: 'targets',
        got: [...targets.dataSync()],
        expected: `columns in [0, ${logits.shape[1]}) that TensorFlow takes`,
      },
      { cause },
    );
  }
};
