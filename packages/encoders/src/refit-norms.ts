import { check } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import type { DefinedEncoder } from './define-encoder.ts';
import { affineOf } from './fold-norms.ts';
import { forward } from './forward.ts';
import { type Norm, normEpsilon } from './layer.ts';
import { normalizePixels } from './normalize-pixels.ts';

/**
 * Gives norms the statistics of images, and the scale and offset that leave embeddings as they are: for an encoder whose
 * norms were folded into its weights by whoever exported it. Training normalises with the statistics of the batch, so that
 * without this its first step would be taken by another network.
 *
 * With mean m and variance v of what a norm gets, and `y = a x + c` what it does so far: `running_mean = m`,
 * `running_var = v`, `weight = a sqrt(v + 1e-5)` (or what the norm adds), `bias = c + a m`.
 *
 * @param encoder changed in place.
 * @param images `[B, H, W, 3]`, RGB, 0 ... 255, B > 1: aligned faces; stays the caller's.
 * @param norms names of those to refit. Default: all.
 */
export function refitNorms(encoder: DefinedEncoder, images: tf.Tensor4D, norms?: ReadonlySet<string>): void {
  check(images.shape[0] > 1 && !encoder.folded, () => ({
    where: 'refitNorms',
    what: encoder.folded ? 'the encoder' : 'number of images',
    got: encoder.folded ? 'folded' : images.shape[0],
    expected: encoder.folded ? 'one with norms' : 'at least 2: one image has no variance',
  }));
  const variables = new Map(encoder.parameters.map(({ name, variable }) => [name, variable]));
  tf.tidy(() => {
    const refit = (norm: Norm, x: tf.Tensor): void => {
      const { name, epsilon = normEpsilon } = norm;
      if (norms && !norms.has(name)) return;
      const [gain, offset, center, spread] = ['weight', 'bias', 'running_mean', 'running_var'].map(
        (suffix) => variables.get(`${name}.${suffix}`)!,
      ) as [tf.Variable, tf.Variable, tf.Variable, tf.Variable];
      tf.tidy(() => {
        const seen = tf.moments(x, x.shape.map((_, axis) => axis).slice(0, -1));
        const { scale, shift } = affineOf(norm, variables as ReadonlyMap<string, tf.Tensor>);
        gain.assign(tf.mul(scale, tf.sqrt(tf.add(seen.variance, epsilon))));
        offset.assign(tf.add(shift, tf.mul(scale, seen.mean)));
        center.assign(seen.mean);
        spread.assign(seen.variance);
      });
    };
    const x = normalizePixels(images, encoder.card);
    forward(encoder.layers, x, { variables, training: false, recompute: false, observe: refit, uniform: () => 0 });
  });
}
