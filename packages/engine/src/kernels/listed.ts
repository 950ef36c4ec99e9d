import type * as tf from '@tensorflow/tfjs';

/** Lists of tensors as named inputs, which is what a kernel takes. */
export function listed(lists: Readonly<Record<string, readonly tf.Tensor[]>>): Record<string, tf.Tensor> {
  const inputs: Record<string, tf.Tensor> = {};
  for (const [name, tensors] of Object.entries(lists)) {
    for (const [i, tensor] of tensors.entries()) inputs[`${name} ${i}`] = tensor;
  }
  return inputs;
}

/** The lists again, by their names. */
export function listsOf<const N extends string>(
  inputs: Readonly<Record<string, tf.Tensor>>,
  names: readonly N[],
): Record<N, tf.Tensor[]> {
  const list = (name: string): tf.Tensor[] =>
    Object.entries(inputs).flatMap(([key, tensor]) => (key.startsWith(`${name} `) ? [tensor] : []));
  return Object.fromEntries(names.map((name) => [name, list(name)])) as Record<N, tf.Tensor[]>;
}
