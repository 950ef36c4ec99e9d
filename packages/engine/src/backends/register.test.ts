import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { composedKernels } from '../kernels/composed/kernels.ts';
import { kernelName, type TrainingKernels } from '../kernels/training-kernels.ts';
import { updateRows } from '../ops/update-rows.ts';
import { expectClose } from '../testing.ts';
import { registerTrainingKernels } from './register.ts';

const [batchNormTrainingName, updateRowsName] = [kernelName('batchNormTraining'), kernelName('updateRows')];

describe('registerTrainingKernels', () => {
  it('is called by an op on a backend that loadEngine never saw', async () => {
    await tf.setBackend('cpu');
    expect(tf.getKernel(updateRowsName, 'cpu') ?? undefined).toBeUndefined();
    tf.tidy(() => {
      const matrix = tf.zeros([2, 2]) as tf.Tensor2D;
      updateRows(matrix, Int32Array.of(1), tf.ones([1, 2]));
      expectClose(matrix, [0, 0, 1, 1]);
    });
    expect(tf.getGradient(batchNormTrainingName)).toBeDefined();
  });

  it('gives a backend that it does not know compositions', () => {
    registerTrainingKernels('another');
    expect(tf.getKernel(updateRowsName, 'another')).toBeDefined();
    expect(tf.getKernel(batchNormTrainingName, 'another')).toBeDefined();
  });

  it('names what is missing when the backend is not imported', () => {
    expect(() => registerTrainingKernels('wasm')).toThrow(/kernel BatchMatMul of backend wasm is "missing".*Import/);
    expect(tf.getKernel(updateRowsName, 'wasm') ?? undefined).toBeUndefined();
  });

  it('registers every kernel of ours under the name of its key', () => {
    registerTrainingKernels('a third');
    const names = tf.getKernelsForBackend('a third').map(({ kernelName: name }) => name);
    expect(names).toHaveLength(Object.keys(composedKernels).length);
    expect(names).toEqual(expect.arrayContaining(['protomem.BatchNormTraining', 'protomem.UpdateRows']));
  });

  it('does not compile where a backend misses a kernel, or has one of other types', () => {
    const { prelu, ...rest } = composedKernels;
    // @ts-expect-error prelu is missing
    const missing: TrainingKernels = rest;
    // @ts-expect-error it takes other inputs
    const other: TrainingKernels = { ...rest, prelu: rest.updateRows };
    const whole: TrainingKernels = { ...rest, prelu };
    const all = Object.keys(composedKernels).length;
    expect([missing, other, whole].map((kernels) => Object.keys(kernels).length)).toEqual([all - 1, all, all]);
  });
});
