import type * as tf from '@tensorflow/tfjs';
import type { SgdInputs } from './training-kernels.ts';

/** The tensors of a step of SGD. */
interface SgdLists {
  readonly weights: readonly tf.Tensor[];
  readonly velocities: readonly tf.Tensor[];
  readonly gradients: readonly tf.Tensor[];
}

/** Lists as named inputs. */
export function writeSgdLists(rate: tf.Scalar, decays: tf.Tensor1D, lists: SgdLists): SgdInputs {
  const inputs: SgdInputs = { rate, decays };
  for (const name of ['weights', 'velocities', 'gradients'] as const) {
    for (const [i, tensor] of lists[name].entries()) inputs[`${name} ${i}`] = tensor;
  }
  return inputs;
}

/** The lists again. */
export function readSgdLists(inputs: SgdInputs): SgdLists {
  const list = (name: string): tf.Tensor[] =>
    Object.entries(inputs).flatMap(([key, tensor]) => (key.startsWith(`${name} `) ? [tensor] : []));
  return { weights: list('weights'), velocities: list('velocities'), gradients: list('gradients') };
}
