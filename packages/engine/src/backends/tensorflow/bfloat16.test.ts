import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { normal } from '../../../fixtures/naive.ts';
import { loadEngine } from '../../load-engine.ts';
import { batchNormPreluTraining } from '../../ops/batch-norm-training.ts';
import { prelu } from '../../ops/prelu.ts';
import { scaleShiftPrelu } from '../../ops/scale-shift-prelu.ts';
import { multipliesBfloat16 } from '../../processor.ts';
import { enginesAtHand, expectClose, leaked } from '../../testing.ts';
import { hasTrainingOps } from './has-training-ops.ts';
import { profileOps } from './profile-ops.ts';

const here = (await enginesAtHand()).includes('node') && multipliesBfloat16() === true;
if (!here) console.log('skipped: bfloat16 convolutions, which need the engine node and a processor that has bfloat16');

type Convolve = (x: tf.Tensor4D, filter: tf.Tensor4D) => tf.Tensor4D;
const geometries: Readonly<Record<string, Convolve>> = {
  'same, stride 1': (x, filter) => tf.conv2d(x, filter, 1, 'same'),
  'same, stride 2': (x, filter) => tf.conv2d(x, filter, 2, 'same'),
  'valid, stride 2': (x, filter) => tf.conv2d(x, filter, 2, 'valid'),
};

/** A convolution and its two gradients in a precision. */
async function compute(precision: 'float32' | 'bfloat16', convolve: Convolve, x: tf.Tensor4D, filter: tf.Tensor4D) {
  await loadEngine({ prefer: 'node', precision });
  const y = convolve(x, filter);
  const [dx, dFilter] = tf.grads((a, b) => tf.sum(tf.mul(convolve(a as tf.Tensor4D, b as tf.Tensor4D), y)))([
    x,
    filter,
  ]);
  return { y, dx: dx!, dFilter: dFilter! };
}

describe.skipIf(!here)('convolutions in bfloat16', () => {
  beforeAll(() => loadEngine({ prefer: 'node' }));
  afterAll(() => loadEngine({ prefer: 'node' }));

  it.each(Object.entries(geometries))('are exact where nothing is rounded: %s', async (_, convolve) => {
    // Small integers, and sums below 256, have their place in bfloat16.
    const x = tf.tensor4d(Array.from({ length: 2 * 6 * 5 * 3 }, (_, i) => (i * 7) % 3) as number[], [2, 6, 5, 3]);
    const filter = tf.tensor4d(
      Array.from({ length: 9 * 3 * 2 }, (_, i) => ((i * 5) % 3) - 1) as number[],
      [3, 3, 3, 2],
    );
    const exact = await compute('float32', convolve, x, filter);
    const rounded = await compute('bfloat16', convolve, x, filter);
    expectClose(rounded.y, exact.y, 0);
  });

  it('have the gradients of filters where an image is narrower than its stride, whatever memory held before', async () => {
    for (const [size, stride, width] of [
      [3, 2, 1],
      [3, 3, 2],
      [5, 4, 3],
    ] as const) {
      const x = tf.ones<tf.Rank.R4>([4, 15, width, 8]);
      const filter = tf.ones<tf.Rank.R4>([size, size, 8, 8]);
      const deep = tf.ones<tf.Rank.R4>([size, size, 8, 1]);
      const both: readonly (readonly [tf.Tensor4D, Convolve])[] = [
        [filter, (a, b) => tf.conv2d(a, b, stride, 'same')],
        [deep, (a, b) => tf.depthwiseConv2d(a, b, stride, 'same')],
      ];
      for (const [kernel, convolve] of both) {
        const gradient = () => tf.grad((b) => tf.sum(convolve(x, b as tf.Tensor4D)))(kernel);
        await loadEngine({ prefer: 'node', precision: 'float32' });
        const exact = gradient();
        await loadEngine({ prefer: 'node', precision: 'bfloat16' });
        for (const length of [256, 4096, 65_536]) tf.dispose(Array.from({ length: 6 }, () => tf.fill([length], NaN)));
        expectClose(gradient(), exact.dataSync(), 1e-2);
      }
    }
  });

  it.each(Object.entries(geometries))('and their gradients are off by its rounding: %s', async (_, convolve) => {
    const x = tf.randomNormal<tf.Rank.R4>([3, 9, 8, 16], 0, 1, 'float32', 1);
    const filter = tf.randomNormal<tf.Rank.R4>([3, 3, 16, 8], 0, 1, 'float32', 2);
    const exact = await compute('float32', convolve, x, filter);
    const rounded = await compute('bfloat16', convolve, x, filter);
    for (const name of ['y', 'dx', 'dFilter'] as const) {
      const error = tf.norm(tf.sub(rounded[name], exact[name])).dataSync()[0]! / tf.norm(exact[name]).dataSync()[0]!;
      // Three roundings (two factors, the result), each with a relative error of at most 2^-9; a gradient has them twice.
      expect(error, name).toBeLessThan(6 * 2 ** -9);
      expect(error, name).toBeGreaterThan(2 ** -12);
    }
  });

  it('give float32 again when asked', async () => {
    const x = tf.fill<tf.Rank.R4>([1, 16, 16, 64], 1 + 2 ** -9);
    const filter = tf.ones<tf.Rank.R4>([3, 3, 64, 64]);
    const first = (): number => tf.conv2d(x, filter, 1, 'valid').dataSync()[0]!;
    await loadEngine({ prefer: 'node', precision: 'bfloat16' });
    expect(first()).toBe(9 * 64);
    await loadEngine({ prefer: 'node' });
    expect(first()).toBe(9 * 64 * (1 + 2 ** -9));
  });

  it('leave no tensor behind', async () => {
    await loadEngine({ prefer: 'node', precision: 'bfloat16' });
    const [x, filter] = [tf.ones<tf.Rank.R4>([1, 5, 5, 2]), tf.ones<tf.Rank.R4>([3, 3, 2, 2])];
    expect(
      leaked(() => {
        tf.dispose(tf.grads((a, b) => tf.sum(tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 1, 'same')))([x, filter]));
      }),
    ).toBe(0);
  });

  /** A residual block as encoders have it, with every op that has a policy. */
  function block(inputs: readonly tf.Tensor[]): tf.Tensor {
    const [x, filter, separate, second, scale, offset, alpha] = inputs as unknown as [
      ...[tf.Tensor4D, tf.Tensor4D, tf.Tensor4D, tf.Tensor4D],
      ...[tf.Tensor1D, tf.Tensor1D, tf.Tensor1D],
    ];
    const maps = tf.conv2d(x, filter, 1, 'same');
    const normed = batchNormPreluTraining(maps, scale, offset, alpha).y;
    const apart = prelu(tf.depthwiseConv2d(normed, separate, 1, 'same'), alpha);
    const padded = tf.pad(tf.add<tf.Tensor4D>(apart, maps), [
      [0, 0],
      [1, 0],
      [1, 0],
      [0, 0],
    ]);
    const halved = tf.depthwiseConv2d(padded, separate, 2, 'valid');
    return tf.reshape(scaleShiftPrelu(tf.conv2d(halved, second, 1, 'valid'), scale, offset, alpha), [-1]);
  }

  const blockInputs = (): tf.Tensor[] => [
    normal([4, 8, 8, 16], 1),
    normal([3, 3, 16, 16], 2, 0.1),
    normal([3, 3, 16, 1], 3, 0.3),
    normal([1, 1, 16, 16], 4, 0.3),
    ...[5, 6, 7].map((seed) => tf.tidy(() => tf.add(normal([16], seed, 0.2), 0.5))),
  ];

  it('go through a block, forward and back, and are off by little', async () => {
    const inputs = blockInputs();
    const run = async (precision: 'float32' | 'bfloat16'): Promise<tf.Tensor[]> => {
      await loadEngine({ prefer: 'node', precision });
      return tf.tidy(() => [block(inputs), ...tf.grads((...given) => tf.sum(tf.square(block(given))))(inputs)]);
    };
    const exact = await run('float32');
    const rounded = await run('bfloat16');
    for (const [i, tensor] of exact.entries()) {
      const [error, norm] = tf.tidy(() => [tf.norm(tf.sub(rounded[i]!, tensor)), tf.norm(tensor)]);
      expect(error!.dataSync()[0]! / norm!.dataSync()[0]!, `tensor ${i}`).toBeLessThan(0.03);
      expect(error!.dataSync()[0]!, `tensor ${i}`).toBeGreaterThan(0);
      tf.dispose([error!, norm!]);
    }
    tf.dispose([inputs, exact, rounded]);
  });

  it('stay bfloat16 between the convolutions, and are float32 to everything else', async () => {
    await loadEngine({ prefer: 'node', precision: 'bfloat16' });
    const inputs = blockInputs();
    const ops = (await profileOps(() => block(inputs).dispose())).map(({ op }) => op);
    if (hasTrainingOps(tf.backend())) {
      const between = ['ProtomemBatchNormPrelu', 'ProtomemScaleShiftPrelu', 'Add', 'PadV2', 'Reshape'];
      expect(ops).toEqual(expect.arrayContaining(between.map((op) => `${op}:bfloat16`)));
    }
    tf.tidy(() => {
      const y = block(inputs);
      expect(y.dtype).toBe('float32');
      const bits = new Uint32Array(Float32Array.from(y.dataSync()).buffer);
      expect(bits.every((value) => (value & 0xffff) === 0)).toBe(true);
      // A sum with float32 is float32.
      const sum = tf.add(y, 2 ** -20).dataSync();
      expect(sum.some((value, i) => value !== y.dataSync()[i])).toBe(true);
      expectClose(tf.mean(y), [[...y.dataSync()].reduce((total, value) => total + value, 0) / y.size], 1e-5);
    });
    expect(leaked(() => tf.tidy(() => block(inputs)).dispose())).toBe(0);
    expect(leaked(() => tf.dispose(tf.grads((...given) => tf.sum(block(given)))(inputs)))).toBe(0);
    tf.dispose(inputs);
  });

  it('can be read when float32 is back', async () => {
    await loadEngine({ prefer: 'node', precision: 'bfloat16' });
    const [x, filter] = [normal([1, 5, 5, 2], 1) as tf.Tensor4D, normal([1, 1, 2, 2], 2) as tf.Tensor4D];
    const y = tf.conv2d(x, filter, 1, 'same');
    await loadEngine({ prefer: 'node' });
    const [again, read] = [tf.conv2d(y, filter, 1, 'same'), tf.tensor4d(y.dataSync(), y.shape)];
    expectClose(again, tf.conv2d(read, filter, 1, 'same'), 0);
    tf.dispose([x, filter, y, again, read]);
  });
});
