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
    const columns = logits.shape[1]!;
    if (targets.dataSync().every((target) => target >= 0 && target < columns)) throw cause;
    throw new ProtomemError(
      {
        where: 'sparseSoftmaxCrossEntropy',
        what: 'targets',
        got: [...targets.dataSync()],
        expected: `columns in [0, ${columns}) that TensorFlow takes`,
      },
      { cause },
    );
  }
};
