import type * as tf from '@tensorflow/tfjs';
import type { Inputs } from './kernel.ts';

/** What the op passes besides tensors. */
export interface SgdAttributes {
  readonly momentum: number;
  readonly nesterov: boolean;
}

/** The kernel's inputs as lists again. */
export function readSgdInputs({ rate, decays, ...rest }: Inputs) {
  const list = (name: string): tf.Tensor[] =>
    Object.entries(rest).flatMap(([key, tensor]) => (key.startsWith(`${name} `) ? [tensor] : []));
  return {
    rate: rate as tf.Scalar,
    decays: decays as tf.Tensor1D,
    weights: list('weights'),
    velocities: list('velocities'),
    gradients: list('gradients'),
  };
}
