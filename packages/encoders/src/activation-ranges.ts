import { check } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import type { DefinedEncoder } from './define-encoder.ts';
import { forward } from './forward.ts';
import { normalizePixels } from './normalize-pixels.ts';

/** The least and the greatest number. */
export type Range = readonly [low: number, high: number];

/** What each layer with weights gets and gives, by its name. */
export type ActivationRanges = ReadonlyMap<string, { readonly input: Range; readonly output: Range }>;

/**
 * The ranges of numbers between the layers of an encoder, as in evaluation: what its arithmetic in 8 bits is calibrated with.
 * The extremes of each batch, and their mean over all batches, so that a face unlike all others does not coarsen the rest.
 *
 * @param encoder stays as it is. Folded, as it is exported, for other layers give other numbers.
 * @param batches `[B, H, W, 3]`, RGB, 0 ... 255: aligned faces like those that it will meet. Each is disposed.
 * @throws ProtomemError when there is no batch
 *
 * @example
 * ```ts
 * const ranges = await activationRanges(foldNorms(encoder), batches);
 * console.log(ranges.get('fc')?.input);
 * ```
 */
export async function activationRanges(
  encoder: DefinedEncoder,
  batches: AsyncIterable<tf.Tensor4D>,
): Promise<ActivationRanges> {
  const variables = new Map(encoder.parameters.map(({ name, variable }) => [name, variable]));
  /** Of each layer, the sums of four extremes. */
  const sums = new Map<string, Float64Array>();
  let count = 0;
  for await (const images of batches) {
    tf.tidy(() => {
      const x = normalizePixels(images, encoder.card);
      forward(encoder.layers, x, {
        ...{ variables, training: false, recompute: false, uniform: () => 0 },
        watch(layer, given, made) {
          if (!['convolution', 'depthwise', 'dense', 'linear', 'attention'].includes(layer.kind)) return;
          const { name } = layer as { readonly name: string };
          const extremes = tf.stack([tf.min(given), tf.max(given), tf.min(made), tf.max(made)]).dataSync<'float32'>();
          const before = sums.get(name);
          sums.set(
            name,
            Float64Array.from(extremes, (value, i) => value + (before?.[i] ?? 0)),
          );
        },
      });
    });
    images.dispose();
    count++;
  }
  check(count > 0, () => ({ where: 'activationRanges', what: 'batches', got: 'none', expected: 'images of faces' }));
  return new Map(
    [...sums].map(([name, own]) => {
      const [low, high, lowest, highest] = own.map((sum) => sum / count) as unknown as [number, number, number, number];
      return [name, { input: [low, high], output: [lowest, highest] }];
    }),
  );
}
