import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { elsewhere } from '../../../fixtures/elsewhere.ts';
import { naiveConvolution, normal } from '../../../fixtures/naive.ts';
import { enginesAtHand, expectClose, useEngine } from '../../testing.ts';
import { loopsOf } from './loops.ts';

/** A convolution with its gradients and a product, all big enough to be shared, as numbers. */
const big = `
  const x = tf.randomUniform([4, 30, 29, 24], -1, 1, 'float32', 1);
  const filter = tf.randomUniform([3, 3, 24, 32], -1, 1, 'float32', 2);
  const of = (strides) => {
    const y = tf.conv2d(x, filter, strides, 'same');
    return [y, ...tf.grads((a, b) => tf.conv2d(a, b, strides, 'same'))([x, filter], y)];
  };
  const product = tf.matMul(tf.reshape(x, [-1, 120]), tf.randomUniform([120, 90], -1, 1, 'float32', 3));
  return [...of(1), ...of(2), product].map((tensor) => {
    const bytes = new Uint32Array(tensor.dataSync().buffer);
    return bytes.reduce((hash, word) => Math.imul(hash ^ word, 16777619) >>> 0, 2166136261);
  });
`;

describe.runIf((await enginesAtHand()).includes('wasm'))('threads of our loops', () => {
  beforeAll(() => useEngine('wasm'));

  it('make no difference to products and convolutions, to the last bit', async () => {
    const on = (threads: number) => elsewhere(`await loadEngine({ prefer: 'wasm', threads: ${threads} }); ${big}`);
    const [one, two, five] = [await on(1), await on(2), await on(5)];
    expect(one.result).toHaveLength(7);
    expect(new Set(one.result).size).toBe(7);
    expect(two.result).toEqual(one.result);
    expect(five.result).toEqual(one.result);
  });

  it('carry out every call once, whoever takes it', () => {
    const loops = loopsOf(tf.backend());
    tf.tidy(() => {
      const calls = 700;
      const x = tf.ones([calls, 8]);
      const sums = tf.zeros([calls, 8]);
      const squares = tf.zeros([calls, 8]);
      for (let i = 0; i < 20; i++) {
        // gradientSums adds to what is there.
        const each = Array.from({ length: calls }, (_, call) => [
          ...[loops.at(x), loops.at(x) + 32 * call, loops.at(x), loops.at(sums) + 32 * call],
          ...[loops.at(squares) + 32 * call, 8, 0, 1],
        ]);
        loops.run('gradientSums', each);
      }
      expectClose(sums, tf.fill([calls, 8], 20), 0);
    });
  });

  it('pass on what goes wrong in one of them, and go on', () => {
    const loops = loopsOf(tf.backend());
    const outside = 2 ** 32 - 64;
    const bad = Array.from({ length: 40 }, () => [outside, outside, outside, 8, 0, 100]);
    expect(() => loops.run('moments', bad)).toThrow();
    tf.tidy(() => {
      const shapes = [
        [4, 30, 29, 24],
        [3, 3, 24, 16],
      ] as [[number, number, number, number], [number, number, number, number]];
      const [x, filter] = [normal(shapes[0]) as tf.Tensor4D, normal(shapes[1], 2) as tf.Tensor4D];
      const info = tf.backend_util.computeConv2DInfo(...shapes, 1, 1, 'same');
      const expected = naiveConvolution({
        x,
        filter,
        dy: normal(info.outShape, 3) as tf.Tensor4D,
        info,
        depthwise: false,
      });
      expectClose(tf.conv2d(x, filter, 1, 'same'), expected.y, 1e-5);
    });
  });
});
