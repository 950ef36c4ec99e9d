import { option, part, Random, type RandomState, type State } from '@protomem/core';
import type { SoftmaxLoss } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { arcMargin } from './angles.ts';
import { scale } from './shared-options.ts';
import { softmaxLoss } from './softmax-loss.ts';

type Meet = (cosines: tf.Tensor1D, margins: tf.Tensor1D) => tf.Tensor1D;

function elastic(name: string, key: string, standard: number, meet: Meet) {
  return part(
    name,
    {
      scale: scale(64),
      margin: option.number({ help: 'Mean of the margins.', min: 0, max: Math.PI, default: standard }),
      std: option.number({ help: 'Standard deviation of the margins.', min: 0, max: 1, default: 0.0125 }),
      seed: option.integer({ help: 'Seed that margins are drawn with.', default: 0 }),
    },
    ({ scale, margin, std, seed }): SoftmaxLoss => {
      const rng = new Random(seed);
      return softmaxLoss({
        name: key,
        form: {
          target: (c) => {
            const margins = Float32Array.from({ length: c.size }, () => rng.normal(margin, std));
            return { logit: tf.mul(meet(c, tf.tensor1d(margins)), scale) };
          },
          negative: scale,
        },
        state: () => ({ values: { rng: rng.state() }, tensors: {} }),
        restore: ({ values }: State) => rng.restore(values.rng as unknown as RandomState),
      });
    },
  );
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
export const elasticArcFace = elastic('elasticArcFace', 'elastic-arc-face', 0.5, arcMargin);

/**
 * ElasticFace-Cos: CosFace with a margin drawn for each sample; see {@link elasticArcFace}.
 *
 * @example
 * ```ts
 * const perSample = elasticCosFace({ seed: 1 })(cosines, targets);
 * ```
 */
export const elasticCosFace = elastic('elasticCosFace', 'elastic-cos-face', 0.35, (c, margins) => tf.sub(c, margins));
