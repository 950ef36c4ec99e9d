import * as tf from '@tensorflow/tfjs';
import type { Inputs, Kernel } from '../kernel.ts';

/** Of the eight buffers that WebGPU allows a shader, one is the result. */
const AT_ONCE = 7;

/** The stock kernel gives all terms to one shader, which the GPU refuses. */
export function addN(stock: Kernel<tf.Tensor>): Kernel<tf.Tensor> {
  return (inputs, attrs, backend) =>
    tf.tidy(() => {
      // Of this kernel the inputs are a list.
      const sum = (terms: tf.Tensor[]): tf.Tensor => stock(terms as unknown as Inputs, attrs, backend);
      let terms = Object.values(inputs);
      while (terms.length > AT_ONCE) terms = [sum(terms.slice(0, AT_ONCE)), ...terms.slice(AT_ONCE)];
      return sum(terms);
    });
}
