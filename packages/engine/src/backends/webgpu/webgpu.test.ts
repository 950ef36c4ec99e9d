import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { elsewhere } from '../../../fixtures/elsewhere.ts';
import { normal } from '../../../fixtures/naive.ts';
import { loadEngine } from '../../load-engine.ts';
import { batchNormPreluTraining, batchNormTraining } from '../../ops/batch-norm-training.ts';
import { prelu } from '../../ops/prelu.ts';
import { sparseSoftmaxCrossEntropy } from '../../ops/sparse-softmax-cross-entropy.ts';
import { updateRows } from '../../ops/update-rows.ts';
import { expectClose, leaked, useEngine } from '../../testing.ts';
import { webgpu } from './backend.ts';

it.runIf(process.platform === 'linux')('says what to do where there is no adapter', async () => {
  const drivers = { VK_DRIVER_FILES: '/none.json', VK_ICD_FILENAMES: '/none.json' };
  const { result, code } = await elsewhere(`return loadEngine({ prefer: 'webgpu' }).catch((e) => e.message)`, drivers);
  expect(result).toMatch(/the WebGPU adapter is "missing".*Vulkan.*mesa-vulkan-drivers/);
  expect(code).toBe(0);
});

const reason = await loadEngine({ prefer: 'webgpu' }).then(
  () => undefined,
  (error: Error) => error.message,
);
if (reason) console.log(`skipping the tests of the engine "webgpu": ${reason}`);

/** A tensor that the host does not know: small ones that it knows it computes itself. */
function onGpu<T extends tf.Tensor>(tensor: T): T {
  webgpu(tf.backend()).uploadToGPU(tensor.dataId);
  return tensor;
}

type Four = tf.Tensor4D;
type One = tf.Tensor1D;

/** Values and gradients of `f` at random inputs of these shapes, for a random gradient of its result. */
function both(f: (...inputs: never[]) => tf.Tensor, ...shapes: number[][]): tf.Tensor[] {
  const inputs = shapes.map((shape, i) => normal(shape, i + 1));
  const value = f(...(inputs as never[]));
  return [value, ...tf.grads(f as (...inputs: tf.Tensor[]) => tf.Tensor)(inputs, normal(value.shape, 99))];
}

/** As encoders pad where `same` would be off by a row: one zero at the start. */
const padding: [number, number][] = [
  [0, 0],
  [1, 0],
  [1, 0],
  [0, 0],
];

const cases: Record<string, () => tf.Tensor[]> = {
  'conv2d, same': () => both((x: Four, f: Four) => tf.conv2d(x, f, 1, 'same'), [2, 7, 6, 3], [3, 3, 3, 5]),
  'conv2d, same, stride 2': () => both((x: Four, f: Four) => tf.conv2d(x, f, 2, 'same'), [2, 7, 7, 4], [3, 3, 4, 8]),
  'conv2d, padded by hand, stride 2': () =>
    both((x: Four, f: Four) => tf.conv2d(tf.pad(x, padding), f, 2, 'valid'), [2, 8, 8, 4], [3, 3, 4, 8]),
  'conv2d, 1 x 1, stride 2': () =>
    both((x: Four, f: Four) => tf.conv2d(x, f, 2, 'valid'), [2, 8, 8, 16], [1, 1, 16, 4]),
  'conv2d of whole maps': () => both((x: Four, f: Four) => tf.conv2d(x, f, 1, 'valid'), [3, 7, 7, 4], [7, 7, 4, 6]),
  'depthwise, same': () => both((x: Four, f: Four) => tf.depthwiseConv2d(x, f, 1, 'same'), [2, 7, 6, 8], [3, 3, 8, 1]),
  'depthwise, same, stride 2': () =>
    both((x: Four, f: Four) => tf.depthwiseConv2d(x, f, 2, 'same'), [2, 7, 7, 5], [3, 3, 5, 1]),
  'depthwise, padded by hand, stride 2': () =>
    both((x: Four, f: Four) => tf.depthwiseConv2d(tf.pad(x, padding), f, 2, 'valid'), [2, 8, 8, 8], [3, 3, 8, 1]),
  'depthwise of whole maps': () =>
    both((x: Four, f: Four) => tf.depthwiseConv2d(x, f, 1, 'valid'), [3, 7, 7, 4], [7, 7, 4, 1]),
  'matMul, transposed': () => both((a: tf.Tensor2D, b: tf.Tensor2D) => tf.matMul(a, b, false, true), [9, 40], [33, 40]),
  batchNormTraining: () => both((x: Four, a: One, b: One) => batchNormTraining(x, a, b).y, [3, 5, 4, 9], [9], [9]),
  batchNormPreluTraining: () =>
    both((x: Four, a: One, b: One, c: One) => batchNormPreluTraining(x, a, b, c).y, [3, 5, 4, 9], [9], [9], [9]),
  prelu: () => both((x: Four, a: One) => prelu(x, a), [2, 3, 4, 7], [7]),
  sparseSoftmaxCrossEntropy: () =>
    both((z: tf.Tensor2D) => sparseSoftmaxCrossEntropy(z, tf.tensor1d([4, 0, 1002, 7], 'int32')), [4, 1003]),
  'gather, rows more than once': () =>
    both((x: tf.Tensor2D) => tf.gather(x, tf.tensor1d([4, 0, 4, 4, 2], 'int32')), [5, 300]),
  'unsortedSegmentSum of integers, ids outside': () => {
    const [x, ids] = [tf.tensor1d([1, 2, 4, 8, 16], 'int32'), tf.tensor1d([2, 0, -1, 2, 5], 'int32')];
    return [tf.unsortedSegmentSum(x, ids, 3)];
  },
  'addN of many': () => [1, 7, 8, 30].map((n) => tf.addN(Array.from({ length: n }, (_, i) => normal([3, 4], i)))),
  'concat of many': () => [
    tf.concat(
      Array.from({ length: 30 }, (_, i) => normal([30, 40], i)),
      1,
    ),
  ],
  'topk, cumsum, logSumExp': () => {
    const x = normal([3, 500]);
    const { values, indices } = tf.topk(x, 5);
    return [values, indices, tf.cumsum(x, 1), tf.logSumExp(x, 1)];
  },
  acos: () => [
    tf.acos(Float32Array.from({ length: 2001 }, (_, i) => i / 1000 - 1)),
    tf.acos(tf.tensor2d([[1, -1, 0, 0.5]])),
  ],
  'updateRows, in place': () => {
    const matrix = tf.mul(normal([60, 24]), 2) as tf.Tensor2D;
    const flat = tf.reshape(matrix, [-1]);
    const before = tf.tensor(matrix.dataSync().slice());
    updateRows(matrix, Int32Array.of(3, 59), tf.mul(normal([2, 24], 2), 3) as tf.Tensor2D);
    return [before, flat, tf.matMul(normal([4, 24], 3) as tf.Tensor2D, matrix, false, true)];
  },
};

describe.skipIf(reason)('webgpu', () => {
  const expected: Record<string, number[][]> = {};

  beforeAll(async () => {
    await useEngine('cpu');
    for (const [name, run] of Object.entries(cases)) {
      expected[name] = tf.tidy(() => run().map((tensor) => [...tensor.dataSync()]));
    }
    await useEngine('webgpu');
  });

  it('loads, says what it is, and puts back what it needed', async () => {
    const before = [globalThis.setImmediate, Object.getOwnPropertyDescriptor(globalThis, 'navigator')];
    const info = await loadEngine({ prefer: 'webgpu' });
    expect(info).toMatchObject({ engine: 'webgpu', backend: 'webgpu', threads: 1, precision: 'float32' });
    expect(info.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(info.device).not.toBe('');
    expect([globalThis.setImmediate, Object.getOwnPropertyDescriptor(globalThis, 'navigator')]).toEqual(before);
    expect((globalThis as { navigator?: object }).navigator ?? {}).not.toHaveProperty('gpu');
  });

  it.each(Object.keys(cases))('%s: values and gradients are those of cpu', async (name) => {
    const found = tf.tidy(cases[name]!);
    for (const [i, values] of expected[name]!.entries()) expectClose(await found[i]!.data(), values, 1e-5);
    tf.dispose(found);
  });

  it.each(Object.keys(cases))('%s: leaves no tensor and no memory behind', (name) => {
    const backend = tf.backend() as unknown as { numDataIds(): number };
    const before = backend.numDataIds();
    expect(leaked(() => tf.dispose(tf.tidy(cases[name]!)))).toBe(0);
    expect(backend.numDataIds()).toBe(before);
  });

  it('reads at once and later, of every type, in any order', async () => {
    const x = onGpu(tf.tensor1d([2, -4, 6]));
    const later = tf.tidy(() => tf.square(x)).data();
    expect(x.dataSync()).toEqual(Float32Array.of(2, -4, 6));
    tf.tidy(() => {
      expect(tf.greater(x, 0).dataSync()).toEqual(Uint8Array.of(1, 0, 1));
      expect(onGpu(tf.tensor1d([3, -3], 'int32')).dataSync()).toEqual(Int32Array.of(3, -3));
    });
    expect(await later).toEqual(Float32Array.of(4, 16, 36));
    x.dispose();
  });

  it('gives an error, not zeros, after an operation that the GPU refused', async () => {
    const { device } = tf.backend() as unknown as { device: { createBuffer(of: object): void } };
    const x = onGpu(tf.tensor1d([2, 4]));
    device.createBuffer({ size: 16, usage: 0 });
    expect(() => x.dataSync()).toThrow(/an operation before this read is "failed".*The GPU says: .*smaller batches/);
    expect(x.dataSync()).toEqual(Float32Array.of(2, 4));
    device.createBuffer({ size: 16, usage: 0 });
    await expect(tf.tidy(() => tf.square(x)).data()).rejects.toThrow(/The GPU says/);
    x.dispose();
  });

  it('gives NaN for a target outside the columns that only the GPU knows', () => {
    tf.tidy(() => {
      const targets = onGpu(tf.tensor1d([2, 3, 1], 'int32'));
      const { value, grad } = tf.valueAndGrad((z) => sparseSoftmaxCrossEntropy(z as tf.Tensor2D, targets))(
        normal([3, 3]),
      );
      const notANumber = (values: ArrayLike<number>): boolean[] => Array.from(values, Number.isNaN);
      expect(notANumber(value.dataSync())).toEqual([false, true, false]);
      expect(notANumber(tf.sum(grad, 1).dataSync())).toEqual([false, true, false]);
    });
  });

  it('lets the process end', async () => {
    const { result, code, signal } = await elsewhere(`
      await loadEngine({ prefer: 'webgpu' });
      const unread = tf.square(tf.tensor1d([1, 2])).data();
      return [...tf.matMul(tf.ones([2, 3]), tf.ones([3, 2])).dataSync()];`);
    expect({ result, code, signal }).toEqual({ result: [3, 3, 3, 3], code: 0, signal: null });
  });
});
