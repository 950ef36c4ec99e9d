import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { normal } from '../../../fixtures/naive.ts';
import { enginesAtHand, expectClose, leaked, useEngine } from '../../testing.ts';
import { setBfloat16 } from './bfloat16.ts';
import { profileOps } from './profile-ops.ts';

const here = (await enginesAtHand()).includes('node');
if (!here) console.log('skipped: which of TensorFlow ops a 1x1 convolution is, which needs the engine node');

/** The filter's gradient of 4 images of 12 x 12, and the same by a matrix product of the pixels that the stride leaves. */
function filterGradient(channels: number, format: 'NHWC' | 'NCHW' = 'NHWC', strides = [2, 2]) {
  const [rows, columns] = strides.map((stride) => Math.ceil(12 / stride)) as [number, number];
  const x = normal([4, 12, 12, channels], 1) as tf.Tensor4D;
  const dy = normal([4, rows, columns, 24], 2) as tf.Tensor4D;
  const pixels = tf.stridedSlice(x, [0, 0, 0, 0], x.shape, [1, ...strides, 1]);
  const expected = tf.matMul(tf.reshape(pixels, [-1, channels]), tf.reshape(dy, [-1, 24]), true);
  const inputs = format === 'NCHW' ? { x: x.transpose([0, 3, 1, 2]), dy: dy.transpose([0, 3, 1, 2]) } : { x, dy };
  const attrs = { strides, pad: 'same', dataFormat: format, filterShape: [1, 1, channels, 24] };
  const run = (): tf.Tensor => tf.engine().runKernel('Conv2DBackpropFilter', inputs, attrs);
  return { run, expected: tf.reshape(expected, attrs.filterShape) };
}

describe.skipIf(!here)('the filter of a strided 1x1 convolution on node', () => {
  beforeAll(() => useEngine('node'));

  it.each([
    [1, 'MatMul'],
    [8, 'MatMul'],
    [15, 'MatMul'],
    // Right in TensorFlow, and as fast: the narrowest IResNet in use begins with 16, others have 64.
    [16, 'Conv2DBackpropFilter'],
    [64, 'Conv2DBackpropFilter'],
  ])('with %i channels has its gradient from %s', async (channels, op) => {
    const ops = await profileOps(() => tf.tidy(() => void filterGradient(channels).run()));
    expect(ops.some(({ op: name }) => name === 'Conv2DBackpropFilter')).toBe(op === 'Conv2DBackpropFilter');
  });

  it.each([
    [3, 'NHWC', [2, 2]],
    [8, 'NHWC', [3, 1]],
    [8, 'NCHW', [2, 2]],
    [5, 'NCHW', [1, 4]],
  ] as const)('has the gradient of a product with %i channels, %s, strides %j', (channels, format, strides) => {
    tf.tidy(() => {
      const { run, expected } = filterGradient(channels, format, [...strides]);
      expectClose(run(), expected, 1e-5);
      expect(leaked(() => run().dispose())).toBe(0);
    });
  });

  it('has it in bfloat16 too', () => {
    tf.tidy(() => {
      const { run, expected } = filterGradient(8);
      setBfloat16(tf.backend(), true);
      try {
        expectClose(run(), expected, 2 ** -7);
      } finally {
        setBfloat16(tf.backend(), false);
      }
    });
  });
});
