import * as tf from '@tensorflow/tfjs';
import { composedKernels } from '../kernels/composed/kernels.ts';
import { registerGradients } from '../kernels/gradients.ts';
import { type Overrides, registerKernels } from '../kernels/registry.ts';
import {
  type KernelKey,
  kernelName,
  type RunKernel,
  type TrainingKernels,
  trainingKernel,
} from '../kernels/training-kernels.ts';
import { cpuKernels, cpuOverrides } from './cpu/kernels.ts';
import { tensorflowKernels } from './tensorflow/kernels.ts';
import { narrowImages } from './tensorflow/narrow-images.ts';
import { pointwiseConvolutions } from './tensorflow/pointwise-convolution.ts';
import { winogradConvolutions } from './tensorflow/winograd-convolution.ts';
import { wasmKernels, wasmOverrides } from './wasm/kernels.ts';
import { webgpuKernels, webgpuOverrides } from './webgpu/kernels.ts';

interface BackendKernels {
  readonly kernels: TrainingKernels;
  /** In place of tfjs's own; made when they are registered, on top of what the backend has by then. */
  readonly overrides?: () => Overrides;
}

/** By name of the backend in tfjs. */
const backends: Readonly<Record<string, BackendKernels>> = {
  cpu: { kernels: cpuKernels, overrides: cpuOverrides },
  tensorflow: {
    kernels: tensorflowKernels,
    overrides: () => narrowImages(winogradConvolutions(pointwiseConvolutions())),
  },
  wasm: { kernels: wasmKernels, overrides: wasmOverrides },
  webgpu: { kernels: webgpuKernels, overrides: webgpuOverrides },
};

/** Where one of them is, all are. */
const anyName = kernelName('updateRows');

/**
 * Gives a tfjs backend the kernels that training needs: those of `batchNormTraining`, `prelu`, `sgdUpdate` and so on, and for
 * `wasm` also the gradient kernels that tfjs does not have there, has wrong, or has very slow; for `cpu` and `webgpu` what it has
 * wrong. A backend that this package does not know gets compositions of tfjs's ops.
 *
 * `loadEngine` calls it, and so does each of these ops on its first use on a backend, so most programs need not.
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
  if (tf.getKernel(anyName, backendName)) return;
  const { kernels, overrides } = backends[backendName] ?? { kernels: composedKernels };
  registerKernels(backendName, kernels, overrides?.() ?? {});
  registerGradients();
}

/** One of our kernels as a function that runs it on the active backend, which gets them now when it has none. */
export function registeredKernel<K extends KernelKey>(key: K): RunKernel<K> {
  const run = trainingKernel(key);
  return (inputs, attrs) => {
    // No backend yet means that no tensor of the caller's was used either: let tfjs choose its own.
    if (!tf.engine().backendName) tf.backend();
    registerTrainingKernels(tf.engine().backendName);
    return run(inputs, attrs);
  };
}
