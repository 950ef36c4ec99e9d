import { ProtomemError } from '@protomem/core';
import type * as tf from '@tensorflow/tfjs';
import type { Inputs } from '../kernel.ts';
import { execute } from './execute.ts';

/** Outputs: loss of each row, and its gradient for the row of logits. */
export function sparseSoftmaxCrossEntropy(
  { logits, targets }: Inputs,
  _: tf.NamedAttrMap,
  backend: tf.KernelBackend,
): tf.Tensor[] {
  try {
    return execute(
      backend,
      'SparseSoftmaxCrossEntropyWithLogits',
      [logits!, targets!],
      { Tlabels: ['TYPE', 'INT32'] },
      2,
    );
  } catch (cause) {
    throw new ProtomemError(
      {
        where: 'sparseSoftmaxCrossEntropy',
        what: 'targets',
        got: [...targets!.dataSync()],
        expected: `columns in [0, ${logits!.shape[1]}) that TensorFlow takes`,
      },
      { cause },
    );
  }
}
