import type * as tf from '@tensorflow/tfjs';

/** Lists of tensors as named inputs, which is what a kernel takes. */
export function listed(lists: Readonly<Record<string, readonly tf.Tensor[]>>): Record<string, tf.Tensor> {
  const inputs: Record<string, tf.Tensor> = {};
  for (const [name, tensors] of Object.entries(lists)) {
    for (const [i, tensor] of tensors.entries()) inputs[`${name} ${i}`] = tensor;
  }
  return inputs;
}

/** The list of a name again. */
export const listOf = (inputs: Readonly<Record<string, tf.Tensor>>, name: string): tf.Tensor[] =>
  Object.entries(inputs).flatMap(([key, tensor]) => (key.startsWith(`${name} `) ? [tensor] : []));
