import { number, Random, type RandomState, type State } from '@protomem/core';
import type { SoftmaxLoss } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { arcMargin } from './angles.ts';
import { softmaxLoss } from './softmax-loss.ts';

export interface ElasticFaceOptions {
  /** What cosines are multiplied by. Default 64. */
  readonly scale?: number;
  /** Mean of the margins. Default 0.5 (radians) for `elasticArcFace`, 0.35 for `elasticCosFace`. */
  readonly margin?: number;
  /** Standard deviation of the margins. Default 0.0125. */
  readonly deviation?: number;
  /** Of the draws. Default 0. */
  readonly seed?: number;
}

type Meet = (cosines: tf.Tensor1D, margins: tf.Tensor1D) => tf.Tensor1D;

function elastic(name: string, defaultMargin: number, options: ElasticFaceOptions, meet: Meet): SoftmaxLoss {
  const { scale = 64, margin = defaultMargin, deviation = 0.0125, seed = 0 } = options;
  number(name, 'scale', scale, 1e-6, 1e6);
  number(name, 'margin', margin, 0, Math.PI);
  number(name, 'deviation', deviation, 0, 1);
  const rng = new Random(seed);
  return softmaxLoss({
    name,
    form: {
      target: (c) => {
        const margins = Float32Array.from({ length: c.size }, () => rng.normal(margin, deviation));
        return { logit: tf.mul(meet(c, tf.tensor1d(margins)), scale) };
      },
      negative: scale,
    },
    state: () => ({ values: { rng: rng.state() }, tensors: {} }),
    restore: ({ values }: State) => rng.restore(values.rng as unknown as RandomState),
  });
}

/**
 * ElasticFace-Arc: ArcFace with a margin drawn for each sample from a normal distribution around `margin`.
 *
 * The draws are the loss's own, from `seed`, and their place is saved by `state()`.
 *
 * Source: Boutros et al., "ElasticFace: Elastic Margin Loss", CVPRW 2022, and its authors' code, also for the defaults.
 * That code has no fallback beyond `pi - m`; ours is ArcFace's. Its second form, ElasticFace+, which gives the larger
 * margins to the samples nearer their class, is not here.
 *
 * @throws ProtomemError when an option is out of its range
 *
 * @example
 * ```ts
 * const perSample = elasticArcFace({ seed: 1 })(cosines, targets);
 * ```
 */
export function elasticArcFace(options: ElasticFaceOptions = {}): SoftmaxLoss {
  return elastic('elasticArcFace', 0.5, options, arcMargin);
}

/**
 * ElasticFace-Cos: CosFace with a margin drawn for each sample; see {@link elasticArcFace}.
 *
 * @example
 * ```ts
 * const perSample = elasticCosFace({ seed: 1 })(cosines, targets);
 * ```
 */
export function elasticCosFace(options: ElasticFaceOptions = {}): SoftmaxLoss {
  return elastic('elasticCosFace', 0.35, options, (c, margins) => tf.sub(c, margins));
}
