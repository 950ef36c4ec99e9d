import { check } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import { BFLOAT16, overridden, replaceBinding } from './bfloat16.ts';

/** How long a TensorFlow op took in all. */
export interface OpTime {
  /** TensorFlow's name of the op, with `:bfloat16` where it computes in that type. */
  readonly op: string;
  readonly calls: number;
  readonly milliseconds: number;
}

/**
 * Where the time goes: runs a function, and times each TensorFlow op that it executes. On the engine `node` an op has
 * ended when its call returns, so the times are those of the ops; what is missing to the whole is JavaScript's.
 *
 * @param run disposes its own tensors.
 * @returns ops, the longest first.
 * @throws ProtomemError on another engine; `node-gpu` returns before an op has ended
 *
 * @example
 * ```ts
 * const ops = await profileOps(async () => encoder.apply(images).dispose());
 * console.table(ops.slice(0, 5));
 * ```
 */
export async function profileOps(run: () => void | Promise<void>): Promise<OpTime[]> {
  const backend = tf.backend() as tf.KernelBackend & { isUsingGpuDevice: boolean };
  check(tf.getBackend() === 'tensorflow' && !backend.isUsingGpuDevice, () => ({
    where: 'profileOps',
    what: 'engine',
    got: tf.getBackend(),
    expected: 'the engine node',
    fix: 'Elsewhere tf.profile tells of kernels.',
  }));
  const times = new Map<string, { calls: number; milliseconds: number }>();
  const restore = replaceBinding(backend, (binding) => {
    const executeOp: typeof binding.executeOp = (op, attributes, inputs, count) => {
      const begun = performance.now();
      const outputs = binding.executeOp(op, attributes, inputs, count);
      const isBfloat16 = attributes.some(({ name, value }) => name === 'T' && value === BFLOAT16);
      const key = isBfloat16 ? `${op}:bfloat16` : op;
      const { calls, milliseconds } = times.get(key) ?? { calls: 0, milliseconds: 0 };
      times.set(key, { calls: calls + 1, milliseconds: milliseconds + performance.now() - begun });
      return outputs;
    };
    return overridden(binding, { executeOp });
  });
  try {
    await run();
  } finally {
    restore();
  }
  return Array.from(times, ([op, time]) => ({ op, ...time })).sort((a, b) => b.milliseconds - a.milliseconds);
}
