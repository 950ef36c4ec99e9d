import { option, part } from '@protomem/core';
import { sgdUpdate } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import type { Optimizer } from './optimizer.ts';
import { createSlots } from './slots.ts';

const sgdOptions = {
  momentum: option.number({
    help: "Share of the last step's direction that is kept; 0 keeps no buffers.",
    ...{ min: 0, max: 1, default: 0.9 },
  }),
  weightDecay: option.number({
    help: 'L2 penalty, added to the gradients of parameters with `decay`.',
    ...{ min: 0, max: 1, default: 5e-4 },
  }),
  nesterov: option.flag({ help: 'Looks one step ahead along the momentum.', default: false }),
};

/**
 * Stochastic gradient descent with momentum, in PyTorch's arithmetic:
 * d = g + weightDecay·w;  v = momentum·v + d (v = d at the first step);  w = w - rate·v  (nesterov: w - rate·(d + momentum·v)).
 *
 * The learning rate stands outside the momentum buffer, so a change of rate acts at once on the whole direction.
 *
 * @returns an optimizer that owns one momentum buffer a parameter; `dispose` frees them.
 * @throws when `momentum` or `weightDecay` is out of range.
 * @example
 * ```ts
 * const optimizer = sgd({ momentum: 0.9, weightDecay: 5e-4 });
 * optimizer.step(encoder.parameters, gradients, 0.1);
 * ```
 * Source: I. Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013; the
 * arithmetic of torch.optim.SGD with dampening 0. Differs from it: decay goes by `Parameter.decay`, not by groups.
 */
export const sgd = part('sgd', sgdOptions, ({ momentum, weightDecay, nesterov }): Optimizer => {
  const velocities = createSlots();

  return {
    name: 'sgd',
    options: { momentum, weightDecay, nesterov },
    step(parameters, gradients, learningRate) {
      for (const factor of new Set(parameters.map(({ rate = 1 }) => rate))) {
        const moved = parameters.filter(({ name, rate = 1 }) => rate === factor && gradients[name]);
        tf.tidy(() => {
          const next = sgdUpdate({
            weights: moved.map(({ variable }) => variable),
            velocities:
              momentum > 0 ? moved.map(({ name, variable }) => velocities.get(name) ?? tf.zerosLike(variable)) : [],
            gradients: moved.map(({ name }) => gradients[name]!),
            decays: moved.map(({ decay }) => (decay ? weightDecay : 0)),
            rate: learningRate * factor,
            momentum,
            nesterov,
          });
          for (const [i, { name, variable }] of moved.entries()) {
            variable.assign(next.weights[i]!);
            if (momentum > 0) velocities.set(name, next.velocities[i]!);
          }
        });
      }
    },
    state: async () => ({ values: {}, tensors: await velocities.state() }),
    restore: (state) => velocities.restore(state.tensors),
    dispose: velocities.dispose,
  };
});
