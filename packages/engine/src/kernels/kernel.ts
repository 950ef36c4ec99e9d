import { check } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';

/** Inputs of a kernel by name, as tfjs hands them over; a kernel does not dispose them. */
export type Inputs = Readonly<Record<string, tf.Tensor>>;

/** What a kernel computes: the caller owns what it returns. `attrs` is what the op passed, unchecked by tfjs. */
export type Kernel<Output = tf.TensorInfo | tf.TensorInfo[]> = (
  inputs: Inputs,
  attrs: tf.NamedAttrMap,
  backend: tf.KernelBackend,
) => Output;

/** Kernels by name. */
export type Kernels = Readonly<Record<string, Kernel>>;

/**
 * Puts kernels into tfjs's registry for one backend, in place of those that have the name already.
 * A replaced kernel's set-up function is kept, because the backend may not be started yet.
 */
export function registerKernels(backendName: string, kernels: Kernels): void {
  for (const [kernelName, kernel] of Object.entries(kernels)) {
    const stock = tf.getKernel(kernelName, backendName);
    if (stock) tf.unregisterKernel(kernelName, backendName);
    tf.registerKernel({
      ...stock,
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs, backend }) =>
        kernel(inputs as unknown as Inputs, (attrs ?? {}) as tf.NamedAttrMap, backend as tf.KernelBackend),
    });
  }
}

/** The kernel with one output that a backend has under a name, so that another can be built on it. */
export function stockKernel(kernelName: string, backendName: string): Kernel<tf.Tensor> {
  const config = tf.getKernel(kernelName, backendName);
  check(config !== undefined && config !== null, () => ({
    where: 'registerTrainingKernels',
    what: `kernel ${kernelName} of backend ${backendName}`,
    got: 'missing',
    expected: 'a backend whose package is imported',
    fix: `Import the package of the ${backendName} backend first, or call loadEngine.`,
  }));
  return (inputs, attrs, backend) => {
    const out = config.kernelFunc({ inputs: inputs as unknown as tf.NamedTensorInfoMap, attrs, backend });
    // tfjs-node's kernels make tensors, the others what tensors are made from.
    return out instanceof tf.Tensor ? out : tf.engine().makeTensorFromTensorInfo(out as tf.TensorInfo);
  };
}

/** Runs a kernel with one output on the active backend. */
export function call(kernelName: string, inputs: Inputs, attrs: tf.NamedAttrMap = {}): tf.Tensor {
  return tf.engine().runKernel(kernelName, inputs, attrs) as tf.Tensor;
}
