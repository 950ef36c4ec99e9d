import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { kernelEngines, useKernelEngine } from '../../fixtures/kernel-engines.ts';
import { expectClose, leaked } from '../testing.ts';
import { relu6 } from './relu6.ts';

describe.each(await kernelEngines())('relu6 on %s', (engine) => {
  beforeAll(() => useKernelEngine(engine));

  it('clips, and lets gradients through between the ends only', () => {
    tf.tidy(() => {
      const [x, dy] = [tf.tensor1d([-1, 0, 0.5, 5.5, 6, 7]), tf.tensor1d([1, 2, 3, 4, 5, 6])];
      expectClose(relu6(x), [0, 0, 0.5, 5.5, 6, 6], 0);
      expectClose(tf.grad((each) => relu6(each))(x, dy), [0, 0, 3, 4, 0, 0], 0);
    });
  });

  it('leaves no tensor behind', () => {
    const x = tf.ones([3, 4]);
    expect(leaked(() => relu6(x).dispose())).toBe(0);
    expect(
      leaked(() =>
        tf
          .grad((each) => relu6(each))(x)
          .dispose(),
      ),
    ).toBe(0);
    x.dispose();
  });
});
