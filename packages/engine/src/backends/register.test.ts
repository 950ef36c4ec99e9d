import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { kernelName } from '../kernels/training-kernels.ts';
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
});
