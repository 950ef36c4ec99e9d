import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { kernelEngines, useKernelEngine } from '../../fixtures/kernel-engines.ts';
import { checkGradients, normal } from '../../fixtures/naive.ts';
import { composedKernels } from '../kernels/composed/kernels.ts';
import { expectClose, leaked } from '../testing.ts';
import { attention } from './attention.ts';

/** Token by token, in double precision. */
function naive(qkv: tf.Tensor3D, heads: number): number[] {
  const [images, tokens, width] = qkv.shape;
  const [channels, depth] = [width / 3, width / 3 / heads];
  const values = qkv.dataSync();
  const y = new Array<number>(images * tokens * channels).fill(0);
  const at = (b: number, t: number, part: number, h: number, d: number): number =>
    values[(b * tokens + t) * width + part * channels + h * depth + d]!;
  for (let b = 0; b < images; b++)
    for (let h = 0; h < heads; h++)
      for (let t = 0; t < tokens; t++) {
        const logits = Array.from({ length: tokens }, (_, u) => {
          let sum = 0;
          for (let d = 0; d < depth; d++) sum += at(b, t, 0, h, d) * at(b, u, 1, h, d);
          return sum / Math.sqrt(depth);
        });
        const highest = Math.max(...logits);
        const shares = logits.map((logit) => Math.exp(logit - highest));
        const total = shares.reduce((a, c) => a + c);
        for (let d = 0; d < depth; d++)
          for (let u = 0; u < tokens; u++)
            y[(b * tokens + t) * channels + h * depth + d]! += (shares[u]! / total) * at(b, u, 2, h, d);
      }
  return y;
}

// Heads of whole registers and not; tokens that fill some, leave a rest, or are one.
const shapes: [images: number, tokens: number, heads: number, depth: number][] = [
  [1, 1, 1, 16],
  [2, 5, 3, 4],
  [2, 16, 2, 16],
  [1, 37, 3, 32],
  [3, 144, 2, 32],
  [1, 50, 1, 48],
];
const qkvOf = ([images, tokens, heads, depth]: (typeof shapes)[number], seed = 1): tf.Tensor3D =>
  normal([images, tokens, 3 * heads * depth], seed) as tf.Tensor3D;

describe.each(await kernelEngines())('attention on %s', (engine) => {
  beforeAll(() => useKernelEngine(engine));

  it.each(shapes)('equals the definition: %i images, %i tokens, %i heads of %i', (...shape) => {
    tf.tidy(() => {
      const qkv = qkvOf(shape);
      expectClose(attention(qkv, shape[2]), naive(qkv, shape[2]), 1e-5);
    });
  });

  it('stays finite where one token outweighs all', () => {
    tf.tidy(() => {
      const qkv = tf.mul(qkvOf([1, 20, 1, 16]), 40) as tf.Tensor3D;
      expectClose(attention(qkv, 1), naive(qkv, 1), 1e-3);
      const dy = tf.ones([1, 20, 16]);
      expect(
        tf
          .grad((x) => attention(x as tf.Tensor3D, 1))(qkv, dy)
          .dataSync()
          .every(Number.isFinite),
      ).toBe(true);
    });
  });

  it('has the gradients that finite differences see', () => {
    tf.tidy(() => {
      checkGradients((qkv) => attention(qkv as tf.Tensor3D, 2), [normal([1, 3, 12])]);
      checkGradients((qkv) => attention(qkv as tf.Tensor3D, 1), [normal([1, 3, 48])]);
    });
  });

  it.each(shapes)('has the gradient of the composition: %i images, %i tokens, %i heads of %i', (...shape) => {
    tf.tidy(() => {
      const [qkv, heads] = [qkvOf(shape), shape[2]];
      const dy = normal([shape[0], shape[1], heads * shape[3]], 2) as tf.Tensor3D;
      const found = tf.grad((x) => attention(x as tf.Tensor3D, heads))(qkv, dy);
      expectClose(found, composedKernels.attentionGrad({ dy, qkv }, { heads }, tf.backend()), 1e-5);
    });
  });

  it('leaves no tensor behind', () => {
    const qkv = qkvOf([2, 5, 2, 16]);
    expect(leaked(() => attention(qkv, 2).dispose())).toBe(0);
    expect(
      leaked(() =>
        tf
          .grad((x) => attention(x as tf.Tensor3D, 2))(qkv)
          .dispose(),
      ),
    ).toBe(0);
    qkv.dispose();
  });

  it('refuses heads that do not share the channels', () => {
    tf.tidy(() => {
      expect(() => attention(tf.zeros([1, 2, 12]), 3)).toThrow(
        /shape of qkv is \[1, 2, 12\], expected .* 3 \* 3 heads/,
      );
      expect(() => attention(tf.zeros([2, 12]) as never, 2)).toThrow(/shape of qkv/);
      expect(() => attention(tf.zeros([1, 2, 12]), 0)).toThrow(/heads/);
    });
  });
});
