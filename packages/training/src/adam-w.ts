import { number, option, part } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import type { Optimizer } from './optimizer.ts';
import { createSlots } from './slots.ts';

const beta = { min: 0, max: 1 - 1e-9 } as const;
const adamWOptions = {
  beta1: option.number({ help: 'Decay of the mean of gradients.', ...beta, default: 0.9 }),
  beta2: option.number({ help: 'Decay of the mean of squared gradients.', ...beta, default: 0.999 }),
  epsilon: option.number({ help: 'Added to the root of the second moment.', min: 1e-12, max: 1, default: 1e-8 }),
  weightDecay: option.number({
    help: 'Share of a weight, times the learning rate, that is taken off at each step.',
    ...{ min: 0, max: 1, default: 0.01 },
  }),
};

/**
 * Adam with decoupled weight decay, in PyTorch's arithmetic, t counted from 1:
 * w = w·(1 - rate·weightDecay);  m = β1·m + (1 - β1)·g;  v = β2·v + (1 - β2)·g²;
 * w = w - rate/(1 - β1^t) · m / (√v/√(1 - β2^t) + ε).
 *
 * @returns an optimizer that owns two buffers a parameter; `dispose` frees them.
 * @throws when an option is out of range.
 * @example
 * ```ts
 * const optimizer = adamW({ weightDecay: 0.05 });
 * optimizer.step(encoder.parameters, gradients, 1e-3);
 * ```
 * Source: I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2; the arithmetic
 * of torch.optim.AdamW. Differs from it: one t for all parameters, so a parameter that has no gradient in some steps
 * gets another bias correction.
 */
export const adamW = part('adamW', adamWOptions, ({ beta1, beta2, epsilon, weightDecay }): Optimizer => {
  const moments = createSlots();
  let steps = 0;

  return {
    name: 'adamW',
    options: { beta1, beta2, epsilon, weightDecay },
    step(parameters, gradients, learningRate) {
      steps++;
      const root = Math.sqrt(1 - beta2 ** steps);
      for (const { name, variable, decay, rate: factor = 1 } of parameters) {
        const ownRate = learningRate * factor;
        const gradient = gradients[name];
        if (!gradient) continue;
        tf.tidy(() => {
          const [m, v] = [`${name}/mean`, `${name}/square`].map((slot) => moments.get(slot));
          const mean = blend(m, gradient, beta1);
          const square = blend(v, tf.square(gradient), beta2);
          moments.set(`${name}/mean`, mean);
          moments.set(`${name}/square`, square);
          const kept = decay && weightDecay > 0 ? tf.mul(variable, 1 - ownRate * weightDecay) : variable;
          const move = tf.div(mean, tf.add(tf.div(tf.sqrt(square), root), epsilon));
          variable.assign(tf.sub(kept, tf.mul(move, ownRate / (1 - beta1 ** steps))));
        });
      }
    },
    state: async () => ({ values: { steps }, tensors: await moments.state() }),
    restore(state) {
      steps = number('adamW.restore', 'steps', state.values.steps as number, 0, Number.MAX_SAFE_INTEGER);
      moments.restore(state.tensors);
    },
    dispose: moments.dispose,
  };
});

/** beta·old + (1 - beta)·value, where a missing `old` is zero. */
function blend(old: tf.Tensor | undefined, value: tf.Tensor, beta: number): tf.Tensor {
  const fresh = tf.mul(value, 1 - beta);
  return old ? tf.add(tf.mul(old, beta), fresh) : fresh;
}
