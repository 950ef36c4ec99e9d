import { check } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import { type Kernel, type KernelKey, kernelName, type TrainingKernels } from './training-kernels.ts';

/** Kernels that take the place of tfjs's own, or that it lacks on a backend, by their names in tfjs. */
export type Overrides = Readonly<Record<string, Kernel>>;

/** Gives a backend our kernels, and those in place of tfjs's own. */
export function registerKernels(backendName: string, kernels: TrainingKernels, overrides: Overrides): void {
  for (const [name, kernel] of Object.entries(overrides)) registerKernel(backendName, name, kernel);
  for (const [key, kernel] of Object.entries(kernels)) {
    registerKernel(backendName, kernelName(key as KernelKey), kernel as Kernel);
  }
}

/** A replaced kernel's set-up function is kept, because the backend may not be started yet. */
function registerKernel(backendName: string, kernelName: string, kernel: Kernel): void {
  const replaced = tf.getKernel(kernelName, backendName);
  if (replaced) tf.unregisterKernel(kernelName, backendName);
  tf.registerKernel({
    ...replaced,
    kernelName,
    backendName,
    kernelFunc: ({ inputs, attrs, backend }) =>
      kernel(inputs as tf.NamedTensorMap, (attrs ?? {}) as tf.NamedAttrMap, backend as tf.KernelBackend),
  });
}

/** The kernel with one output that a backend has of tfjs under a name, so that another can be built on it. */
export function tfjsKernel(kernelName: string, backendName: string): Kernel<tf.NamedTensorMap, tf.Tensor> {
  const config = tf.getKernel(kernelName, backendName);
  check(config !== undefined && config !== null, () => ({
    where: 'registerTrainingKernels',
    what: `kernel ${kernelName} of backend ${backendName}`,
    got: 'missing',
    expected: 'a backend whose package is imported',
    fix: `Import the package of the ${backendName} backend first, or call loadEngine.`,
  }));
  return (inputs, attrs, backend) => {
    const out = config.kernelFunc({ inputs, attrs, backend });
    // tfjs-node's kernels make tensors, the others what tensors are made from.
    return out instanceof tf.Tensor ? out : tf.engine().makeTensorFromTensorInfo(out as tf.TensorInfo);
  };
}
