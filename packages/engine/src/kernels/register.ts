import * as tf from '@tensorflow/tfjs';
import { cpuKernels } from './cpu/kernels.ts';
import { gradients } from './gradients.ts';
import { type Kernels, registerKernels } from './kernel.ts';
import { updateRowsName } from './names.ts';
import { stockKernels } from './stock/kernels.ts';
import { tensorflowKernels } from './tensorflow/kernels.ts';
import { wasmKernels } from './wasm/kernels.ts';
import { webgpuKernels } from './webgpu/kernels.ts';

const special: Readonly<Record<string, () => Kernels>> = {
  cpu: () => cpuKernels,
  tensorflow: tensorflowKernels,
  wasm: wasmKernels,
  webgpu: webgpuKernels,
};

/**
 * Gives a tfjs backend the kernels that training needs: those of `batchNormTraining`, `prelu`,
 * `sparseSoftmaxCrossEntropy` and `updateRows`, and for `wasm` also the gradient kernels that tfjs does not have
 * there, has wrong, or has very slow; for `webgpu` what it has wrong. A backend for which there is no special kernel gets
 * a composition of stock ops.
 *
 * `loadEngine` calls it, and so does each of the four ops on its first use on a backend, so most programs need not.
 * Calling it again does nothing.
 *
 * @param backendName name of a backend in tfjs's registry, such as `tensorflow`, `wasm` or `cpu`
 * @throws ProtomemError when the backend's own kernels are not registered yet
 *
 * @example
 * ```ts
 * await tf.setBackend('wasm');
 * registerTrainingKernels('wasm'); // now tf.grad of conv2d works there
 * ```
 */
export function registerTrainingKernels(backendName: string): void {
  // The registry remembers, not this module: a program may hold two copies of it.
  if (tf.getKernel(updateRowsName, backendName)) return;
  registerKernels(backendName, { ...stockKernels, ...special[backendName]?.() });
  for (const gradient of gradients) {
    if (!tf.getGradient(gradient.kernelName)) tf.registerGradient(gradient);
  }
}

/** Runs one of our kernels on the active backend, which gets them now when it has none. */
export function runTrainingKernel(
  kernelName: string,
  inputs: Record<string, tf.Tensor>,
  attrs: tf.NamedAttrMap = {},
): tf.Tensor[] {
  const { backendName } = tf.engine();
  // No backend yet means that no tensor of the caller's was used either: let tfjs choose its own.
  if (!backendName) tf.backend();
  registerTrainingKernels(tf.engine().backendName);
  return [tf.engine().runKernel(kernelName, inputs, attrs) as tf.Tensor | tf.Tensor[]].flat();
}
